import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Approval, ApprovalStatement } from '@symbolon/protocol/approval.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { verifyApproval } from './approval.ts'
import { annsKey, ask, bensKey, bensPhone, issueTime, people, peopled } from './evidence.testkit.ts'
import { softPasskey, type BrowserLies } from './passkey.testkit.ts'

const { digest } = ask({ sub: 'ben' })
const other = ask({ sub: 'ben', scope: ['write:staging'] })
const statement = (change: Partial<ApprovalStatement> = {}): ApprovalStatement => ({ v: 1, intent: toBase64url(digest), approver: 'ann', decision: 'approve', iat: issueTime, exp: issueTime + 600, ...change })

function verdict(approval: Approval, { on = peopled(), at = issueTime + 5, locked = [] as string[] }: { on?: Roster; at?: number; locked?: string[] } = {}): string {
  const stops = { revoked: [], locked: locked.map((row) => ({ row, until: at + 1 })) }
  const result = verifyApproval(approval, { digest, roster: on, at, stops })
  return result.ok ? `${result.approver} ${result.decision}` : `${result.reason.code} ${result.reason.rule ?? ''}`
}
const by = (lies: BrowserLies = {}) => verdict(annsKey.approve(statement(), lies))

describe('A-4 an approval', () => {
  test('says yes, or no', () => {
    expect(verdict(annsKey.approve(statement()))).toBe('ann approve')
    expect(verdict(annsKey.approve(statement({ decision: 'deny' })))).toBe('ann deny')
  })

  test.each<[string, Partial<ApprovalStatement>]>([
    ['decision', { decision: 'deny' }],
    ['exp', { exp: issueTime + 601 }],
    ['iat', { iat: issueTime + 1 }],
  ])('with its %s changed afterwards is void', (_, change) => {
    expect(verdict({ ...annsKey.approve(statement()), ...change })).toBe('assertion_mismatch passkey.challenge')
  })
  test('with its approver changed afterwards is void', () => {
    expect(verdict({ ...annsKey.approve(statement()), approver: 'ben' })).toBe('subject_mismatch passkey.credential')
    expect(verdict({ ...bensKey.approve(statement({ approver: 'ben' })), approver: 'ann' })).toBe('subject_mismatch passkey.credential')
  })
  test('of another intent is void, relabelled or not', () => {
    const elsewhere = annsKey.approve(statement({ intent: toBase64url(other.digest) }))
    expect(verdict(elsewhere)).toBe('approval_invalid approval.intent')
    expect(verdict({ ...elsewhere, intent: toBase64url(digest) })).toBe('assertion_mismatch passkey.challenge')
  })

  test('property: one bit flipped anywhere in what the authenticator gave voids it', () => {
    const honest = annsKey.approve(statement())
    const members = ['authenticator_data', 'client_data', 'signature', 'credential', 'user_handle'] as const
    fc.assert(
      fc.property(fc.constantFrom(...members), fc.nat(), fc.nat(7), (member, at, bit) => {
        const bytes = Buffer.from(honest.assertion[member] ?? '', 'base64url')
        const place = at % bytes.length
        bytes[place] = (bytes[place] ?? 0) ^ (1 << bit)
        expect(verdict({ ...honest, assertion: { ...honest.assertion, [member]: toBase64url(bytes) } })).not.toMatch(/^ann/)
      }),
      { numRuns: 500 },
    )
  })

  test.each<[string, BrowserLies, string]>([
    ['W-1 a sign-in for the very intent', { challenge: digest }, 'assertion_mismatch passkey.challenge'],
    ['W-2 presence only', { userVerified: false }, 'user_not_verified passkey.user_verified'],
    ['W-3 another origin', { origin: 'https://evil.example' }, 'origin_mismatch passkey.origin'],
    ['W-3 another RP id', { rpId: 'evil.example' }, 'assertion_invalid passkey.rp_id'],
    ['another key', { key: softPasskey().private }, 'assertion_invalid passkey.signature'],
  ])('%s is none', (_, lies, expected) => expect(by(lies)).toBe(expected))

  test('by a passkey that may only sign in is none', () => {
    expect(verdict(bensPhone.approve(statement({ approver: 'ben' })))).toBe('passkey_use passkey.uses')
  })
})

describe('A-6 an approval and time', () => {
  const long = (window: number) => annsKey.approve(statement({ exp: issueTime + window }))
  test.each<[string, Approval, number, string]>([
    ['lives until exp', annsKey.approve(statement()), issueTime + 599, 'ann approve'],
    ['and no longer', annsKey.approve(statement()), issueTime + 600, 'approval_expired approval.exp'],
    ['may be a minute ahead', annsKey.approve(statement()), issueTime - 60, 'ann approve'],
    ['and no more', annsKey.approve(statement()), issueTime - 61, 'approval_invalid approval.iat'],
    ['lives as long as the guardians’ window', long(86_400), issueTime + 86_399, 'ann approve'],
    ['and no longer than that', long(86_401), issueTime, 'approval_invalid approval.exp'],
    ['of no time at all', long(0), issueTime - 1, 'approval_invalid approval.exp'],
  ])('%s', (_, approval, at, expected) => expect(verdict(approval, { at })).toBe(expected))
})

describe('A-6 an approver that is no longer', () => {
  const approval = annsKey.approve(statement())
  const rows = people()
  test.each<[string, Roster['people'], string]>([
    ['in the roster', rows.filter((row) => row.id !== 'ann'), 'passkey_unknown passkey.credential'],
    ['holding that passkey', rows.map((row) => ({ ...row, passkeys: [softPasskey().row()] })), 'passkey_unknown passkey.credential'],
    ['allowed to approve with it', rows.map((row) => ({ ...row, passkeys: row.passkeys.map((key) => ({ ...key, uses: ['sign_in' as const] })) })), 'passkey_use passkey.uses'],
    ['the holder of that key', rows.map((row) => ({ ...row, passkeys: row.passkeys.map((key) => ({ ...key, key: softPasskey().key })) })), 'assertion_invalid passkey.signature'],
  ])('%s counts no more', (_, now, expected) => expect(verdict(approval, { on: peopled({ people: now }) })).toBe(expected))

  test('locked counts no more', () => {
    expect(verdict(approval, { locked: ['ann'] })).toBe('locked lock:ann')
    expect(verdict(approval, { locked: ['ben'] })).toBe('ann approve')
  })
})

test('base64url that is none is refused before anything is read', () => {
  expect(verdict({ ...annsKey.approve(statement()), assertion: { ...annsKey.assert(digest), client_data: '*' as Base64url } })).toBe('evidence_malformed passkey')
})
