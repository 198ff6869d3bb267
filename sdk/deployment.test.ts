import { describe, expect, test } from 'vitest'
import type { SignedKeyset } from '@symbolon/roster/keyset.ts'
import { judgeKeyset, type Pin } from './deployment.ts'
import { testDeployment } from './deployment.testkit.ts'

const now = 1_800_000_000
const honest = testDeployment()

const codeOf = (signed: SignedKeyset, pin: Pin = honest.pin, at = now) => {
  const judged = judgeKeyset(signed, pin, at)
  return judged.ok ? 'ok' : judged.error.code
}

describe('I-5 the pinned keyset', () => {
  test('is believed when t signers vouched for it today', () => {
    expect(judgeKeyset({ keyset: honest.keyset, signatures: honest.vouch(now, [1, 3]) }, honest.pin, now)).toMatchObject({ ok: true, value: { lineage: honest.pin, pinned: true } })
  })

  test('another deployment’s, properly signed, is refused', () => expect(codeOf(testDeployment().signed(now))).toBe('pin_mismatch'))

  test('with one group key exchanged is refused', () => {
    const [group] = honest.keyset.groups
    const other = testDeployment().keyset.groups
    expect(codeOf({ ...honest.signed(now), keyset: { ...honest.keyset, groups: [{ ...group, ...other[0] } as never] } })).toBe('pin_mismatch')
  })

  test('with one signature is refused', () => expect(codeOf({ keyset: honest.keyset, signatures: honest.vouch(now, [1]) })).toBe('keyset_signatures'))

  test('T-2 with one signer named three times counts it once', () => {
    const [one] = honest.vouch(now, [1])
    if (one === undefined) throw new Error('no signature')
    expect(codeOf({ keyset: honest.keyset, signatures: [one, one, { ...one, signer: 2 }] })).toBe('keyset_signatures')
  })

  test('signed for another time than it says is refused', () => {
    const signatures = honest.vouch(now - 1).map((item) => ({ ...item, iat: now }))
    expect(codeOf({ keyset: honest.keyset, signatures })).toBe('keyset_signatures')
  })

  test('is fresh for a day and not a second longer', () => {
    const old = { keyset: honest.keyset, signatures: [...honest.vouch(now, [1]), ...honest.vouch(now - 86_400, [2])] }
    expect(codeOf(old)).toBe('ok')
    expect(codeOf(old, honest.pin, now + 1)).toBe('keyset_stale')
  })

  test('signed in the future is refused', () => expect(codeOf(honest.signed(now + 61))).toBe('keyset_signatures'))

  test('the youngest signature of a signer counts', () => {
    expect(codeOf({ keyset: honest.keyset, signatures: [...honest.vouch(now), ...honest.vouch(now - 90_000)] })).toBe('ok')
  })

  test('unpinned must be said by name, and shows', () => {
    expect(judgeKeyset(honest.signed(now), 'unpinned', now)).toMatchObject({ ok: true, value: { pinned: false } })
  })
})
