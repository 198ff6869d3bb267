import type { Ceiling } from '@symbolon/protocol/token.ts'

/** What both ceilings allow. Absent means unlimited; an empty scope means nothing. */
export function narrow(a: Ceiling, b: Ceiling): Ceiling {
  const scope = a.scope === undefined || b.scope === undefined ? (a.scope ?? b.scope) : a.scope.filter((name) => b.scope?.includes(name))
  const max_ttl = least(a.max_ttl, b.max_ttl)
  const end = least(a.end, b.end)
  return { ...(scope === undefined ? {} : { scope }), ...(max_ttl === undefined ? {} : { max_ttl }), ...(end === undefined ? {} : { end }) }
}

const least = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined || b === undefined ? (a ?? b) : Math.min(a, b))
