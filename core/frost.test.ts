import { createPublicKey, verify } from 'node:crypto'
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assemble } from './aggregate.ts'
import { openArena } from './arena.ts'
import { blameOfSign } from './errors.ts'
import { type NoncePair, commit, sign } from './frost.ts'
import { at, commitAll, errorOf, quorum, signAll, value } from './quorum.testkit.ts'
import { type Memory, Secret } from './secret.ts'
import { sodiumSuite } from './sodium.ts'
import { type Commitment, bindingFactor, bindingPrefix } from './transcript.ts'

const arena = openArena(16 * 4096)
const suite = sodiumSuite(arena)
const message = new TextEncoder().encode('a message')
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex')

const nodeVerify = (key: Uint8Array, signature: Uint8Array, signed: Uint8Array) =>
  verify(null, signed, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key).toString('base64url') }, format: 'jwk' }), signature)

test('TST-02 node:crypto accepts what any quorum signs, and nothing else', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 1, max: 0xffff }), { minLength: 2, maxLength: 7 })
  const groups = ids.chain((list) => fc.tuple(fc.constant(list), fc.integer({ min: 2, max: list.length })))
  fc.assert(
    fc.property(groups, fc.uint8Array({ minLength: 1, maxLength: 2000 }), ([list, threshold], signed) => {
      const group = quorum(suite, threshold, list)
      const signature = assemble(suite, { keys: group.keys, message: signed, replies: signAll(suite, group, signed) }) ?? expect.fail('no signature')
      expect(nodeVerify(group.keys.key, signature, signed)).toBe(true)
      signed[0] = at([...signed], 0) ^ 1
      expect(nodeVerify(group.keys.key, signature, signed)).toBe(false)
      for (const { share } of group.members) share.wipe()
    }),
    { numRuns: 20 },
  )
})

