import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { constants as os } from 'node:os'
import { delimiter, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Io } from './io.ts'
import type { Masking } from './masking.ts'

/* A child as a shell would have run it: its signals, its exit code, its terminal. */

export const notFound = 127
const notRunnable = 126
/** Between asking a child to end and ending it. */
const graceMs = 10_000
/** For a child that was told to stand still to do so by itself. */
const suspendMs = 50

const forwarded = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGTSTP', 'SIGCONT'] as const
/** A terminal sends these to the whole foreground group: the child has them already. */
const fromTerminal: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGWINCH']
const ending: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP']

export interface ChildOptions {
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** What to take out of its output; undefined: it writes by itself. */
  readonly masked: Masking | undefined
}

export interface Child {
  /** As a shell says it: 128 and the signal's number for one that a signal ended. */
  readonly exit: Promise<number>
  signal(name: NodeJS.Signals): void
  /** Whether we were told to end, and it with us. */
  isEnding(): boolean
  /** Asks it to end, and ends it where it does not. */
  stop(): void
}

export function startChild({ command: [name = '', ...args], env, masked }: ChildOptions, io: Io): Child {
  const path = find(name, io)
  if (path === undefined) {
    io.err.write(`symbolon: ${JSON.stringify(name)} is no command here\n`)
    return { exit: Promise.resolve(notFound), signal: () => undefined, isEnding: () => true, stop: () => undefined }
  }
  const child = spawn(path, args, { argv0: name, cwd: io.cwd, env, stdio: masked === undefined ? 'inherit' : ['inherit', 'pipe', 'pipe'] })
  const passed = masked === undefined ? [] : [passOn(child.stdout, io.out, masked), passOn(child.stderr, io.err, masked)]
  const isTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  let isEnding = false
  const restore = io.signals(forwarded, (signal) => {
    isEnding ||= ending.includes(signal)
    if (isTerminal && fromTerminal.includes(signal)) return
    child.kill(signal)
    if (signal === 'SIGTSTP') setTimeout(() => suspend(child), suspendMs)
  })
  return { exit: exitOf(child, passed, io).finally(restore), signal: (signal) => void child.kill(signal), isEnding: () => isEnding, stop: () => stop(child) }
}

/**
 * The shell that waits sees this process stopped, and its child stands still with it: by itself, once it has put its terminal in order, or stopped
 * where nothing else would (a group without a shell above it ignores SIGTSTP, POSIX.1, 2.4.3).
 */
function suspend(child: ChildProcess): void {
  child.kill('SIGSTOP')
  process.kill(process.pid, 'SIGSTOP')
}

async function exitOf(child: ChildProcess, passed: readonly Promise<void>[], io: Io): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : os.signals[signal])))
  child.on('error', (error: NodeJS.ErrnoException) => {
    io.err.write(`symbolon: the command cannot be run (${error.code ?? error.name})\n`)
    resolve(error.code === 'ENOENT' ? notFound : notRunnable)
  })
  const code = await promise
  await Promise.all(passed)
  return code
}

async function passOn(from: NodeJS.ReadableStream | null, to: Io['out'], masked: Masking): Promise<void> {
  if (from === null) return
  await pipeline(from, masked.stream(), async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const chunk of chunks) to.write(chunk)
  })
}

function stop(child: ChildProcess): void {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  child.on('exit', () => clearTimeout(timer))
}

/** With our own PATH: the child's may hold none. */
function find(name: string, { env, cwd }: Io): string | undefined {
  if (name === '') return undefined
  const candidates = name.includes('/') ? [name] : (env['PATH'] ?? '/usr/bin:/bin').split(delimiter).map((folder) => join(folder === '' ? cwd : folder, name))
  return candidates.find((path) => name.includes('/') || isRunnable(path))
}

function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false
    throw error
  }
}

/** This process and its children write no core: their memory holds secrets. @returns whether that is so */
export const withoutCoreDumps = (): boolean => spawnSync('prlimit', ['--pid', String(process.pid), '--core=0:0'], { stdio: 'ignore' }).status === 0
