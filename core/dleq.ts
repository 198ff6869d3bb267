import { type Element, type Group, type Point, SCALAR_BYTES, type Scalar, decodeScalar, sameBytes } from './group.ts'
import type { Suite } from './suite.ts'

/*
 * Proofs that two elements have the same discrete logarithm, one to the generator, the other to any base (Chaum and Pedersen;
 * the form is RFC 9497's, section 2.2: f = k − e·x, so that the RFC's vectors check this file).
 */

/** image = x·B and product = x·base, with one x that the prover knows. Bytes as received: the multiplications validate each. */
export interface Statement {
  readonly image: Uint8Array
  readonly base: Uint8Array
  readonly product: Uint8Array
}

/** Not validated: as it crosses the wire. */
export interface Proof {
  readonly e: Uint8Array
  readonly f: Uint8Array
}

/** Hashes k·B and k·base together with everything that the proof is bound to: tag, statement and circumstances. */
export type Challenge = (first: Point, second: Point) => Scalar

/** Digest of everything that the challenge will hash but the commitments, 64 bytes. */
export type Transcript = Uint8Array

const NONCE_TAG = new TextEncoder().encode('symbolon/dleq/nonce/v1')

/**
 * A nonce for this secret and transcript: SHA-512(tag ‖ secret ‖ 32 fresh bytes ‖ transcript) mod L. A generator that repeats
 * itself gives the same nonce only for the same statement, where it does no harm; one that is predictable gives none away.
 *
 * @param out 32 bytes of the memory that the secret deserves
 */
export function hashedNonce(suite: Suite, out: Uint8Array, secret: Uint8Array, transcript: Transcript): Scalar {
  if (secret.length !== SCALAR_BYTES || transcript.length !== 64) throw new RangeError('a nonce is hashed from a 32-byte secret and a 64-byte transcript')
  const { group, memory } = suite
  using scratch = memory.take(64 + NONCE_TAG.length + 2 * SCALAR_BYTES + 64)
  return scratch.borrow((bytes) => {
    const wide = bytes.subarray(0, 64)
    const input = bytes.subarray(64)
    const fresh = NONCE_TAG.length + SCALAR_BYTES
    input.set(NONCE_TAG)
    input.set(secret, NONCE_TAG.length)
    group.random(input.subarray(fresh, fresh + SCALAR_BYTES))
    input.set(transcript, fresh + SCALAR_BYTES)
    group.sha512(wide, input)
    return group.scalarReduce(out, wide)
  })
}

/** The proof under a given nonce, which must never serve twice. One fixed-base and one variable-base multiplication. */
export function proveWith(suite: Suite, options: { nonce: Scalar; secret: Scalar; base: Element; challenge: Challenge }): { e: Scalar; f: Scalar } {
  const { group, memory } = suite
  const { nonce, secret, base, challenge } = options
  const first = group.mulBase(nonce)
  const second = group.mul(nonce, base)
  if (first === undefined || second === undefined) throw new Error('a nonce hashed to zero, or the base was not validated')
  const e = challenge(first, second)
  using product = memory.take(SCALAR_BYTES)
  const f = product.borrow((bytes) => group.scalarSub(group.bytes(SCALAR_BYTES), nonce, group.scalarMul(bytes, e, secret)))
  return { e, f }
}

/** The proof under a fresh nonce, which nobody but this function sees. */
export function prove(suite: Suite, options: { secret: Scalar; base: Element; challenge: Challenge; transcript: Transcript }): { e: Scalar; f: Scalar } {
  using nonce = suite.memory.take(SCALAR_BYTES)
  return nonce.borrow((bytes) => proveWith(suite, { ...options, nonce: hashedNonce(suite, bytes, options.secret, options.transcript) }))
}

/** Private copies of the two scalars, if both are canonical and neither is zero, which no honest prover sends. */
export function decodeProof(group: Group, proof: Proof): { e: Scalar; f: Scalar } | undefined {
  const e = decodeScalar(group, proof.e)
  const f = decodeScalar(group, proof.f)
  return e === undefined || f === undefined || group.isZero(e) || group.isZero(f) ? undefined : { e, f }
}

/** f·P + e·Q, with f·P given. Undefined if either point was no element. */
function recommit(group: Group, p: Point | undefined, e: Scalar, q: Uint8Array): Point | undefined {
  const right = group.mul(e, q)
  return p === undefined || right === undefined ? undefined : group.add(p, right)
}

/**
 * True only if all three points are elements and the proof holds. One fixed-base and three variable-base multiplications; proof
 * and statement are public: the time may depend on them.
 */
export function verifyProof(group: Group, { image, base, product }: Statement, proof: Proof, challenge: Challenge): boolean {
  const decoded = decodeProof(group, proof)
  if (decoded === undefined) return false
  const { e, f } = decoded
  const first = recommit(group, group.mulBase(f), e, image)
  const second = recommit(group, group.mul(f, base), e, product)
  return first !== undefined && second !== undefined && sameBytes(challenge(first, second), e)
}
