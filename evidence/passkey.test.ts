import { describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { approvalChallenge } from '@symbolon/protocol/approval.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { userHandle, type Assertion } from '@symbolon/protocol/webauthn.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { annsKey, ask, bensKey, bensPhone, edPair, ecPair, issueTime, judge, lineage, people, peopled, verdict } from './evidence.testkit.ts'
import { softPasskey, type BrowserLies } from './passkey.testkit.ts'

const asked = ask({ sub: 'ben' })
const other = ask({ sub: 'ben', scope: ['write:staging'] })
const touch = (assertion: Assertion): Evidence => ({ kind: 'passkey', assertion })
const on = peopled()
const by = (lies: BrowserLies = {}, key = bensKey) => verdict(judge(asked, touch(key.assert(asked.digest, lies)), { on }))
const withPeople = (change: (rows: Roster['people']) => Roster['people']) => peopled({ people: change(people()) })

describe('evidence by a passkey', () => {
  test('TST-34 yields the person with today’s roles, a touch, and the counter for whoever keeps it', () => {
    expect(judge(asked, touch(bensKey.assert(asked.digest, { counter: 7 })), { on })).toEqual({
      ok: true,
      value: {
        principal: { id: 'ben', kind: 'person', roles: ['engineer'], groups: [], claims: {} },
        evidence: { kind: 'passkey', age: 0 },
        origin: { kind: 'passkey' },
        auth: { time: issueTime, touch: true, hardware: true },
        passkey: { credential: bensKey.id, uses: ['sign_in', 'approve'], counter: 7 },
        singleUse: [],
      },
    })
  })

  test('a synced passkey is one that is not in hardware alone', () => {
    expect(judge(asked, touch(bensPhone.assert(asked.digest)), { on })).toMatchObject({ ok: true, value: { auth: { hardware: false } } })
  })

  test('W-6 TST-34 a counter that goes back, or stays at zero, refuses nothing', () => {
    expect([by({ counter: 9 }), by({ counter: 3 }), by({ counter: 0 }), by({ counter: 0 })]).toEqual(['ok', 'ok', 'ok', 'ok'])
  })

  test.each<[string, BrowserLies, string]>([
    ['W-1 TST-34 the challenge of another intent', { challenge: other.digest }, 'assertion_mismatch passkey.challenge'],
    ['W-1 the same challenge padded', { clientData: { challenge: `${toBase64url(asked.digest)}=` } }, 'assertion_mismatch passkey.challenge'],
    ['W-1 no challenge', { clientData: { challenge: undefined } }, 'assertion_mismatch passkey.challenge'],
    ['W-1 a registration', { type: 'webauthn.create' }, 'assertion_mismatch passkey.type'],
    ['W-1 a payment', { type: 'payment.get' }, 'assertion_mismatch passkey.type'],
    ['W-2 presence only', { userVerified: false }, 'user_not_verified passkey.user_verified'],
    ['W-2 verified but not present', { userPresent: false }, 'user_not_verified passkey.user_verified'],
    ['W-3 TST-34 another origin', { origin: 'https://evil.example' }, 'origin_mismatch passkey.origin'],
    ['W-3 a subdomain of the origin', { origin: 'https://x.console.example' }, 'origin_mismatch passkey.origin'],
    ['W-3 the origin with a port', { origin: 'https://console.example:8443' }, 'origin_mismatch passkey.origin'],
    ['W-3 the origin over plain HTTP', { origin: 'http://console.example' }, 'origin_mismatch passkey.origin'],
    ['W-3 the origin with a slash', { origin: 'https://console.example/' }, 'origin_mismatch passkey.origin'],
    ['W-3 the origin in capitals', { origin: 'https://CONSOLE.example' }, 'origin_mismatch passkey.origin'],
    ['W-3 an origin that is a list', { clientData: { origin: ['https://console.example'] } }, 'origin_mismatch passkey.origin'],
    ['W-3 no origin', { clientData: { origin: undefined } }, 'origin_mismatch passkey.origin'],
    ['W-3 a frame in another page', { crossOrigin: true }, 'origin_mismatch passkey.cross_origin'],
    ['W-3 a frame that calls itself none, with the page around it', { clientData: { topOrigin: 'https://console.example' } }, 'origin_mismatch passkey.cross_origin'],
    ['W-3 crossOrigin as text', { clientData: { crossOrigin: 'false' } }, 'origin_mismatch passkey.cross_origin'],
    ['W-3 TST-34 another RP id', { rpId: 'console.example' }, 'assertion_invalid passkey.rp_id'],
    ['W-3 the RP id’s parent', { rpId: 'example' }, 'assertion_invalid passkey.rp_id'],
    ['token binding', { clientData: { tokenBinding: { status: 'supported' } } }, 'assertion_invalid passkey.token_binding'],
    ['W-4 the user handle of another person', { userHandle: userHandle({ lineage, row: 'ann' }) }, 'assertion_invalid passkey.user_handle'],
    ['W-4 the user handle of another deployment', { userHandle: userHandle({ lineage: toBase64url(asked.digest), row: 'ben' }) }, 'assertion_invalid passkey.user_handle'],
    ['W-4 a user handle of one byte', { userHandle: Uint8Array.of(1) }, 'assertion_invalid passkey.user_handle'],
    ['attested data', { flags: 0x40 }, 'assertion_invalid passkey.authenticator_data'],
    ['extensions that nobody asked for', { flags: 0x80, trailer: Uint8Array.of(0xa0) }, 'assertion_invalid passkey.authenticator_data'],
    ['bytes after the counter', { trailer: Uint8Array.of(0) }, 'assertion_invalid passkey.authenticator_data'],
    ['a backup of what cannot be backed up', { flags: 0x10 }, 'assertion_invalid passkey.authenticator_data'],
    ['a hardware key that turns into a synced one', { backupEligible: true }, 'assertion_invalid passkey.backup_eligible'],
    ['TST-34 the signature of another key of the same kind', { key: edPair().privateKey }, 'assertion_invalid passkey.signature'],
    ['J-1 the signature of another kind of key', { key: ecPair().privateKey }, 'assertion_invalid passkey.signature'],
    ['client data that is no JSON', { clientDataBytes: utf8('x') }, 'evidence_malformed passkey.client_data'],
    ['client data that is a list', { clientDataBytes: utf8('[]') }, 'evidence_malformed passkey.client_data'],
    ['client data with a byte order mark', { clientDataBytes: utf8('\uFEFF{}') }, 'evidence_malformed passkey.client_data'],
    ['client data with two origins', { clientDataBytes: utf8(`{"type":"webauthn.get","challenge":"${toBase64url(asked.digest)}","origin":"https://console.example","origin":"https://evil.example"}`) }, 'evidence_malformed passkey.client_data'],
  ])('%s is refused', (_, lies, expected) => expect(by(lies)).toBe(expected))

  test('members that browsers add and nobody here reads change nothing', () => {
    expect(by({ clientData: { other_keys_can_be_added_here: 'do not compare clientDataJSON against a template' } })).toBe('ok')
    expect(by({ clientData: { crossOrigin: undefined } })).toBe('ok')
  })

  test('a user handle need not come along', () => expect(by({ userHandle: null })).toBe('ok'))

  test('a second console origin of the roster counts, by the list', () => {
    const two = peopled({ deployment: { ...on.deployment, console_origins: ['https://console.example', 'https://console.mint.example'] } })
    const assertion = bensKey.assert(asked.digest, { origin: 'https://console.mint.example' })
    expect(verdict(judge(asked, touch(assertion), { on: two }))).toBe('ok')
    expect(verdict(judge(asked, touch(assertion), { on }))).toBe('origin_mismatch passkey.origin')
  })

  test('W-4 the passkey of another person cannot ask for the sub', () => {
    expect(verdict(judge(asked, touch(annsKey.assert(asked.digest)), { on }))).toBe('subject_mismatch passkey.credential')
  })

  test('W-4 TST-34 a passkey that is in no row', () => expect(by({}, softPasskey())).toBe('passkey_unknown passkey.credential'))

  test('W-4 a credential id that two rows claim is nobody’s', () => {
    const twice = withPeople(([ann, ben]) => (ann === undefined || ben === undefined ? [] : [{ ...ann, passkeys: [annsKey.row(), { ...annsKey.row(), id: bensKey.id }] }, ben]))
    expect(verdict(judge(asked, touch(bensKey.assert(asked.digest)), { on: twice }))).toBe('passkey_unknown passkey.credential')
  })

  test('a passkey that may only approve cannot ask', () => {
    const approver = withPeople((rows) => rows.map((row) => ({ ...row, passkeys: row.passkeys.map((key) => ({ ...key, uses: ['approve' as const] })) })))
    expect(verdict(judge(asked, touch(bensKey.assert(asked.digest)), { on: approver }))).toBe('passkey_use passkey.uses')
  })

  test('B-3 a person removed, or a passkey taken away, is nobody at once', () => {
    const gone = withPeople((rows) => rows.filter((row) => row.id !== 'ben'))
    const without = withPeople((rows) => rows.map((row) => ({ ...row, passkeys: row.passkeys.filter((key) => key.id !== bensKey.id) })))
    const evidence = touch(bensKey.assert(asked.digest))
    expect([verdict(judge(asked, evidence, { on: gone })), verdict(judge(asked, evidence, { on: without }))]).toEqual(['passkey_unknown passkey.credential', 'passkey_unknown passkey.credential'])
  })

  test('W-1 an approval of this very intent cannot ask for it', () => {
    const statement = { v: 1, intent: toBase64url(asked.digest), approver: 'ben', decision: 'approve', iat: issueTime, exp: issueTime + 60 } as const
    expect(verdict(judge(asked, touch(bensKey.assert(approvalChallenge(statement))), { on }))).toBe('assertion_mismatch passkey.challenge')
  })

  test('a P-256 signature is DER: r ‖ s, and DER in another spelling, are none', () => {
    const mine = ask({ sub: 'ann' })
    const honest = annsKey.assert(mine.digest)
    const der = Buffer.from(fromBase64url(honest.signature) ?? [])
    const long = Buffer.concat([Buffer.from([0x30, 0x81]), der.subarray(1)])
    const trailing = Buffer.concat([der, Buffer.from([0])])
    expect(verdict(judge(mine, touch(honest), { on }))).toBe('ok')
    for (const signature of [long, trailing, der.subarray(0, -1), Buffer.alloc(64, 1), Buffer.from([0x30, 6, 2, 1, 0, 2, 1, 0])]) {
      expect(verdict(judge(mine, touch({ ...honest, signature: toBase64url(signature) }), { on }))).toBe('assertion_invalid passkey.signature')
    }
  })

  test('the same assertion may be judged again, by the same words', () => {
    const evidence = touch(bensKey.assert(asked.digest))
    expect(judge(asked, evidence, { on })).toEqual(judge(asked, evidence, { on }))
  })
})

describe('a locked person', () => {
  const evidence = touch(bensKey.assert(asked.digest))
  test.each<[string, number, string]>([
    ['B-3 is refused until the lock ends', issueTime + 1, 'locked lock:ben'],
    ['is let in from then on', issueTime, 'ok'],
  ])('%s', (_, until, expected) => {
    expect(verdict(judge(asked, evidence, { on, stops: { revoked: [], locked: [{ row: 'ben', until }] } }))).toBe(expected)
  })
  test('the longest lock counts, whatever their order', () => {
    const locks = [{ row: 'ben', until: issueTime + 9 }, { row: 'ben', until: issueTime - 9 }, { row: 'ann', until: issueTime + 9 }]
    expect(verdict(judge(asked, evidence, { on, stops: { revoked: [], locked: locks } }))).toBe('locked lock:ben')
    expect(verdict(judge(asked, evidence, { on, stops: { revoked: [], locked: locks.slice(1) } }))).toBe('ok')
  })
})
