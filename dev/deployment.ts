import { existsSync, readFileSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { z } from 'zod'
import type { Home } from './home.ts'
import { pickPorts } from './ports.ts'
import { writePrivate, writePrivateJson } from './private-files.ts'

/* What is fixed when a deployment is made. Version 1 of the roster is a function of it, so it never changes afterwards. */

const commaList = z.string().transform((text) => text.split(',').map((item) => item.trim()).filter((item) => item !== ''))
const number = z.string().regex(/^[0-9]{1,6}$/, 'must be a number').transform(Number)

const file = z.string().transform((path) => (path === '' ? '' : resolve(path)))

/** The environment variables that feed version 1. Absent ones take the default; the names are those of earlier systems. */
const settingsShape = z.object({
  FROST_N: number.default(3),
  FROST_T: number.default(2),
  TOKEN_DEFAULT_TTL_SECONDS: number.default(900),
  ALLOWED_SCOPES: commaList.default(['read:logs', 'write:staging', 'deploy:canary', 'write:prod']),
  ALLOWED_AUDIENCES: commaList.default(['https://api.example.internal']),
  /** Absolute; empty for the policy in `policy/`. */
  POLICY_FILE: file.default(''),
  /** Absolute; empty for the development service alone. */
  ROSTER_FILE: file.default(''),
  KEYSTORE: z.enum(['file', 'pkcs11']).default('file'),
})
export type Settings = z.output<typeof settingsShape>

const stored = z.strictObject({
  version: z.literal(1),
  settings: z.strictObject({
    FROST_N: z.int(),
    FROST_T: z.int(),
    TOKEN_DEFAULT_TTL_SECONDS: z.int(),
    ALLOWED_SCOPES: z.array(z.string()),
    ALLOWED_AUDIENCES: z.array(z.string()),
    POLICY_FILE: z.string(),
    ROSTER_FILE: z.string(),
    KEYSTORE: z.enum(['file', 'pkcs11']),
  }),
  ports: z.record(z.string(), z.int()),
  /** A real Postgres instead of the packaged one; without its password, which has a file of its own. */
  database_url: z.string().nullable(),
})

export type Deployment = {
  readonly home: Home
  readonly settings: Settings
  /** Names of the signers: `signer-1` … `signer-n`. */
  readonly signers: readonly string[]
  /** Where a name listens on 127.0.0.1; `console` is reserved for the console's origin. */
  port(name: string): number
  readonly issuer: string
  readonly consoleOrigin: string
  readonly rpId: 'localhost'
  readonly databaseUrl: string | undefined
  readonly databasePassword: string | undefined
}
export type DeploymentResult = { readonly ok: true; readonly deployment: Deployment } | { readonly ok: false; readonly problems: readonly string[] }

/** Reads what the deployment was made with, or makes it. Refuses an environment that asks for something else than it was made with. */
export async function openDeployment(home: Home, environment: NodeJS.ProcessEnv): Promise<DeploymentResult> {
  const problems = deploymentProblems(home, environment)
  if (problems.length > 0) return { ok: false, problems }
  const wanted = readSettings(environment)
  if (!wanted.ok) return wanted
  if (!existsSync(home.deployment)) await createDeployment(home, wanted.settings)
  const made = readStored(home)
  if (made?.success !== true) return { ok: false, problems: [notOurs(home)] }
  const url = rememberDatabase(home, made.data, environment['DATABASE_URL'])
  return { ok: true, deployment: describe(home, made.data, url) }
}

/** What of the environment cannot be, or differs from what the deployment was made with. Changes nothing. */
export function deploymentProblems(home: Home, environment: NodeJS.ProcessEnv): readonly string[] {
  const wanted = readSettings(environment)
  if (!wanted.ok) return wanted.problems
  const made = readStored(home)
  if (made === undefined) return []
  return made.success ? differences(wanted.given, made.data.settings) : [notOurs(home)]
}

const readStored = (home: Home) => (existsSync(home.deployment) ? stored.safeParse(JSON.parse(readFileSync(home.deployment, 'utf8'))) : undefined)
const notOurs = (home: Home): string => `${home.deployment} is not what this launcher wrote; make reset begins anew`

type Stored = z.output<typeof stored>
type Read = { readonly ok: true; readonly settings: Settings; readonly given: Partial<Settings> } | { readonly ok: false; readonly problems: readonly string[] }

function readSettings(environment: NodeJS.ProcessEnv): Read {
  const names = Object.keys(settingsShape.shape)
  const given = Object.fromEntries(Object.entries(environment).filter(([name, value]) => names.includes(name) && value !== undefined && value !== ''))
  const parsed = settingsShape.safeParse(given)
  if (!parsed.success) return { ok: false, problems: parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) }
  const problems = settingProblems(parsed.data)
  if (problems.length > 0) return { ok: false, problems }
  return { ok: true, settings: parsed.data, given: Object.fromEntries(Object.entries(parsed.data).filter(([name]) => name in given)) }
}

function settingProblems({ FROST_N: n, FROST_T: t, POLICY_FILE: policy, ROSTER_FILE: roster, ALLOWED_SCOPES: scopes, ALLOWED_AUDIENCES: audiences }: Settings): string[] {
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

const differences = (given: Partial<Settings>, made: Stored['settings']): string[] =>
  (Object.keys(given) as (keyof Settings)[])
    .filter((name) => JSON.stringify(given[name]) !== JSON.stringify(made[name]))
    .map((name) => `${name}=${String(given[name])}, but this deployment was made with ${String(made[name])}. That is a roster change now (./symbolon roster); or make reset, which begins anew with new keys`)

async function createDeployment(home: Home, settings: Settings): Promise<void> {
  const signers = signerNames(settings.FROST_N)
  const ports = await pickPorts(['api', 'console', 'coordinator', ...signers, ...signers.map((name) => name.replace('signer', 'keygen'))])
  writePrivateJson(home.deployment, { version: 1, settings, ports, database_url: null } satisfies Stored)
}

const signerNames = (n: number): readonly string[] => Array.from({ length: n }, (_, index) => `signer-${index + 1}`)

/** Kept, so that a second `make up` without the variable goes on with the same database. A password goes into a file of its own. */
function rememberDatabase(home: Home, made: Stored, given: string | undefined): string | undefined {
  if (given === undefined || given === '') return made.database_url ?? undefined
  const [, before, password, after] = /^([a-z]+:\/\/[^:/@]*):([^@/]*)(@.*)$/s.exec(given) ?? []
  const url = before === undefined || after === undefined ? given : before + after
  if (password !== undefined) writePrivate(`${home.path}/database.password`, decodeURIComponent(password))
  if (url !== made.database_url) writePrivateJson(home.deployment, { ...made, database_url: url })
  return url
}

function describe(home: Home, made: Stored, databaseUrl: string | undefined): Deployment {
  const port = (name: string): number => {
    const found = made.ports[name]
    if (found === undefined) throw new TypeError(`${name} has no port`)
    return found
  }
  const password = `${home.path}/database.password`
  return {
    home,
    settings: made.settings,
    signers: signerNames(made.settings.FROST_N),
    port,
    issuer: `http://localhost:${port('api')}`,
    consoleOrigin: `http://localhost:${port('console')}`,
    rpId: 'localhost',
    databaseUrl,
    databasePassword: databaseUrl !== undefined && isAbsolute(password) && existsSync(password) ? password : undefined,
  }
}
