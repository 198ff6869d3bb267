import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from '../stack.ts'

export interface Said {
  /** What the call returned. */
  readonly value?: unknown
  /** A bare response. */
  readonly status?: number
  readonly text?: string
  /** Name of the exception, and what it tells. */
  readonly raised?: string
  readonly errors?: readonly string[] | null
  readonly json?: unknown
}
export interface Hvac {
  /** @param call a method of `hvac.Client`, like `secrets.kv.v2.read_secret_version` */
  ask(call: string, token: string | null, args?: Readonly<Record<string, unknown>>): Promise<Said>
  stop(): Promise<void>
}

/** The real client, in a Python of its own. */
export function startHvac(address: string): Hvac {
  const folder = join(root, '.tools/hvac')
  if (!existsSync(join(folder, 'hvac'))) throw new Error('hvac is not installed: make test-tools')
  const child = spawn(join(root, '.tools/bin/python3'), [join(import.meta.dirname, 'hvac_client.py'), address], { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env['PATH'] ?? '', PYTHONPATH: folder, PYTHONNOUSERSITE: '1', NO_PROXY: '*' } })
  const waiting: ((said: Said) => void)[] = []
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line) as Said))
  const ended = new Promise<void>((resolve) => child.on('close', () => {
    for (const each of waiting.splice(0)) each({ raised: 'ended' })
    resolve()
  }))
  return {
    ask: (call, token, args = {}) => new Promise((resolve) => {
      waiting.push(resolve)
      child.stdin.write(`${JSON.stringify({ call, token, with: args })}\n`)
    }),
    async stop() {
      child.stdin.end()
      await ended
    },
  }
}
