/**
 * What experience says about one signer. It only orders the candidates and times the hedge: no state here keeps a signer from being
 * asked when nobody better is left.
 *
 * - `well`: the last call was answered in time.
 * - `unwilling`: within the last second it said that it cannot sign now (behind, busy, ill).
 * - `late`: a call has been waited for longer than this signer usually takes. The first call it answers makes it well again.
 * - `down`: the last call failed or timed out. A probe in the background, ever less often, makes it well again.
 */
export type HealthState = 'well' | 'unwilling' | 'late' | 'down'

export interface Health {
  readonly state: HealthState
  /** Milliseconds after which an answer counts as late, for an item that is asked now. */
  readonly patience: number
  /** The order in which signers are chosen if `load` items wait before: well first, down last, then by expected answer time. Lower is better; for comparison only. */
  rank(load: number): number
  /** It answered an item, after so long. */
  answered(ms: number): void
  /** It answered something else, which takes another time and says nothing about the calls that are late. */
  alive(): void
  unwilling(): void
  late(): void
  failed(): void
}

/** Milliseconds. */
export interface Patience {
  /** Never call an answer late before this: a hedge costs another signer's work. */
  readonly least: number
  /** Always call it late after this. */
  readonly most: number
}

/** A signer that has not been asked for a while is not held to its last bad moment: half of what it exceeds `floor` by is forgotten in this time. */
const forgetMs = 5_000
const floor = 1
const unwillingMs = 1_000
const order: Readonly<Record<HealthState, number>> = { well: 0, unwilling: 1e9, late: 2e9, down: 3e9 }
const unknown = 5

/**
 * Mean and mean deviation of the answer time, as TCP keeps them for its retransmission timer (RFC 6298): both follow load, so that a
 * busy deployment does not hedge itself to death.
 *
 * @param clock milliseconds that only go forward
 */
export function openHealth(patience: Patience, clock: () => number): Health {
  let state: Exclude<HealthState, 'unwilling'> = 'well'
  let unwillingUntil = -Infinity
  let mean = unknown
  let deviation = unknown
  let lastEvent = clock()

  const faded = (value: number): number => {
    const excess = Math.max(0, value - floor)
    return Math.min(value, floor) + excess * 2 ** (-(clock() - lastEvent) / forgetMs)
  }
  const measure = (ms: number) => {
    const [was, off] = [faded(mean), faded(deviation)]
    deviation = off + (Math.abs(ms - was) - off) / 4
    mean = was + (ms - was) / 8
    lastEvent = clock()
  }
  return {
    get state() {
      return state === 'well' && clock() < unwillingUntil ? 'unwilling' : state
    },
    get patience() {
      return Math.min(patience.most, Math.max(patience.least, faded(mean) + 4 * faded(deviation)))
    },
    rank(load) {
      return order[this.state] + faded(mean) * (1 + load / 16)
    },
    answered(ms) {
      measure(ms)
      state = 'well'
    },
    alive() {
      if (state === 'down') state = 'well'
    },
    unwilling() {
      unwillingUntil = clock() + unwillingMs
    },
    late() {
      if (state === 'well') state = 'late'
    },
    failed() {
      state = 'down'
      lastEvent = clock()
    },
  }
}
