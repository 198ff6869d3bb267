import { createPublicKey, sign, type KeyObject } from 'node:crypto'
import { fromBase64url, sha256, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { proofJwk, type ProofJwk } from '@symbolon/protocol/fields.ts'
import type { Grant } from '@symbolon/protocol/grant.ts'
import { intentDigest, type Intent } from '@symbolon/protocol/intent.ts'
import { assembleJws } from '@symbolon/protocol/jws.ts'
import { checkShape } from '@symbolon/protocol/json.ts'
import { proofAlgorithm, proofSigningInput } from '@symbolon/protocol/proof.ts'
import { failed, ok, type Outcome } from './errors.ts'
import type { BuiltIntent } from './intent.ts'

/** Something that can show, for one intent, who asks. */
export interface Credential {
  /** For people: `key worker-key of worker`, `GitHub Actions`. */
  readonly description: string
  /** Evidence for exactly this intent, made or fetched now. */
  evidence(built: BuiltIntent<Intent>, now: number): Promise<Outcome<readonly Evidence[]>>
}

/** A registered Ed25519 or P-256 key. `kid` is the key's id in the roster. */
export function keyCredential({ key, kid, sub }: { readonly key: KeyObject; readonly kid: string; readonly sub: string }): Credential {
  return {
    description: `key ${kid} of ${sub}`,
    evidence: async (built, now) => {
      const proof = signProof({ key, built, now, kid })
      return proof.ok ? ok([{ kind: 'key', proof: proof.value }]) : proof
    },
  }
}

/** A live token of this deployment with the key that its `cnf` names. */
export function tokenCredential({ token, key }: { readonly token: string; readonly key: KeyObject }): Credential {
  return {
    description: 'a token and its key',
    evidence: async (built, now) => {
      const proof = signProof({ key, built, now, of: toBase64url(sha256(utf8(token))) })
      return proof.ok ? ok([{ kind: 'token', token, proof: proof.value }]) : proof
    },
  }
}

/** A person's grant and the key that it was given to. The proof rides on the digest of the grant's intent. */
export function grantCredential({ grant, key, description = 'a grant' }: { readonly grant: Grant; readonly key: KeyObject; readonly description?: string }): Credential {
  return {
    description,
    evidence: async (built, now) => {
      const bytes = fromBase64url(grant.intent)
      if (bytes === undefined) return failed('credential_unusable', { detail: 'the grant cannot be read' })
      const proof = signProof({ key, built, now, of: toBase64url(intentDigest(bytes)) })
      return proof.ok ? ok([{ kind: 'grant', ...grant, proof: proof.value }]) : proof
    },
  }
}

/** An ID token that is fetched once the intent is known, for the audience that its digest makes. */
export function idTokenCredential({ description, fetch }: { readonly description: string; fetch(audience: string): Promise<Outcome<string>> }): Credential {
  return {
    description,
    evidence: async (built) => {
      const token = await fetch(built.boundAudience)
      return token.ok ? ok([{ kind: 'id_token', token: token.value }]) : token
    },
  }
}

interface ProofOptions {
  readonly key: KeyObject
  readonly built: BuiltIntent<Intent>
  /** Seconds. */
  readonly now: number
  /** Id of a roster key; absent: the public key itself goes along, for a token's `cnf` or a grant's key. */
  readonly kid?: string
  /** Hash of what the proof rides on. */
  readonly of?: Base64url
}

/** A JWS by which the key says "I ask for this intent". `alg` follows from the key. */
export function signProof({ key, built, now, kid, of }: ProofOptions): Outcome<string> {
  const jwk = publicJwk(key)
  if (!jwk.ok) return jwk
  const alg = proofAlgorithm(jwk.value)
  const { iss, kind } = built.intent
  const input = proofSigningInput(
    { typ: 'symbolon-proof+jwt', alg, ...(kid === undefined ? { jwk: jwk.value } : { kid }) },
    { iss, intent: built.digestText, kind, iat: now, ...(of === undefined ? {} : { of }) },
  )
  const signature = alg === 'EdDSA' ? sign(null, utf8(input), key) : sign('sha256', utf8(input), { key, dsaEncoding: 'ieee-p1363' })
  return ok(assembleJws(input, signature))
}

export function publicJwk(key: KeyObject): Outcome<ProofJwk> {
  if (key.type !== 'private' || (key.asymmetricKeyType !== 'ed25519' && key.asymmetricKeyType !== 'ec')) return failed('credential_unusable', { detail: 'not an Ed25519 or P-256 private key' })
  const shape = checkShape(proofJwk, createPublicKey(key).export({ format: 'jwk' }))
  return shape.ok ? ok(shape.value) : failed('credential_unusable', { detail: 'not an Ed25519 or P-256 private key' })
}
