import { z } from 'zod'
import { asked } from './asked.ts'
import { ciphertextHead } from './ciphertext.ts'
import { lengthPrefixed, tagged, taggedHash, bytesOf, type Base64url, type Digest } from './bytes.ts'
import { notNowCodes } from './errors.ts'
import { base64urlOf, base64urlUpTo, digestText, line, seconds, signerId } from './fields.ts'
import { canonical } from './json.ts'
import { limits } from './limits.ts'
import { part } from './mint.ts'
import { recordList, signedRecord } from './record.ts'
import { bootCertificate, bootId, refusal, type RequestHash } from './sign.ts'

/*
 * Opening secrets: vault → coordinator → t signers, `POST /v1/open`; and what t signers know of a finished record, `POST /v1/receipts` and
 * `POST /v1/known`. What a signer gives is sealed to the key that the intent names: whoever carries it learns nothing.
 */

/** The intent is of kind `secret.read`. */
const opening = {
  ...asked,
  /** One of each for each label, in the intent's order: the secret's newest record, and the head of the version that is read. */
  records: recordList.min(1),
  heads: z.array(ciphertextHead).min(1).max(limits.labels),
}

/** Coordinator → signer. */
export const openItem = z.strictObject({ ...opening, attempt: base64urlOf(16), epoch: z.int().min(1) })
export type OpenItem = z.infer<typeof openItem>
export const openRequest = z.strictObject({ v: z.literal(1), items: z.array(z.unknown()).min(1).max(limits.openItems) })

/** HPKE (RFC 9180) in base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, to the intent's `reply` key. */
export const sealedPartials = z.strictObject({ enc: base64urlOf(65), ct: base64urlUpTo(16 + 256 * limits.labels) })
export type SealedPartials = z.infer<typeof sealedPartials>
/** HPKE's `info`: what is sealed for one intent and these ciphertexts opens for no other. */
export const openedInfo = (about: { readonly intent: Base64url; readonly group: Base64url; readonly epoch: number; readonly signer: number; readonly ciphertexts: readonly Base64url[] }): Uint8Array => tagged('opened/v1', canonical(about))

/** One signer's partial decryption of one ciphertext, with its proof (DLEQ). */
export const partial = z.strictObject({ point: base64urlOf(32), e: base64urlOf(32), f: base64urlOf(32) })
export type WirePartial = z.infer<typeof partial>
/** What is sealed: canonical JSON, one partial for each label, in order. */
export const partials = z.strictObject({ v: z.literal(1), partials: z.array(partial).min(1).max(limits.labels) })

export const openAnswer = z.discriminatedUnion('result', [
  z.strictObject({ result: z.literal('opened'), sealed: sealedPartials }),
  z.strictObject({ result: z.literal('refused'), refusal }),
  z.strictObject({ result: z.literal('not_now'), code: z.enum(notNowCodes), retry_after: z.int().min(1).max(3600).optional() }),
])
export type OpenAnswer = z.infer<typeof openAnswer>
export const openReply = z.strictObject({ v: z.literal(1), certificate: bootCertificate, answers: z.array(openAnswer).min(1).max(limits.openItems), signature: base64urlOf(64) })
export type OpenReply = z.infer<typeof openReply>

export const openRequestHash = ({ attempt, epoch, intent, records, heads }: Pick<OpenItem, 'attempt' | 'epoch' | 'intent' | 'records' | 'heads'>): RequestHash =>
  taggedHash('open-request/v1', canonical({ attempt, epoch, intent, records, heads })) as RequestHash
const openAnswerHash = (value: OpenAnswer): Digest => taggedHash('open-answer/v1', canonical(value))
/** What the boot key signs for one reply. */
export const openReplyBytes = (boot: Base64url, requests: readonly RequestHash[], answers: readonly OpenAnswer[]): Uint8Array =>
  tagged('open-reply/v1', lengthPrefixed(bytesOf(boot)), ...requests.flatMap((request, at) => (answers[at] === undefined ? [] : [request, openAnswerHash(answers[at])])))

