import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import type { Refusal } from '@symbolon/protocol/sign.ts'
import type { Held } from './commitments.ts'
import type { Said } from './evidence-of-fault.ts'
import type { AskedItem, Wire } from './signer-wire.ts'

/** One item for one signer. */
export interface Asked extends AskedItem {
  readonly held: Held
  /** False once nobody waits for the answer: then it is not sent. */
  wanted(): boolean
}

/** What came back. `again`: asking once more, with another commitment, makes sense. */
export type Heard =
  | { readonly heard: 'signed'; readonly r: Uint8Array; readonly z: Uint8Array; readonly said: Said }
  | { readonly heard: 'refused'; readonly refusal: Refusal }
  | { readonly heard: 'not_now'; readonly code: NotNowCode; readonly retryAfter?: number; readonly again: boolean }
  | { readonly heard: 'silent'; readonly timedOut: boolean; readonly again: boolean }
  /** A fault that the peer has already been blamed for. */
  | { readonly heard: 'nonsense' }
  | { readonly heard: 'unsent' }

export type Stocked = { readonly ok: true } | { readonly ok: false; readonly why: Exclude<Heard, { heard: 'signed' | 'refused' | 'unsent' }> }

/** What no answer, or none of ours, means for each item of the call. */
export function heardOf(failure: Extract<Wire<never>, { ok: false }>): Extract<Heard, { heard: 'not_now' | 'silent' | 'nonsense' }> {
  if ('fault' in failure) return { heard: 'nonsense' }
  if (failure.silent === 'busy') return { heard: 'not_now', code: 'busy', again: false }
  return { heard: 'silent', timedOut: failure.silent === 'timeout', again: failure.silent === 'unreachable' }
}
