import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openArena } from './arena.ts'
import { deal } from './dealer.testkit.ts'
import { blameOfCombine } from './errors.ts'
import { commit } from './frost.ts'
import { type Scalar, smallScalar } from './group.ts'
import { ORDER } from './order.ts'
import { at, errorOf, value } from './quorum.testkit.ts'
import { heapMemory } from './secret.ts'
import { sodiumSuite } from './sodium.ts'
import type { Suite } from './suite.ts'
import { blame, combine } from './tdh2-combine.ts'
import { type CheckedCiphertext, type Ciphertext, type Partial, decryptionKeys, decryptionMember, encrypt, nameCiphertext, partial, verifyCiphertext } from './tdh2.ts'
import { answers, check, dealVault, everySuite, hex, seal, secretOf, text, type Vault } from './tdh2.testkit.ts'

const LABEL = text('app/payments/prod/db#3')
const KEY = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1)
const opened = (vault: Vault, ciphertext: CheckedCiphertext, partials: readonly Partial[]) => {
  using key = value(combine(vault.suite, { keys: vault.keys, ciphertext, partials }, heapMemory))
  return key.borrow(hex)
}
const codeOf = (suite: Suite, vault: Vault, label: Uint8Array, ciphertext: Ciphertext) => errorOf(verifyCiphertext(suite, vault.keys.group.key, label, ciphertext))
const bump = (bytes: Uint8Array, index = 0) => bytes.map((byte, i) => (i === index ? byte ^ 1 : byte))

/** 32 bytes that are no element on edwards25519, each with its name; some are none on ristretto255 either. */
const noElement: [string, Uint8Array][] = [
  ...ED25519_TORSION_SUBGROUP.map((point, i): [string, Uint8Array] => [`small order ${i}`, Uint8Array.from(Buffer.from(point, 'hex'))]),
  ['torsion added', ed25519.Point.BASE.multiply(77n).add(ed25519.Point.fromHex(at(ED25519_TORSION_SUBGROUP, 1))).toBytes()],
  ['not canonical', Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? 0x7f : i === 0 ? 0xf0 : 0xff))],
  ['31 bytes', new Uint8Array(31)],
  ['33 bytes', new Uint8Array(33)],
  ['empty', new Uint8Array()],
]
const noScalar: [string, Uint8Array][] = [
  ['zero', new Uint8Array(32)],
  ['L', Uint8Array.from(ORDER)],
  ['all ones', new Uint8Array(32).fill(255)],
  ['31 bytes', new Uint8Array(31).fill(1)],
  ['33 bytes', new Uint8Array(33).fill(1)],
  ['empty', new Uint8Array()],
]

