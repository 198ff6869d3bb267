import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import type { Intent, IntentDigest } from '@symbolon/protocol/intent.ts'
import { parseProof, proofAlgorithm, type Proof } from '@symbolon/protocol/proof.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Keyring } from './signature.ts'

export interface ProofContext {
  readonly intent: Intent
  readonly digest: IntentDigest
  /** The deployment's issuer, from the roster. */
  readonly issuer: string
  /** SHA-256 of what the proof rides on; absent for a registered key. */
  readonly of?: Base64url
}

/** Is this a proof by this key for this very intent? `alg` follows from the key. @returns why not, or undefined */
export function checkProof(proof: Proof, jwk: ProofJwk, context: ProofContext, keyring: Keyring): Reason | undefined {
  const { header, payload, jws } = proof
  const alg = proofAlgorithm(jwk)
  if (header.alg !== alg) return reasonOf('proof_invalid', 'The proof’s alg is not that of its key.', { rule: 'proof.alg', fact: header.alg, remedy: `Sign with ${alg}.` })
  const other = otherThan(payload, context)
  if (other !== undefined) return reasonOf('proof_mismatch', `The proof’s ${other} is not that of this request.`, { rule: `proof.${other}` })
  if (payload.iat < context.intent.iat || payload.iat > context.intent.exp)
    return reasonOf('proof_expired', 'The proof was not made between the intent’s iat and exp.', { rule: 'proof.iat', fact: `${payload.iat}` })
  if (!keyring.verifies({ alg, jwk }, jws.signingInput, jws.signature)) return reasonOf('proof_invalid', 'The proof’s signature does not verify.', { rule: 'proof.signature' })
  return undefined
}

/** The same of a key that the proof carries and something else names, by its RFC 7638 thumbprint: a token’s `cnf`, a grant’s `key`. */
export function checkBoundProof(text: string, { jkt, rule }: { readonly jkt: Base64url; readonly rule: string }, context: ProofContext, keyring: Keyring): Reason | undefined {
  const proof = parseProof(text)
  if (proof === undefined) return reasonOf('evidence_malformed', 'The proof is not one.', { rule: 'proof' })
  const { jwk, kid } = proof.header
  if (jwk === undefined || kid !== undefined || thumbprint(jwk) !== jkt) return reasonOf('proof_invalid', 'The proof does not carry the key that this is bound to.', { rule })
  return checkProof(proof, keyring.carried(jkt, jwk), context, keyring)
}

function otherThan(payload: Proof['payload'], { intent, digest, issuer, of }: ProofContext): 'iss' | 'intent' | 'kind' | 'of' | undefined {
  if (payload.iss !== issuer) return 'iss'
  if (payload.intent !== toBase64url(digest)) return 'intent'
  if (payload.kind !== intent.kind) return 'kind'
  return payload.of === of ? undefined : 'of'
}
