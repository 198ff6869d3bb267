import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Io } from './io.ts'
import { runCommand, type Parts } from './program.ts'

/* A command line in a folder of its own, with its own home, environment and clock. */

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly tty?: boolean
  /** What stdin holds. */
  readonly input?: string
  /** Is told what stderr holds so far. */
  readonly heard?: (err: string) => void
  /** Seconds. */
  readonly now?: () => number
}

export function openShell(parts?: Parts) {
  const folder = mkdtempSync(join(tmpdir(), 'symbolon-cli-'))
  const env: Record<string, string | undefined> = { HOME: join(folder, 'user'), PATH: process.env['PATH'] }
  const write = (path: string, text: string | Uint8Array, mode = 0o600): string => {
    const full = join(folder, path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text)
    chmodSync(full, mode)
    return full
  }
  const run = async (args: readonly string[], more: RunOptions = {}): Promise<Ran> => {
    const said = { out: '', err: '' }
    const sink = (name: 'out' | 'err') => ({ write: (text: string | Uint8Array) => ((said[name] += Buffer.from(text).toString()), name === 'err' ? more.heard?.(said.err) : undefined), ...(more.tty === undefined ? {} : { isTTY: more.tty }) })
    const io: Io = { env, cwd: join(folder, more.cwd ?? ''), out: sink('out'), err: sink('err'), input: async () => Buffer.from(more.input ?? ''), signals: () => () => undefined, now: more.now ?? (() => Math.floor(Date.now() / 1000)) }
    return { code: await runCommand(args, io, parts), ...said }
  }
  return { folder, env, write, run, remove: () => rmSync(folder, { recursive: true }) }
}
export type Shell = ReturnType<typeof openShell>
