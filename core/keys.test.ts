import { describe, expect, test } from 'vitest'
import { openArena } from './arena.ts'
import { deal, evaluate, randomScalar } from './dealer.testkit.ts'
import { ELEMENT_BYTES, type Scalar, smallScalar } from './group.ts'
import { type GroupRecord, loadGroup, loadMember } from './keys.ts'
import { lagrange } from './lagrange.ts'
import { ORDER } from './order.ts'
import { at, errorOf, value } from './quorum.testkit.ts'
import { sodiumSuite } from './sodium.ts'

const suite = sodiumSuite(openArena(16 * 4096))
const { keys, members } = deal(suite, { threshold: 3, ids: [2, 5, 7, 300, 65_535] })
const record: GroupRecord = { threshold: 3, key: keys.key, shares: [...keys.shares].map(([id, share]) => ({ id, share })) }
const codeOf = (bend: Partial<GroupRecord>) => errorOf(loadGroup(suite, { ...record, ...bend }))
const withFirst = (bend: Partial<GroupRecord['shares'][number]>) => ({ shares: record.shares.map((row, i) => (i === 0 ? { ...row, ...bend } : row)) })
const secretOf = (bytes: Uint8Array) => {
  const secret = suite.memory.take(bytes.length)
  secret.borrow((view) => view.set(bytes))
  return secret
}

describe("a group's public keys", () => {
  test('load in any order and come out ascending', () => {
    const loaded = value(loadGroup(suite, { ...record, shares: [...record.shares].reverse() }))
    expect(loaded.ids).toEqual([2, 5, 7, 300, 65_535])
    expect(loaded.key).toEqual(keys.key)
  })

  test.each([0, 1, 6, 2.5, Number.NaN])('threshold %d is refused', (threshold) => expect(codeOf({ threshold })).toEqual({ code: 'bad_threshold', threshold, members: 5 }))
  test.each([0, -1, 65_536, 1.5])('SEC-03 id %d is refused', (id) => expect(codeOf(withFirst({ id }))).toEqual({ code: 'bad_id', id }))
  test('SEC-03 an id twice is refused', () => expect(codeOf(withFirst({ id: 5 }))).toEqual({ code: 'duplicate_id', id: 5 }))
  test('SEC-01 a bad group key is refused', () => expect(codeOf({ key: new Uint8Array(ELEMENT_BYTES) })).toEqual({ code: 'bad_group_key' }))
  test('SEC-01 a bad verifying share is refused', () => expect(codeOf(withFirst({ share: new Uint8Array(31) }))).toEqual({ code: 'bad_verifying_share', id: 2 }))

  test('shares of two polynomials are refused, whichever row is foreign', () => {
    const foreign = deal(suite, { threshold: 3, ids: keys.ids })
    for (const id of keys.ids) {
      const shares = record.shares.map((row) => (row.id === id ? { id, share: foreign.keys.shares.get(id) ?? expect.fail() } : row))
      expect(codeOf({ shares })).toEqual({ code: 'inconsistent_group' })
    }
    expect(codeOf({ key: foreign.keys.key })).toEqual({ code: 'inconsistent_group' })
    expect(codeOf({ threshold: 2 })).toEqual({ code: 'inconsistent_group' })
  })
})

describe('a share', () => {
  const own = at(members, 0)

  test('loads only under its own id', () => {
    expect(value(loadMember(suite, keys, 2, own.share)).id).toBe(2)
    expect(errorOf(loadMember(suite, keys, 5, own.share))).toEqual({ code: 'share_mismatch', id: 5 })
    expect(errorOf(loadMember(suite, keys, 3, own.share))).toEqual({ code: 'unknown_member', id: 3 })
  })

  test.each([
    ['zero', new Uint8Array(32)],
    ['L', ORDER],
    ['2²⁵⁶ − 1', new Uint8Array(32).fill(255)],
    ['31 bytes', new Uint8Array(31).fill(1)],
    ['33 bytes', new Uint8Array(33).fill(1)],
  ])('SEC-02 that is %s is refused', (_, bytes) => expect(errorOf(loadMember(suite, keys, 2, secretOf(bytes)))).toEqual({ code: 'bad_share' }))
})

describe('Lagrange coefficients', () => {
  const sum = (ids: readonly number[], of: (id: number) => Scalar) => {
    const total = smallScalar(0)
    for (const id of ids) suite.group.scalarAdd(total, total, suite.group.scalarMul(new Uint8Array(32), lagrange(suite.group, ids, id), of(id)))
    return total
  }

  test.each([[[1, 2]], [[2, 65_535, 7]], [[65_535, 1, 300, 4, 9]]])('interpolate at zero over %j', (ids) => {
    const coefficients = ids.map(() => randomScalar(suite))
    expect(sum(ids, (id) => evaluate(suite, coefficients, id))).toEqual(at(coefficients, 0))
    expect(sum(ids, () => smallScalar(1))).toEqual(smallScalar(1))
  })

  test('those remembered are those computed, past the point where old ones are dropped', () => {
    const early = keys.coefficients([2, 3], 2)
    for (let id = 3; id < 600; id++) expect(keys.coefficients([2, id], 2)).toEqual(lagrange(suite.group, [2, id], 2))
    expect(keys.coefficients([2, 3], 2)).not.toBe(early)
    expect(keys.coefficients([2, 3], 2)).toBe(keys.coefficients([2, 3], 2))
    expect(keys.coefficients([2, 3], 3)).toEqual(lagrange(suite.group, [2, 3], 3))
  })
})
