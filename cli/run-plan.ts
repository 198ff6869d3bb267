import { existsSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join, normalize, resolve } from 'node:path'
import type { Json } from '@symbolon/protocol/json.ts'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { isVariableName } from './dotenv.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import { filledIn } from './kv.ts'
import { referenceOf, type Reference } from './secret-path.ts'
import { membersShown, partOf, textForm, variableName } from './secret-value.ts'
import type { Opened, Secrets } from './secrets.ts'
import { projectRun } from './settings.ts'

/* Which secrets a child gets, and as what. Only what was named, by flags or by the folder's project file. */

export interface RunPlan {
  readonly variables: readonly { readonly name: string; readonly from: Reference }[]
  /** All keys of a secret. */
  readonly whole: readonly { readonly from: Reference; readonly prefix: string }[]
  /** `target`: where a link to the file stands; `variable`: what names the file. */
  readonly files: readonly { readonly from: Reference; readonly target?: string; readonly variable?: string }[]
}

export interface RunNames {
  /** `NAME=path#key` */
  readonly env: readonly string[]
  /** `path` */
  readonly secret: readonly string[]
  readonly prefix: string
  /** `path#key=/file` */
  readonly mount: readonly string[]
  /** `NAME=path#key` */
  readonly fileEnv: readonly string[]
  readonly project: boolean
}

/** @throws LocalFailure for what cannot be meant */
export function planOf(names: RunNames, io: Pick<Io, 'cwd'>): RunPlan {
  const fromProject = names.project ? projectPlan(io) : { variables: [], whole: [], files: [] }
  const flags: RunPlan = {
    variables: names.env.map((text) => named(text, '--env')),
    whole: names.secret.map((text) => ({ from: withoutKey(text), prefix: names.prefix })),
    files: [...names.mount.map((text) => mountOf(text, io)), ...names.fileEnv.map((text) => ((pair) => ({ from: pair.from, variable: pair.name }))(named(text, '--file-env')))],
  }
  // What a flag names is meant instead of what the file says under that name.
  const taken = new Set([...flags.variables.map(({ name }) => name), ...flags.files.flatMap(({ variable }) => variable ?? [])])
  const plan = { variables: [...fromProject.variables.filter(({ name }) => !taken.has(name)), ...flags.variables], whole: [...fromProject.whole, ...flags.whole], files: [...fromProject.files, ...flags.files] }
  refuseTwice([...plan.variables.map(({ name }) => name), ...plan.files.flatMap(({ variable }) => variable ?? [])])
  refuseTwice(plan.files.flatMap(({ target }) => target ?? []))
  return plan
}

function projectPlan(io: Pick<Io, 'cwd'>): RunPlan {
  const project = projectRun(io)
  const { env = {}, secrets = [], mounts = {} } = project?.run ?? {}
  const folder = project?.folder ?? io.cwd
  return {
    variables: Object.entries(env).map(([name, text]) => ({ name: checkedName(name), from: referenceOf(text) })),
    whole: secrets.map((each) => (typeof each === 'string' ? { from: withoutKey(each), prefix: '' } : { from: withoutKey(each.path), prefix: each.prefix ?? '' })),
    files: Object.entries(mounts).map(([file, text]) => ({ from: referenceOf(text), target: below(folder, file, project?.path ?? '') })),
  }
}

/** A checkout is somebody else's text: it puts nothing outside of itself. */
function below(folder: string, file: string, path: string): string {
  const target = normalize(file)
  const place = join(folder, target)
  if (isAbsolute(target) || target === '..' || target.startsWith('../') || isElsewhere(folder, dirname(place))) throw new LocalFailure(`${path} cannot be used`, `the mount ${JSON.stringify(file)} leads out of its folder`, 'Name a file below it, or use --mount.')
  return place
}

/** A checkout may hold links, too. What is not there at all is said where it is to be made. */
function isElsewhere(folder: string, inner: string): boolean {
  if (!existsSync(inner)) return false
  const [outside, found] = [realpathSync(folder), realpathSync(inner)]
  return found !== outside && !found.startsWith(outside.endsWith('/') ? outside : `${outside}/`)
}

const checkedName = (name: string): string => {
  if (!isVariableName(name)) throw new LocalFailure(`${JSON.stringify(name.slice(0, 60))} is no name of a variable`, 'a name is letters, digits and _, and begins with no digit', 'Write NAME=path#key, for example DB_PASSWORD=app/db#password.')
  return name
}

function named(text: string, flag: string): { readonly name: string; readonly from: Reference } {
  const at = text.indexOf('=')
  if (at < 1) throw new LocalFailure(`${flag} names no variable`, `${JSON.stringify(text.slice(0, 120))} has no name before =`, `Write ${flag} NAME=path#key, for example ${flag} DB_PASSWORD=app/db#password.`)
  return { name: checkedName(text.slice(0, at)), from: referenceOf(text.slice(at + 1)) }
}

function withoutKey(text: string): Reference {
  const from = referenceOf(text)
  if (from.key !== undefined) throw new LocalFailure('A whole secret has no #key', `${from.path} is named with one`, 'Use --env NAME=path#key.')
  return from
}

