import { existsSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import type { Home } from './home.ts'
import { pickPorts } from './ports.ts'
import { writePrivate, writePrivateJson } from './private-files.ts'
import { differencesFrom, madeSettings, problemsOf, settingsFor, type Settings } from './settings.ts'

/* What is fixed when a deployment is made. Version 1 of the roster is a function of it, so it never changes afterwards. */

const stored = z.strictObject({
  version: z.literal(1),
  settings: madeSettings,
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
  /** Absent in one that was made before there was a vault: version 1 of its roster names none. */
  readonly vaultUrl: string | undefined
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
  if (!existsSync(home.deployment)) await createDeployment(home, settingsFor(environment))
  const made = readStored(home)
  if (made?.success !== true) return { ok: false, problems: [notOurs(home)] }
  const url = rememberDatabase(home, made.data, environment['DATABASE_URL'])
  return { ok: true, deployment: describe(home, made.data, url) }
}

/** What of the environment cannot be, or differs from what the deployment was made with. Changes nothing. */
export function deploymentProblems(home: Home, environment: NodeJS.ProcessEnv): readonly string[] {
  const made = readStored(home)
  if (made === undefined) return problemsOf(environment)
  return made.success ? differencesFrom(made.data.settings, environment) : [notOurs(home)]
}

const readStored = (home: Home) => (existsSync(home.deployment) ? stored.safeParse(JSON.parse(readFileSync(home.deployment, 'utf8'))) : undefined)
const notOurs = (home: Home): string => `${home.deployment} is not what this launcher wrote; make reset begins anew`

type Stored = z.output<typeof stored>
async function createDeployment(home: Home, settings: Settings): Promise<void> {
  const signers = signerNames(settings.FROST_N)
  const ports = await pickPorts(['api', 'console', 'coordinator', 'vault', ...signers, ...signers.map((name) => name.replace('signer', 'keygen'))])
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
    vaultUrl: made.ports['vault'] === undefined ? undefined : `http://localhost:${port('vault')}`,
    issuer: `http://localhost:${port('api')}`,
    consoleOrigin: `http://localhost:${port('console')}`,
    rpId: 'localhost',
    databaseUrl,
    databasePassword: databaseUrl !== undefined && existsSync(password) ? password : undefined,
  }
}
