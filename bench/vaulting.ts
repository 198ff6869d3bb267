import { cpuOfAsync } from './cpu.ts'
import { openCallers, type Callers } from './callers.ts'
import { latencyOf, leastDisturbed, spentOf, spentText, type Latency, type Spent } from './figures.ts'
import type { Sent } from './load.ts'
import { cpuTimes, type Watched } from './processes.ts'
import { benchPath, benchValue, type Secrets } from './secrets.ts'

/* Secrets of a real stack: what everything behind the client costs, with prepared requests; and, apart, what the client does. */

export const secretCallers = [1, 16] as const
type Count = (typeof secretCallers)[number]

/** In the order of the tables. */
export const secretOperations = ['write', 'lookup', 'read_fresh', 'read_again', 'batch16_fresh', 'batch16_again', 'facade_write', 'facade_read_fresh', 'facade_read_again'] as const
export type SecretOperation = (typeof secretOperations)[number]

/** A batch of 16 is sixteen secrets and one request. */
export interface SecretFigures extends Latency {
  readonly secrets: number
  readonly secrets_per_s: number
  readonly cpu_us_per_secret: Spent
}
export type SecretTable = Readonly<Record<`${Count}`, Readonly<Record<SecretOperation, SecretFigures>>>>

/** With the SDK, one after the other: wall time of all, CPU of the client alone. */
export interface ClientFigures extends Latency {
  readonly client_cpu_us_per_secret: number
}
export const clientOperations = ['write', 'read_fresh', 'read_again', 'batch16_again'] as const
export type ClientOperation = (typeof clientOperations)[number]

export interface VaultResults {
  readonly table: SecretTable
  readonly client: Readonly<Record<ClientOperation, ClientFigures>>
}

export interface SecretPace {
  readonly turns: number
  /** Secrets in a turn, by callers; multiples of 16. */
  readonly secrets: Readonly<Record<Count, number>>
  readonly warmUp: number
}

export interface VaultTarget {
  readonly name: string
  readonly origin: string
  readonly watched: readonly Watched[]
  readonly secrets: Secrets
}

const batchSize = 16
/** Read often enough before the clock starts that each signer has checked them. */
const hot = Array.from({ length: 2 * batchSize }, (_, at) => `hot-${at}`)

type Say = (line: string) => void

export async function measureVault(target: VaultTarget, pace: SecretPace, say: Say): Promise<VaultResults> {
  const callers = openCallers()
  try {
    await warm(target, callers, pace)
    const cells: [string, Readonly<Record<SecretOperation, SecretFigures>>][] = []
    for (const count of secretCallers) cells.push([`${count}`, await measureCell({ target, callers, count, pace, say })])
    return { table: Object.fromEntries(cells) as unknown as SecretTable, client: await measureClient(target, pace.secrets[1], say) }
  } finally {
    callers.stop()
  }
}

const cycled = (count: number): string[] => Array.from({ length: count }, (_, at) => hot[at % hot.length] ?? '')
const alone = (names: readonly string[]): string[][] => names.map((name) => [name])
const batches = (names: readonly string[]): string[][] => Array.from({ length: Math.floor(names.length / batchSize) }, (_, at) => names.slice(at * batchSize, (at + 1) * batchSize))

async function warm({ origin, secrets }: VaultTarget, callers: Callers, { warmUp }: SecretPace): Promise<void> {
  const send = (requests: readonly Sent[]) => callers.run({ origin, callers: 16, requests })
  await send(await secrets.writes(hot))
  await send(secrets.facadeWrites(hot))
  for (let left = warmUp; left > 0; left -= hot.length) {
    await send(await secrets.reads(alone(hot)))
    await send(await secrets.reads(batches(hot)))
    await send(secrets.facadeReads(hot))
  }
}

interface CellOptions {
  readonly target: VaultTarget
  readonly callers: Callers
  readonly count: Count
  readonly pace: SecretPace
  readonly say: Say
}