/** Vault → coordinator, `POST /v1/open`. */
export const openWish = z.strictObject({
  ...opening,
  request_id: line(64),
  /** Signers whose parts the reader found bad when it asked before: they come last. Its own affair; nobody else's wish is touched by it. */
  avoid: z.array(signerId).max(limits.signers).optional(),
})
export type OpenWish = z.infer<typeof openWish>
export const openWishes = z.strictObject({ v: z.literal(1), items: z.array(openWish).min(1).max(limits.openItems) })
export const openOutcome = z.discriminatedUnion('outcome', [
  /** Exactly t. */
  z.strictObject({ outcome: z.literal('opened'), epoch: z.int().min(1), opened: z.array(z.strictObject({ signer: signerId, sealed: sealedPartials })).min(1), parts: z.array(part) }),
  z.strictObject({ outcome: z.literal('refused'), refusals: z.array(refusal).min(1), parts: z.array(part) }),
  z.strictObject({ outcome: z.literal('unreachable'), code: z.enum(notNowCodes), parts: z.array(part), retry_after: z.int().min(1).max(3600).optional() }),
  z.strictObject({ outcome: z.literal('faulty'), parts: z.array(part) }),
])
export type OpenOutcome = z.infer<typeof openOutcome>
export const openOutcomes = z.strictObject({ v: z.literal(1), outcomes: z.array(openOutcome).min(1).max(limits.openItems), timings: z.strictObject({ log_us: z.int().min(0), quorum_us: z.int().min(0) }).optional() })
export type OpenReplies = z.infer<typeof openOutcomes>

/** A signer's word, by its boot key, that this is the newest record of that secret that it knows. */
export const receiptStatement = z.strictObject({ v: z.literal(1), signer: signerId, boot: bootId, record: digestText, seq: z.int().min(1), iat: seconds })
export const receipt = z.strictObject({ ...receiptStatement.shape, signature: base64urlOf(64) })
export type Receipt = z.infer<typeof receipt>
export const receiptBytes = ({ v, signer, boot, record, seq, iat }: z.infer<typeof receiptStatement>): Uint8Array => tagged('receipt/v1', canonical({ v, signer, boot, record, seq, iat }))
/** A receipt and the certificate of the boot key that signed it: checkable by the keyset alone. */
export const provenReceipt = z.strictObject({ receipt, certificate: bootCertificate })
export type ProvenReceipt = z.infer<typeof provenReceipt>

/** `POST /v1/receipts`, vault → coordinator → every signer: finished records. From a signer one receipt each, or null where it knows a newer one or cannot keep it. */
export const receiptsRequest = z.strictObject({ v: z.literal(1), records: z.array(signedRecord).min(1).max(limits.batchItems) })
export const signerReceipts = z.strictObject({ v: z.literal(1), certificate: bootCertificate, receipts: z.array(receipt.nullable()).min(1).max(limits.batchItems) })
export type SignerReceipts = z.infer<typeof signerReceipts>
/** From the coordinator: for each record the receipts of those who answered, by ascending signer. */
export const receiptsReply = z.strictObject({ v: z.literal(1), receipts: z.array(z.array(provenReceipt).max(limits.signers)).min(1).max(limits.batchItems) })
export type Receipts = z.infer<typeof receiptsReply>

/** `POST /v1/known`, vault → coordinator → signers: the newest record of each path, for a vault that lost it. Null: none. Digests of paths. */
export const knownRequest = z.strictObject({ v: z.literal(1), paths: z.array(digestText).min(1).max(limits.batchItems) })
/** From a signer; from the coordinator the newest of what they gave. The signature on each says that it is one; the vault verifies it. */
export const knownReply = z.strictObject({ v: z.literal(1), records: z.array(signedRecord.nullable()).min(1).max(limits.batchItems) })
export type Known = z.infer<typeof knownReply>