describe.each(everySuite())('TDH2 on $on', ({ on, suite }) => {
  const vault = dealVault(suite, 2, [1, 2, 5])
  const ciphertext = seal(vault, LABEL, KEY)
  const checked = check(vault, LABEL, ciphertext)
  const [first, second, third] = answers(vault, [1, 2, 5], checked) as [Partial, Partial, Partial]
  const request = (partials: readonly Partial[]) => ({ keys: vault.keys, ciphertext: checked, partials })

  test('any t members, in any order, give the data key; and a second opening gives it again', () => {
    for (const pair of [[first, second], [second, first], [first, third], [third, second]]) expect(opened(vault, checked, pair)).toBe(hex(KEY))
    expect(opened(vault, checked, [first, second])).toBe(hex(KEY))
    expect(blame(suite, request([first, second, third]))).toBeUndefined()
  })

  test('the same data key under the same label is another ciphertext', () => {
    const other = seal(vault, LABEL, KEY)
    expect(hex(other.u)).not.toBe(hex(ciphertext.u))
    expect(hex(other.wrapped)).not.toBe(hex(ciphertext.wrapped))
  })

  test('TST-40 wrong label, other group key, every altered field and the proof of another ciphertext are refused', () => {
    const other = seal(vault, LABEL, KEY)
    const unproven = { code: 'ciphertext_unproven' }
    expect(codeOf(suite, vault, text('app/payments/prod/db#4'), ciphertext)).toEqual(unproven)
    expect(codeOf(suite, vault, new Uint8Array(), ciphertext)).toEqual(unproven)
    expect(codeOf(suite, dealVault(suite, 2, [1, 2]), LABEL, ciphertext)).toEqual(unproven)
    expect(codeOf(suite, vault, LABEL, { ...ciphertext, e: other.e, f: other.f })).toEqual(unproven)
    for (const field of ['u', 'uBar', 'e', 'f', 'wrapped'] as const) {
      expect(codeOf(suite, vault, LABEL, { ...ciphertext, [field]: other[field] })).toEqual(unproven)
      const flipped = codeOf(suite, vault, LABEL, { ...ciphertext, [field]: bump(ciphertext[field]) })
      expect(['ciphertext_unproven', 'ciphertext_malformed']).toContain(flipped.code)
    }
    expect(codeOf(suite, vault, LABEL, { ...ciphertext, u: ciphertext.uBar, uBar: ciphertext.u })).toEqual(unproven)
  })

  test.each(noElement.filter(([name]) => on !== 'noble ristretto255' || !/small order [1-7]|torsion/.test(name)))('SEC-01 no element as U, Ū or partial: %s', (_, bad) => {
    for (const field of ['u', 'uBar'] as const) expect(codeOf(suite, vault, LABEL, { ...ciphertext, [field]: bad })).toEqual({ code: 'ciphertext_malformed', field })
    expect(errorOf(combine(suite, request([first, { ...second, point: bad }])))).toEqual({ code: 'partial_malformed', ids: [2] })
    expect(blame(suite, request([first, { ...second, point: bad }]))).toEqual({ code: 'partial_unproven', ids: [2] })
  })

  test.each(noScalar)('SEC-02 no scalar as e or f: %s', (name, bad) => {
    for (const field of ['e', 'f'] as const) {
      expect(codeOf(suite, vault, LABEL, { ...ciphertext, [field]: bad })).toEqual({ code: 'ciphertext_malformed', field: 'proof' })
      expect(errorOf(combine(suite, request([first, { ...second, [field]: bad }])))).toEqual({ code: 'partial_malformed', ids: [2] })
      expect(blame(suite, request([{ ...first, [field]: bad }, second])), name).toEqual({ code: 'partial_unproven', ids: [1] })
    }
    for (const length of [0, 31, 33]) expect(codeOf(suite, vault, LABEL, { ...ciphertext, wrapped: new Uint8Array(length) })).toEqual({ code: 'ciphertext_malformed', field: 'wrapped' })
  })

  test('TST-41 a wrong partial gives another key, and blame names its maker', () => {
    const other = check(vault, LABEL, seal(vault, LABEL, KEY))
    const [theirs] = answers(vault, [2], other) as [Partial]
    const reused = { ...second, point: theirs.point }
    expect(opened(vault, checked, [first, reused])).not.toBe(hex(KEY))
    for (const bad of [reused, theirs, { ...second, e: theirs.e }, { ...second, f: theirs.f }, { ...second, e: first.e, f: first.f }, { ...second, point: first.point, e: first.e, f: first.f }]) {
      expect(blame(suite, request([first, bad, third]))).toEqual({ code: 'partial_unproven', ids: [2] })
    }
    expect(blame(suite, request([{ ...first, point: third.point }, second, { ...third, e: first.e }]))).toEqual({ code: 'partial_unproven', ids: [1, 5] })
    expect(blameOfCombine({ code: 'partial_unproven', ids: [1, 5] })).toEqual({ proves: 'participant', culprits: [1, 5] })
  })

  test('TST-41 a stripped proof is a failure, in combining already', () => {
    const { e: _e, f: _f, ...bare } = second
    const stripped = bare as unknown as Partial
    expect(errorOf(combine(suite, request([first, stripped])))).toEqual({ code: 'partial_malformed', ids: [2] })
    expect(blame(suite, request([first, stripped]))).toEqual({ code: 'partial_unproven', ids: [2] })
  })

  test('TST-41 duplicates, strangers, other epochs and other numbers than t are refused', () => {
    const code = (partials: readonly Partial[]) => errorOf(combine(suite, request(partials)))
    expect(code([first, first])).toEqual({ code: 'partial_duplicate', ids: [1] })
    expect(code([first, { ...second, id: 1 }])).toEqual({ code: 'partial_duplicate', ids: [1] })
    expect(code([first, { ...second, id: 3 }])).toEqual({ code: 'partial_unknown', ids: [3] })
    expect(code([first, { ...second, epoch: 2 }])).toEqual({ code: 'partial_epoch', ids: [2] })
    expect(code([first])).toEqual({ code: 'partials_size', wanted: 2, got: 1 })
    expect(code([first, second, third])).toEqual({ code: 'partials_size', wanted: 2, got: 3 })
    expect(code([])).toEqual({ code: 'partials_size', wanted: 2, got: 0 })
    expect(blame(suite, request([first, first]))).toEqual({ code: 'partial_duplicate', ids: [1] })
  })

  test('TST-41 a proof of another epoch does not serve in this one, whatever it says of itself', () => {
    const later = { ...vault, keys: decryptionKeys(vault.keys.group, 2), members: vault.members.map((member) => ({ ...member, decryption: decryptionKeys(vault.keys.group, 2) })) }
    const [stale] = answers(later, [2], checked) as [Partial]
    expect(stale.epoch).toBe(2)
    expect(blame(suite, request([first, stale]))).toEqual({ code: 'partial_epoch', ids: [2] })
    expect(blame(suite, request([first, { ...stale, epoch: 1 }]))).toEqual({ code: 'partial_unproven', ids: [2] })
  })

  test('partials that cancel give no key', () => {
    const pair = dealVault(suite, 2, [1, 2], { coefficients: [smallScalar(9), smallScalar(4)] })
    const bound = check(pair, LABEL, seal(pair, LABEL, KEY))
    const [one, two] = answers(pair, [1, 2], bound) as [Partial, Partial]
    // λ₁ = 2 and λ₂ = −1: twice the first point is what cancels it.
    const cancel = { ...two, point: suite.group.mul(smallScalar(2), one.point) ?? expect.fail() }
    expect(errorOf(combine(suite, { keys: pair.keys, ciphertext: bound, partials: [one, cancel] }))).toEqual({ code: 'partials_cancel' })
  })

  test('a ciphertext checked for another group key is foreign to signers and readers', () => {
    const other = dealVault(suite, 2, [1, 2, 5])
    expect(errorOf(partial(suite, at(other.members, 0), checked))).toEqual({ code: 'ciphertext_foreign' })
    expect(errorOf(combine(suite, { ...request([first, second]), keys: other.keys }))).toEqual({ code: 'ciphertext_foreign' })
    expect(blame(suite, { ...request([first, second]), keys: other.keys })).toEqual({ code: 'ciphertext_foreign' })
  })

  test('TST-40 nothing but verifyCiphertext makes what partial takes', () => {
    const member = at(vault.members, 0)
    const forged = { digest: checked.digest } as CheckedCiphertext
    expect(() => partial(suite, member, forged)).toThrow(TypeError)
    expect(() => partial(suite, member, Object.create(Object.getPrototypeOf(checked)) as CheckedCiphertext)).toThrow(TypeError)
    // @ts-expect-error: a ciphertext as received is not a checked one
    expect(() => partial(suite, member, ciphertext)).toThrow(TypeError)
  })

  test('the name under which a checked ciphertext is kept is nobody else’s: not another label’s, key’s or byte’s', () => {
    const { key } = vault.keys.group
    const names = [
      nameCiphertext(suite, key, text('another label'), ciphertext),
      nameCiphertext(suite, dealVault(suite, 2, [1, 2]).keys.group.key, LABEL, ciphertext),
      ...(['u', 'uBar', 'e', 'f', 'wrapped'] as const).flatMap((field) => [bump(ciphertext[field]), ciphertext[field].subarray(1)].map((other) => nameCiphertext(suite, key, LABEL, { ...ciphertext, [field]: other }))),
      nameCiphertext(suite, key, LABEL, { ...ciphertext, f: ciphertext.wrapped, wrapped: ciphertext.f }),
    ].map(hex)
    expect(hex(nameCiphertext(suite, key, LABEL, ciphertext))).toBe(hex(checked.digest))
    expect(new Set([...names, hex(checked.digest)]).size).toBe(14)
  })

  test('TST-40 what was checked cannot be changed afterwards through the received bytes', () => {
    const received = structuredClone(ciphertext)
    const label = Uint8Array.from(LABEL)
    const bound = value(verifyCiphertext(suite, vault.keys.group.key, label, received))
    for (const bytes of [...Object.values(received), label, bound.digest]) (bytes as Uint8Array).fill(0)
    expect(hex(bound.digest)).toBe(hex(checked.digest))
    const two = answers(vault, [1, 5], bound)
    expect(opened(vault, bound, two)).toBe(hex(KEY))
    expect(blame(suite, request(two))).toBeUndefined()
  })

  test('TST-42 a signing member cannot decrypt, nor a decrypting one sign', () => {
    const { members, keys } = deal(suite, { threshold: 2, ids: [1, 2] })
    const signing = at(members, 0)
    // @ts-expect-error: the shapes differ
    expect(() => partial(suite, signing, checked)).toThrow(TypeError)
    // @ts-expect-error: the shapes differ
    expect(() => commit(suite, at(vault.members, 0))).toThrow(TypeError)
    // Disguised, it still holds no part of the key that the ciphertext is for.
    expect(errorOf(partial(suite, decryptionMember(signing, 1), checked))).toEqual({ code: 'ciphertext_foreign' })
    expect(errorOf(verifyCiphertext(suite, keys.key, LABEL, ciphertext))).toEqual({ code: 'ciphertext_unproven' })
  })

  test('misuse is a bug: data keys and epochs of other sizes', () => {
    using short = secretOf(suite, new Uint8Array(31))
    expect(() => encrypt(suite, { key: vault.keys.group.key, label: LABEL, dataKey: short })).toThrow(RangeError)
    for (const epoch of [-1, 0, 1.5, 2 ** 32]) expect(() => decryptionKeys(vault.keys.group, epoch)).toThrow(RangeError)
  })
})

