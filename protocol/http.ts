import { z } from 'zod'
import { approvalList, evidenceList } from './evidence.ts'
import { base64urlUpTo } from './fields.ts'
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
