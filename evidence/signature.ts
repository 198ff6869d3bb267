import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import { soundEd25519 } from '@symbolon/protocol/ed25519.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { IssuerAlgorithm, IssuerJwk, IssuerKey } from './established.ts'
import { openMemo } from './memo.ts'

/** Public keys, imported once: importing costs as much as verifying. Those of rows live as long as their rows. */
export interface Keyring {
  /**
   * One object for a key that messages carry, however often they do: its import is found by the object. `id` is its thumbprint, as computed
   * from it (RFC 7638). The most recently used ones are kept.
   */
  carried(id: Base64url, jwk: ProofJwk): ProofJwk
  /** False for a signature that does not verify and for a key that is none. The message has no say in key and algorithm. */
  verifies(key: IssuerKey, signingInput: Uint8Array, signature: Uint8Array): boolean
  /** As passkeys sign (WebAuthn Level 3, section 6.5.5): P-256 signatures are DER, and only DER; Ed25519 ones 64 bytes. */
  verifiesAssertion(jwk: ProofJwk, bytes: Uint8Array, signature: Uint8Array): boolean
}

/** Those of a working day's grants. */
const mostCarried = 4096

export function openKeyring(): Keyring {
  const imported = new WeakMap<IssuerJwk, KeyObject | 'unusable'>()
  const carried = openMemo<ProofJwk>(mostCarried)
  const get = (jwk: IssuerJwk): KeyObject | 'unusable' => {
    const known = imported.get(jwk)
    if (known !== undefined) return known
    const fresh = importKey(jwk) ?? 'unusable'
    imported.set(jwk, fresh)
    return fresh
  }
  return {
    carried(id, jwk) {
      const known = carried.get(id)
      if (known === undefined) carried.keep(id, jwk)
      return known ?? jwk
    },
    verifies({ alg, jwk }, signingInput, signature) {
      const key = get(jwk)
      return key !== 'unusable' && verifyWith(alg, key, signingInput, signature)
    },
    verifiesAssertion(jwk, bytes, signature) {
      const key = get(jwk)
      if (key === 'unusable') return false
      return jwk.crv === 'Ed25519' ? verifyWith('EdDSA', key, bytes, signature) : key.asymmetricKeyType === 'ec' && verify('sha256', bytes, { key, dsaEncoding: 'der' }, signature)
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
  if (jwk.kty === 'OKP' && soundEd25519(jwk.x) === undefined) return undefined
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
