import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import type { MintOutcome, Part } from '@symbolon/protocol/mint.ts'
import type { Refusal } from '@symbolon/protocol/sign.ts'

/** Where one signer stands for one message. `failures`: how often it has failed for it. */
export type Seat = { readonly failures: number } & (
  | { readonly at: 'free' | 'faulty' }
  /** Asked for something. `late`: for longer than it usually takes. */
  | { readonly at: 'busy'; readonly asked: object; readonly late: boolean }
  | { readonly at: 'refused'; readonly refusal: Refusal }
  /** Without a code it did not answer at all. */
  | { readonly at: 'failed'; readonly again: boolean; readonly code?: NotNowCode; readonly retryAfter?: number }
)

export type End =
  | { readonly result: 'signed'; readonly signature: Base64url; readonly by: readonly number[] }
  | { readonly result: 'refused' | 'faulty' }
  | { readonly result: 'unreachable'; readonly timedOut?: boolean }

/** What the caller is told: the result, and how each signer took part. Refused, unreachable and faulty never pass for one another. */
export function outcomeOf(end: End, seats: ReadonlyMap<number, Seat>): MintOutcome {
  const signed = new Set(end.result === 'signed' ? end.by : [])
  const timedOut = end.result === 'unreachable' && end.timedOut === true
  const parts = [...seats].map(([signer, seat]) => partOf(signer, seat, signed.has(signer), timedOut))
  switch (end.result) {
    case 'signed':
      return { outcome: 'signed', signature: end.signature, parts }
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

function partOf(signer: number, seat: Seat, signed: boolean, timedOut: boolean): Part {
  // A signer whose share is good but whose R is not has signed, and is faulty all the same.
  if (seat.at === 'faulty') return { signer, state: 'faulty' }
  if (signed) return { signer, state: 'signed' }
  switch (seat.at) {
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