/** All subsets of `size`. */
function subsets<T>(list: readonly T[], size: number): T[][] {
  if (size === 0) return [[]]
  return list.flatMap((head, i) => subsets(list.slice(i + 1), size - 1).map((rest) => [head, ...rest]))
}

const groups = fc
  .uniqueArray(fc.integer({ min: 1, max: 0xffff }), { minLength: 2, maxLength: 5 })
  .chain((ids) => fc.tuple(fc.constant(ids), fc.integer({ min: 2, max: ids.length })))
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })

test.each([{ on: 'libsodium', runs: 25 }, { on: 'noble ristretto255', runs: 3 }])('on $on every t of n agree, and t−1 find another key', ({ on, runs }) => {
  const { suite } = everySuite().find((one) => one.on === on) ?? expect.fail()
  fc.assert(
    fc.property(groups, fc.uint8Array({ maxLength: 300 }), bytes32, ([ids, threshold], label, key) => {
      const vault = dealVault(suite, threshold, ids)
      const checked = check(vault, label, seal(vault, label, key))
      const all = answers(vault, ids, checked)
      for (const quorum of subsets(all, threshold)) expect(opened(vault, checked, quorum)).toBe(hex(key))
      // Fewer, believed to be enough by a reader with a wrong threshold: the interpolation misses.
      const fooled = { ...vault, keys: { ...vault.keys, group: { ...vault.keys.group, threshold: threshold - 1 } } }
      for (const few of subsets(all, threshold - 1)) expect(opened(fooled, checked, few)).not.toBe(hex(key))
      for (const { decryptionShare } of vault.members) decryptionShare.wipe()
    }),
    { numRuns: runs },
  )
}, 60_000)

