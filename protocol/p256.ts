import type { z } from 'zod'
import * as platform from '#platform'
import { bytesOf, concat, toBase64url, type Brand } from './bytes.ts'
import type { p256Jwk } from './fields.ts'

/* P-256: identity keys (ECDSA with SHA-256) and receive keys (ECDH). */

export type P256Jwk = z.infer<typeof p256Jwk>
/** SEC 1 uncompressed: 0x04 ‖ X ‖ Y, 65 bytes, on the curve. */
export type P256Point = Brand<Uint8Array, 'P256Point'>

const pointBytes = (jwk: P256Jwk): Uint8Array => concat(Uint8Array.of(4), bytesOf(jwk.x), bytesOf(jwk.y))

/** Are the coordinates those of a point of the curve? P-256 has no other subgroup. */
export const isP256Key = (jwk: P256Jwk): boolean => pointOfJwk(jwk) !== undefined

/** @returns undefined for anything but 65 bytes that name a point of the curve, so never the point at infinity. */
export function decodePoint(bytes: Uint8Array): P256Point | undefined {
  if (bytes.length !== 65 || bytes[0] !== 4) return undefined
  const copy = Uint8Array.from(bytes) as P256Point
  return platform.isP256Point(copy) ? copy : undefined
}

export const jwkOfPoint = (point: P256Point): P256Jwk => ({ kty: 'EC', crv: 'P-256', x: toBase64url(point.subarray(1, 33)), y: toBase64url(point.subarray(33, 65)) })

export const pointOfJwk = (jwk: P256Jwk): P256Point | undefined => decodePoint(pointBytes(jwk))

/**
 * ECDSA over SHA-256 of `bytes`. A second valid signature can be made from the first (r, −s), so nothing may be identified by
 * a signature's bytes.
 * @param signature r ‖ s, 64 bytes (RFC 7518, section 3.4)
 */
export function verifyP256(jwk: P256Jwk, bytes: Uint8Array, signature: Uint8Array): boolean {
  const point = pointBytes(jwk)
  return point.length === 65 && signature.length === 64 && platform.verifyP256(point, bytes, signature)
}
