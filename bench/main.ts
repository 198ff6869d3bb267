import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stack } from '@symbolon/test/stack.ts'
import { round } from './cpu.ts'
import { confine, machine, versions } from './machine.ts'
import { measureMinting, startBenchStack, type MintingResults, type Pace, type Target } from './minting.ts'
import { measureOpening, type OpeningResults } from './opening.ts'
import { performancePage } from './report.ts'
import type { Kind } from './requests.ts'
import type { Results } from './results.ts'
import { openSecrets } from './secrets.ts'
import { measureSigning, type SigningResults } from './signing.ts'
import { measureVault, type SecretOperation, type SecretPace, type VaultResults } from './vaulting.ts'

/*
 * `make bench`: about seven minutes, `BENCH_QUICK=1` about two. Writes results.json and, from it, docs/performance.md. Wants a machine
 * that does nothing else meanwhile; what it asks least of is CPU time, which holds where wall time does not.
 */

const root = join(import.meta.dirname, '..')
const say = (line: string) => void process.stderr.write(`${line}\n`)
const quick = process.env['BENCH_QUICK'] === '1'
const pace: Pace = quick ? { turns: 1, requests: { 1: 100, 16: 400, 64: 400 }, warmUp: 300 } : { turns: 3, requests: { 1: 150, 16: 800, 64: 1_000 }, warmUp: 1_500 }
const secretPace: SecretPace = quick ? { turns: 1, secrets: { 1: 48, 16: 160 }, warmUp: 320 } : { turns: 3, secrets: { 1: 96, 16: 480 }, warmUp: 1_600 }
const thresholds: readonly (readonly [t: number, n: number])[] = quick ? [[2, 3]] : [[2, 3], [3, 5]]

interface Measured {
  readonly minted: Readonly<Record<string, MintingResults>>
  readonly vault: VaultResults
  readonly versions: Readonly<Record<string, string>>
}

async function measureStacks(): Promise<Measured> {
  const minted: Record<string, MintingResults> = {}
  let vault: VaultResults | undefined
  let found: Record<string, string> = {}
  for (const [t, n] of thresholds) {
    say(`starting ${t}-of-${n}`)
    const { stack, target, stop } = await startBenchStack(t, n)
    try {
      minted[target.name] = await measureMinting(target, pace, say)
      if (t === 2) {
        vault = await measureSecrets(stack, target)
        minted['single-key'] = await measureSingleKey(target, stack.home.path)
      }
      found = versions(programOf(stack.pid('postgres')))
    } finally {
      await stop()
    }
  }
  if (vault === undefined) throw new Error('no stack of 2-of-3 was measured')
  return { minted, vault, versions: found }
}

async function measureSecrets(stack: Stack, { name, watched }: Target): Promise<VaultResults> {
  const port = stack.port('vault')
  const secrets = await openSecrets(stack.home.path, `http://localhost:${port}`)
  try {
    return await measureVault({ name, origin: `http://127.0.0.1:${port}`, watched: [{ name: 'vault', pid: stack.pid('vault'), children: false }, ...watched], secrets }, secretPace, say)
  } finally {
    await secrets.close()
  }
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

interface Alone {
  readonly signing: SigningResults
  readonly opening: OpeningResults
}

function resultsOf(before: ReturnType<typeof machine>, { signing, opening }: Alone, { minted, vault, versions: found }: Measured): Results {
  const { ratios, versions: more, absent, ...figures } = signing
  const total = (name: string, kind: Kind = 'id_token') => minted[name]?.table['16'].evidence[kind]?.cpu_us_per_token['total'] ?? Number.NaN
  const verify = signing.node_crypto.ed25519_verify
  const inVerifies = (kind: Kind) => round(total('2-of-3', kind) / verify)
  const secret = (...operations: readonly SecretOperation[]) => round(operations.reduce((sum, operation) => sum + (vault.table['16'][operation].cpu_us_per_secret['total'] ?? Number.NaN), 0) / verify)
  return {
    v: 1,
    at: new Date().toISOString(),
    quick,
    machine: before,
    versions: { ...found, ...more },
    ratios: { ...ratios, token_cpu_in_native_verifies: inVerifies('id_token'), passkey_cpu_in_native_verifies: inVerifies('passkey'), grant_cpu_in_native_verifies: inVerifies('grant'), token_cpu_vs_single_key: round(total('2-of-3') / total('single-key')), ...secretRatios(secret) },
    mint: Object.fromEntries(Object.entries(minted).map(([name, { table }]) => [name, table])),
    memory_mb: Object.fromEntries(Object.entries(minted).map(([name, { memory_mb }]) => [name, memory_mb])),
    vault: { '2-of-3': vault },
    signing: figures,
    opening,
    absent,
  }
}

const secretRatios = (secret: (...operations: readonly SecretOperation[]) => number) => ({
  read_fresh_cpu_in_native_verifies: secret('read_fresh'),
  read_again_cpu_in_native_verifies: secret('read_again'),
  read_batch16_cpu_in_native_verifies: secret('batch16_fresh'),
  read_batch16_again_cpu_in_native_verifies: secret('batch16_again'),
  write_cpu_in_native_verifies: secret('write'),
  write_with_lookup_cpu_in_native_verifies: secret('lookup', 'write'),
  facade_read_cpu_in_native_verifies: secret('facade_read_again'),
  facade_read_fresh_cpu_in_native_verifies: secret('facade_read_fresh'),
  facade_write_cpu_in_native_verifies: secret('facade_write'),
})

confine()
const before = machine()
say('signing, beside libsodium, noble and the Rust crate')
const signing = await measureSigning()
say('opening, beside noble')
const opening = measureOpening()
const results = resultsOf(before, { signing, opening }, await measureStacks())
writeFileSync(join(root, 'results.json'), `${JSON.stringify(results, null, 2)}\n`)
writeFileSync(join(root, 'docs/performance.md'), performancePage(results))
say(`results.json and docs/performance.md are written: a token costs ${results.ratios.token_cpu_in_native_verifies} native verifications, a secret read for the first time ${results.ratios.read_fresh_cpu_in_native_verifies}`)
