import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'

/** What a limit says to one request. `broken`: the store does not answer, and nothing may pass uncounted. */
export type Allowance =
  | { readonly ok: true; readonly remaining: number; readonly resetSeconds: number }
  | { readonly ok: false; readonly reason: 'spent'; readonly resetSeconds: number }
  | { readonly ok: false; readonly reason: 'broken' }

export interface Limiter {
  readonly name: string
  /** Requests in a window, and the window in seconds. */
  readonly quota: number
  readonly window: number
  take(key: string): Promise<Allowance>
}

/** One statement; what node-postgres takes and gives. */
export interface LimitStore {
  query(statement: { readonly text: string; readonly values?: readonly unknown[] }): Promise<{ rows: unknown[]; rowCount: number | null }>
}

export interface LimiterOptions {
  /** In headers and in the store's keys. */
  readonly name: string
  readonly quota: number
  readonly store: LimitStore
  readonly clock?: () => number
}

interface Lease {
  left: number
  remaining: number
  /** Milliseconds. */
  readonly until: number
}

const window = 60
const maxKeys = 20_000

/**
 * A quota per minute and key, shared by every node through one table. A node takes a fiftieth of the quota at a time and spends
 * that from memory, so that most requests cost no round trip; what a node leaves unspent is lost, so the quota is never exceeded,
 * at most underused. A key that is spent is refused from memory until its minute ends.
 */
export function openLimiter({ name, quota, store, clock = Date.now }: LimiterOptions): Limiter {
  const chunk = Math.max(1, Math.floor(quota / 50))
  const table = new RateLimiterPostgres({ storeClient: store, storeType: 'client', tableName: 'rate_limits', tableCreated: true, clearExpiredByTimeout: false, keyPrefix: name, points: quota, duration: window })
  const leases = new Map<string, Lease>()
  const asking = new Map<string, Promise<Lease | undefined>>()

  const ask = async (key: string): Promise<Lease | undefined> => {
    try {
      const { remainingPoints, msBeforeNext } = await table.consume(key, chunk)
      return keep(key, { left: chunk, remaining: remainingPoints, until: clock() + msBeforeNext })
    } catch (error) {
      if (error instanceof RateLimiterRes) return keep(key, { left: 0, remaining: 0, until: clock() + error.msBeforeNext })
      if (error instanceof Error) return undefined
      throw error
    } finally {
      asking.delete(key)
    }
  }
  const keep = (key: string, lease: Lease): Lease => {
    if (leases.size >= maxKeys) forget(leases, clock())
    leases.set(key, lease)
    return lease
  }
  const current = (key: string): Lease | undefined => {
    const lease = leases.get(key)
    return lease !== undefined && lease.until > clock() ? lease : undefined
  }
  const spend = (lease: Lease): Allowance => {
    const resetSeconds = Math.max(1, Math.ceil((lease.until - clock()) / 1000))
    if (lease.left === 0) return { ok: false, reason: 'spent', resetSeconds }
    lease.left -= 1
    return { ok: true, remaining: lease.remaining + lease.left, resetSeconds }
  }
  const isUsable = (lease: Lease | undefined): lease is Lease => lease !== undefined && (lease.left > 0 || lease.remaining < chunk)

  return {
    name,
    quota,
    window,
    async take(key) {
      // Those who waited for the same lease may have emptied it; each round empties one, so this ends when the quota does.
      for (;;) {
        const held = current(key)
        if (isUsable(held)) return spend(held)
        const pending = asking.get(key) ?? ask(key)
        asking.set(key, pending)
        const got = await pending
        if (got === undefined) return { ok: false, reason: 'broken' }
        if (got.left > 0 || got.remaining < chunk) return spend(got)
      }
    },
  }
}

/** Ended leases first; if every one is live, the oldest. A forgotten lease is only lost allowance. */
function forget(leases: Map<string, Lease>, now: number): void {
  for (const [key, lease] of leases) if (lease.until <= now) leases.delete(key)
  for (const key of leases.keys()) {
    if (leases.size < maxKeys) return
    leases.delete(key)
  }
}

/** `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers), one item per limit that was asked. */
export function limitHeaders(asked: readonly { readonly limiter: Limiter; readonly allowance: Allowance }[]): Record<string, string> {
  const known = asked.flatMap(({ limiter, allowance }) => (allowance.ok || allowance.reason === 'spent' ? [{ limiter, left: allowance.ok ? allowance.remaining : 0, reset: allowance.resetSeconds }] : []))
  if (known.length === 0) return {}
  return {
    'ratelimit-policy': known.map(({ limiter }) => `"${limiter.name}";q=${limiter.quota};w=${limiter.window}`).join(', '),
    ratelimit: known.map(({ limiter, left, reset }) => `"${limiter.name}";r=${left};t=${reset}`).join(', '),
  }
}
