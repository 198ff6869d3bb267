/* Which web pages may call, by what browsers say of them (Fetch, and Fetch Metadata). Programs send neither header. */

export interface OriginFacts {
  readonly origin: string | undefined
  readonly site: string | undefined
}

/**
 * Whether a request that changes something may be answered. No cookie is ever read here, so what remains to stop is a page that
 * makes its visitor's browser reach a process on a private network or spend the visitor's limits.
 * @param allowed exact origins: the deployment's own and its consoles'
 */
export function mayChange({ origin, site }: OriginFacts, allowed: ReadonlySet<string>): boolean {
  // `null` is what sandboxed frames and local files send: anybody's.
  if (origin !== undefined) return allowed.has(origin)
  return site === undefined || site === 'same-origin' || site === 'none'
}

/** Headers that let a page of an allowed origin read the answer. Never credentials, never a wildcard beside an origin. */
export function readable({ origin }: OriginFacts, allowed: ReadonlySet<string>, anyone: boolean): Record<string, string> {
  if (anyone) return { 'access-control-allow-origin': '*' }
  return origin !== undefined && allowed.has(origin) ? { 'access-control-allow-origin': origin, vary: 'Origin' } : {}
}

export const preflight = { 'access-control-allow-methods': 'GET, POST', 'access-control-allow-headers': 'content-type, dpop, x-request-id', 'access-control-max-age': '600' } as const