describe('a list that no honest coordinator sends is refused, and the nonces are gone', () => {
  /** Asks the first of two members of 3, over ids whose numeric and lexical orders differ, with a list made by `bend`. */
  function ask(bend: (list: Commitment[], all: ReturnType<typeof quorum>) => Commitment[]) {
    const group = quorum(suite, 2, [9, 10, 200])
    const pair = at(group.pairs, 0)
    const error = errorOf(sign(suite, { member: at(group.members, 0), nonces: pair, message, commitments: bend([...group.commitments], group) }))
    expect(pair.secret.wiped).toBe(true)
    return { error, blame: blameOfSign(error) }
  }
  const coordinator = { proves: 'coordinator', culprits: [] }

  test('SEC-04 too few', () => expect(ask((list) => list.slice(0, 1))).toEqual({ error: { code: 'list_size', wanted: 2, got: 1 }, blame: coordinator }))
  test('SEC-04 too many', () =>
    expect(ask((list) => [...list, { ...at(list, 1), id: 200 }])).toEqual({ error: { code: 'list_size', wanted: 2, got: 3 }, blame: coordinator }))
  test('SEC-04 unsorted', () => expect(ask((list) => list.reverse())).toEqual({ error: { code: 'list_unsorted', id: 9 }, blame: coordinator }))
  test('SEC-04 sorted as text instead of numbers', () =>
    expect(ask((list) => [{ ...at(list, 1), id: 10 }, { ...at(list, 0), id: 9 }])).toEqual({ error: { code: 'list_unsorted', id: 9 }, blame: coordinator }))
  test('SEC-03 an id twice', () => expect(ask((list) => [at(list, 0), at(list, 0)])).toEqual({ error: { code: 'list_duplicate_id', id: 9 }, blame: coordinator }))
  test.each([0, -1, 8, 9.5, 65_536, Number.NaN])('SEC-03 a stranger: %d', (id) =>
    expect(ask((list) => [at(list, 0), { ...at(list, 1), id }])).toEqual({ error: { code: 'list_unknown_id', id }, blame: coordinator }))
  test('SEC-04 own entry missing', () =>
    expect(ask((list) => [{ ...at(list, 0), id: 10 }, { ...at(list, 1), id: 200 }])).toEqual({ error: { code: 'own_commitment_missing', id: 9 }, blame: coordinator }))
  test.each(['hiding', 'binding'] as const)('SEC-04 own %s commitment altered', (half) =>
    expect(ask((list) => [{ ...at(list, 0), [half]: at(list, 1)[half] }, at(list, 1)])).toEqual({ error: { code: 'own_commitment_altered', id: 9 }, blame: coordinator }))
  test('SEC-04 own entry cut short', () =>
    expect(ask((list) => [{ ...at(list, 0), hiding: at(list, 0).hiding.subarray(1) }, at(list, 1)]).error.code).toBe('own_commitment_altered'))

  const torsioned = (point: Uint8Array) => ed25519.Point.fromBytes(point).add(ed25519.Point.fromHex(at(ED25519_TORSION_SUBGROUP, 1))).toBytes()
  const identity = () => Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0))
  const invalid: [string, (point: Uint8Array) => Uint8Array][] = [
    ['the identity', identity],
    ['a torsioned point', torsioned],
    ['31 bytes', (point) => point.subarray(1)],
    ['33 bytes', (point) => Uint8Array.of(...point, 0)],
    ['no point', () => new Uint8Array(32).fill(255)],
  ]
  describe.each(['hiding', 'binding'] as const)('SEC-01 the other %s commitment', (half) => {
    test.each(invalid)('is %s', (_, bad) =>
      expect(ask((list) => [at(list, 0), { ...at(list, 1), [half]: bad(at(list, 1)[half]) }])).toEqual({
        error: { code: 'commitment_invalid', ids: [10] },
        blame: { proves: 'participant_or_coordinator', culprits: [10] },
      }))
  })

  test('SEC-01 every bad entry is named, not only the first', () => {
    const group = quorum(suite, 3, [1, 2, 3])
    const commitments = group.commitments.map((entry, i) => (i === 0 ? entry : { ...entry, binding: identity() }))
    expect(errorOf(sign(suite, { member: at(group.members, 0), nonces: at(group.pairs, 0), message, commitments }))).toEqual({ code: 'commitment_invalid', ids: [2, 3] })
  })

  test('commitments that cancel to the identity are refused', () => {
    // Nobody can find such points, because ρ hashes them; so the group is made to say that it met them.
    const group = quorum(suite, 2, [1, 2])
    const cancelling = { ...suite, group: { ...suite.group, isIdentity: () => true } }
    expect(errorOf(sign(cancelling, { member: at(group.members, 0), nonces: at(group.pairs, 0), message, commitments: group.commitments }))).toEqual({ code: 'identity_commitment' })
  })
})

