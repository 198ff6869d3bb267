import { z } from 'zod'
import { approvalList } from './approval.ts'
import { ciphertextHead } from './ciphertext.ts'
import { evidenceList } from './evidence.ts'
import { base64urlUpTo, signerId } from './fields.ts'
import { secretPath } from './label.ts'
import { limits } from './limits.ts'
import { part } from './mint.ts'
import { provenReceipt, sealedPartials } from './open.ts'
import { signedRecord } from './record.ts'

/*
 * The vault's public messages, one definition for server, SDK and console. Clients believe none of it: each record carries the quorum's
 * signature, each receipt a signer's, and what is opened is opened by the caller.
 */

const asking = {
  /** Base64url of the intent's canonical bytes. */
  intent: base64urlUpTo(limits.intentBytes),
  evidence: evidenceList,
  approvals: approvalList.optional(),
}

/** A ciphertext's body as it travels: base64url. */
const bodyText = base64urlUpTo(limits.secretBodyBytes)

/** `POST /v1/secrets/read`: an intent of kind `secret.read`. */
export const readRequest = z.strictObject({
  ...asking,
  /** Signers whose parts did not verify when the same intent was asked before: others are asked first. */
  avoid: z.array(signerId).max(limits.signers).optional(),
})
export type ReadRequest = z.infer<typeof readRequest>
export const readResponse = z.object({
  /** In the intent's order. */
  secrets: z.array(z.object({ path: secretPath, record: signedRecord, head: ciphertextHead, body: bodyText })).min(1).max(limits.labels),
  /** Epoch of the `vault` group key that the partials are of. */
  epoch: z.int().min(1),
  /** Exactly t. */
  opened: z.array(z.object({ signer: signerId, sealed: sealedPartials })).min(1).max(limits.signers),
  request_id: z.string(),
  signers: z.array(part),
})
export type ReadResponse = z.infer<typeof readResponse>

/** `POST /v1/secrets/change`: an intent that yields a record; for `secret.write` with the ciphertext that it names. */
export const changeSecretRequest = z.strictObject({ ...asking, head: ciphertextHead.optional(), body: bodyText.optional() })
export type ChangeSecretRequest = z.infer<typeof changeSecretRequest>
/** 200 once t signers have receipted the record; 202 while fewer have. */
export const changeSecretResponse = z.object({
  record: signedRecord,
  receipts: z.array(provenReceipt).max(limits.signers),
  pending: z.boolean(),
  request_id: z.string(),
  signers: z.array(part),
})
export type ChangeSecretResponse = z.infer<typeof changeSecretResponse>

/** `POST /v1/secrets/receipts`: for a change that was pending: asks the signers again. `secret.list` with its path. */
export const receiptsResponse = changeSecretResponse.omit({ signers: true })

/** `POST /v1/secrets/list`: an intent of kind `secret.list` with `prefix`. */
export const listRequest = z.strictObject({
  ...asking,
  /** Substring of the path, of a tag, or of a custom value. */
  search: z.string().min(1).max(128).regex(/^[\x20-\x7e]+$/).optional(),
  cursor: z.string().min(1).max(1024).regex(/^[A-Za-z0-9_.-]+$/).optional(),
  /** Rows; 1 to 500. */
  limit: z.int().min(1).max(500).optional(),
})
export type ListRequest = z.infer<typeof listRequest>
export const listResponse = z.object({
  /** Folders end in a slash and carry no record: they are the vault's word. Rows carry theirs. */
  entries: z.array(z.union([z.object({ folder: z.string() }), z.object({ path: secretPath, record: signedRecord })])),
  cursor: z.string().optional(),
  request_id: z.string(),
})
export type ListResponse = z.infer<typeof listResponse>

/** `POST /v1/secrets/records`: an intent of kind `secret.list` with `paths`: the newest record of each, null where there is none. */
export const recordsRequest = z.strictObject(asking)
export const recordsResponse = z.object({ records: z.array(signedRecord.nullable()), request_id: z.string() })

/** `POST /v1/secrets/history`: an intent of kind `secret.list` with one path: every record there was, newest first. */
export const historyRequest = z.strictObject({ ...asking, cursor: listRequest.shape.cursor, limit: listRequest.shape.limit })
export const historyResponse = z.object({ records: z.array(signedRecord), cursor: z.string().optional(), request_id: z.string() })

/** `POST /v1/secrets/export`: an intent of kind `secret.list` with `prefix` and `recursive`: ciphertexts and records, page by page. Nothing in it is secret from who holds no t shares. */
export const exportRequest = z.strictObject({ ...asking, cursor: listRequest.shape.cursor })
const kept = z.object({ record: signedRecord, history: z.array(signedRecord).max(1000), versions: z.array(z.object({ head: ciphertextHead, body: bodyText })).max(limits.secretVersions) })
export const exportResponse = z.object({ secrets: z.array(kept), cursor: z.string().optional(), request_id: z.string() })
export type ExportResponse = z.infer<typeof exportResponse>

/** `POST /v1/secrets/import`: the same, back again: what the quorum did not sign, or is older than what is there, is left out and named. The intent is of kind `secret.list`; policy asks for `write` on each path. */
export const importRequest = z.strictObject({ ...asking, secrets: z.array(z.strictObject({ record: signedRecord, history: z.array(signedRecord).max(1000), versions: z.array(z.strictObject({ head: ciphertextHead, body: bodyText })).max(limits.secretVersions) })).min(1).max(64) })
export const importResponse = z.object({ taken: z.int().min(0), left: z.array(z.object({ path: z.string(), why: z.enum(['older', 'same', 'unsigned', 'ciphertext_invalid', 'denied']) })), request_id: z.string() })
export type ImportResponse = z.infer<typeof importResponse>

/** `POST /v1/secrets/explain`: a dry intent of any kind about secrets; answered like the api's explain. */
export const explainSecretRequest = z.strictObject(asking)
