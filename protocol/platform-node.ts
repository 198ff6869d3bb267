import { createHash, createPrivateKey, createPublicKey, sign, timingSafeEqual, verify, type KeyObject } from 'node:crypto'

/* What the platform does better than code of ours: `#platform` in Node. Its twin for browsers does the same (`platform.test.ts`). */

export const toBase64url = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')

/** Lenient; the caller checks that the spelling is the one that these bytes have. */
export const fromBase64url = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))

export const utf8 = (text: string): Uint8Array => Buffer.from(text, 'utf8')

export const sha256 = (parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

/** Constant-time. Of equal lengths. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => timingSafeEqual(a, b)

/** @param point SEC 1 uncompressed, 65 bytes. @returns undefined if it is not on the curve */
function p256Key(point: Uint8Array): KeyObject | undefined {
  return imported(() => createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: toBase64url(point.subarray(1, 33)), y: toBase64url(point.subarray(33, 65)) }, format: 'jwk' }))
}

export const isP256Point = (point: Uint8Array): boolean => p256Key(point) !== undefined

/** ECDSA with SHA-256, `signature` r ‖ s of 64 bytes, either sign of s. False for a point off the curve. */
export function verifyP256(point: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const key = p256Key(point)
  return key !== undefined && verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

/** RFC 8032, section 5.1.7, without cofactor. False for what is no point. */
export function verifyEd25519(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  const key = imported(() => createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: toBase64url(publicKey) }, format: 'jwk' }))
  return key !== undefined && verify(null, bytes, key, signature)
}

// RFC 8410, section 7: what stands before the seed in an Ed25519 PKCS#8 key.
const pkcs8Head = Uint8Array.of(0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20)

function seedKey(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([pkcs8Head, seed])
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } finally {
    der.fill(0)
  }
}

/** @param seed 32 bytes (RFC 8032, section 5.1.5) */
export const ed25519PublicKey = (seed: Uint8Array): Uint8Array => new Uint8Array(createPublicKey(seedKey(seed)).export({ format: 'der', type: 'spki' }).subarray(-32))
export const signEd25519 = (seed: Uint8Array, bytes: Uint8Array): Uint8Array => new Uint8Array(sign(null, bytes, seedKey(seed)))

/** What OpenSSL refuses (a point off the curve) is an unusable key; anything else is a bug. */
function imported(make: () => KeyObject): KeyObject | undefined {
  try {
    return make()
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}