const scripted = (suite: Suite, draws: readonly Uint8Array[]): Suite => {
  const left = [...draws]
  return { ...suite, group: { ...suite.group, random: (out) => out.set(left.shift() ?? expect.fail('the generator was asked too often')) } }
}

describe('locked memory', () => {
  test('nothing of it is kept: an arena is as free after a round as before', () => {
    const arena = openArena(16 * 4096)
    const suite = sodiumSuite(arena)
    const vault = dealVault(suite, 2, [1, 2])
    const before = arena.free
    const checked = check(vault, LABEL, seal(vault, LABEL, KEY))
    using key = value(combine(suite, { keys: vault.keys, ciphertext: checked, partials: answers(vault, [1, 2], checked) }))
    expect(before - arena.free).toBe(64)
    key.wipe()
    expect(arena.free).toBe(before)
  })

  test('it holds every secret there is: no operation writes one elsewhere', () => {
    const arena = openArena(16 * 4096)
    const plain = sodiumSuite(arena)
    using probe = arena.take(1)
    const locked = probe.borrow(({ buffer }) => buffer)
    const secrets = new Set<string>()
    const elsewhere: string[] = []
    /** Notes what an operation wrote; 32-byte windows, because a hash is cut to its first half. */
    const note = (out: Uint8Array) => {
      for (let i = 0; i < out.length; i += 32) if (out.buffer === locked) secrets.add(hex(out.subarray(i, i + 32)))
        else elsewhere.push(hex(out.subarray(i, i + 32)))
    }
    const noting = <A extends unknown[], R>(operation: (...of: A) => R, written: (result: R, of: A) => unknown) => (...of: A): R => {
      const result = operation(...of)
      const out = written(result, of)
      if (out instanceof Uint8Array) note(out)
      return result
    }
    const { group } = plain
    const suite: Suite = {
      ...plain,
      group: {
        ...group,
        ...Object.fromEntries((['scalarAdd', 'scalarSub', 'scalarMul', 'scalarInvert', 'scalarReduce', 'add', 'sub', 'mulBase', 'mul'] as const).map((name) => [name, noting(group[name] as (...of: unknown[]) => unknown, (result) => result)])),
        random: noting(group.random, (_, [out]) => out),
        sha512: noting(group.sha512, (_, [out]) => out),
      },
    }
    const vault = { ...dealVault(plain, 2, [1, 2]), suite }
    const checked = check(vault, LABEL, seal(vault, LABEL, KEY))
    const partials = answers(vault, [1, 2], checked)
    const published = elsewhere.length
    using key = value(combine(suite, { keys: vault.keys, ciphertext: checked, partials }))
    expect(key.borrow(hex)).toBe(hex(KEY))
    // Combining publishes nothing at all.
    expect(elsewhere.length).toBe(published)
    for (const { decryptionShare } of vault.members) secrets.add(decryptionShare.borrow(hex))
    // Fresh strings, their hashes, nonces, products, the shared element twice, the pad and the shares.
    expect(secrets.size).toBeGreaterThan(20)
    expect(elsewhere.length).toBeGreaterThan(20)
    expect(elsewhere.filter((written) => secrets.has(written) || written === hex(KEY))).toEqual([])
  })
})

