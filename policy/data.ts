import { z } from 'zod'
import { audience, rosterId, scopeName } from '@symbolon/protocol/fields.ts'
import { canonical, checkShape, decodeJson, pointer, type Decoded, type Problem } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { secretPattern, secretRule } from './secret-rules.ts'

/* The data that the Rego decides by. Strict, so that a misspelt field is refused when it is loaded, not ignored when it matters. */

export const policyBytesLimit = 1024 * 1024

const unique = (list: readonly string[]) => new Set(list).size === list.length
const names = <T extends z.ZodType<string>>(item: T, max: number) => z.array(item).max(max).refine(unique, 'must be without duplicates')

/** What a role gives. Names are exact, no pattern, no wildcard; only paths of secrets have patterns. */
export const role = z.strictObject({
  allow_scopes: names(scopeName, 256).min(1),
  /** Seconds. */
  max_ttl_seconds: z.int().min(1).max(limits.tokenTtl),
  /** The role is worth something for these only. Absent: for all that the roster lists. Never empty. */
  audiences: names(audience, 64).min(1).optional(),
  /** Which secrets, and how. The role, or another of the same principal, must also have the scope of the action. Never empty. */
  secrets: z.array(secretRule).min(1).max(256).optional(),
})

/** So many distinct people of a group must approve. */
const approvalRule = z.strictObject({ group: rosterId, count: z.int().min(1, 'an approval rule must ask for at least one').max(100) })

/** What a scope asks for besides a role that gives it. */
const scopeRule = z
  .strictObject({
    /** Only with a passkey touched for this very request. */
    touch: z.literal(true).optional(),
    approvals: z
      .array(approvalRule)
      .min(1)
      .max(8)
      .refine((rules) => unique(rules.map((rule) => rule.group)), 'one rule per group')
      .optional(),
  })
  .refine((rule) => rule.touch !== undefined || rule.approvals !== undefined, 'must ask for something')

/** The emergency list. Whatever it names is refused, whatever else allows it. */
const denyList = z.strictObject({
  /** Services, trusts and people; what a person owns is refused with them. */
  principals: names(rosterId, 1024).default([]),
  roles: names(rosterId, 256).default([]),
  groups: names(rosterId, 256).default([]),
  clients: names(rosterId, 64).default([]),
  scopes: names(scopeName, 256).default([]),
  audiences: names(audience, 64).default([]),
  /** Client addresses as the api reports them. An api that lies can only hide one, never gain by it. */
  addresses: names(z.string().regex(/^[0-9a-f.:]{2,45}$/, 'must be an IP address in lower case'), 1024).default([]),
  /** Patterns as in a role's `secrets`. Never empty: absent is the one spelling of none. */
  secrets: names(secretPattern, 1024).min(1).optional(),
})

const shape = z.strictObject({
  roles: z.record(rosterId, role).refine((roles) => Object.keys(roles).length > 0 && Object.keys(roles).length <= 256, 'must have 1 to 256 roles'),
  scopes: z.record(scopeName, scopeRule).default({}),
  deny: denyList.default({ principals: [], roles: [], groups: [], clients: [], scopes: [], audiences: [], addresses: [] }),
})
export type PolicyData = z.infer<typeof shape>

/**
 * Reads `policy.json` and `POLICY_FILE`: `{"roles": {"<role>": {"allow_scopes": […], "max_ttl_seconds": 1800}}}`, optionally with
 * `scopes` and `deny`. Absent parts come back empty, so that two spellings of one policy have one digest.
 */
export function decodePolicyData(bytes: Uint8Array): Decoded<PolicyData> {
  const json = decodeJson(bytes, policyBytesLimit)
  return json.ok ? checkPolicyData(json.value) : json
}

export function checkPolicyData(value: unknown): Decoded<PolicyData> {
  const decoded = checkShape(shape, value)
  if (!decoded.ok) return decoded
  const problems = contradictions(decoded.value)
  return problems.length === 0 ? decoded : { ok: false, reason: 'wrong_shape', problems }
}

/** As a process keeps it beside the program. */
export const encodePolicyData = (data: PolicyData): Uint8Array => canonical(data)

/** A rule about something that does not exist is a misspelt rule: it would silently not apply. */
function contradictions({ roles, scopes, deny }: PolicyData): Problem[] {
  const given = new Set(Object.values(roles).flatMap((row) => row.allow_scopes))
  return [
    ...Object.keys(scopes)
      .filter((name) => !given.has(name))
      .map((name) => ({ pointer: pointer(['scopes', name]), message: 'no role has this scope' })),
    ...Object.entries(roles).flatMap(([role, { secrets = [] }]) =>
      secrets.flatMap(({ actions }, at) => actions.flatMap((action, place) => (given.has(`secret:${action}`) ? [] : [{ pointer: pointer(['roles', role, 'secrets', at, 'actions', place]), message: `no role has the scope secret:${action}, without which this gives nothing` }]))),
    ),
    ...deny.roles.flatMap((name, at) => (Object.hasOwn(roles, name) ? [] : [{ pointer: pointer(['deny', 'roles', at]), message: 'there is no such role' }])),
  ]
}
