import { z } from 'zod'
import { errorCodes } from './errors.ts'
import { approval, approvalList } from './approval.ts'
import { certifiedEntry, change, entry, stop } from './book.ts'
import { word } from './change.ts'
import { evidenceList } from './evidence.ts'
import { base64urlUpTo, digestText, line, rosterId, seconds, signerId } from './fields.ts'
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
  /** The newest roster version that t signers have adopted; `roster` is the one that this api answers by. Absent: too few signers answer. */
  roster_in_force: z.int().optional(),
  /** Proposed changes that wait for approvals. */
  pending: z.int(),
  /** Where people sign in, if there is a console. */
  console_url: z.string().optional(),
  /** Where secrets lie, if there is a vault. Nothing that it says is believed. */
  vault_addr: z.string().optional(),
})
export type StatusResponse = z.infer<typeof statusResponse>

/* Who exists, and changes to it. What is stored meanwhile grants nothing: signers judge all of it again, from the signatures alone. */

/** `POST /v1/roster` and `POST /v1/changes/list`: an intent of kind `read`, for `roster` or `changes`. */
export const readRequest = z.strictObject({
  /** Base64url of the intent's canonical bytes. */
  intent: base64urlUpTo(limits.intentBytes),
  evidence: evidenceList,
})
export type ReadRequest = z.infer<typeof readRequest>

const stopSummary = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('revoke'), digest: digestText, by: rosterId, iat: seconds, until: seconds, what: z.enum(['grant', 'token']), id: digestText }),
  z.object({ kind: z.literal('lock'), digest: digestText, by: rosterId, iat: seconds, until: seconds, row: rosterId }),
])
export type StopSummary = z.infer<typeof stopSummary>

export const rosterResponse = z.object({
  /** Base64url of the canonical bytes of the version in force. Believe it if its digest is the one that your keyset names. */
  document: base64urlUpTo(4 * 1024 * 1024),
  version: z.int(),
  digest: digestText,
  /** What rows have done to themselves since: each speaks for itself, by its certificate. */
  entries: z.array(certifiedEntry),
  /** Those that still stop somebody. */
  stops: z.array(stopSummary),
  /** Which version each signer has adopted; 0: it does not answer. */
  signers: z.array(z.object({ id: signerId, name: line(64), version: z.int() })),
  /** Ascending, from version 2. `iat`: when it was proposed. */
  history: z.array(z.object({ version: z.int(), digest: digestText, iat: seconds, proposer: rosterId, approvers: z.array(rosterId) })),
  request_id: z.string(),
})
export type RosterResponse = z.infer<typeof rosterResponse>

/** `POST /v1/changes`: propose the next version. Sent again, it says how the change stands. */
export const changeRequest = z.strictObject({ change })
export type ChangeRequest = z.infer<typeof changeRequest>

/** Where a change stands. `refused`: a guardian said no, or so many signers that it cannot be accepted; it takes a new one. */
const standing = {
  /** Of the intent. Approvals name it. */
  digest: digestText,
  /** The version to be made. */
  version: z.int(),
  state: z.enum(['pending', 'accepted', 'refused']),
  /** Approvals that the rule asks for, in all. */
  needed: z.int(),
  /** Whose approvals count so far. */
  approvers: z.array(rosterId),
  /** Who said no. */
  denied: z.array(rosterId),
  /** Why it was refused. */
  reasons: z.array(reason).optional(),
  /** Why it is pending although nobody's approval is missing: signers could not be asked; they will be again. */
  waits_for: z.enum(errorCodes).optional(),
  /** What each signer said, where they were asked. */
  signers: z.array(word).optional(),
}
export const changeResponse = z.object({ ...standing, request_id: z.string() })
export type ChangeResponse = z.infer<typeof changeResponse>

/** `POST /v1/changes/list`. */
export const changesResponse = z.object({
  /** Of the version in force: what the changes are based on. */
  version: z.int(),
  /** Newest first: those that wait for approvals, and those that were refused of late. `change` comes without its policy bundle: `to` in its intent covers that by digest. */
  changes: z.array(z.object({ ...standing, proposer: rosterId, iat: seconds, exp: seconds, change: change.omit({ bundle: true }) })),
  request_id: z.string(),
})
export type ChangesResponse = z.infer<typeof changesResponse>

/** `POST /v1/changes/approvals`: a yes or a no to a pending change, named by the digest of its intent. Answered as a proposal is. */
export const approvalRequest = z.strictObject({ digest: digestText, approval })
export type ApprovalRequest = z.infer<typeof approvalRequest>

/** `POST /v1/entries`: an enrolment by invitation, or a key's rotation. */
export const entryRequest = z.strictObject({ entry })
export type EntryRequest = z.infer<typeof entryRequest>
export const entryResponse = z.object({
  /** Of the entry's statement. */
  digest: digestText,
  state: z.literal('accepted'),
  signers: z.array(word),
  request_id: z.string(),
})
export type EntryResponse = z.infer<typeof entryResponse>

/** `POST /v1/stops`: revoke a grant or token, lock a row. */
export const stopRequest = stop
export type StopRequest = z.infer<typeof stopRequest>
/** At least t signers keep it, so one that is honest does, and the others hear of it in seconds. */
export const stopResponse = z.object({ digest: digestText, signers: z.array(word), request_id: z.string() })
export type StopResponse = z.infer<typeof stopResponse>

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
  /** The same, about who exists. */
  words: z.array(word).optional(),
  /** Signed refusals, one per signer that refused: anyone can check them against the keyset. */
  refusals: z.array(z.unknown()).optional(),
})
export type ProblemDetails = z.infer<typeof problem>
