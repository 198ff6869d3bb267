import type { Seat } from './outcome.ts'

/**
 * Where a signer stands, as far as the next move depends on it. `busy`: asked, and still within its usual time; `late`: beyond it.
 * `again`: it failed once, in a way that may pass at once.
 */
export type Standing = 'free' | 'busy' | 'late' | 'again' | 'failed' | 'refused' | 'faulty'
export type Move = 'start' | 'start_again' | 'wait' | 'refused' | 'faulty' | 'unreachable'

/**
 * The next move for one message.
 * @param attempts `prompt`: one is under way and not late, so nothing is gained by another. `late`: one may still succeed
 */
export function decide(standings: readonly Standing[], attempts: 'prompt' | 'late' | 'none', t: number): Move {
  const count = (...wanted: Standing[]) => standings.filter((standing) => wanted.includes(standing)).length
  const n = standings.length
  // Vetoes first: what is forbidden is not a fault of the machinery.
  if (n - count('refused') < t) return 'refused'
  if (n - count('refused', 'faulty') < t) return 'faulty'
  if (attempts === 'prompt') return 'wait'
  if (n - count('refused', 'faulty', 'failed') < t) return attempts === 'late' ? 'wait' : 'unreachable'
  if (count('free') >= t) return 'start'
  // Whoever answers in time is a better choice than one that has failed before.
  if (count('busy') > 0) return 'wait'
  return count('free', 'again') >= t ? 'start_again' : 'wait'
}

export function standingOf(seat: Seat): Standing {
  if (seat.at === 'busy') return seat.late ? 'late' : 'busy'
  return seat.at === 'failed' && seat.again ? 'again' : seat.at
}
