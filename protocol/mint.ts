import { z } from 'zod'
import { asked } from './asked.ts'
import { errorCodes, notNowCodes } from './errors.ts'
import { base64urlOf, line, signerId } from './fields.ts'
import { limits } from './limits.ts'
import { purpose } from './purpose.ts'
import { recordList, recordTag } from './record.ts'
import { refusal } from './sign.ts'

/* api or vault → coordinator: `POST /v1/mint`, 1 to 64 independent items: tokens and records. Whoever asks has judged each already; the signers' answers decide. */

const mintItem = z.strictObject({
  request_id: line(64),
  purpose: z.enum(['token', 'record']),
  ...asked,
  /** For purpose `record`: the predecessor, where there is one. */
  records: recordList,
  /** ASCII of the message that the asker's own judgement built (a token's signing input, a record's message): what the coordinator aggregates over. */
  bytes: z.string().max(limits.messageBytes).refine((text) => /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(text) || (text.startsWith(recordTag) && /^\{[\x20-\x7e]+\}$/.test(text.slice(recordTag.length))), 'must be a signing input or a record’s message'),
})
export type MintItem = z.infer<typeof mintItem>
export const mintRequest = z.strictObject({ v: z.literal(1), items: z.array(mintItem).min(1).max(limits.batchItems) })

/** How a signer took part, for the record and for people. */
export const part = z.strictObject({ signer: signerId, state: z.enum(['signed', 'opened', 'refused', 'not_now', 'unreachable', 'faulty', 'unused']), code: z.enum(errorCodes).optional() })
export type Part = z.infer<typeof part>

export const mintOutcome = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('signed'), signature: base64urlOf(64), parts: z.array(part) }),
  /** t yeses are impossible because of these vetoes. */
  z.strictObject({ outcome: z.literal('refused'), refusals: z.array(refusal).min(1), parts: z.array(part) }),
  z.strictObject({ outcome: z.literal('unreachable'), code: z.enum(notNowCodes), parts: z.array(part), retry_after: z.int().min(1).max(3600).optional() }),
  z.strictObject({ outcome: z.literal('faulty'), parts: z.array(part) }),
])
export type MintOutcome = z.infer<typeof mintOutcome>
export const mintReply = z.strictObject({ v: z.literal(1), outcomes: z.array(mintOutcome).min(1).max(limits.batchItems), timings: z.strictObject({ log_us: z.int().min(0), quorum_us: z.int().min(0) }).optional() })
export type MintReply = z.infer<typeof mintReply>

/** coordinator: `GET /v1/status`. */
export const signerStatus = z.strictObject({
  id: signerId,
  name: line(64),
  healthy: z.boolean(),
  /** Why not. */
  problem: z.string().max(200).optional(),
  epoch: z.int().min(0),
  roster: z.int().min(0),
  policy: z.string().max(64),
  boot: z.string().max(64).optional(),
  commitments: z.int().min(0),
})
export type SignerStatus = z.infer<typeof signerStatus>
export const coordinatorStatus = z.strictObject({
  v: z.literal(1),
  threshold: z.int().min(1),
  signers: z.array(signerStatus),
  /** The keys that it asks signers to use. */
  groups: z.array(z.strictObject({ purpose, epoch: z.int().min(1), threshold: z.int().min(1) })).optional(),
})
export type CoordinatorStatus = z.infer<typeof coordinatorStatus>
