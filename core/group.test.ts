import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openArena } from './arena.ts'
import { type Group, type Point, type Scalar, decodeElement, decodeScalar, smallScalar } from './group.ts'
import { nobleEd25519Group, nobleRistrettoGroup } from './noble.ts'
import { ORDER } from './order.ts'
import { at } from './quorum.testkit.ts'
import { multiplyWide, SCRATCH_DOUBLES } from './scalar22.ts'
import { sodiumGroup } from './sodium.ts'

const sodium = sodiumGroup(openArena(4096))
const hex = (data: Uint8Array | undefined) => data && Buffer.from(data).toString('hex')
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))

const littleEndian = (n: bigint, length = 32) => Uint8Array.from({ length }, (_, i) => Number((n >> BigInt(8 * i)) & 0xffn))
const bigint = (data: Uint8Array) => data.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
const L = bigint(ORDER)
const P = 2n ** 255n - 19n

const edges = [0n, 1n, 2n, L - 1n, L - 2n, L >> 1n, 2n ** 22n - 1n, 2n ** 242n, (2n ** 252n - 1n) % L]
const scalar = fc.oneof(fc.bigInt({ min: 0n, max: L - 1n }), fc.constantFrom(...edges)).map((n) => littleEndian(n) as Scalar)
const nonZero = scalar.filter((s) => bigint(s) !== 0n)
const out = () => new Uint8Array(32)

const all: { on: string; group: Group }[] = [
  { on: 'libsodium', group: sodium },
  { on: 'noble', group: nobleEd25519Group },
]

describe.each([...all, { on: 'noble ristretto255', group: nobleRistrettoGroup }])('scalars on $on', ({ group }) => {
  test('SEC-02 exactly the 32-byte encodings below L are scalars', () => {
    for (const n of [0n, 1n, L - 1n]) expect(group.isScalar(littleEndian(n))).toBe(true)
    for (const n of [L, L + 1n, L + 2n ** 128n, 2n ** 252n + 2n ** 200n, 2n ** 255n, 2n ** 256n - 1n]) expect(group.isScalar(littleEndian(n))).toBe(false)
    for (const length of [0, 31, 33, 64]) expect(group.isScalar(new Uint8Array(length))).toBe(false)
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), (n) => void expect(group.isScalar(littleEndian(n))).toBe(n < L)))
  })

  test('the field operations are those of the integers modulo L', () => {
    fc.assert(
      fc.property(scalar, scalar, (a, b) => {
        const [x, y] = [bigint(a), bigint(b)]
        expect(bigint(group.scalarAdd(out(), a, b))).toBe((x + y) % L)
        expect(bigint(group.scalarSub(out(), a, b))).toBe((x - y + L) % L)
        expect(bigint(group.scalarMul(out(), a, b))).toBe((x * y) % L)
      }),
    )
  })

  test('an operand may be the result', () => {
    const a = smallScalar(7)
    expect(bigint(group.scalarMul(a, a, a))).toBe(49n)
    expect(bigint(group.scalarAdd(a, a, a))).toBe(98n)
    expect(bigint(group.scalarSub(a, a, a))).toBe(0n)
    expect(group.isZero(a)).toBe(true)
  })

  test('inversion and wide reduction', () => {
    fc.assert(fc.property(nonZero, (a) => void expect(bigint(group.scalarMul(out(), a, group.scalarInvert(out(), a)))).toBe(1n)), { numRuns: 30 })
    fc.assert(fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (wide) => void expect(bigint(group.scalarReduce(out(), wide))).toBe(bigint(wide) % L)))
  })

  test('a decoded value is a copy', () => {
    const received = Uint8Array.from(group.mulBase(smallScalar(5)) ?? expect.fail())
    const element = decodeElement(group, received)
    const number = littleEndian(5n)
    const decoded = decodeScalar(group, number)
    received.fill(0)
    number.fill(1)
    expect(hex(element)).toBe(hex(group.mulBase(smallScalar(5))))
    expect(decoded).toEqual(smallScalar(5))
  })

  test('a multiplication has no answer for zero, and agrees with addition', () => {
    const base = group.mulBase(smallScalar(1)) ?? expect.fail()
    expect(group.mulBase(smallScalar(0))).toBeUndefined()
    expect(group.mul(smallScalar(0), base)).toBeUndefined()
    expect(hex(group.mul(smallScalar(3), base))).toBe(hex(group.add(base, group.add(base, base))))
    expect(hex(group.sub(group.add(base, base), base))).toBe(hex(base))
    expect(group.isIdentity(group.sub(base, base))).toBe(true)
    expect(group.isIdentity(base)).toBe(false)
  })
})

