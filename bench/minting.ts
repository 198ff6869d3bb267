import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startIssuer } from '@symbolon/test/issuers/start.ts'
import { openTown } from '@symbolon/test/people.testkit.ts'
import { startStack, type Stack } from '@symbolon/test/stack.ts'
import { openCallers, type Callers } from './callers.ts'
import { latencyOf, leastDisturbed, spentOf, spentText, type Spent } from './figures.ts'
import type { Job, Turn } from './load.ts'
import { cpuTimes, memory, type Watched } from './processes.ts'
import { ciTrust, evidenceKinds, openRequests, type Kind, type Requests } from './requests.ts'

/* Tokens from a real stack: launcher, api, coordinator, signers and Postgres as `make up` starts them, and a CI issuer beside it. */

export const callerCounts = [1, 16, 64] as const

/** One kind of evidence at one number of callers. */
export interface Figures {
  readonly tokens: number
  readonly tokens_per_s: number
  readonly p50_ms: number
  readonly p99_ms: number
  readonly cpu_us_per_token: Spent
}

/** `tokens_per_s` is that of `id_token`. A kind that a target cannot judge is absent. */
export interface Cell {
  readonly tokens_per_s: number
  readonly evidence: Readonly<Partial<Record<Kind, Figures>>>
}
export type Table = Readonly<Record<`${(typeof callerCounts)[number]}`, Cell>>

export interface Pace {
  readonly turns: number
  /** Requests in one turn, by callers. */
  readonly requests: Readonly<Record<(typeof callerCounts)[number], number>>
  readonly warmUp: number
}

export interface MintingResults {
  readonly table: Table
  /** MB at the end, by process. */
  readonly memory_mb: Readonly<Record<string, number>>
}

export type Say = (line: string) => void

/** What is measured: where requests go, and whose CPU counts. */
export interface Target {
  readonly name: string
  readonly origin: string
  readonly watched: readonly Watched[]
  readonly requests: Requests
  readonly kinds: readonly Kind[]
}

/** More than any turn asks for: this measures the machinery, not its brakes. */
const rate = 100_000

export interface BenchStack {
  readonly stack: Stack
  readonly target: Target
  stop(): Promise<void>
}

export async function startBenchStack(t: number, n: number): Promise<BenchStack> {
  const folder = mkdtempSync(join(tmpdir(), 'symbolon-bench-'))
  const issuer = await startIssuer({ platform: 'github' })
  const file = join(folder, 'roster.json')
  writeFileSync(file, JSON.stringify({ issuers: [issuer.row('ci')], trusts: [ciTrust], rate }))
  const stack = await startStack({ env: { FROST_T: `${t}`, FROST_N: `${n}`, ROSTER_FILE: file } })
  const town = stack.first.code === 0 ? await openTown(stack) : undefined
  const requests = town === undefined ? undefined : openRequests(stack.home.path, issuer, { town, person: await town.first('ada') })
  const stop = async () => {
    await Promise.all([requests?.close(), town?.close(), issuer.stop(), stack.stop()])
    rmSync(folder, { recursive: true, force: true })
  }
  if (requests === undefined) {
    await stop()
    throw new Error(`no stack: ${stack.first.stderr}`)
  }
  const signers = Array.from({ length: n }, (_, at) => `signer-${at + 1}`)
  const watched = ['api', 'coordinator', ...signers, 'postgres'].map((name) => ({ name, pid: stack.pid(name), children: name === 'postgres' }))
  return { stack, target: { name: `${t}-of-${n}`, origin: `http://127.0.0.1:${stack.port('api')}`, watched, requests, kinds: evidenceKinds }, stop }
}

/** Every kind of evidence at every number of callers. */
export async function measureMinting(target: Target, pace: Pace, say: Say): Promise<MintingResults> {
  const callers = openCallers()
  try {
    for (const kind of target.kinds) await callers.run(await jobOf(target, kind, 16, pace.warmUp))
    const cells: [string, Cell][] = []
    for (const count of callerCounts) cells.push([`${count}`, await measureCell({ target, callers, count, pace, say })])
    return { table: Object.fromEntries(cells) as unknown as Table, memory_mb: memory(target.watched) }
  } finally {
    callers.stop()
  }
}

interface CellOptions {
  readonly target: Target
  readonly callers: Callers
  readonly count: (typeof callerCounts)[number]
  readonly pace: Pace
  readonly say: Say
}

async function measureCell({ target, callers, count, pace, say }: CellOptions): Promise<Cell> {
  const measured = new Map<Kind, Figures[]>(target.kinds.map((kind) => [kind, []]))
  // Kinds take turns, so that a busy spell of the machine hits both.
  for (let turn = 0; turn < pace.turns; turn++) {
    for (const [kind, figures] of measured) {
      const job = await jobOf(target, kind, count, pace.requests[count])
      const before = cpuTimes(target.watched)
      const result = await callers.run(job)
      figures.push(figuresOf(result, before, cpuTimes(target.watched)))
    }
  }
  const best = [...measured].map(([kind, figures]) => [kind, leastDisturbed(figures, ({ cpu_us_per_token }) => cpu_us_per_token)] as const)
  for (const [kind, figures] of best) say(describe(target.name, count, kind, figures))
  const evidence: Partial<Record<Kind, Figures>> = Object.fromEntries(best)
  return { tokens_per_s: evidence.id_token?.tokens_per_s ?? 0, evidence }
}

const jobOf = async ({ origin, requests }: Target, kind: Kind, callers: number, count: number): Promise<Job> => ({ origin, callers, requests: (await requests.make(kind, count)).map((body) => ({ method: 'POST', path: '/v1/tokens', body })) })

const figuresOf = ({ latencies, seconds }: Turn, before: Record<string, number>, after: Record<string, number>): Figures => ({
  tokens: latencies.length,
  tokens_per_s: Math.round((latencies.length / seconds) * 10) / 10,
  ...latencyOf(latencies),
  cpu_us_per_token: spentOf(latencies.length, before, after),
})

const describe = (name: string, callers: number, kind: Kind, { tokens_per_s, p50_ms, p99_ms, cpu_us_per_token }: Figures): string =>
  `${name}, ${callers} callers, ${kind}: ${tokens_per_s} tokens/s, p50 ${p50_ms} ms, p99 ${p99_ms} ms, CPU ${spentText(cpu_us_per_token)} µs`
