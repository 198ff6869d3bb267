import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { parse, YAMLParseError } from 'yaml'
import { z } from 'zod'
import { LocalFailure, systemWhy } from './failure.ts'
import type { Io } from './io.ts'

/* Where a setting comes from: flag > environment > project file > user file > the home's profile > default. */

interface Definition {
  readonly help: string
  readonly default?: string
  /** A path: relative ones are relative to the file that names them. */
  readonly path?: boolean
  /** May a project file say it? What points at secrets may not: a checkout is somebody else's text. */
  readonly project: boolean
}

export const definitions = {
  addr: { help: 'URL of the api', project: true },
  pin: { help: 'fingerprint of the keyset, as the ceremony printed it; `unpinned` believes the server', project: true },
  cacert: { help: 'PEM file of the CA of the api’s certificate', path: true, project: true },
  client_cert: { help: 'PEM file of a client certificate', path: true, project: false },
  client_key: { help: 'PEM file of its key', path: true, project: false },
  identity: { help: 'auto, key, token, id_token, grant, github, buildkite or kubernetes', default: 'auto', project: true },
  subject: { help: 'roster id to ask as', project: true },
  client: { help: 'roster id of the asking software; default: the subject', project: true },
  key_file: { help: 'PEM file of a registered private key', path: true, project: false },
  key_id: { help: 'its id in the roster', project: true },
  token_key: { help: 'PEM file of the key that SYMBOLON_TOKEN is bound to; both together ask by that token', path: true, project: false },
  id_token_file: { help: 'file with an ID token that the platform gives for all requests', path: true, project: false },
  id_token_class: { help: 'static: it is sealed to the signers; bearer: it is sent in clear', default: 'static', project: false },
  audience: { help: 'audience of minted tokens; default: the deployment’s', project: true },
  format: { help: 'table, json, yaml, env, jwt or raw', project: true },
  console: { help: 'URL of the console; default: the one that the api names', project: false },
  vault_addr: { help: 'URL of the vault; default: the one that the api names', project: false },
  key_store: { help: 'where the key of a grant rests: auto, keychain or file', default: 'auto', project: false },
  timeout: { help: 'seconds to wait for a server', default: '30', project: true },
  profile: { help: 'name of a profile in the user file', project: false },
} as const satisfies Record<string, Definition>

export type SettingName = keyof typeof definitions
const names = Object.keys(definitions) as readonly SettingName[]

export interface Found {
  readonly value: string
  /** `--addr`, `SYMBOLON_ADDR`, a file's path, or `default`. */
  readonly origin: string
  readonly from: 'flag' | 'environment' | 'project' | 'user' | 'home' | 'default'
}
export type Settings = Readonly<Partial<Record<SettingName, Found>>>

export const environmentName = (name: SettingName): string => `SYMBOLON_${name.toUpperCase()}`
export const flagName = (name: SettingName): string => (name === 'format' ? '--output' : `--${name.replaceAll('_', '-')}`)

type Values = Readonly<Partial<Record<SettingName, string>>>
type Layer = { readonly from: Found['from']; readonly values: Values; origin(name: SettingName): string }

/** Reads every source; the first that names a setting wins. @throws LocalFailure naming the file and the member that is wrong */
export function resolveSettings(flags: Values, io: Io): Settings {
  const environment = Object.fromEntries(names.flatMap((name) => (io.env[environmentName(name)] ? [[name, io.env[environmentName(name)]]] : []))) as Values
  const user = readUser(io, flags.profile ?? environment.profile)
  const layers: readonly Layer[] = [
    { from: 'flag', values: flags, origin: flagName },
    { from: 'environment', values: environment, origin: environmentName },
    ...readProject(io),
    ...user,
    ...readHome(io),
    { from: 'default', values: Object.fromEntries(names.flatMap((name) => ('default' in definitions[name] ? [[name, definitions[name].default]] : []))), origin: () => 'default' },
  ]
  return Object.fromEntries(
    names.flatMap((name) => {
      const layer = layers.find(({ values }) => values[name] !== undefined)
      const value = layer?.values[name]
      return layer === undefined || value === undefined ? [] : [[name, { value, origin: layer.origin(name), from: layer.from }]]
    }),
  )
}

const text = z.string().max(4_096)
const value = z.union([text, z.int().transform(String)])
const members = (wanted: readonly SettingName[]) => Object.fromEntries(wanted.map((name) => [name, value.optional()])) as Record<SettingName, z.ZodOptional<typeof value>>

const reference = z.string().max(600)
/** Which secrets `symbolon run` gives its child in this folder: their names, never a value. */
const runShape = z.strictObject({
  /** Variable: `path#key`. */
  env: z.record(z.string().max(256), reference).optional(),
  /** All keys of these, under their names. */
  secrets: z.array(z.union([reference, z.strictObject({ path: reference, prefix: z.string().max(64).optional() })])).max(64).optional(),
  /** File below the folder of this one: `path#key`. */
  mounts: z.record(z.string().max(1_024), reference).optional(),
})
export type ProjectRun = z.infer<typeof runShape>
const projectShape = z.strictObject({ ...members(names.filter((name) => definitions[name].project)), run: runShape.optional() })
const userShape = z.strictObject({ ...members(names), profiles: z.record(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/), z.strictObject(members(names.filter((name) => name !== 'profile')))).optional() })
/** As the launcher writes it. */
const homeShape = z
  .strictObject({ v: z.literal(1), addr: text, keyset: text, service: text, key_id: text, key_file: text, client: text })
  .transform(({ addr, keyset, service, key_id, key_file, client }): Values => ({ addr, pin: keyset, subject: service, key_id, key_file, client }))

