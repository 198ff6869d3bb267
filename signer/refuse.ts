import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { refusalBytes, shownDigest, type Answer, type RequestHash, type SignItem } from '@symbolon/protocol/sign.ts'
import type { Boot } from './boot.ts'

/* The two ways of not signing. A refusal is a judgement on the request: signed, and a veto. `not_now` speaks of this machine only. */

export interface Refusing {
  readonly id: number
  readonly boot: Boot
}

/** @param intent digest of the intent, if it could be read */
export function refuse({ id, boot }: Refusing, about: { readonly request: RequestHash; readonly item: SignItem; readonly intent: Uint8Array | undefined; readonly iat: number }, reasons: readonly Reason[]): Answer {
  const statement = { v: 1 as const, signer: id, boot: boot.id, request: toBase64url(about.request), shown: shownDigest(about.item), ...(about.intent === undefined ? {} : { intent: toBase64url(about.intent) }), iat: about.iat, reasons: [...reasons] }
  return { result: 'refused', refusal: { ...statement, signature: boot.sign(refusalBytes(statement)) } }
}

export const notNow = (code: NotNowCode, retryAfter?: number): Answer => ({ result: 'not_now', code, ...(retryAfter === undefined ? {} : { retry_after: Math.min(3_600, Math.max(1, retryAfter)) }) })

export const boundOtherwise: Reason = reasonOf('intent_bound_otherwise', 'This signer has already answered this intent with other bytes or other evidence.', { rule: 'signer.binding' })
export const evidenceSpent: Reason = reasonOf('evidence_spent', 'This signer has seen this evidence for another intent, or from another key.', { rule: 'signer.binding' })
