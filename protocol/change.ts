import { z } from 'zod'
import { certificate, stop } from './book.ts'
import { errorCodes, notNowCodes } from './errors.ts'
import { signerId } from './fields.ts'
import { limits } from './limits.ts'
import { reason } from './reason.ts'

/* api → coordinator, about who exists. The coordinator asks every signer, counts the words that it can verify, and hands on what they make. */

/** What one signer said. `faulty`: its word does not verify; `unreachable`: it said nothing. */
export const word = z.strictObject({
  signer: signerId,
  state: z.enum(['accepted', 'adopted', 'kept', 'refused', 'not_now', 'unreachable', 'faulty']),
  code: z.enum(errorCodes).optional(),
})
export type Word = z.infer<typeof word>

/** `POST /v1/changes`, which takes what a signer's `/v1/accept` takes. */
export const changeReply = z.discriminatedUnion('state', [
  /** t signers accept; their words are the certificate. `words`: who has adopted it by now; the others will hear of it from these. */
  z.strictObject({ v: z.literal(1), state: z.literal('accepted'), certificate, words: z.array(word) }),
  /** t accepts are impossible because of these vetoes. */
  z.strictObject({ v: z.literal(1), state: z.literal('refused'), reasons: z.array(reason).min(1).max(limits.signers * 4), words: z.array(word) }),
  /** Too few answered; the same may be asked again. */
  z.strictObject({ v: z.literal(1), state: z.literal('not_now'), code: z.enum(notNowCodes), words: z.array(word) }),
])
export type ChangeReply = z.infer<typeof changeReply>

/** `POST /v1/stops`: every signer is shown them; each judges by itself. */
export const stopsRequest = z.strictObject({ v: z.literal(1), stops: z.array(stop).min(1).max(16) })
export type StopsRequest = z.infer<typeof stopsRequest>
export const stopsReply = z.strictObject({ v: z.literal(1), words: z.array(word), reasons: z.array(reason).max(limits.signers * 4) })
export type StopsReply = z.infer<typeof stopsReply>
