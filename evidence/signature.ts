import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { fromBase64url } from '@symbolon/protocol/bytes.ts'
import type { IssuerAlgorithm, IssuerJwk, IssuerKey } from './established.ts'

/** Public keys, imported once: importing costs as much as verifying. Entries live as long as their rows. */
export interface Keyring {
  /** False for a signature that does not verify and for a key that is none. The message has no say in key and algorithm. */
  verifies(key: IssuerKey, signingInput: Uint8Array, signature: Uint8Array): boolean
}

export function openKeyring(): Keyring {
  const imported = new WeakMap<IssuerJwk, KeyObject | 'unusable'>()
  const get = (jwk: IssuerJwk): KeyObject | 'unusable' => {
    const known = imported.get(jwk)
    if (known !== undefined) return known
    const fresh = importKey(jwk) ?? 'unusable'
    imported.set(jwk, fresh)
    return fresh
  }
  return {
    verifies({ alg, jwk }, signingInput, signature) {
      const key = get(jwk)
      return key !== 'unusable' && verifyWith(alg, key, signingInput, signature)
    },
  }
}

// Each branch also pins the kind of key: no key is ever used under the algorithm of another.
function verifyWith(alg: IssuerAlgorithm, key: KeyObject, signingInput: Uint8Array, signature: Uint8Array): boolean {
  switch (alg) {
    case 'EdDSA':
    case 'Ed25519':
      return key.asymmetricKeyType === 'ed25519' && signature.length === 64 && verify(null, signingInput, key, signature)
    case 'ES256':
      return key.asymmetricKeyType === 'ec' && signature.length === 64 && verify('sha256', signingInput, { key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'RS256':
      return key.asymmetricKeyType === 'rsa' && verify('sha256', signingInput, key, signature)
  }
}

/** Public half only, whatever else the object holds. @returns undefined for what is not a sound public key */
export function importKey(jwk: IssuerJwk): KeyObject | undefined {
  if (jwk.kty === 'OKP' && !isSoundEd25519(jwk.x)) return undefined
  try {
    const key = createPublicKey({ key: publicMembers(jwk), format: 'jwk' })
    return jwk.kty !== 'RSA' || isSoundRsa(key) ? key : undefined
  } catch (error) {
    // What OpenSSL refuses (a point off the curve, a modulus that is none) is an unusable key; anything else is a bug.
    if (error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_')) return undefined
    throw error
  }
}

function publicMembers(jwk: IssuerJwk): { kty: string; [name: string]: string } {
  switch (jwk.kty) {
    case 'RSA':
      return { kty: 'RSA', n: jwk.n, e: jwk.e }
    case 'EC':
      return { kty: 'EC', crv: jwk.crv, x: jwk.x, y: jwk.y }
    case 'OKP':
      return { kty: 'OKP', crv: jwk.crv, x: jwk.x }
  }
}

/** NIST SP 800-131A and SP 800-56B, section 6.2: at least 2048 bits, an odd exponent above 2¹⁶. Below 2³² and with at most the 8192 bits of `rsaJwk`, for our time. */
function isSoundRsa({ asymmetricKeyDetails: { modulusLength = 0, publicExponent = 0n } = {} }: KeyObject): boolean {
  return modulusLength >= 2048 && publicExponent > 65_536n && publicExponent < 2n ** 32n && publicExponent % 2n === 1n
}

/**
 * y-coordinates of the eight points of small order, little-endian, sign bit clear. Under such a key anybody can make signatures
 * that satisfy RFC 8032, section 5.1.7. Whether a library looks for these differs from version to version, so it is done here.
 */
const smallOrder = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
])

/** A canonical encoding (y < 2²⁵⁵ − 19) that is not of small order. Whether it lies on the curve is OpenSSL's to judge. */
function isSoundEd25519(x: string): boolean {
  const bytes = fromBase64url(x)
  const first = bytes?.[0]
  const last = bytes?.[31]
  if (bytes?.length !== 32 || first === undefined || last === undefined) return false
  const y = Uint8Array.from(bytes)
  y[31] = last & 0x7f
  const atLeastP = first >= 0xed && y[31] === 0x7f && y.subarray(1, 31).every((byte) => byte === 0xff)
  return !atLeastP && !smallOrder.has(Buffer.from(y).toString('hex'))
}
