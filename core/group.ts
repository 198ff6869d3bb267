/*
 * The prime-order group that everything in this folder computes in. Two implementations: libsodium (sodium.ts), for every
 * process that holds a share, and @noble/curves (noble.ts), the reference and the one for clients.
 *
 * Scalar operations write into `out`, because results are often secret and must stay in the memory the caller chose; `out`
 * may be one of the operands. Operations on elements return fresh memory, because what leaves them is published; where an
 * element itself is a secret (a Diffie-Hellman result), the caller names `out`.
 */
declare const scalarBrand: unique symbol
declare const pointBrand: unique symbol
declare const elementBrand: unique symbol

/** 32 bytes, little-endian, canonical (< L). May be zero; where zero is forbidden the user of the scalar says so. */
export type Scalar = Uint8Array & { readonly [scalarBrand]: true }
/** 32 bytes, canonical encoding of a member of the prime-order subgroup, possibly the identity. What sums are made of. */
export type Point = Uint8Array & { readonly [pointBrand]: true }
/** A point that is not the identity: the only kind that may cross a process boundary (RFC 9591, section 3.1). */
export type Element = Point & { readonly [elementBrand]: true }

export const SCALAR_BYTES = 32
export const ELEMENT_BYTES = 32
/** Participants are numbered 1 … 65535; 0 is where the group's secret lies. */
const MAX_ID = 0xffff

export interface Group {
  readonly name: 'edwards25519' | 'ristretto255'
  /** True for 32 canonical bytes. Takes the same time for every 32-byte input, so shares may be judged by it. */
  isScalar(bytes: Uint8Array): bytes is Scalar
  /** SEC-01: canonical, on the curve, of prime order, not the identity. Callers that keep the bytes use `decodeElement`. */
  isElement(bytes: Uint8Array): bytes is Element
  isZero(scalar: Scalar): boolean
  scalarAdd(out: Uint8Array, a: Scalar, b: Scalar): Scalar
  scalarSub(out: Uint8Array, a: Scalar, b: Scalar): Scalar
  /** No branch and no address depends on the operands. */
  scalarMul(out: Uint8Array, a: Scalar, b: Scalar): Scalar
  /** 1/a; the caller has excluded zero. */
  scalarInvert(out: Uint8Array, a: Scalar): Scalar
  /** 64 uniform bytes, little-endian, modulo L. */
  scalarReduce(out: Uint8Array, wide: Uint8Array): Scalar
  /** `out`, if given, may be one of the operands. */
  add(a: Point, b: Point, out?: Uint8Array): Point
  sub(a: Point, b: Point): Point
  isIdentity(point: Point): boolean
  /** k·B in constant time, undefined for k = 0. */
  mulBase(k: Scalar): Element | undefined
  /** k·P in constant time. It validates `p` as `isElement` does, so the product of a received point needs no second check. Undefined for k = 0 or an invalid `p`; `out` then holds nothing of use. */
  mul(k: Scalar, p: Uint8Array, out?: Uint8Array): Element | undefined
  /** Fills `out` from the system's generator. */
  random(out: Uint8Array): void
  /** `length` zero bytes for a public result, in memory that is cheap to pass to native code. Never for a secret. */
  bytes(length: number): Uint8Array
  /** SHA-512 of `input` into the 64 bytes of `out`. */
  sha512(out: Uint8Array, input: Uint8Array): void
}

/** A private copy of 32 received bytes, if they are an element: nobody can change them after the check. */
export function decodeElement(group: Group, bytes: Uint8Array): Element | undefined {
  const copy = new Uint8Array(bytes)
  return group.isElement(copy) ? copy : undefined
}

/** A private copy of 32 received *public* bytes, if they are a canonical scalar. Secret ones are checked in place with `isScalar`. */
export function decodeScalar(group: Group, bytes: Uint8Array): Scalar | undefined {
  const copy = new Uint8Array(bytes)
  return group.isScalar(copy) ? copy : undefined
}

/** Narrows a sum. The identity is not an element. */
export const nonIdentity = (group: Group, point: Point): point is Element => !group.isIdentity(point)

export const isId = (id: number): boolean => Number.isInteger(id) && id >= 1 && id <= MAX_ID

/** The scalar of a small public integer, 0 ≤ n < 2³². */
export function smallScalar(n: number): Scalar {
  const out = new Uint8Array(SCALAR_BYTES)
  out[0] = n
  out[1] = n >>> 8
  out[2] = n >>> 16
  out[3] = n >>> 24
  return out as Scalar
}

/** For public bytes only: it stops at the first difference. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