const projectFile = '.symbolon.yaml'

function findProject({ cwd }: Pick<Io, 'cwd'>): { readonly folder: string; readonly path: string; readonly found: z.infer<typeof projectShape> } | undefined {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const path = join(folder, projectFile)
    const found = readFile(path, projectShape, 'Secrets and paths to them belong in the user file.')
    if (found !== undefined) return { folder, path, found }
    if (dirname(folder) === folder) return undefined
  }
}

function readProject(io: Io): Layer[] {
  const project = findProject(io)
  if (project === undefined) return []
  const { run: _, ...values } = project.found
  return [{ from: 'project', values: absolute(values, project.folder), origin: () => project.path }]
}

/** What the project file of this folder says about `symbolon run`. */
export function projectRun(io: Pick<Io, 'cwd'>): { readonly folder: string; readonly path: string; readonly run: ProjectRun } | undefined {
  const project = findProject(io)
  return project?.found.run === undefined ? undefined : { folder: project.folder, path: project.path, run: project.found.run }
}

export const userFile = ({ env }: Pick<Io, 'env'>): string => join(env['XDG_CONFIG_HOME'] || join(env['HOME'] ?? '/nonexistent', '.config'), 'symbolon', 'config.yaml')

function readUser(io: Io, wanted: string | undefined): Layer[] {
  const path = userFile(io)
  const found = readFile(path, userShape, 'See `symbolon config show` for the names.')
  const profile = wanted ?? found?.profile
  if (profile === undefined && found === undefined) return []
  const chosen = profile === undefined ? undefined : found?.profiles?.[profile]
  if (profile !== undefined && chosen === undefined) throw new LocalFailure(`There is no profile ${profile}`, `${path} does not name it`, 'Add it under `profiles:`, or leave --profile and SYMBOLON_PROFILE out.')
  const { profiles: _, ...own } = found ?? {}
  return [
    ...(chosen === undefined ? [] : [{ from: 'user' as const, values: absolute(chosen, dirname(path)), origin: () => `${path}, profile ${profile}` }]),
    { from: 'user', values: absolute(own, dirname(path)), origin: () => path },
  ]
}

/** What `make up` left for the development deployment of this home. */
function readHome({ env }: Io): Layer[] {
  const home = env['SYMBOLON_HOME']
  if (!home) return []
  const path = join(home, 'profile.json')
  const found = readFile(path, homeShape, 'Run `make up` again; it writes this file anew.')
  return found === undefined ? [] : [{ from: 'home', values: absolute(found, home), origin: () => path }]
}

const absolute = (values: Values, folder: string): Values => Object.fromEntries(Object.entries(values).flatMap(([name, found]) => (found === undefined ? [] : [[name, isPath(name) && !isAbsolute(found) ? join(folder, found) : found]])))
const isPath = (name: string): boolean => name in definitions && 'path' in definitions[name as SettingName]

function readFile<T>(path: string, shape: z.ZodType<T>, hint: string): T | undefined {
  const bytes = bytesOf(path)
  if (bytes === undefined) return undefined
  const result = shape.safeParse(parsed(path, bytes))
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => (issue.code === 'unrecognized_keys' ? issue.keys.map((key) => `${[...issue.path, key].join('.')} is not a setting here`).join(', ') : `${issue.path.join('.') || 'the file'}: ${issue.message}`))
  throw new LocalFailure(`${path} cannot be used`, problems.join('; '), hint)
}

/** Opened once and judged by descriptor: a link is worth what it leads to, and what was judged is what is read. */
function bytesOf(path: string): string | undefined {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      refuseOthers(path, fstatSync(descriptor))
      return readFileSync(descriptor, 'utf8')
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code))) return undefined
    if (error instanceof Error && 'code' in error) throw new LocalFailure(`${path} cannot be read`, systemWhy(error.code), 'Check its owner and mode.')
    throw error
  }
}

/** These files say which server to believe. A project file is looked for up to the root, through folders where anybody may leave one. */
function refuseOthers(path: string, { mode, uid }: { readonly mode: number; readonly uid: number }): void {
  if ((mode & 0o022) !== 0) throw new LocalFailure(`${path} cannot be used`, 'others may write to it, and it says which server to believe', `chmod go-w ${path}`)
  if (uid !== 0 && process.geteuid !== undefined && uid !== process.geteuid()) throw new LocalFailure(`${path} cannot be used`, `it belongs to user ${uid}, and it says which server to believe`, `If you trust it: chown it to yourself. If not: work elsewhere, or remove it.`)
}

function parsed(path: string, bytes: string): unknown {
  try {
    return parse(bytes, { maxAliasCount: 0, uniqueKeys: true }) ?? {}
  } catch (error) {
    if (error instanceof YAMLParseError) throw new LocalFailure(`${path} cannot be read`, `it is not YAML at line ${error.linePos?.[0].line ?? 1}`, 'Correct that line.')
    throw error
  }
}
