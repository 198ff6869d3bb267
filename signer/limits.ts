import { limits as bounds } from '@symbolon/protocol/limits.ts'

/** How many requests a minute may be judged; a minute's worth may come at once. A limit never vetoes. */
export interface Limits {
  /**
   * Counts one request, by the roster id of its principal, or, where evidence established none, by the coordinator that brought it.
   * @returns 0 if it may pass, else the whole seconds after which another may
   */
  admit(request: { readonly principal: string | undefined; readonly by: string }): number
  /** The same for commitments that a coordinator asks for ahead; those that replace spent ones are not counted. */
  admitCommitments(by: string, count: number): number
}

export interface LimitsOptions {
  /** A minute and principal: the roster's `rate`, as it is now. */
  perPrincipal(): number
  /** Milliseconds that only go forward. */
  clock(): number
}

/** Refusals a minute and coordinator that name no principal. Each is a journal entry, so a hostile coordinator could fill the disk. */
const strangersPerMinute = 6_000
/** A minute and coordinator: enough to fill its stock every second; each costs time that others wait for. */
const commitmentsPerMinute = 60 * bounds.commitmentsHeld

export function openLimits({ perPrincipal, clock }: LimitsOptions): Limits {
  const [principals, strangers, commitments] = [perPrincipal, () => strangersPerMinute, () => commitmentsPerMinute].map(bucketsOf) as [Buckets, Buckets, Buckets]
  return {
    admit: ({ principal, by }) => (principal === undefined ? strangers(by, clock(), 1) : principals(principal, clock(), 1)),
    admitCommitments: (by, count) => commitments(by, clock(), count),
  }
}

/** @returns 0, or the seconds to wait */
type Buckets = (name: string, now: number, cost: number) => number

interface Bucket {
  tokens: number
  /** Milliseconds. */
  at: number
}

/** One bucket per name. Names are roster ids and certificates' identities, so there are no more of them than somebody enrolled. */
function bucketsOf(rate: () => number): Buckets {
  const buckets = new Map<string, Bucket>()
  return (name, now, cost) => {
    const perMinute = rate()
    const bucket = buckets.get(name) ?? { tokens: perMinute, at: now }
    const tokens = Math.min(perMinute, bucket.tokens + ((now - bucket.at) * perMinute) / 60_000)
    const pass = tokens >= cost
    buckets.set(name, { tokens: pass ? tokens - cost : tokens, at: now })
    return pass ? 0 : Math.ceil(((cost - tokens) * 60) / perMinute)
  }
}
