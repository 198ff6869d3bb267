import { describe, expect, test } from 'vitest'
import type { SignedKeyset } from '@symbolon/roster/keyset.ts'
import { judgeKeysets, type KeysetMemory, type Pin } from './deployment.ts'
import { testDeployment } from './deployment.testkit.ts'

const now = 1_800_000_000
const honest = testDeployment()

const codeOf = (signed: SignedKeyset, pin: Pin = honest.pin, at = now) => {
  const judged = judgeKeysets({ keysets: [signed] }, pin, at)
  return judged.ok ? 'ok' : judged.error.code
}

describe('I-5 the pinned keyset', () => {
  test('is believed when t signers vouched for it today', () => {
    expect(judgeKeysets({ keysets: [{ keyset: honest.keyset, signatures: honest.vouch(now, [1, 3]) }] }, honest.pin, now)).toMatchObject({ ok: true, value: { lineage: honest.pin, pinned: true } })
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
    expect(judgeKeysets({ keysets: [honest.signed(now)] }, 'unpinned', now)).toMatchObject({ ok: true, value: { pinned: false } })
  })
})

describe('I-5 later keysets', () => {
  const second = honest.later({ policy: honest.pin })
  const chain = { keysets: [honest.signed(now - 999_999), second.signed(now)] }
  const kept = (roster?: number, digest = second.keyset.digest) => {
    const saw: unknown[] = []
    const memory: KeysetMemory = { seen: () => (roster === undefined ? undefined : { roster, digest }), saw: (lineage, seen) => void saw.push([lineage, seen]) }
    return { memory, saw }
  }
  const codeWith = (...args: Parameters<typeof judgeKeysets>) => {
    const judged = judgeKeysets(...args)
    return judged.ok ? `ok ${judged.value.keyset.roster}` : judged.error.code
  }

  test('are followed from the pin, which stays the lineage', () => {
    expect(judgeKeysets(chain, honest.pin, now)).toMatchObject({ ok: true, value: { lineage: honest.pin, pinned: true, keyset: { roster: 2, policy: honest.pin } } })
  })
  test('the newest is remembered, once', () => {
    const { memory, saw } = kept()
    judgeKeysets(chain, honest.pin, now, memory)
    expect(saw).toEqual([[honest.pin, { roster: 2, digest: second.keyset.digest }]])
    const again = kept(2)
    judgeKeysets(chain, honest.pin, now, again.memory)
    expect(again.saw).toEqual([])
  })
  test.each<[string, Parameters<typeof judgeKeysets>, string]>([
    ['by strangers', [{ keysets: [honest.signed(now), testDeployment().later({}, honest.pin).signed(now)] }, honest.pin, now], 'keyset_signatures'],
    ['without the first', [{ keysets: [second.signed(now)] }, honest.pin, now], 'pin_mismatch'],
    ['an older one than was seen', [{ keysets: [honest.signed(now)] }, honest.pin, now, kept(2).memory], 'keyset_rollback'],
    ['another one of the version that was seen', [chain, honest.pin, now, kept(2, honest.pin).memory], 'keyset_rollback'],
    ['an old newest', [{ keysets: [honest.signed(now), second.signed(now - 86_401)] }, honest.pin, now], 'keyset_stale'],
  ])('%s is refused', (_name, args, code) => expect(codeWith(...args)).toBe(code))
})
