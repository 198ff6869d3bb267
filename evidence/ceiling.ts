import type { Ceiling } from '@symbolon/protocol/ceiling.ts'

/** What both ceilings allow. Absent means unlimited; an empty list means nothing. */
export function narrow(a: Ceiling, b: Ceiling): Ceiling {
  const aud = common(a.aud, b.aud)
  const scope = common(a.scope, b.scope)
  const max_ttl = least(a.max_ttl, b.max_ttl)
  const end = least(a.end, b.end)
  return { ...(aud === undefined ? {} : { aud }), ...(scope === undefined ? {} : { scope }), ...(max_ttl === undefined ? {} : { max_ttl }), ...(end === undefined ? {} : { end }) }
}

const common = (a: readonly string[] | undefined, b: readonly string[] | undefined): string[] | undefined => {
  if (a === undefined || b === undefined) return (a ?? b)?.slice()
  return a.filter((name) => b.includes(name))
}
const least = (a: number | undefined, b: number | undefined): number | undefined => (a === undefined || b === undefined ? (a ?? b) : Math.min(a, b))
