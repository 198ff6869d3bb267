import type { Json } from '@symbolon/protocol/json.ts'
import { outsidersRuns } from '@symbolon/roster/platforms.ts'
import type { Condition, Trust } from '@symbolon/roster/roster.ts'
import type { Principal } from './established.ts'
import { matchesPattern } from './pattern.ts'

export type Claims = Readonly<Record<string, Json>>

export const trustOf = ({ id, roles, groups, owner }: Trust, claims: Claims): Principal => ({ id, kind: 'trust', roles, groups, ...(owner === undefined ? {} : { owner }), claims })

/** Does this trust take the holder of these claims for its own? */
export const matches = (trust: Trust, claims: Claims): boolean => trust.when.every((condition) => holds(condition, claims)) && outsidersClaims(trust, claims).length === 0

/** Types are compared too: the number 7 is not the text "7". A list never equals anything. Without any test, nothing holds. */
export function holds({ claim, equals, one_of, pattern }: Condition, claims: Claims): boolean {
  const found = claimAt(claims, claim)
  const results = [
    ...(equals === undefined ? [] : [found === equals]),
    ...(one_of === undefined ? [] : [typeof found === 'string' && one_of.includes(found)]),
    ...(pattern === undefined ? [] : [typeof found === 'string' && matchesPattern(pattern, found)]),
  ]
  return results.length > 0 && results.every(Boolean)
}

/** `a/b` is member b of the object a; only own members count. */
export function claimAt(claims: Claims, path: string): Json | undefined {
  let value: Json | undefined = claims
  for (const step of path.split('/')) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step)) return undefined
    value = (value as Claims)[step]
  }
  return value
}

/** The claims that say that an outsider's code may be running, and that this trust does not speak of. */
export const outsidersClaims = (trust: Trust, claims: Claims): string[] =>
  outsidersRuns
    .filter(({ claim, values }) => {
      const found = claimAt(claims, claim)
      return typeof found === 'string' && values.includes(found) && !trust.when.some((condition) => condition.claim === claim)
    })
    .map(({ claim }) => claim)
