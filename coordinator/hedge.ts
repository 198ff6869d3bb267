/**
 * How many attempts may be started because another is late. A signer that falls silent is found out by a few; if all are slow, the
 * deployment is overloaded, and hedging everything would double the load that made them slow.
 */
export interface HedgeBudget {
  /** An attempt was started: a share of one hedge is earned. */
  earn(): void
  /** @returns false if there is none left: then the attempt is waited for */
  spend(): boolean
}

/** One hedge for ten attempts. */
const share = 0.1
/** As many as one batch may need at the moment when a signer falls silent. */
const reserve = 64

export function openHedgeBudget(): HedgeBudget {
  let left = reserve
  return {
    earn() {
      left = Math.min(reserve, left + share)
    },
    spend() {
      if (left < 1) return false
      left -= 1
      return true
    },
  }
}
