import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import type { SealedPartials } from '@symbolon/protocol/open.ts'
import type { Answer, Refusal } from '@symbolon/protocol/sign.ts'
import type { Held } from './commitments.ts'
import type { Said } from './evidence-of-fault.ts'
import type { Health } from './health.ts'
import type { AskedItem, AskedOpening, Wire } from './signer-wire.ts'

/** One item for one signer. */
export interface Asked extends AskedItem {
  readonly held: Held
  /** False once nobody waits for the answer: then it is not sent. */
  wanted(): boolean
}

/** The same for secrets. */
export interface AskedToOpen extends AskedOpening {
  wanted(): boolean
}

/** What came back. */
export type Heard = { readonly heard: 'signed'; readonly r: Uint8Array; readonly z: Uint8Array; readonly said: Said } | HeardElse
export type HeardOpening = { readonly heard: 'opened'; readonly sealed: SealedPartials } | HeardElse
type HeardElse = { readonly heard: 'refused'; readonly refusal: Refusal } | HeardFailure | { readonly heard: 'unsent' }

/** `again`: asking once more makes sense; for a signature with another commitment. */
export type HeardFailure =
  | { readonly heard: 'not_now'; readonly code: NotNowCode; readonly retryAfter?: number; readonly again: boolean }
  | { readonly heard: 'silent'; readonly timedOut: boolean; readonly again: boolean }
  /** A fault that the peer has already been blamed for. */
  | { readonly heard: 'nonsense' }

export type Stocked = { readonly ok: true } | { readonly ok: false; readonly why: HeardFailure }

/** What no answer, or none of ours, means for each item of the call. */
export function heardOf(failure: Extract<Wire<never>, { ok: false }>): HeardFailure {
  if ('fault' in failure) return { heard: 'nonsense' }
  if (failure.silent === 'busy') return { heard: 'not_now', code: 'busy', again: false }
  return { heard: 'silent', timedOut: failure.silent === 'timeout', again: failure.silent === 'unreachable' }
}

/** What a signer says of its own state, and what that means for the next question. */
export function heardNotNow({ code, retry_after }: Extract<Answer, { result: 'not_now' }>, health: Health): HeardFailure {
  // A limit speaks of the one who asks, not of the signer.
  if (code !== 'limited') health.unwilling()
  return { heard: 'not_now', code, ...(retry_after === undefined ? {} : { retryAfter: retry_after }), again: code === 'commitment_unknown' }
}
