import { z } from 'zod'
import { digestText, issuerUrl, proofJwk, rosterId, seconds, type ProofJwk } from './fields.ts'
import { intentKinds } from './intent.ts'
import { jwsSigningInput, parseJws, type Jws } from './jws.ts'
import { checkShape } from './json.ts'

/**
 * A proof: a JWS with `typ: symbolon-proof+jwt` by which a key says "I ask for this intent". `alg` follows from the key, never from
 * the message. Either `kid` (a key in the roster) or `jwk` (a key that a token's `cnf` names) identifies it.
 */
export const proofHeader = z.strictObject({
  typ: z.literal('symbolon-proof+jwt'),
  alg: z.enum(['EdDSA', 'ES256']),
  kid: rosterId.optional(),
  jwk: proofJwk.optional(),
})

const proofPayload = z.strictObject({
  /** The deployment, as in the intent. */
  iss: issuerUrl,
  /** The intent's digest. */
  intent: digestText,
  /** The intent's kind. */
  kind: z.enum(intentKinds),
  iat: seconds,
  /** SHA-256 of the grant, token or certificate that the proof rides on; absent for a registered key. */
  of: digestText.optional(),
})

/** The one algorithm of a proof by this key. */
export const proofAlgorithm = (jwk: ProofJwk): 'EdDSA' | 'ES256' => (jwk.crv === 'Ed25519' ? 'EdDSA' : 'ES256')

export interface Proof {
  readonly header: z.infer<typeof proofHeader>
  readonly payload: z.infer<typeof proofPayload>
  readonly jws: Jws
}

export const proofSigningInput = (header: z.infer<typeof proofHeader>, payload: z.infer<typeof proofPayload>): string =>
  jwsSigningInput(proofHeader.parse(header), proofPayload.parse(payload))

/** @returns undefined for anything that is not exactly a proof. The signature is not checked here. */
export function parseProof(text: string): Proof | undefined {
  const jws = parseJws(text)
  if (jws === undefined) return undefined
  const header = checkShape(proofHeader, jws.header)
  const payload = checkShape(proofPayload, jws.payload)
  return header.ok && payload.ok ? { header: header.value, payload: payload.value, jws } : undefined
}
