import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ed25519Jwk, type ProofJwk } from '@symbolon/protocol/fields.ts'
import { decodePoint, jwkOfPoint } from '@symbolon/protocol/p256.ts'

/* A new passkey as the roster has it, from what the authenticator said. Signers read the same from the attestation, and compare. */

export interface NewKey {
  readonly key: ProofJwk
  readonly aaguid: string
  /** Backup eligible (WebAuthn, section 6.1.3). */
  readonly synced: boolean
}

/**
 * @param authenticatorData section 6.1, with attested credential data (6.5.1)
 * @param spki DER of the public key, as `getPublicKey()` gives it
 * @param algorithm COSE: −7 is ES256, −8 EdDSA
 * @returns undefined for what is neither
 */
export function newKey(authenticatorData: Uint8Array, spki: Uint8Array, algorithm: number): NewKey | undefined {
  const flags = authenticatorData[32]
  // AT (bit 6): there is a credential; 37 bytes stand before its AAGUID.
  if (flags === undefined || (flags & 0x40) === 0 || authenticatorData.length < 53) return undefined
  const key = keyOf(spki, algorithm)
  return key === undefined ? undefined : { key, aaguid: aaguidText(authenticatorData.subarray(37, 53)), synced: (flags & 0x08) !== 0 }
}

// The key's bytes end both structures (RFC 5480, section 2.2; RFC 8410, section 4), whose lengths are fixed for these curves.
function keyOf(spki: Uint8Array, algorithm: number): ProofJwk | undefined {
  if (algorithm === -7 && spki.length === 91) {
    const point = decodePoint(spki.subarray(26))
    return point === undefined ? undefined : jwkOfPoint(point)
  }
  if (algorithm === -8 && spki.length === 44) return ed25519Jwk.parse({ kty: 'OKP', crv: 'Ed25519', x: toBase64url(spki.subarray(12)) satisfies Base64url })
  return undefined
}

function aaguidText(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
