import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'

/* The environment variables that feed version 1 of the roster. Their names are those of earlier systems. */

const commaList = z.string().transform((text) => text.split(',').map((item) => item.trim()).filter((item) => item !== ''))
const number = z.string().regex(/^[0-9]{1,6}$/, 'must be a number').transform(Number)
const file = z.string().transform((path) => resolve(path))

const given = z.object({
  FROST_N: number,
  FROST_T: number,
  TOKEN_DEFAULT_TTL_SECONDS: number,
  ALLOWED_SCOPES: commaList,
  ALLOWED_AUDIENCES: commaList,
  POLICY_FILE: file,
  ROSTER_FILE: file,
  KEYSTORE: z.enum(['file', 'pkcs11']),
}).partial()

/** What a deployment was made with. */
export const madeSettings = z.strictObject({
  FROST_N: z.int(),
  FROST_T: z.int(),
  TOKEN_DEFAULT_TTL_SECONDS: z.int(),
  ALLOWED_SCOPES: z.array(z.string()),
  ALLOWED_AUDIENCES: z.array(z.string()),
  /** Absolute; empty for the policy in `policy/`. */
  POLICY_FILE: z.string(),
  /** Absolute; empty for the development service alone. */
  ROSTER_FILE: z.string(),
  KEYSTORE: z.enum(['file', 'pkcs11']),
})
export type Settings = z.output<typeof madeSettings>

/** What the environment asks for; the rest is the default. `FROST_T` defaults to the smallest threshold that two quorums cannot meet apart. */
export function settingsFor(environment: NodeJS.ProcessEnv): Settings {
  const asked = given.parse(mentioned(environment))
  const n = asked.FROST_N ?? 3
  return {
    FROST_N: n,
    FROST_T: Math.floor(n / 2) + 1,
    TOKEN_DEFAULT_TTL_SECONDS: 900,
    ALLOWED_SCOPES: ['read:logs', 'write:staging', 'deploy:canary', 'write:prod', 'secret:read', 'secret:list', 'secret:write', 'secret:delete', 'secret:destroy'],
    ALLOWED_AUDIENCES: ['https://api.example.internal'],
    POLICY_FILE: '',
    ROSTER_FILE: '',
    KEYSTORE: 'file',
    ...asked,
  }
}

/** Everything that a new deployment could not be made with. */
export function problemsOf(environment: NodeJS.ProcessEnv): readonly string[] {
  const parsed = given.safeParse(mentioned(environment))
  return parsed.success ? problemsIn(settingsFor(environment)) : parsed.error.issues.map(spelled)
}

/** Everything in the environment that a deployment was not made with. What it does not mention is no difference. */
export function differencesFrom(made: Settings, environment: NodeJS.ProcessEnv): readonly string[] {
  const parsed = given.safeParse(mentioned(environment))
  if (!parsed.success) return parsed.error.issues.map(spelled)
  const names = Object.keys(parsed.data) as (keyof Settings)[]
  return names
    .filter((name) => JSON.stringify(parsed.data[name]) !== JSON.stringify(made[name]))
    .map((name) => `${name}=${String(parsed.data[name])}, but this deployment was made with ${String(made[name])}. Version 1 of the roster holds it, and a later version cannot be made yet; make reset begins anew, with new keys`)
}

// An empty variable is one that a shell script could not unset.
const mentioned = (environment: NodeJS.ProcessEnv) => Object.fromEntries(Object.keys(given.shape).flatMap((name) => (environment[name] === undefined || environment[name] === '' ? [] : [[name, environment[name]]])))
const spelled = (issue: z.core.$ZodIssue): string => `${issue.path.join('.')}: ${issue.message}`

function problemsIn({ FROST_N: n, FROST_T: t, POLICY_FILE: policy, ROSTER_FILE: roster, ALLOWED_SCOPES: scopes, ALLOWED_AUDIENCES: audiences }: Settings): readonly string[] {
  return [
    ...(n < 3 || n > 20 ? [`FROST_N=${n}: this launcher runs 3 to 20 signers on one machine`] : []),
    ...(t < 2 || t > n ? [`FROST_T=${t}: must be 2 to FROST_N (${n})`] : []),
    ...(2 * t <= n ? [`FROST_T=${t} of FROST_N=${n}: two disjoint quorums could sign different claims for one intent; t must be more than n/2`] : []),
    ...(policy !== '' && !existsSync(policy) ? [`POLICY_FILE: ${policy} is not there`] : []),
    ...(roster !== '' && !existsSync(roster) ? [`ROSTER_FILE: ${roster} is not there`] : []),
    ...(scopes.length === 0 ? ['ALLOWED_SCOPES: names no scope'] : []),
    ...(audiences.length === 0 ? ['ALLOWED_AUDIENCES: names no audience'] : []),
  ]
}
