import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import type { MintOutcome, Part } from '@symbolon/protocol/mint.ts'
import type { OpenOutcome, SealedPartials } from '@symbolon/protocol/open.ts'
import type { Refusal } from '@symbolon/protocol/sign.ts'
import type { HeardFailure } from './heard.ts'

/** Where one signer stands for one message. `failures`: how often it has failed for it. */
export type Seat = { readonly failures: number } & (
  | { readonly at: 'free' | 'faulty' }
  /** Asked for something. `late`: for longer than it usually takes. */
  | { readonly at: 'busy'; readonly asked: object; readonly late: boolean }
  | { readonly at: 'refused'; readonly refusal: Refusal }
  /** Without a code it did not answer at all. */
  | { readonly at: 'failed'; readonly again: boolean; readonly code?: NotNowCode; readonly retryAfter?: number }
)

/** @param failures how often it has failed for this message, this time included: it is asked twice at most */
export function failedSeat(heard: HeardFailure, failures: number): Seat {
  if (heard.heard === 'nonsense') return { at: 'faulty', failures: 0 }
  const again = heard.again && failures < 2
  if (heard.heard === 'silent') return { at: 'failed', failures, again, ...(heard.timedOut ? { code: 'timed_out' } : {}) }
  return { at: 'failed', failures, again, code: heard.code, ...(heard.retryAfter === undefined ? {} : { retryAfter: heard.retryAfter }) }
}

/** No t signers did what was asked. The three never pass for one another. */
export type Failed = { readonly result: 'refused' | 'faulty' } | { readonly result: 'unreachable'; readonly timedOut?: boolean }
export type End = { readonly result: 'signed'; readonly signature: Base64url; readonly by: readonly number[] } | Failed
export type OpenEnd = { readonly result: 'opened'; readonly epoch: number } | Failed
export interface Opened {
  readonly signer: number
  readonly sealed: SealedPartials
}

type Seats = ReadonlyMap<number, Seat>

/** What the caller is told: the result, and how each signer took part. */
export function outcomeOf(end: End, seats: Seats): MintOutcome {
  if (end.result !== 'signed') return failureOf(end, seats, noneDid)
  return { outcome: 'signed', signature: end.signature, parts: partsOf(seats, { by: end.by, did: 'signed' }) }
}

/** @param opened what came back from those who opened, whether there were enough of them or not */
export function openOutcomeOf(end: OpenEnd, seats: Seats, opened: readonly Opened[]): OpenOutcome {
  const took: Took = { by: opened.map(({ signer }) => signer), did: 'opened' }
  if (end.result !== 'opened') return failureOf(end, seats, took)
  return { outcome: 'opened', epoch: end.epoch, opened: [...opened], parts: partsOf(seats, took) }
}

/** Who did what was asked. */
interface Took {
  readonly by: readonly number[]
  readonly did: 'signed' | 'opened'
}
/** A share without a signature is nothing that was done. */
const noneDid: Took = { by: [], did: 'signed' }

function failureOf(end: Failed, seats: Seats, took: Took): Exclude<MintOutcome, { outcome: 'signed' }> {
  const timedOut = end.result === 'unreachable' && end.timedOut === true
  const parts = partsOf(seats, took, timedOut)
  switch (end.result) {
    case 'refused':
      return { outcome: 'refused', refusals: [...seats.values()].flatMap((seat) => (seat.at === 'refused' ? [seat.refusal] : [])), parts }
    case 'faulty':
      return { outcome: 'faulty', parts }
    case 'unreachable': {
      const retryAfter = Math.max(0, ...[...seats.values()].map((seat) => (seat.at === 'failed' ? (seat.retryAfter ?? 0) : 0)))
      return { outcome: 'unreachable', code: codeOf(timedOut, parts), parts, ...(retryAfter > 0 ? { retry_after: retryAfter } : {}) }
    }
  }
}

const partsOf = (seats: Seats, { by, did }: Took, timedOut = false): Part[] =>
  // A signer whose share is good but whose R is not has signed, and is faulty all the same.
  [...seats].map(([signer, seat]) => (by.includes(signer) && seat.at !== 'faulty' ? { signer, state: did } : partOf(signer, seat, timedOut)))

function partOf(signer: number, seat: Seat, timedOut: boolean): Part {
  switch (seat.at) {
    case 'faulty':
      return { signer, state: 'faulty' }
    case 'refused':
      return { signer, state: 'refused', ...(seat.refusal.reasons[0] === undefined ? {} : { code: seat.refusal.reasons[0].code }) }
    case 'failed':
      if (seat.code === undefined) return { signer, state: 'unreachable' }
      return seat.code === 'timed_out' ? { signer, state: 'unreachable', code: 'timed_out' } : { signer, state: 'not_now', code: seat.code }
    case 'busy':
      // Its answer was not waited for. That it would not have come is known only if all the time there was has passed.
      return timedOut ? { signer, state: 'unreachable', code: 'timed_out' } : { signer, state: 'unused' }
    case 'free':
      return { signer, state: 'unused' }
  }
}

/** Why too few signed: what most of those that answered said; that there are too few, if they did not answer or said different things. */
function codeOf(timedOut: boolean, parts: readonly Part[]): NotNowCode {
  const said = new Map<NotNowCode, number>()
  for (const { state, code } of parts) if (state === 'not_now') said.set(code as NotNowCode, (said.get(code as NotNowCode) ?? 0) + 1)
  const [most] = [...said].sort(([, a], [, b]) => b - a)
  const silent = parts.filter(({ state }) => state === 'unreachable' || state === 'faulty').length
  if (most !== undefined && most[1] > silent) return most[0]
  return timedOut && silent === 0 ? 'timed_out' : 'quorum_unavailable'
}
