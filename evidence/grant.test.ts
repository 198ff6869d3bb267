import { describe, expect, test } from 'vitest'
import { toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { annsKey, ask, bensPhone, edPair, grantBy, grantDigest, grantedAt, grantOf, issueTime, judge, keys, lineage, people, peopled, proofJwkOf, verdict, type GrantLies } from './evidence.testkit.ts'
import { openGrantCheck } from './grant.ts'
import { softPasskey, someDigest } from './passkey.testkit.ts'
import { openVerifier } from './verify.ts'

const asked = ask({ sub: 'ben' })
const on = peopled()
const by = (lies: GrantLies = {}, of = asked) => verdict(judge(of, grantBy(of, lies), { on }))
const hold = 36_000

describe('evidence by a grant', () => {
  test('yields the person, the grant’s ceiling with its end, and when they touched', () => {
    const ceiling = { scope: ['read:logs', 'write:staging'], end: grantedAt + hold }
    const grant = grantDigest(grantOf())
    expect(judge(asked, grantBy(asked), { on })).toEqual({
      ok: true,
      value: {
        principal: { id: 'ben', kind: 'person', roles: ['engineer'], groups: [], claims: {} },
        evidence: { kind: 'grant', age: 600 },
        origin: { kind: 'grant', ceiling, grant },
        ceiling,
        auth: { time: grantedAt, touch: false, hardware: true },
        grant,
        singleUse: [],
      },
    })
  })

  test('all parts of its ceiling are carried', () => {
    const within = { aud: ['https://logs.example'], scope: ['read:logs'], max_ttl: 300 }
    expect(judge(asked, grantBy(asked, { intent: { ceiling: within } }), { on })).toMatchObject({ ok: true, value: { ceiling: { ...within, end: grantedAt + hold } } })
  })

  test('a synced passkey may have made it', () => {
    expect(judge(asked, grantBy(asked, { by: bensPhone }), { on })).toMatchObject({ ok: true, value: { auth: { hardware: false } } })
  })

  test.each<[string, GrantLies, string]>([
    ['B-1 that has ended', { intent: { end: issueTime } }, 'grant_expired grant.end'],
    ['B-1 that is longer than the roster allows', { intent: { end: grantedAt + 43_201 } }, 'grant_invalid grant.end'],
    ['that ends before it begins', { intent: { end: grantedAt } }, 'grant_invalid grant.end'],
    ['from the future', { intent: { iat: issueTime + 61, exp: issueTime + 300, end: issueTime + 600 } }, 'grant_invalid grant.iat'],
    ['with a window that is too long', { intent: { exp: grantedAt + 301 } }, 'grant_invalid grant.exp'],
    ['with no window', { intent: { exp: grantedAt } }, 'grant_invalid grant.exp'],
    ['of another deployment', { intent: { iss: 'https://staging.example' } }, 'grant_invalid grant.iss'],
    ['of another lineage', { intent: { lineage: someDigest('other') } }, 'grant_invalid grant.lineage'],
    ['to act as somebody else', { intent: { as: 'ann' } }, 'grant_invalid grant.as'],
    ['to other software', { intent: { client: 'svc-deploy' } }, 'grant_invalid grant.client'],
    ['of another person, by their own touch', { intent: { sub: 'ann' }, by: annsKey }, 'subject_mismatch grant.sub'],
    ['W-4 that another person touched for', { by: annsKey }, 'subject_mismatch passkey.credential'],
    ['W-4 by a passkey of nobody’s', { by: softPasskey() }, 'passkey_unknown passkey.credential'],
    ['W-1 whose touch was for something else', { touch: { challenge: asked.digest } }, 'assertion_mismatch passkey.challenge'],
    ['W-2 touched without verification', { touch: { userVerified: false } }, 'user_not_verified passkey.user_verified'],
    ['W-3 touched on another origin', { touch: { origin: 'https://evil.example' } }, 'origin_mismatch passkey.origin'],
    ['W-3 touched inside another page', { touch: { crossOrigin: true } }, 'origin_mismatch passkey.cross_origin'],
    ['signed by another key', { touch: { key: edPair().privateKey } }, 'assertion_invalid passkey.signature'],
    ['M-1 with a proof by another key', { proofHeader: { jwk: proofJwkOf(keys.stranger.publicKey) }, holder: keys.stranger.privateKey }, 'proof_invalid grant.key'],
    ['M-1 with a proof that only names the key', { holder: keys.stranger.privateKey }, 'proof_invalid proof.signature'],
    ['with a proof by a registered key', { proofHeader: { jwk: undefined, kid: 'svc-deploy-2' }, holder: keys.service.privateKey }, 'proof_invalid grant.key'],
    ['with a proof for another grant', { proof: { of: someDigest('other grant') } }, 'proof_mismatch proof.of'],
    ['with a proof for no grant', { proof: { of: undefined } }, 'proof_mismatch proof.of'],
    ['with a proof for another intent', { proof: { intent: someDigest('other intent') } }, 'proof_mismatch proof.intent'],
    ['with a proof for another kind', { proof: { kind: 'revoke' } }, 'proof_mismatch proof.kind'],
    ['with a proof for another deployment', { proof: { iss: 'https://staging.example' } }, 'proof_mismatch proof.iss'],
    ['with an old proof', { proof: { iat: issueTime - 1 } }, 'proof_expired proof.iat'],
    ['with the key’s algorithm confused', { proofHeader: { alg: 'ES256' } }, 'proof_invalid proof.alg'],
  ])('%s is refused', (_, lies, expected) => expect(by(lies)).toBe(expected))

  test('the last second of it counts, and a minute’s difference of clocks', () => {
    expect(by({ intent: { end: issueTime + 1 } })).toBe('ok')
    expect(by({ intent: { iat: issueTime + 60, exp: issueTime + 300, end: issueTime + 600 } })).toBe('ok')
    expect(by({ intent: { end: grantedAt + 43_200 } })).toBe('ok')
  })

  const shown = grantBy(asked) as Extract<Evidence, { kind: 'grant' }>
  const decoded = JSON.parse(Buffer.from(shown.intent, 'base64url').toString()) as object
  test.each<[string, Uint8Array]>([
    ['an intent of another kind', canonical(asked.intent)],
    ['a spelling that is not canonical', utf8(JSON.stringify(decoded, null, 1))],
    ['a member too many', canonical({ ...decoded, extra: 1 })],
    ['a wider ceiling after the touch', canonical({ ...decoded, ceiling: {} })],
    ['a later end after the touch', canonical({ ...decoded, end: grantedAt + 43_200 })],
    ['no JSON', utf8('{')],
  ])('%s is no grant', (_, bytes) => {
    expect(verdict(judge(asked, { ...shown, intent: toBase64url(bytes) }, { on }))).toMatch(/^(grant_invalid grant|assertion_mismatch passkey.challenge)$/)
  })
  test('text that is no base64url is no grant', () => {
    expect(verdict(judge(asked, { ...shown, intent: '*' as Base64url }, { on }))).toBe('grant_invalid grant')
    expect(verdict(judge(asked, { ...shown, proof: 'x' }, { on }))).toBe('evidence_malformed proof')
  })
})

describe('B-3 a grant that is over before its end', () => {
  const evidence = grantBy(asked)
  const id = grantDigest(grantOf())
  const rows = people()
  test.each<[string, Roster['people'], string]>([
    ['because the person was removed', rows.filter((row) => row.id !== 'ben'), 'passkey_unknown passkey.credential'],
    ['because the passkey was taken away', rows.map((row) => ({ ...row, passkeys: [softPasskey().row()] })), 'passkey_unknown passkey.credential'],
    ['because the passkey may no longer ask', rows.map((row) => ({ ...row, passkeys: row.passkeys.map((key) => ({ ...key, uses: ['approve' as const] })) })), 'passkey_use passkey.uses'],
  ])('%s', (_, now, expected) => expect(verdict(judge(asked, evidence, { on: peopled({ people: now }) }))).toBe(expected))

  test('because the roster shortens all grants', () => {
    expect(verdict(judge(asked, evidence, { on: peopled({ grants: { max: hold - 1 } }) }))).toBe('grant_invalid grant.end')
  })

  test.each<[string, { by: string; guardian: boolean }, string]>([
    ['by whom it is of', { by: 'ben', guardian: false }, 'revoked revoke'],
    ['by a guardian', { by: 'ann', guardian: true }, 'revoked revoke'],
    ['by somebody else: that says nothing', { by: 'ann', guardian: false }, 'ok'],
  ])('revoked %s', (_, who, expected) => {
    expect(verdict(judge(asked, evidence, { on, stops: { revoked: [{ id, until: issueTime + 1, ...who }], locked: [] } }))).toBe(expected)
  })
  test('of several words about it one that counts is enough, and one about another says nothing', () => {
    const word = (change: object) => ({ id, by: 'ann', guardian: false, until: issueTime + 1, ...change })
    expect(verdict(judge(asked, evidence, { on, stops: { revoked: [word({}), word({ by: 'ben' })], locked: [] } }))).toBe('revoked revoke')
    expect(verdict(judge(asked, evidence, { on, stops: { revoked: [word({ id: someDigest('other'), guardian: true })], locked: [] } }))).toBe('ok')
  })
  test('because the person is locked', () => {
    expect(verdict(judge(asked, evidence, { on, stops: { revoked: [], locked: [{ row: 'ben', until: issueTime + 1 }] } }))).toBe('locked lock:ben')
  })
})

describe('what is remembered of grants', () => {
  const verifier = openVerifier(on)
  const answer = (evidence: Evidence, of = asked) => verdict(verifier.verify({ ...of, evidence: [evidence], issuerKeys: new Map() }))
  const honest = grantBy(asked) as Extract<Evidence, { kind: 'grant' }>

  test('is a touch, not a decision: after a yes every other check still refuses', () => {
    expect([answer(honest), answer(honest)]).toEqual(['ok', 'ok'])
    const later = ask({ sub: 'ben', iat: grantedAt + hold, exp: grantedAt + hold + 300 })
    expect(answer(grantBy(later), later)).toBe('grant_expired grant.end')
    expect(answer(grantBy(asked, { holder: keys.stranger.privateKey }))).toBe('proof_invalid proof.signature')
  })

  test('another signature, other bytes or another key are judged anew', () => {
    expect(answer(honest)).toBe('ok')
    const flipped = Buffer.from(honest.assertion.signature, 'base64url')
    flipped[5] = (flipped[5] ?? 0) ^ 1
    expect(answer({ ...honest, assertion: { ...honest.assertion, signature: toBase64url(flipped) } })).toBe('assertion_invalid passkey.signature')
    const counted = Buffer.from(honest.assertion.authenticator_data, 'base64url')
    counted[36] = (counted[36] ?? 0) ^ 1
    expect(answer({ ...honest, assertion: { ...honest.assertion, authenticator_data: toBase64url(counted) } })).toBe('assertion_invalid passkey.signature')
    expect(answer({ ...honest, assertion: { ...honest.assertion, credential: bensPhone.id } })).toMatch(/^assertion_invalid/)
    expect(answer({ ...honest, assertion: { ...honest.assertion, user_handle: '' as Base64url } })).toBe('assertion_invalid passkey.user_handle')
    expect(answer({ ...honest, intent: grantOf({ intent: { ceiling: {} } }).intent })).toBe('assertion_mismatch passkey.challenge')
    expect(answer(honest)).toBe('ok')
  })

  test('the key of a proof is the one that the proof carries, however often the grant’s own was seen', () => {
    expect(answer(honest)).toBe('ok')
    expect(answer(grantBy(asked, { holder: keys.stranger.privateKey, proofHeader: { jwk: proofJwkOf(keys.stranger.publicKey) } }))).toBe('proof_invalid grant.key')
  })
})

describe('a grant by itself', () => {
  const check = openGrantCheck(on, { revoked: [{ id: grantDigest(grantOf({ intent: { nonce: toBase64url(new Uint8Array(16)) } })), by: 'ben', guardian: false, until: issueTime }], locked: [] })
  test('is checked without a proof, by the same rules', () => {
    expect(check(grantOf(), issueTime)).toMatchObject({ ok: true, digest: grantDigest(grantOf()), intent: { sub: 'ben', lineage }, person: { id: 'ben' } })
    expect(check(grantOf(), grantedAt + hold)).toMatchObject({ ok: false, reason: { code: 'grant_expired' } })
    expect(check(grantOf({ intent: { nonce: toBase64url(new Uint8Array(16)) } }), issueTime)).toMatchObject({ ok: false, reason: { code: 'revoked' } })
    expect(check(grantOf({ touch: { origin: 'https://evil.example' } }), issueTime)).toMatchObject({ ok: false, reason: { code: 'origin_mismatch' } })
  })
  test('is refused where its person is locked', () => {
    expect(openGrantCheck(on, { revoked: [], locked: [{ row: 'ben', until: issueTime + 1 }] })(grantOf(), issueTime)).toMatchObject({ ok: false, reason: { code: 'locked' } })
  })
})
