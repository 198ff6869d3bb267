import type { FaultKind } from './evidence-of-fault.ts'

/** Whether a signer is left out because it cheated. */
export interface Exclusion {
  readonly excluded: boolean
  /** The last offence, for people. */
  readonly reason: FaultKind | undefined
  /** @returns whether this one's evidence is worth keeping: the requests of one batch may all tell of one offence */
  begin(reason: FaultKind): boolean
}

const firstMs = 60_000
const mostMs = 24 * 3_600_000
const keptOfOne = 4

/**
 * A proven fault costs a minute, the next ones twice as long each, up to a day: one flipped bit does not take a signer out for good,
 * and one that keeps cheating spoils ever fewer attempts. A restart of the coordinator forgets it; the evidence stays in the database.
 *
 * @param clock milliseconds that only go forward
 */
export function openExclusion(clock: () => number): Exclusion {
  let offences = 0
  let until = -Infinity
  let reason: FaultKind | undefined
  let kept = 0
  return {
    get excluded() {
      return clock() < until
    },
    get reason() {
      return clock() < until ? reason : undefined
    },
    begin(why) {
      // Several attempts of the same moment are one offence.
      if (clock() < until) return ++kept <= keptOfOne
      kept = 1
      until = clock() + Math.min(mostMs, firstMs * 2 ** offences)
      offences += 1
      reason = why
      return true
    },
  }
}
