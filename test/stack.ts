import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { homeAt, type Home } from '@symbolon/dev/home.ts'
import { readState, type LauncherState } from '@symbolon/dev/state.ts'
import { hasEnded } from '@symbolon/dev/supervisor.ts'
import { commandOf } from '@symbolon/runtime/pid-file.ts'

/*
 * A complete private deployment for a test, started by the same launcher that `make up` uses, under a folder of its own. Nothing of
 * it outlives `stop()`, which also says so if something did.
 */

export const root = resolve(import.meta.dirname, '..')
const run = promisify(execFile)

export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }
export type StackOptions = {
  /** Environment of the launcher: `FROST_N`, `KEYSTORE`, `DATABASE_URL` … */
  readonly env?: Readonly<Record<string, string>>
  /** Where the state lies; by default a new temporary folder that `stop()` removes. */
  readonly home?: string
}

export type Stack = {
  readonly home: Home
  readonly issuer: string
  /** What the launcher says now. */
  state(): LauncherState
  pid(name: string): number
  port(name: string): number
  /** Sends a signal (SIGKILL unless said) and waits until the process is gone; with SIGSTOP and SIGCONT it does not wait. */
  kill(name: string, signal?: NodeJS.Signals): Promise<void>
  /** `make up DETACH=1` again: starts what is missing. */
  up(): Promise<Ran>
  /** `make down`. Keys and data stay. */
  down(): Promise<Ran>
  /** `./symbolon …` against this deployment. */
  cli(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>
  log(name: string): string
  /** `make down`, then removes the folder. Throws if a process is left. */
  stop(): Promise<void>
}

/** Starts a stack; `first` is what the first `up` came to. Whether it can mint is the test's to judge. */
export async function startStack(options: StackOptions = {}): Promise<Stack & { readonly first: Ran }> {
  const path = options.home ?? mkdtempSync(join(tmpdir(), 'symbolon-'))
  const home = homeAt(path)
  // What the command line remembers belongs to this deployment alone, not to whoever runs the tests.
  const env = { ...plain(), XDG_STATE_HOME: join(path, 'user-state'), ...options.env, SYMBOLON_HOME: path }
  const dev = (command: string, more: Readonly<Record<string, string>> = {}) => runNode([join(root, 'dev/main.ts'), command], { ...env, ...more })
  const state = () => {
    const found = readState(home)
    if (found === undefined) throw new Error('no launcher runs')
    return found
  }
  const pid = (name: string): number => Number(readFileSync(home.pidFile(name), 'utf8'))
  const ports = (): Record<string, number> => JSON.parse(readFileSync(home.deployment, 'utf8')).ports
  const up = () => dev('up', { DETACH: '1' })
  const down = () => dev('down')
  const first = await up()
  return {
    first,
    home,
    issuer: `http://localhost:${ports()['api']}`,
    state,
    pid,
    port: (name) => {
      const port = ports()[name]
      if (port === undefined) throw new Error(`${name} has no port`)
      return port
    },
    kill: async (name, signal = 'SIGKILL') => {
      const target = pid(name)
      process.kill(target, signal)
      if (['SIGSTOP', 'SIGCONT'].includes(signal)) return
      if (!(await hasEnded(target, 20_000))) throw new Error(`${name} outlived ${signal}`)
    },
    up,
    down,
    cli: (args, more = {}) => runProgram(join(root, 'symbolon'), args, { ...env, ...more }),
    log: (name) => readFileSync(home.log(name), 'utf8'),
    stop: async () => {
      await down()
      const left = processesOf(path)
      rmSync(path, { recursive: true, force: true })
      if (left.length > 0) throw new Error(`still running: ${left.join('; ')}`)
    },
  }
}

const plain = (): Record<string, string> => Object.fromEntries(['PATH', 'HOME', 'LANG', 'TMPDIR'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])))
const runNode = (args: readonly string[], env: Readonly<Record<string, string>>) => runProgram(process.execPath, args, env)

/** Runs a program to its end, whatever its exit code. */
export async function runProgram(program: string, args: readonly string[], env: Readonly<Record<string, string>>, input?: string): Promise<Ran> {
  if (input !== undefined) return runWithInput(program, args, env, input)
  try {
    const { stdout, stderr } = await run(program, args, { env, cwd: root, maxBuffer: 64 * 1024 * 1024 })
    return { code: 0, stdout, stderr }
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'number' && 'stdout' in error && 'stderr' in error) return { code: error.code, stdout: String(error.stdout), stderr: String(error.stderr) }
    throw error
  }
}

function runWithInput(program: string, args: readonly string[], env: Readonly<Record<string, string>>, input: string): Promise<Ran> {
  const { promise, resolve: settle, reject } = Promise.withResolvers<Ran>()
  const child = spawn(program, args, { env, cwd: root, stdio: 'pipe' })
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (said.stdout += chunk))
  child.stderr.on('data', (chunk) => (said.stderr += chunk))
  child.once('error', reject)
  child.once('close', (code) => settle({ code: code ?? -1, ...said }))
  child.stdin.end(input)
  return promise
}

/** Command lines of live processes that name the folder: ours all do, in `--config` or `-D`. */
export function processesOf(path: string): readonly string[] {
  if (!existsSync('/proc')) return []
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name) && name !== `${process.pid}`)
  return pids.flatMap((pid) => {
    const command = commandOf(Number(pid))
    return command?.includes(`${path}/`) === true || command?.endsWith(path) === true ? [`${pid} ${command}`] : []
  })
}
