import type { Json } from '@symbolon/protocol/json.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { isIdentifying } from '@symbolon/roster/platforms.ts'
import type { Condition, Trust } from '@symbolon/roster/roster.ts'
import { claimAt, holds, outsidersClaims, type Claims } from './trust.ts'

/** One condition that did not hold: which claim, what it held, what was wanted. */
export interface Unmet {
  readonly claim: string
  /** Absent: there is no such claim. */
  readonly found?: Json
  readonly wanted: string
}

/** A trust that does not match, and every reason why. */
export interface NearMiss {
  readonly trust: Trust
  readonly unmet: readonly [Unmet, ...Unmet[]]
  /** Some condition on an immutable id holds: whoever holds these claims belongs to what the trust is about. */
  readonly related: boolean
}

/** Every trust that does not match, nearest first. For the author of the roster; a requester sees `refusalOfNone`. */
export function nearMisses(trusts: readonly Trust[], claims: Claims): NearMiss[] {
  const misses = trusts.flatMap((trust): NearMiss[] => {
    const failed = trust.when.filter((condition) => !holds(condition, claims))
    const [first, ...rest] = [
      ...failed.map((condition) => unmet(claims, condition.claim, wantedBy(condition))),
      ...outsidersClaims(trust, claims).map((claim) => unmet(claims, claim, 'another kind of run, or a condition of the trust that names this one')),
    ]
    return first === undefined ? [] : [{ trust, unmet: [first, ...rest], related: trust.when.some((condition) => identifies(condition) && holds(condition, claims)) }]
  })
  return misses.sort((a, b) => Number(b.related) - Number(a.related) || a.unmet.length - b.unmet.length)
}

/**
 * The refusal for claims that no trust takes. Anybody can get an ID token from a public issuer, so only who already shares an
 * immutable id with a trust is told what else it wants; to all others the roster stays closed.
 */
export function refusalOfNone(trusts: readonly Trust[], claims: Claims): { readonly ok: false; readonly reasons: readonly [Reason, ...Reason[]] } {
  const [first, ...rest] = nearMisses(trusts, claims)
    .filter((miss) => miss.related)
    .flatMap((miss) => miss.unmet.map((one) => reasonOf('trust_none', `The trust ${miss.trust.id} wants another ${one.claim}.`, factOf(miss.trust, one))))
    .slice(0, maxReasons)
  if (first !== undefined) return { ok: false, reasons: [first, ...rest] }
  const remedy = 'Compare the ID token’s ids with the trusts in the roster: `symbolon explain --claims` does, for who may read it.'
  return { ok: false, reasons: [reasonOf('trust_none', 'No trust in the roster knows the ids in this ID token.', { rule: 'trusts', remedy })] }
}

const maxReasons = 8

const factOf = (trust: Trust, { claim, found, wanted }: Unmet) => ({
  rule: `trust:${trust.id}`,
  fact: found === undefined ? `there is no ${claim}` : `${claim} is ${show(found)}`,
  remedy: `${claim} must be ${wanted}`,
})

/** A claim's value as one short line of ASCII, whatever it holds. */
export const show = (value: unknown): string =>
  (JSON.stringify(value) ?? 'undefined').replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).slice(0, 200)

// A pattern on an id shares nothing yet: only the exact value does.
const identifies = (condition: Condition): boolean => isIdentifying(condition.claim) && condition.pattern === undefined

function unmet(claims: Claims, claim: string, wanted: string): Unmet {
  const found = claimAt(claims, claim)
  return { claim, ...(found === undefined ? {} : { found }), wanted }
}

const wantedBy = ({ equals, one_of, pattern }: Condition): string =>
  [
    ...(equals === undefined ? [] : [show(equals)]),
    ...(one_of === undefined ? [] : [`one of ${one_of.map((value) => show(value)).join(', ')}`]),
    ...(pattern === undefined ? [] : [`of the form ${pattern}`]),
  ].join(' and ') || 'of a form that can hold'
