/** How many requests a minute may be judged; a minute's worth may come at once. A limit never vetoes. */
export interface Limits {
  /**
   * Counts one request, by the roster id of its principal, or, where evidence established none, by the coordinator that brought it.
   * @returns 0 if it may pass, else the whole seconds after which another may
   */
  admit(request: { readonly principal: string | undefined; readonly by: string }): number
}

export interface LimitsOptions {
  /** A minute and principal: the roster's `rate`. */
  readonly perPrincipal: number
  /** Milliseconds that only go forward. */
  clock(): number
}

/** Refusals a minute and coordinator that name no principal. Each is a journal entry, so a hostile coordinator could fill the disk. */
const strangersPerMinute = 6_000

export function openLimits({ perPrincipal, clock }: LimitsOptions): Limits {
  const [principals, strangers] = [bucketsOf(perPrincipal), bucketsOf(strangersPerMinute)]
  return { admit: ({ principal, by }) => (principal === undefined ? strangers(by, clock()) : principals(principal, clock())) }
}

interface Bucket {
  tokens: number
  /** Milliseconds. */
  at: number
}

/** One bucket per name. Names are roster ids and certificates' identities, so there are no more of them than somebody enrolled. */
function bucketsOf(perMinute: number): (name: string, now: number) => number {
  const buckets = new Map<string, Bucket>()
  return (name, now) => {
    const bucket = buckets.get(name) ?? { tokens: perMinute, at: now }
    const tokens = Math.min(perMinute, bucket.tokens + ((now - bucket.at) * perMinute) / 60_000)
    const pass = tokens >= 1
    buckets.set(name, { tokens: pass ? tokens - 1 : tokens, at: now })
    return pass ? 0 : Math.ceil(((1 - tokens) * 60) / perMinute)
  }
}
