import { z } from 'zod'
import { errorCodes } from './errors.ts'
import { approvalList } from './approval.ts'
import { evidenceList } from './evidence.ts'
import { base64urlUpTo, digestText } from './fields.ts'
import { tokenIntent } from './intent.ts'
import { limits } from './limits.ts'
import { part, signerStatus } from './mint.ts'
import { decision, reason } from './reason.ts'

/* The api's public messages, one definition for server, SDK and OpenAPI. */

/** `POST /v1/tokens` and `POST /v1/explain`. */
export const tokenRequest = z.strictObject({
  /** Base64url of the intent's canonical bytes. */
  intent: base64urlUpTo(limits.intentBytes),
  evidence: evidenceList,
  approvals: approvalList.optional(),
})
export type TokenRequest = z.infer<typeof tokenRequest>

export const tokenResponse = z.object({
  token: z.string(),
  token_type: z.enum(['Bearer', 'DPoP']),
  /** Seconds. */
  expires_in: z.int(),
  /** RFC 3339. */
  expires_at: z.string(),
  scope: z.string(),
  jti: z.string(),
  request_id: z.string(),
  signers: z.array(part),
})
export type TokenResponse = z.infer<typeof tokenResponse>

export const explainResponse = z.object({
  /** Would a mint of exactly this be granted, as far as the api can judge; signers decide by themselves. */
  granted: z.boolean(),
  principal: z.string().optional(),
  decision: decision.optional(),
  reasons: z.array(reason),
  /** What the token would say. */
  claims: z.record(z.string(), z.unknown()).optional(),
  roster: z.int(),
  policy: z.string(),
  request_id: z.string(),
})
export type ExplainResponse = z.infer<typeof explainResponse>

/** `POST /v1/intents`: what a client that cannot build an intent wishes. The server adds `v kind nonce iat exp iss lineage`. */
export const intentRequest = tokenIntent.omit({ v: true, kind: true, nonce: true, iat: true, exp: true, iss: true, lineage: true }).extend({
  /** Absent: `sub` itself. */
  client: tokenIntent.shape.client.optional(),
  /** Absent: the deployment's default. */
  aud: tokenIntent.shape.aud.optional(),
})
export type IntentRequest = z.infer<typeof intentRequest>

/** The caller compares every field with what it asked for before it proves anything about it. */
export const intentResponse = z.object({
  /** Base64url of the canonical bytes. */
  intent: base64urlUpTo(limits.intentBytes),
  digest: digestText,
  /** What to ask a CI platform for. */
  audience: z.string(),
  fields: tokenIntent,
})
export type IntentResponse = z.infer<typeof intentResponse>

/** `GET /v1/status`. */
export const statusResponse = z.object({
  issuer: z.string(),
  jwks_uri: z.string(),
  lineage: z.string(),
  roster: z.int(),
  policy: z.string(),
  threshold: z.int(),
  ready: z.boolean(),
  problems: z.array(z.string()),
  audiences: z.array(z.string()),
  default_audience: z.string(),
  signers: z.array(signerStatus),
})
export type StatusResponse = z.infer<typeof statusResponse>

/** RFC 9457. The one shape of every error outside `/oauth/…`. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  code: z.enum(errorCodes),
  request_id: z.string(),
  /** JSON pointers into the request. */
  errors: z.array(z.strictObject({ pointer: z.string(), message: z.string() })).optional(),
  /** For a denial: the reasons, and who refused. */
  reasons: z.array(reason).optional(),
  decision: decision.optional(),
  /** For `not_ready`: what fails, and why. */
  failing: z.array(z.object({ check: z.string(), reason: z.string() })).optional(),
  /** How each signer took part, when that is why. */
  signers: z.array(part).optional(),
  /** Signed refusals, one per signer that refused: anyone can check them against the keyset. */
  refusals: z.array(z.unknown()).optional(),
})
export type ProblemDetails = z.infer<typeof problem>
