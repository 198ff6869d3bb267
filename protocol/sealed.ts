import { tagged, taggedHash, toBase64url, type Base64url } from './bytes.ts'
import type { Evidence } from './evidence.ts'
import type { IntentDigest } from './intent.ts'
import { canonical } from './json.ts'

/*
 * ID tokens that are sealed to each signer, HPKE (RFC 9180) in base mode: DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one single-shot
 * message to each receive key of the keyset, without additional data. The plaintext is the token in compact form.
 */

export type SealedEvidence = Extract<Evidence, { readonly kind: 'sealed_id_token' }>

/** HPKE's `info`: what is sealed for one intent opens for no other. */
export const sealedInfo = (digest: IntentDigest): Uint8Array => tagged('sealed-id-token/v1', digest)

/** What the proof beside it names as `of`: this very list of ciphertexts. */
export const sealedDigest = (sealed: SealedEvidence['sealed']): Base64url => toBase64url(taggedHash('sealed-id-token-list/v1', canonical(sealed)))
