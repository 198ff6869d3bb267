import { z } from 'zod'
import { bytesOf, lengthPrefixed, sha256, tagged, taggedHash, toBase64url, utf8, type Base64url, type Brand, type Digest } from './bytes.ts'
import { asked } from './asked.ts'
import { notNowCodes } from './errors.ts'
import { base64urlOf, digestText, seconds, signerId } from './fields.ts'
import { canonical } from './json.ts'
import { limits } from './limits.ts'
import { reason } from './reason.ts'
import { recordList } from './record.ts'

/* Coordinator → signer: `POST /v1/commitments` and `POST /v1/sign`. No field carries a header, claims or bytes to sign. */

/** A signer's promise of one nonce pair (RFC 9591, section 5.1): two encoded points. */
export const commitment = z.strictObject({ hiding: base64urlOf(32), binding: base64urlOf(32) })
export type Commitment = z.infer<typeof commitment>

const listed = z.strictObject({ id: signerId, ...commitment.shape })
export type ListedCommitment = z.infer<typeof listed>

/** Random, 16 bytes: new whenever the process starts; nonces of another boot are dead. */
export const bootId = base64urlOf(16)

export const signItem = z.strictObject({
  /** 16 random bytes per run of FROST. */
  attempt: base64urlOf(16),
  /** Which group key signs: a token's, or a record's of the vault. */
  purpose: z.enum(['token', 'record']),
  epoch: z.int().min(1),
  ...asked,
  /** For purpose `record`: the predecessor, where there is one. */
  records: recordList,
  /** SHA-256 of the bytes that the coordinator will aggregate over; the signer rebuilds them itself. */
  bytes_hash: digestText,
  /** Exactly t, by ascending id, the receiver's among them. */
  commitments: z.array(listed).min(1).max(limits.signers),
})
export type SignItem = z.infer<typeof signItem>

export const signRequest = z.strictObject({ v: z.literal(1), items: z.array(z.unknown()).min(1).max(limits.batchItems) })

/** Signed by the signer's identity key (P-256): this boot key speaks for me until I start again. */
const bootStatement = z.strictObject({ signer: signerId, boot: bootId, key: base64urlOf(32), iat: seconds })
export const bootCertificate = z.strictObject({ ...bootStatement.shape, signature: base64urlOf(64) })
export type BootCertificate = z.infer<typeof bootCertificate>
export const bootBytes = ({ signer, boot, key, iat }: z.infer<typeof bootStatement>): Uint8Array => tagged('boot/v1', canonical({ signer, boot, key, iat }))

/** A veto, signed by the boot key so that anyone can check it. */
export const refusalStatement = z.strictObject({ v: z.literal(1), signer: signerId, boot: bootId, request: digestText, shown: digestText, intent: digestText.optional(), iat: seconds, reasons: z.array(reason).min(1).max(64) })
export const refusal = z.strictObject({ ...refusalStatement.shape, signature: base64urlOf(64) })
export type Refusal = z.infer<typeof refusal>
export const refusalBytes = ({ signature: _, ...statement }: Omit<Refusal, 'signature'> & { signature?: unknown }): Uint8Array => tagged('refusal/v1', canonical(statement))

export const answer = z.discriminatedUnion('result', [
  /** R of the whole attempt as this signer computed it, and this signer's share z of the signature. */
  z.strictObject({ result: z.literal('signed'), R: base64urlOf(32), share: base64urlOf(32) }),
  z.strictObject({ result: z.literal('refused'), refusal }),
  z.strictObject({ result: z.literal('not_now'), code: z.enum(notNowCodes), retry_after: z.int().min(1).max(3600).optional() }),
])
export type Answer = z.infer<typeof answer>

export const signReply = z.strictObject({
  v: z.literal(1),
  boot: bootId,
  answers: z.array(answer).min(1).max(limits.batchItems),
  /** As many fresh ones as were spent. */
  commitments: z.array(commitment).max(limits.batchItems),
  /** By the boot key over `replyBytes`. */
  signature: base64urlOf(64),
})
export type SignReply = z.infer<typeof signReply>

export const commitmentsRequest = z.strictObject({ v: z.literal(1), count: z.int().min(1).max(limits.commitmentsHeld) })
export const commitmentsReply = z.strictObject({ v: z.literal(1), certificate: bootCertificate, epoch: z.int().min(1), roster: z.int().min(1), policy: digestText, commitments: z.array(commitment).max(limits.commitmentsHeld) })
export type CommitmentsReply = z.infer<typeof commitmentsReply>

/** signer: `GET /v1/status`. */
export const signerReport = z.strictObject({
  v: z.literal(1),
  certificate: bootCertificate,
  epoch: z.int().min(1),
  roster: z.int().min(1),
  policy: digestText,
  /** Sequence number and hash of the newest journal entry: a journal that grows shorter has lost something. */
  journal: z.strictObject({ seq: z.int().min(0), head: digestText }),
  /** How many secrets it knows the newest record of, and how many sequence numbers it has promised to records that it has not seen finished. */
  records: z.strictObject({ known: z.int().min(0), promised: z.int().min(0) }).optional(),
  /** Why it would not sign now; empty when well. */
  problems: z.array(z.string().max(200)).max(16),
})
export type SignerReport = z.infer<typeof signerReport>

/** What one item asked, fixed: all that a share depends on. Signed with the answer, so that blame can be checked by anyone. */
export type RequestHash = Brand<Digest, 'RequestHash'>
export function requestHash(item: Pick<SignItem, 'attempt' | 'purpose' | 'epoch' | 'intent' | 'bytes_hash' | 'commitments'>): RequestHash {
  const { attempt, purpose, epoch, intent, bytes_hash, commitments } = item
  return taggedHash('sign-request/v1', canonical({ attempt, purpose, epoch, intent, bytes_hash, commitments })) as RequestHash
}
/**
 * What a judgement went by besides the intent. A refusal names it: a coordinator that shows a signer false evidence, or asserts what is
 * not so, gets a veto on that, not one on what the requester sent.
 */
export const shownDigest = ({ roster, policy, evidence, approvals, asserted, records }: Pick<SignItem, 'roster' | 'policy' | 'evidence' | 'approvals' | 'asserted' | 'records'>): Base64url =>
  toBase64url(taggedHash('sign-shown/v1', canonical({ roster, policy, evidence, approvals, asserted, records })))
/** For an item that could not even be read. */
export const unreadableRequestHash = (item: unknown): RequestHash => taggedHash('sign-request-unreadable/v1', utf8(JSON.stringify(item))) as RequestHash

/** One answer, fixed: half of what a reply's signature says about an item. */
export const answerHash = (value: Answer): Digest => taggedHash('sign-answer/v1', canonical(value))

/** What the boot key signs for one reply: the boot id, then per item what was asked and what was answered. */
export function replyBytes(boot: Base64url, requests: readonly RequestHash[], answers: readonly Answer[]): Uint8Array {
  if (requests.length !== answers.length) throw new RangeError('one answer per request')
  const pairs = requests.flatMap((asked, at) => {
    const said = answers[at]
    return said === undefined ? [] : [asked, answerHash(said)]
  })
  return tagged('sign-reply/v1', lengthPrefixed(bytesOf(boot)), ...pairs)
}

/** @param message ASCII: a token's signing input, or a record's message */
export const bytesHash = (message: string): Base64url => toBase64url(sha256(utf8(message)))
