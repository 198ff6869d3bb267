import type { z } from 'zod'
import * as platform from '#platform'
import { fromBase64url, toBase64url } from './bytes.ts'
import type { ed25519Jwk } from './fields.ts'

/* Ed25519 (RFC 8032): bootstrap and invitation codes are seeds of it. */

export type Ed25519Jwk = z.infer<typeof ed25519Jwk>

/**
 * y-coordinates of the points of small order, little-endian, sign bit clear. Under such a key anybody can make signatures that satisfy RFC 8032,
 * section 5.1.7. Whether a library looks for these differs, so it is done here.
 */
const smallOrder = new Set(
  [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ],
)

/** The key’s bytes if it is one to believe: a canonical y (< 2²⁵⁵ − 19), not of small order. Whether it lies on the curve is the verifier’s to say. */
export function soundEd25519(x: string): Uint8Array | undefined {
  const bytes = fromBase64url(x)
  if (bytes?.length !== 32) return undefined
  const y = Uint8Array.from(bytes)
  y[31] = (y[31] ?? 0) & 0x7f
  const atLeastP = (y[0] ?? 0) >= 0xed && y[31] === 0x7f && y.subarray(1, 31).every((byte) => byte === 0xff)
  const hex = Array.from(y, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return atLeastP || smallOrder.has(hex) ? undefined : bytes
}

/** @param signature 64 bytes. @returns false too for a key that is none, or is of small order */
export function verifyEd25519(jwk: Ed25519Jwk, bytes: Uint8Array, signature: Uint8Array): boolean {
  const key = soundEd25519(jwk.x)
  return key !== undefined && signature.length === 64 && platform.verifyEd25519(key, bytes, signature)
}

/** @param seed 32 bytes */
export const ed25519Of = (seed: Uint8Array): Ed25519Jwk => ({ kty: 'OKP', crv: 'Ed25519', x: toBase64url(platform.ed25519PublicKey(seed)) })
/** @returns 64 bytes */
export const signEd25519 = (seed: Uint8Array, bytes: Uint8Array): Uint8Array => platform.signEd25519(seed, bytes)