async function measureCell(options: CellOptions): Promise<Readonly<Record<SecretOperation, SecretFigures>>> {
  const { target, count, pace, say } = options
  const turns: Record<SecretOperation, SecretFigures>[] = []
  for (let turn = 0; turn < pace.turns; turn++) turns.push(await measureTurn(options, `${count}-${turn}`))
  const best = secretOperations.map((operation) => [operation, leastDisturbed(turns.map((turn) => turn[operation]), ({ cpu_us_per_secret }) => cpu_us_per_secret)] as const)
  for (const [operation, { secrets_per_s, p50_ms, p99_ms, cpu_us_per_secret }] of best) say(`${target.name}, ${count} callers, ${operation}: ${secrets_per_s} secrets/s, p50 ${p50_ms} ms, p99 ${p99_ms} ms, CPU ${spentText(cpu_us_per_secret)} µs`)
  return Object.fromEntries(best) as Record<SecretOperation, SecretFigures>
}

/** Every operation once: what is written is then read for the first time, and only once. */
async function measureTurn({ target: { origin, watched, secrets }, callers, count, pace }: CellOptions, turn: string): Promise<Record<SecretOperation, SecretFigures>> {
  const size = pace.secrets[count]
  const measured = async (requests: readonly Sent[], each = 1): Promise<SecretFigures> => {
    const before = cpuTimes(watched)
    const { latencies, seconds } = await callers.run({ origin, callers: count, requests })
    const all = requests.length * each
    return { secrets: all, secrets_per_s: Math.round((all / seconds) * 10) / 10, ...latencyOf(latencies), cpu_us_per_secret: spentOf(all, before, cpuTimes(watched)) }
  }
  const [first, second] = ['a', 'b'].map((part) => Array.from({ length: size }, (_, at) => `${turn}-${part}${at}`)) as [string[], string[]]
  const write = await measured(await secrets.writes(first))
  await callers.run({ origin, callers: 16, requests: await secrets.writes(second) })
  return {
    write,
    lookup: await measured(await secrets.lookups(first)),
    read_fresh: await measured(await secrets.reads(alone(first))),
    read_again: await measured(await secrets.reads(alone(cycled(size)))),
    batch16_fresh: await measured(await secrets.reads(batches(second)), batchSize),
    batch16_again: await measured(await secrets.reads(batches(cycled(2 * size))), batchSize),
    facade_write: await measured(secrets.facadeWrites(first)),
    facade_read_fresh: await measured(secrets.facadeReads(first)),
    facade_read_again: await measured(secrets.facadeReads(cycled(size))),
  }
}

/** The rest of the price: keys, proofs, sealing, records verified, partials combined. */
async function measureClient({ name, secrets: { vault } }: VaultTarget, count: number, say: Say): Promise<VaultResults['client']> {
  const fresh = Array.from({ length: count }, (_, at) => `sdk-${at}`)
  const read = async (names: readonly string[]) => expectOk(await vault.read(names.map((each) => ({ path: benchPath(each), version: 'latest' }))))
  const timed = async (work: readonly (() => Promise<void>)[], each = 1): Promise<ClientFigures> => {
    const { micros, latencies } = await cpuOfAsync(work)
    return { ...latencyOf(latencies), client_cpu_us_per_secret: Math.round(micros / (work.length * each)) }
  }
  // The first ones compile the client.
  await timed(cycled(count).map((each) => () => read([each])))
  await timed(hot.map((each) => async () => expectOk(await vault.write(benchPath(`warm-${each}`), benchValue))))
  const client = {
    write: await timed(fresh.map((each) => async () => expectOk(await vault.write(benchPath(each), benchValue)))),
    read_fresh: await timed(fresh.map((each) => () => read([each]))),
    read_again: await timed(cycled(count).map((each) => () => read([each]))),
    batch16_again: await timed(batches(cycled(4 * count)).map((names) => () => read(names)), batchSize),
  }
  for (const [operation, { p50_ms, client_cpu_us_per_secret }] of Object.entries(client)) say(`${name}, SDK, ${operation}: p50 ${p50_ms} ms, CPU of the client ${client_cpu_us_per_secret} µs a secret`)
  return client
}

function expectOk(outcome: { readonly ok: boolean; readonly error?: Error }): void {
  if (!outcome.ok) throw outcome.error ?? new Error('the bench is broken')
}
