import sodium from 'sodium-native'
import { ELEMENT_BYTES, type Element, type Group, type Point, SCALAR_BYTES, type Scalar } from './group.ts'
import { isCanonicalScalar } from './order.ts'
import { SCRATCH_DOUBLES, multiplyWide } from './scalar22.ts'
import type { Memory } from './secret.ts'
import { type Suite, sha512Suite } from './suite.ts'

/*
 * edwards25519 on libsodium. The `_noclamp` multiplications are constant time in the scalar; point addition and decoding are
 * not asked to be, since points are public.
 */

/** The neutral element (0, 1). */
const IDENTITY = Uint8Array.from({ length: ELEMENT_BYTES }, (_, i) => (i === 0 ? 1 : 0))

/** Why the native build cannot be used. Processes that hold shares stop on it; there is no slower substitute for them. */
export class NativeBuildError extends Error {
  override readonly name = 'NativeBuildError'
  readonly code = 'native_build_missing'
}

/**
 * Proves that libsodium's native build computes, by the first test vector of RFC 8032 (7.1). Signers and keygen call it
 * before they read a share.
 */
export function requireNative(): void {
  const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
  const wanted = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
  const [publicKey, secretKey] = [Buffer.alloc(32), Buffer.alloc(64)]
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
  if (publicKey.toString('hex') !== wanted) throw new NativeBuildError('libsodium does not compute the first vector of RFC 8032')
}

/** sodium-native reports a refused operand as `status: n`; anything else is a bug and goes on. */
function refused(error: unknown): undefined {
  if (error instanceof Error && error.message.startsWith('status:')) return undefined
  throw error
}

/** Chunks that small public results are cut from. */
const CHUNK = 16_384

/**
 * V8 keeps a small typed array inside the object and moves it out, at twice the cost of a scalar operation, when native code
 * asks for its memory. Views into a shared chunk are outside from the start. Each byte is handed out once.
 */
function publicPool(): (length: number) => Uint8Array {
  let chunk = new ArrayBuffer(CHUNK)
  let used = 0
  return (length) => {
    if (length > CHUNK) return new Uint8Array(length)
    if (used + length > CHUNK) {
      chunk = new ArrayBuffer(CHUNK)
      used = 0
    }
    const view = new Uint8Array(chunk, used, length)
    used += length
    return view
  }
}

/** @param memory where intermediate values of secret scalars lie; locked in every process that holds a share */
export function sodiumGroup(memory: Memory): Group {
  // One slot for the life of the group, so its views may be kept; it is zeroed after each use.
  const scratch = memory.take(64 + SCRATCH_DOUBLES * 8).borrow((bytes) => bytes)
  const wide = scratch.subarray(0, 64)
  const limbs = new Float64Array(scratch.buffer, scratch.byteOffset + 64, SCRATCH_DOUBLES)
  const bytes = publicPool()
  const point = () => bytes(ELEMENT_BYTES) as Element
  return {
    name: 'edwards25519',
    isScalar: isCanonicalScalar,
    isElement: (bytes): bytes is Element => bytes.length === ELEMENT_BYTES && sodium.crypto_core_ed25519_is_valid_point(bytes),
    isZero: (scalar) => sodium.sodium_is_zero(scalar, SCALAR_BYTES),
    scalarAdd(out, a, b) {
      sodium.crypto_core_ed25519_scalar_add(out, a, b)
      return out as Scalar
    },
    scalarSub(out, a, b) {
      sodium.crypto_core_ed25519_scalar_sub(out, a, b)
      return out as Scalar
    },
    scalarMul(out, a, b) {
      multiplyWide(wide, a, b, limbs)
      sodium.crypto_core_ed25519_scalar_reduce(out, wide)
      scratch.fill(0)
      return out as Scalar
    },
    scalarInvert(out, a) {
      sodium.crypto_core_ed25519_scalar_invert(out, a)
      return out as Scalar
    },
    scalarReduce(out, input) {
      sodium.crypto_core_ed25519_scalar_reduce(out, input)
      return out as Scalar
    },
    add(a, b, out = point()) {
      sodium.crypto_core_ed25519_add(out, a, b)
      return out as Point
    },
    sub(a, b) {
      const out = point()
      sodium.crypto_core_ed25519_sub(out, a, b)
      return out
    },
    isIdentity: (p: Point) => sodium.sodium_memcmp(p, IDENTITY),
    mulBase(k) {
      const out = point()
      try {
        sodium.crypto_scalarmult_ed25519_base_noclamp(out, k)
        return out
      } catch (error) {
        return refused(error)
      }
    },
    mul(k, p, out = point()) {
      if (p.length !== ELEMENT_BYTES) return undefined
      try {
        sodium.crypto_scalarmult_ed25519_noclamp(out, k, p)
        return out as Element
      } catch (error) {
        return refused(error)
      }
    },
    bytes,
    random: (out) => sodium.randombytes_buf(out),
    sha512: (out, input) => sodium.crypto_hash_sha512(out, input),
  }
}

/** FROST(Ed25519, SHA-512), RFC 9591 section 6.1, on libsodium; signatures are judged by libsodium's own verifier. */
export function sodiumSuite(memory: Memory): Suite {
  return sha512Suite({
    context: 'FROST-ED25519-SHA512-v1',
    challenge: '',
    group: sodiumGroup(memory),
    memory,
    verify: (signature, message, key) => signature.length === 64 && sodium.crypto_sign_verify_detached(signature, message, key),
  })
}
