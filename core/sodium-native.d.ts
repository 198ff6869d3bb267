// sodium-native ships no types. Only what this repository calls is declared; every buffer length below is checked by the
// caller, because the package reports a wrong length as a plain Error.
declare module 'sodium-native' {
  type Bytes = Uint8Array
  /** A Buffer over guarded memory; carries a flag that only `sodium_free` reads. */
  type SecureBuffer = Buffer & { readonly secure: true }
  const sodium: {
    sodium_malloc(size: number): SecureBuffer
    sodium_free(buffer: SecureBuffer): void
    /** Throws when the pages cannot be locked. */
    sodium_mlock(buffer: Bytes): void
    sodium_munlock(buffer: Bytes): void
    sodium_memzero(buffer: Bytes): void
    /** Constant time; lengths must be equal. */
    sodium_memcmp(a: Bytes, b: Bytes): boolean
    sodium_is_zero(buffer: Bytes, length?: number): boolean
    randombytes_buf(out: Bytes): void
    crypto_hash_sha512(out: Bytes, input: Bytes): void
    crypto_hash_sha256(out: Bytes, input: Bytes): void
    crypto_sign_keypair(publicKey: Bytes, secretKey: Bytes): void
    crypto_sign_seed_keypair(publicKey: Bytes, secretKey: Bytes, seed: Bytes): void
    crypto_sign_detached(signature: Bytes, message: Bytes, secretKey: Bytes): void
    crypto_sign_verify_detached(signature: Bytes, message: Bytes, publicKey: Bytes): boolean
    crypto_core_ed25519_is_valid_point(point: Bytes): boolean
    /** Throws when an operand is not on the curve. */
    crypto_core_ed25519_add(out: Bytes, a: Bytes, b: Bytes): void
    crypto_core_ed25519_sub(out: Bytes, a: Bytes, b: Bytes): void
    crypto_core_ed25519_scalar_reduce(out: Bytes, wide: Bytes): void
    crypto_core_ed25519_scalar_add(out: Bytes, a: Bytes, b: Bytes): void
    crypto_core_ed25519_scalar_sub(out: Bytes, a: Bytes, b: Bytes): void
    crypto_core_ed25519_scalar_invert(out: Bytes, a: Bytes): void
    /** Throws when the scalar is zero. */
    crypto_scalarmult_ed25519_base_noclamp(out: Bytes, scalar: Bytes): void
    /** Throws when the point is not canonical, small, or outside the main subgroup, or the scalar is zero. */
    crypto_scalarmult_ed25519_noclamp(out: Bytes, scalar: Bytes, point: Bytes): void
    readonly crypto_pwhash_ALG_ARGON2ID13: number
    readonly crypto_pwhash_SALTBYTES: number
    crypto_pwhash(out: Bytes, password: Bytes, salt: Bytes, opslimit: number, memlimit: number, algorithm: number): void
    crypto_pwhash_async(out: Bytes, password: Bytes, salt: Bytes, opslimit: number, memlimit: number, algorithm: number): Promise<void>
  }
  export default sodium
}