test('libsodium and noble compute the same ciphertexts, partials and keys from the same randomness', () => {
  const [sodium, noble] = everySuite().map(({ suite }) => suite) as [Suite, Suite]
  fc.assert(
    fc.property(fc.array(bytes32, { minLength: 6, maxLength: 6 }), fc.uint8Array({ maxLength: 80 }), ([a, b, key, r, s, k], label) => {
      if (a === undefined || b === undefined || key === undefined || r === undefined || s === undefined || k === undefined) return
      a[31] = 1
      b[31] = 2
      const run = (suite: Suite) => {
        const vault = { ...dealVault(suite, 2, [3, 4], { coefficients: [a as Scalar, b as Scalar] }), suite: scripted(suite, [r, s, k, k]) }
        const ciphertext = seal(vault, label, key)
        const checked = check(vault, label, ciphertext)
        const partials = answers(vault, [3, 4], checked)
        const result = [ciphertext, partials, checked.digest, opened(vault, checked, partials)]
        for (const { decryptionShare } of vault.members) decryptionShare.wipe()
        return JSON.stringify(result, (_, part: unknown) => (part instanceof Uint8Array ? hex(part) : part))
      }
      expect(run(sodium)).toBe(run(noble))
    }),
    { numRuns: 8 },
  )
}, 60_000)

test('libsodium and noble refuse the same received bytes with the same error, and neither throws', () => {
  const [sodium, noble] = everySuite().map(({ suite }) => suite) as [Suite, Suite]
  const coefficients = [smallScalar(77), smallScalar(88)]
  const [ours, theirs] = [dealVault(sodium, 2, [1, 2], { coefficients }), dealVault(noble, 2, [1, 2], { coefficients })]
  const good = seal(ours, LABEL, KEY)
  const checked = check(ours, LABEL, good)
  const partials = answers(ours, [1, 2], checked) as [Partial, Partial]
  const foreign = check(theirs, LABEL, good)
  const strange = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    bytes32,
    fc.constantFrom(...noElement.map(([, point]) => point), ...noScalar.map(([, scalar]) => scalar)),
    fc.constantFrom(...Object.values(good), ...partials.flatMap(({ point, e, f }) => [point, e, f])),
    fc.tuple(fc.constantFrom(...Object.values(good)), fc.nat({ max: 31 }), fc.nat({ max: 7 })).map(([field, byte, bit]) => field.map((old: number, i: number) => (i === byte ? old ^ (1 << bit) : old))),
  )
  fc.assert(
    fc.property(fc.constantFrom('u', 'uBar', 'e', 'f', 'wrapped'), strange, (field, bytes) => {
      const ciphertext = { ...good, [field]: bytes }
      const verdicts = [ours, theirs].map(({ suite, keys }) => {
        const result = verifyCiphertext(suite, keys.group.key, LABEL, ciphertext)
        return result.ok ? hex(result.value.digest) : result.error
      })
      expect(verdicts[0]).toEqual(verdicts[1])
      if (hex(bytes) !== hex(good[field as keyof Ciphertext])) expect(verdicts[0]).toHaveProperty('code')
    }),
    { numRuns: 150 },
  )
  fc.assert(
    fc.property(fc.constantFrom('point', 'e', 'f'), strange, (field, bytes) => {
      const received = [partials[0], { ...partials[1], [field]: bytes }]
      const outcomes = ([[ours, checked], [theirs, foreign]] as const).map(([{ suite, keys }, ciphertext]) => {
        const request = { keys, ciphertext, partials: received }
        const combined = combine(suite, request, heapMemory)
        return { combined: combined.ok ? combined.value.borrow(hex) : combined.error, blamed: blame(suite, request) }
      })
      expect(outcomes[0]).toEqual(outcomes[1])
    }),
    { numRuns: 100 },
  )
}, 60_000)
