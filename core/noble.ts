import { ed25519, ristretto255 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { ELEMENT_BYTES, type Element, type Group, type Point, SCALAR_BYTES, type Scalar, decodeScalar, sameBytes } from './group.ts'
import { isCanonicalScalar } from './order.ts'
import { heapMemory } from './secret.ts'
import { type Suite, sha512Suite } from './suite.ts'

/*
 * The same interface on @noble/curves: the reference that libsodium's is tested against, the only one for ristretto255, and the
 * one for browsers. Scalars pass through BigInts, which cannot be wiped or locked and take variable time: no process that
 * holds a share may use it.
 */

interface NoblePoint<P> {
  add(other: P): P
  subtract(other: P): P
  multiply(scalar: bigint): P
  is0(): boolean
  isTorsionFree(): boolean
  toBytes(): Uint8Array
}

interface NobleGroup<P> {
  readonly BASE: P
  fromBytes(bytes: Uint8Array): P
  readonly Fn: { readonly ORDER: bigint; create(n: bigint): bigint; inv(n: bigint): bigint }
}

/** noble throws on what it cannot decode; any other question would have been answered before. */
function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch {
    return undefined
  }
}

function nobleGroup<P extends NoblePoint<P>>(name: Group['name'], curve: NobleGroup<P>): Group {
  const { Fn } = curve
  const scalar = (bytes: Uint8Array) => bytesToNumberLE(bytes)
  const write = (out: Uint8Array, n: bigint) => {
    out.set(numberToBytesLE(Fn.create(n), SCALAR_BYTES))
    return out as Scalar
  }
  const decode = (bytes: Uint8Array) => curve.fromBytes(bytes)
  const encode = (point: P, out?: Uint8Array) => {
    const bytes = point.toBytes()
    out?.set(bytes)
    return (out ?? bytes) as Element
  }
  const element = (bytes: Uint8Array): P | undefined => {
    if (bytes.length !== ELEMENT_BYTES) return undefined
    const point = attempt(() => decode(bytes))
    return point === undefined || point.is0() || !point.isTorsionFree() ? undefined : point
  }
  return {
    name,
    isScalar: isCanonicalScalar,
    isElement: (bytes): bytes is Element => element(bytes) !== undefined,
    isZero: (a) => a.every((byte) => byte === 0),
    scalarAdd: (out, a, b) => write(out, scalar(a) + scalar(b)),
    scalarSub: (out, a, b) => write(out, scalar(a) - scalar(b)),
    scalarMul: (out, a, b) => write(out, scalar(a) * scalar(b)),
    scalarInvert: (out, a) => write(out, Fn.inv(scalar(a))),
    scalarReduce: (out, wide) => write(out, scalar(wide)),
    add: (a, b, out) => encode(decode(a).add(decode(b)), out),
    sub: (a, b) => encode(decode(a).subtract(decode(b))),
    isIdentity: (point: Point) => decode(point).is0(),
    mulBase: (k) => (scalar(k) === 0n ? undefined : encode(curve.BASE.multiply(scalar(k)))),
    mul(k, p, out) {
      const point = element(p)
      return point === undefined || scalar(k) === 0n ? undefined : encode(point.multiply(scalar(k)), out)
    },
    bytes: (length) => new Uint8Array(length),
    random: (out) => void crypto.getRandomValues(out as Uint8Array<ArrayBuffer>),
    sha512: (out, input) => out.set(sha512(input)),
  }
}

export const nobleEd25519Group: Group = Object.freeze(nobleGroup('edwards25519', ed25519.Point))
export const nobleRistrettoGroup: Group = Object.freeze(nobleGroup('ristretto255', ristretto255.Point))

/** FROST(Ed25519, SHA-512), RFC 9591 section 6.1. */
export const nobleEd25519Suite = (): Suite =>
  sha512Suite({
    context: 'FROST-ED25519-SHA512-v1',
    challenge: '',
    group: nobleEd25519Group,
    memory: heapMemory,
    verify: (signature, message, key) => signature.length === 64 && ed25519.verify(signature, message, key, { zip215: false }),
  })

/** FROST(ristretto255, SHA-512), RFC 9591 section 6.2. It has no verifier of its own in any library: prime-order Schnorr, spelled out (appendix B). */
export function nobleRistrettoSuite(): Suite {
  const group = nobleRistrettoGroup
  const suite: Suite = sha512Suite({
    context: 'FROST-RISTRETTO255-SHA512-v1',
    challenge: 'FROST-RISTRETTO255-SHA512-v1chal',
    group,
    memory: heapMemory,
    verify(signature, message, key) {
      const r = signature.subarray(0, ELEMENT_BYTES)
      const z = decodeScalar(group, signature.subarray(ELEMENT_BYTES))
      const left = z === undefined ? undefined : group.mulBase(z)
      const right = group.mul(suite.h2(r, key, message), key)
      return left !== undefined && right !== undefined && group.isElement(r) && sameBytes(left, group.add(r, right))
    },
  })
  return suite
}
