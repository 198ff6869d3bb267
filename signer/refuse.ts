import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { refusalBytes, shownDigest, type Answer, type RequestHash } from '@symbolon/protocol/sign.ts'
import type { Boot } from './boot.ts'
import type { Recorded } from './journal.ts'

/* The two ways of not signing. A refusal is a judgement on the request: signed, and a veto. `not_now` speaks of this machine only. */

/** What is said instead, whatever was asked for. */
export type Declined = Extract<Answer, { readonly result: 'refused' | 'not_now' }>

export interface Refusing {
  readonly id: number
  readonly boot: Boot
}

/** @param intent digest of the intent, if it could be read */
export function refuse({ id, boot }: Refusing, about: { readonly request: RequestHash; readonly item: Parameters<typeof shownDigest>[0]; readonly intent: Uint8Array | undefined; readonly iat: number }, reasons: readonly Reason[]): Declined {
  const statement = { v: 1 as const, signer: id, boot: boot.id, request: toBase64url(about.request), shown: shownDigest(about.item), ...(about.intent === undefined ? {} : { intent: toBase64url(about.intent) }), iat: about.iat, reasons: [...reasons] }
  return { result: 'refused', refusal: { ...statement, signature: boot.sign(refusalBytes(statement)) } }
}

export const notNow = (code: NotNowCode, retryAfter?: number): Declined => ({ result: 'not_now', code, ...(retryAfter === undefined ? {} : { retry_after: Math.min(3_600, Math.max(1, retryAfter)) }) })

/** Why an earlier word of this signer stands against a yes. */
export function standing(outcome: Recorded): readonly Reason[] {
  switch (outcome) {
    case 'bound_otherwise':
      return [reasonOf('intent_bound_otherwise', 'This signer has already answered this intent with other bytes or other evidence.', { rule: 'signer.binding' })]
    case 'evidence_spent':
      return [reasonOf('evidence_spent', 'This signer has seen this evidence for another intent, or from another key.', { rule: 'signer.binding' })]
    case 'record_stale':
      return [reasonOf('record_stale', 'This signer knows a newer record of this secret than the request was built on.', { rule: 'signer.record' })]
    case 'sequence_taken':
      return [reasonOf('sequence_taken', 'This signer has promised its share to another record under this sequence number.', { rule: 'signer.sequence' })]
    default:
      throw new TypeError(`${outcome} stands against nothing`)
  }
}
