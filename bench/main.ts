import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { round } from './cpu.ts'
import { confine, machine, versions } from './machine.ts'
import { measureMinting, startBenchStack, type MintingResults, type Pace, type Target } from './minting.ts'
import { performancePage } from './report.ts'
import type { Kind } from './requests.ts'
import type { Results } from './results.ts'
import { measureSigning, type SigningResults } from './signing.ts'

/*
 * `make bench`: about five minutes, `BENCH_QUICK=1` about one. Writes results.json and, from it, docs/performance.md. Wants a machine
 * that does nothing else meanwhile; what it asks least of is CPU time, which holds where wall time does not.
 */

const root = join(import.meta.dirname, '..')
const say = (line: string) => void process.stderr.write(`${line}\n`)
const quick = process.env['BENCH_QUICK'] === '1'
const pace: Pace = quick ? { turns: 1, requests: { 1: 100, 16: 400, 64: 400 }, warmUp: 300 } : { turns: 3, requests: { 1: 150, 16: 800, 64: 1_000 }, warmUp: 1_500 }
const thresholds: readonly (readonly [t: number, n: number])[] = quick ? [[2, 3]] : [[2, 3], [3, 5]]

interface Measured {
  readonly minted: Readonly<Record<string, MintingResults>>
  readonly versions: Readonly<Record<string, string>>
}

async function measureStacks(): Promise<Measured> {
  const minted: Record<string, MintingResults> = {}
  let found: Record<string, string> = {}
  for (const [t, n] of thresholds) {
    say(`starting ${t}-of-${n}`)
    const { stack, target, stop } = await startBenchStack(t, n)
    try {
      minted[target.name] = await measureMinting(target, pace, say)
      if (t === 2) minted['single-key'] = await measureSingleKey(target, stack.home.path)
      found = versions(programOf(stack.pid('postgres')))
    } finally {
      await stop()
    }
  }
  return { minted, versions: found }
}

async function measureSingleKey(beside: Target, home: string): Promise<MintingResults> {
  const child = fork(join(import.meta.dirname, 'single-key.ts'), [home], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const [port] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown]
  if (typeof port !== 'number' || child.pid === undefined || child.exitCode !== null) throw new Error('the single-key mint does not start')
  try {
    return await measureMinting({ ...beside, name: 'single-key', kinds: ['key', 'id_token'], origin: `http://127.0.0.1:${port}`, watched: [{ name: 'api', pid: child.pid, children: false }] }, pace, say)
  } finally {
    child.disconnect()
  }
}

const programOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')[0] ?? ''

function resultsOf(before: ReturnType<typeof machine>, signing: SigningResults, { minted, versions: found }: Measured): Results {
  const { ratios, versions: more, absent, ...figures } = signing
  const total = (name: string, kind: Kind = 'id_token') => minted[name]?.table['16'].evidence[kind]?.cpu_us_per_token['total'] ?? Number.NaN
  const inVerifies = (kind: Kind) => round(total('2-of-3', kind) / signing.node_crypto.ed25519_verify)
  return {
    v: 1,
    at: new Date().toISOString(),
    quick,
    machine: before,
    versions: { ...found, ...more },
    ratios: { ...ratios, token_cpu_in_native_verifies: inVerifies('id_token'), passkey_cpu_in_native_verifies: inVerifies('passkey'), grant_cpu_in_native_verifies: inVerifies('grant'), token_cpu_vs_single_key: round(total('2-of-3') / total('single-key')) },
    mint: Object.fromEntries(Object.entries(minted).map(([name, { table }]) => [name, table])),
    memory_mb: Object.fromEntries(Object.entries(minted).map(([name, { memory_mb }]) => [name, memory_mb])),
    signing: figures,
    absent,
  }
}

confine()
const before = machine()
say('signing, beside libsodium, noble and the Rust crate')
const signing = await measureSigning()
const results = resultsOf(before, signing, await measureStacks())
writeFileSync(join(root, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
writeFileSync(join(root, 'docs/performance.md'), performancePage(results))
say(`results.json and docs/performance.md are written: a token costs ${results.ratios.token_cpu_in_native_verifies} native verifications`)