describe('nonces', () => {
  test('TST-10 a pair signs once, and its memory is overwritten', () => {
    const group = quorum(suite, 2, [1, 2, 3])
    const [member, nonces] = [at(group.members, 0), at(group.pairs, 0)]
    const seen = nonces.secret.borrow((bytes) => bytes)
    value(sign(suite, { member, nonces, message, commitments: group.commitments }))
    expect(hex(seen)).toBe('00'.repeat(64))
    expect(errorOf(sign(suite, { member, nonces, message, commitments: group.commitments }))).toEqual({ code: 'nonces_spent' })
  })

  test('TST-10 a pair is wiped when signing throws', () => {
    const group = quorum(suite, 2, [1, 2, 3])
    const nonces = at(group.pairs, 0)
    const seen = nonces.secret.borrow((bytes) => bytes)
    const broken = { ...suite, h2: () => { throw new RangeError('broken') } }
    expect(() => sign(broken, { member: at(group.members, 0), nonces, message, commitments: group.commitments })).toThrow(RangeError)
    expect(hex(seen)).toBe('00'.repeat(64))
    expect(nonces.secret.wiped).toBe(true)
  })

  test('another member cannot use them', () => {
    const group = quorum(suite, 2, [1, 2, 3])
    expect(errorOf(sign(suite, { member: at(group.members, 1), nonces: at(group.pairs, 0), message, commitments: group.commitments })).code).toBe('own_commitment_missing')
  })

  test('TST-13 no two commitments are equal', () => {
    const { members } = quorum(suite, 2, [1, 2])
    const points = Array.from({ length: 64 }, () => commit(suite, at(members, 0))).flatMap(({ commitment, secret }) => {
      secret.wipe()
      return [hex(commitment.hiding), hex(commitment.binding)]
    })
    expect(new Set(points).size).toBe(128)
  })

  test('TST-13 the share enters: the same randomness gives other nonces to another member', () => {
    const { members } = quorum(suite, 2, [1, 2])
    const constant = { ...suite, group: { ...suite.group, random: (out: Uint8Array) => out.fill(7) } }
    const [first, again, second] = [at(members, 0), at(members, 0), at(members, 1)].map((member) => hex(commit(constant, member).commitment.hiding))
    expect(first).toBe(again)
    expect(first).not.toBe(second)
  })

  test('no intermediate value outlives a signature in the memory for secrets', () => {
    const views: Uint8Array[] = []
    const watched: Memory = {
      locked: false,
      take(length) {
        const view = new Uint8Array(length)
        views.push(view)
        return new Secret(view, (bytes) => bytes.fill(0))
      },
    }
    const watchedSuite = sodiumSuite(watched)
    const group = quorum(watchedSuite, 2, [1, 2, 3])
    signAll(watchedSuite, group, message)
    const shares = new Set(group.members.map(({ share }) => share.borrow((bytes) => bytes)))
    const left = views.filter((view) => !shares.has(view) && view.some((byte) => byte !== 0))
    // The third member of the group signs nothing; its share is the one other secret alive.
    expect(left.map(({ length }) => length)).toEqual([32])
    // Both scratches, three shares, two pairs of nonces: everything secret went through this memory.
    expect(views.length).toBe(7)
  })

  test('they lie in the arena, and return to it', () => {
    const { members } = quorum(suite, 2, [1, 2])
    const before = arena.free
    const pair = commit(suite, at(members, 0))
    expect(before - arena.free).toBe(64)
    pair.secret.wipe()
    expect(arena.free).toBe(before)
  })
})

describe('TST-16 the binding factor', () => {
  const factor = (list: readonly Commitment[], id: number, signed = message) => {
    const group = at(keys, 0)
    return hex(bindingFactor(suite, bindingPrefix(suite, group, signed, list), id))
  }
  const group = quorum(suite, 2, [1, 2, 3])
  const keys = [group.keys.key, at([...group.keys.shares.values()], 0)]

  test('differs by signer, message, list and key', () => {
    const { commitments } = group
    const [first, second] = [at(commitments, 0), at(commitments, 1)]
    const values = [
      factor(commitments, 1),
      factor(commitments, 2),
      factor(commitments, 1, new Uint8Array(1)),
      factor([first, { ...second, hiding: second.binding, binding: second.hiding }], 1),
      factor([first, { ...second, id: 3 }], 1),
      factor([first], 1),
      hex(bindingFactor(suite, bindingPrefix(suite, at(keys, 1), message, commitments), 1)),
    ]
    expect(new Set(values).size).toBe(values.length)
  })

  test('two swapped commitments give another R', () => {
    const { members } = group
    const { pairs, commitments } = commitAll(suite, members)
    const [first, second] = [at(commitments, 0), at(commitments, 1)]
    // The same four points; a scheme that only summed them would give the same R.
    const other: NoncePair = { ...at(pairs, 0), secret: suite.memory.take(64) }
    other.secret.borrow((to) => at(pairs, 0).secret.borrow((from) => to.set(from)))
    const straight = value(sign(suite, { member: at(members, 0), nonces: at(pairs, 0), message, commitments }))
    const swapped = value(sign(suite, { member: at(members, 0), nonces: other, message, commitments: [first, { ...second, hiding: second.binding, binding: second.hiding }] }))
    expect(hex(swapped.r)).not.toBe(hex(straight.r))
  })
})