/** Encodings that are no element, each with what is wrong with it. */
function badPoints(): [string, Uint8Array][] {
  const good = ed25519.Point.BASE.multiply(12345n)
  const torsion = ED25519_TORSION_SUBGROUP.map((text) => ed25519.Point.fromHex(text))
  const highBit = (n: bigint) => littleEndian(n | (1n << 255n))
  return [
    ...ED25519_TORSION_SUBGROUP.map((text, i): [string, Uint8Array] => [`small order ${i}`, bytes(text)]),
    ...torsion.filter((point) => !point.is0()).map((point, i): [string, Uint8Array] => [`good point plus torsion ${i}`, good.add(point).toBytes()]),
    ['identity, x sign set', highBit(1n)],
    ['y = p: zero, not canonical', littleEndian(P)],
    ['y = p + 1: identity, not canonical', littleEndian(P + 1n)],
    ['y = p + 1, x sign set', highBit(P + 1n)],
    // The first y above 2 that is on the curve and has a second encoding below 2²⁵⁵.
    ...[3n, 4n, 5n, 6n, 9n, 10n].map((y): [string, Uint8Array] => [`y = p + ${y}, not canonical`, littleEndian(P + y)]),
    ['y = 2: not on the curve', littleEndian(2n)],
    ['all ones', new Uint8Array(32).fill(255)],
    ['empty', new Uint8Array()],
    ['31 bytes', good.toBytes().subarray(0, 31)],
    ['33 bytes', Uint8Array.of(...good.toBytes(), 0)],
  ]
}

describe.each(all)('elements of edwards25519 on $on', ({ group }) => {
  test.each(badPoints())('SEC-01 refused: %s', (_, point) => {
    expect(group.isElement(point)).toBe(false)
    expect(decodeElement(group, point)).toBeUndefined()
    expect(group.mul(smallScalar(5), point)).toBeUndefined()
  })

  test('SEC-01 an element with its high bit twiddled is another element, or none', () => {
    const good = Uint8Array.from(group.mulBase(smallScalar(9)) ?? expect.fail())
    expect(group.isElement(good)).toBe(true)
    good[31] = at([...good], 31) ^ 0x80
    expect(hex(group.mul(smallScalar(1), good))).toBe(hex(group.sub(group.sub(good as Point, good as Point), group.mulBase(smallScalar(9)) ?? expect.fail())))
  })
})

test('SEC-01 ristretto255 refuses the identity, non-canonical and odd encodings', () => {
  // RFC 9496, appendix A.3, one of each kind; the identity is refused besides.
  const bad = ['00'.repeat(32), '00' + 'ff'.repeat(31), 'f3' + 'ff'.repeat(30) + '7f', '01' + '00'.repeat(31), '26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371']
  for (const text of bad) expect(nobleRistrettoGroup.isElement(bytes(text))).toBe(false)
  expect(nobleRistrettoGroup.isElement(bytes('e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76'))).toBe(true)
})

test('libsodium and noble compute the same elements', () => {
  fc.assert(
    fc.property(nonZero, nonZero, (a, b) => {
      const [p, q] = [sodium.mulBase(a) ?? expect.fail(), sodium.mulBase(b) ?? expect.fail()]
      expect(hex(nobleEd25519Group.mulBase(a))).toBe(hex(p))
      expect(hex(nobleEd25519Group.mul(b, p))).toBe(hex(sodium.mul(b, p)))
      expect(hex(nobleEd25519Group.add(p, q))).toBe(hex(sodium.add(p, q)))
      expect(hex(nobleEd25519Group.sub(p, q))).toBe(hex(sodium.sub(p, q)))
    }),
    { numRuns: 40 },
  )
})

test('the product of any two 256-bit integers is exact, and its scratch may be wiped', () => {
  const limbs = new Float64Array(SCRATCH_DOUBLES)
  const any256 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), fc.constantFrom(0n, 1n, 2n ** 256n - 1n, 2n ** 255n, 2n ** 22n, 2n ** 242n - 1n))
  fc.assert(
    fc.property(any256, any256, (a, b) => {
      const wide = new Uint8Array(64)
      multiplyWide(wide, littleEndian(a), littleEndian(b), limbs)
      expect(bigint(wide)).toBe(a * b)
    }),
    { numRuns: 500 },
  )
})