/** The path is what stands before the last `=` that a file name follows: a path may hold one. */
function mountOf(text: string, { cwd }: Pick<Io, 'cwd'>): RunPlan['files'][number] {
  const at = text.search(/=(?:\/|\.)/)
  if (at < 1) throw new LocalFailure('--mount names no file', `${JSON.stringify(text.slice(0, 120))} has no =/file behind the path`, 'Write --mount path#key=/file, for example --mount app/tls#private_key=/run/tls/key.pem, or =./key.pem.')
  return { from: referenceOf(text.slice(0, at)), target: resolve(cwd, text.slice(at + 1)) }
}

function refuseTwice(names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new LocalFailure(`${twice} is named twice`, 'it can be one secret only', 'Leave one of them out.')
}

/** Everything that is read, ready for a child. */
export interface Loaded {
  readonly env: Readonly<Record<string, string>>
  /** In the order of the plan's files. */
  readonly files: readonly (string | Uint8Array)[]
  /** What masking takes out. */
  readonly values: readonly (string | Uint8Array)[]
  readonly opened: readonly Opened[]
}

export async function load(secrets: Secrets, plan: RunPlan): Promise<Outcome<Loaded>> {
  const paths = [...new Set([...plan.variables, ...plan.whole, ...plan.files].map(({ from }) => from.path))]
  const read = await secrets.read(paths.map((path) => ({ path, version: 'latest' })))
  if (!read.ok) return read
  const opened: Opened[] = []
  for (const each of read.value) {
    // A config is used with what it refers to.
    const filled = await filledIn(secrets, each)
    if (!filled.ok) return filled
    opened.push(filled.value)
  }
  return ok(loaded(plan, opened))
}

function loaded(plan: RunPlan, opened: readonly Opened[]): Loaded {
  const of = ({ path, key }: Reference): string | Uint8Array => {
    const found = opened.find((each) => each.path === path)
    if (found === undefined) throw new LocalFailure(`${path} was not read`, 'the vault did not give it', 'Try again.')
    return partOf(found.value, key, path)
  }
  const env: Record<string, string> = {}
  const put = (name: string, value: string): void => {
    if (Object.hasOwn(env, name)) throw new LocalFailure(`${name} is named twice`, 'two secrets have that key', 'Give --prefix, or name one of them with --env NAME=path#key.')
    if (value.includes('\u0000')) throw new LocalFailure(`${name} cannot be a variable`, 'the value holds a NUL', 'Mount it as a file: --mount path#key=/file.')
    env[name] = value
  }
  for (const { name, from } of plan.variables) put(name, textOf(of(from), name))
  const explicit = new Set(Object.keys(env))
  for (const { from, prefix } of plan.whole) {
    for (const [key, value] of Object.entries(wholeOf(opened, from))) {
      const name = harmless(variableName(key, prefix), from.path)
      if (!explicit.has(name)) put(name, textForm(value))
    }
  }
  const files = plan.files.map(({ from }) => of(from))
  return { env, files, values: [...new Set([...Object.values(env), ...files])], opened }
}

const wholeOf = (opened: readonly Opened[], { path }: Reference): Readonly<Record<string, Json>> => {
  const value = opened.find((each) => each.path === path)?.value
  if (value === undefined || value.type !== 'string') throw new LocalFailure(`${path} has no keys to name variables by`, `it is of type ${value?.type ?? 'none'}`, 'Name its parts: --env NAME=path#key, or --mount.')
  return membersShown(value)
}

function textOf(value: string | Uint8Array, name: string): string {
  if (typeof value === 'string') return value
  throw new LocalFailure(`${name} cannot be a variable`, 'the secret is a file', 'Mount it: --mount path=/file.')
}

/** Whoever may write the secret chooses its keys: these would let them choose what runs. */
const steering = new RegExp(`^(?:${[
  'PATH|HOME|SHELL|TMPDIR|XDG_.*|IFS|ENV|BASH_.*|SHELLOPTS|BASHOPTS|PROMPT_COMMAND|PS4|CDPATH|ZDOTDIR',
  'LD_.*|DYLD_.*|GCONV_PATH|GLIBC_TUNABLES|LOCPATH|OPENSSL_.*|SSL_CERT_.*',
  // npm reads its settings in either case; NPM_TOKEN is a secret.
  'NODE_.*|npm_.*|NPM_CONFIG_.*|YARN_RC_FILENAME|PYTHON.*|PIP_CONFIG_FILE|PERL.*|RUBY.*|GEM_HOME|GEM_PATH|BUNDLE_GEMFILE|BUNDLE_PATH|PHP_INI_.*|PHPRC|LUA_.*',
  'JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH|MAVEN_OPTS|GRADLE_OPTS|DOTNET_.*|CORECLR_.*|GOFLAGS|GOTOOLCHAIN|RUSTC_.*|CARGO_BUILD_.*|MAKEFLAGS',
  'GIT_.*|SSH_.*|SYMBOLON_.*|EDITOR|VISUAL|PAGER|MANPAGER|LESSOPEN|LESSCLOSE|BROWSER|DOCKER_HOST|KUBECONFIG',
  '(?:all|https?|no)_proxy|(?:ALL|HTTPS?|NO)_PROXY',
].join('|')})$`)

function harmless(name: string, path: string): string {
  if (steering.test(name)) throw new LocalFailure(`${path} would set ${name}`, 'that decides which programs run, or whom they reach', `If you mean it: --env ${name}=${path}#… by name.`)
  return name
}
