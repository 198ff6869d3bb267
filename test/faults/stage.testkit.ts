import { spawn, type ChildProcess } from 'node:child_process'
import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Client } from 'pg'
import { pickPorts } from '@symbolon/dev/ports.ts'
import { startPostgres, type Postgres } from '@symbolon/dev/postgres.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { intentOf, keyEvidence } from '@symbolon/policy/judge.testkit.ts'
import { openJudge } from '@symbolon/policy/judge.ts'
import { fromBase64url, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { coordinatorStatus, mintReply, type CoordinatorStatus, type MintItem, type MintOutcome } from '@symbolon/protocol/mint.ts'
import { signerReport, type SignerReport } from '@symbolon/protocol/sign.ts'
import type { SignedKeyset } from '@symbolon/roster/keyset.ts'
import { keysetChain } from '@symbolon/roster/keyset-chain.ts'
import { connectChannel, type Channel } from '@symbolon/runtime/channel-client.ts'
import { deploy, type DeployOptions, type Deployment } from '@symbolon/signer/deployment.testkit.ts'

/* Three real signers, a real coordinator and a real Postgres, each a process; the test plays the api. */

const root = resolve(import.meta.dirname, '../..')
const wire = { timeoutMs: 20_000, maxBytes: 8 * 1024 * 1024 }
export type SignerName = 'signer-1' | 'signer-2' | 'signer-3'
export const signerNames: readonly SignerName[] = ['signer-1', 'signer-2', 'signer-3']

/** The signers' addresses as the coordinator is told them; a test may put something in between. */
export interface StageOptions {
  readonly addressOf?: (port: number, signer: SignerName, ca: Deployment['ca']) => Promise<number>
  readonly coordinator?: Readonly<Record<string, unknown>>
  readonly roster?: DeployOptions['roster']
}

export class Stage {
  readonly folder: string
  readonly deployment: Deployment
  readonly postgres: Postgres
  readonly ports: Readonly<Record<string, number>>
  readonly #processes = new Map<string, ChildProcess>()
  #api: Channel | undefined

  private constructor(folder: string, deployment: Deployment, postgres: Postgres, ports: Readonly<Record<string, number>>) {
    this.folder = folder
    this.deployment = deployment
    this.postgres = postgres
    this.ports = ports
  }

  static async open(options: StageOptions = {}): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'symbolon-faults-'))
    const picked = await pickPorts([...signerNames, 'coordinator'])
    const deployment = await deploy(folder, { roster: { rate: 100_000, ...options.roster }, ports: signerNames.map((name) => picked[name] ?? 0) })
    const started = await startPostgres({ home: join(folder, 'db'), logFile: join(folder, 'postgres.log'), roles: ['coordinator'] })
    if (!started.ok) throw new Error(started.message)
    const stage = new Stage(folder, deployment, started.postgres, picked)
    await Promise.all(signerNames.map((name) => stage.startSigner(name)))
    const ports = await Promise.all(signerNames.map((name) => (options.addressOf === undefined ? stage.port(name) : options.addressOf(stage.port(name), name, deployment.ca))))
    stage.writeCoordinator({ signers: ports.map((port, at) => ({ id: at + 1, address: { host: '127.0.0.1', port } })), ...options.coordinator })
    await stage.startCoordinator()
    // Signers that have not heard each other yet say so: no quorum would be ready.
    await until(async () => (await stage.status()).signers.filter(({ healthy }) => healthy).length >= 2)
    return stage
  }

  port(name: string): number {
    const port = this.ports[name]
    if (port === undefined) throw new Error(`no port for ${name}`)
    return port
  }

  async startSigner(name: SignerName): Promise<void> {
    const folder = this.deployment.signers[signerNames.indexOf(name)] ?? fail(name)
    const config = folder.config(name, { listen: { host: '127.0.0.1', port: this.port(name) } })
    await this.#start(name, 'signer/main.ts', config)
  }

  async startCoordinator(): Promise<void> {
    await this.#start('coordinator', 'coordinator/main.ts', join(this.folder, 'coordinator/config.json'))
    this.#api?.close()
    this.#api = this.connect('symbolon:api/1')
  }

  writeCoordinator(over: Readonly<Record<string, unknown>>, file = 'config.json'): string {
    const folder = join(this.folder, 'coordinator')
    const tls = this.deployment.ca.issue('symbolon:coordinator/1')
    const state = this.deployment.signers[0]?.state ?? fail('signer-1')
    write(join(folder, 'tls/key.pem'), tls.key)
    write(join(folder, 'tls/certificate.pem'), tls.cert)
    write(join(folder, 'tls/ca.pem'), tls.ca)
    for (const name of ['roster.json', 'keyset.json']) write(join(folder, name), readFileSync(join(state, name)))
    const config = {
      name: 'coordinator',
      pid_file: join(folder, 'pid'),
      listen: { host: '127.0.0.1', port: this.port('coordinator') },
      tls: { key: join(folder, 'tls/key.pem'), certificate: join(folder, 'tls/certificate.pem'), ca: join(folder, 'tls/ca.pem') },
      roster: join(folder, 'roster.json'),
      keyset: join(folder, 'keyset.json'),
      database: { url: this.postgres.url('coordinator'), schema: 'coordinator' },
      store_marker: join(folder, 'store.json'),
      book: join(folder, 'book.json'),
      ...over,
    }
    write(join(folder, file), JSON.stringify(config))
    return join(folder, file)
  }

  /** A process that is expected to end by itself. */
  async runCoordinator(config: string): Promise<{ code: number; stderr: string }> {
    const child = this.#spawn('coordinator/main.ts', config)
    let stderr = ''
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const [code] = (await once(child, 'close')) as [number]
    return { code, stderr }
  }

  #spawn(program: string, config: string): ChildProcess {
    const child = spawn(process.execPath, [join(root, program), '--config', config], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } })
    return child
  }

  async #start(name: string, program: string, config: string): Promise<void> {
    const child = this.#spawn(program, config)
    this.#processes.set(name, child)
    const ready = Promise.withResolvers<void>()
    let last = ''
    createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) => {
      last = line
      if (line.includes('"msg":"ready"')) ready.resolve()
    })
    child.stderr?.on('data', (chunk: Buffer) => (last += chunk.toString()))
    child.once('close', (code) => ready.reject(new Error(`${name} ended with ${code}: ${last}`)))
    await ready.promise
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#processes.get(name) ?? fail(name)
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'close')
  }

  /** SIGSTOP and SIGCONT, which end nothing. */
  signal(name: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#processes.get(name)?.kill(signal)
  }

  connect(as: string, to = 'coordinator', expected = 'symbolon:coordinator/1'): Channel {
    return connectChannel({ tls: this.deployment.ca.issue(as), address: { host: '127.0.0.1', port: this.port(to) }, expect: expected })
  }

  get api(): Channel {
    return this.#api ?? fail('the api’s channel')
  }

  /** What an api asks for: intent, evidence, and the bytes that its own judgement built. */
  wish(change: Partial<TokenIntent> = {}): MintItem {
    const { world } = this.deployment
    const iat = Math.floor(Date.now() / 1000)
    const nonce = toBase64url(randomBytes(16))
    const intent = intentOf(world, { iat, exp: iat + 300, nonce, ...change })
    const evidence = [keyEvidence(world, intent)]
    const granted = openJudge({ ...world, stops: () => noStops, issuerKeys: () => new Map() }).judge({ intent: encodeIntent(intent), evidence, approvals: [], asserted: {} }, iat)
    const bytes = granted.verdict === 'granted' && granted.grants === 'token' ? granted.message : 'e30.e30'
    return { request_id: `request-${nonce.slice(0, 8)}`, purpose: 'token', roster: 1, policy: world.roster.policy, intent: toBase64url(encodeIntent(intent)), evidence, approvals: [], asserted: {}, records: [], bytes }
  }

  async mintAll(items: readonly MintItem[]): Promise<readonly MintOutcome[]> {
    const answer = await this.api.post('/v1/mint', JSON.stringify({ v: 1, items }), wire)
    if (!answer.ok || answer.status !== 200) throw new Error(JSON.stringify(answer))
    const { outcomes } = mintReply.parse(JSON.parse(answer.body.toString()))
    outcomes.forEach((outcome, at) => {
      if (outcome.outcome === 'signed' && !this.#isSignature(items[at]?.bytes ?? '', outcome.signature)) throw new Error('a signature that does not verify has left')
    })
    return outcomes
  }

  async mint(item: MintItem = this.wish()): Promise<{ outcome: MintOutcome; ms: number }> {
    const began = performance.now()
    const [outcome] = await this.mintAll([item])
    return { outcome: outcome ?? fail('an outcome'), ms: performance.now() - began }
  }

  #isSignature(bytes: string, signature: string): boolean {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: toBase64url(this.deployment.keys.key) }, format: 'jwk' })
    return verify(null, utf8(bytes), key, fromBase64url(signature) ?? new Uint8Array())
  }

  async status(): Promise<CoordinatorStatus> {
    return coordinatorStatus.parse(JSON.parse(bodyOf(await this.api.get('/v1/status', wire))))
  }

  async keyset(): Promise<SignedKeyset> {
    const { keysets } = keysetChain.parse(JSON.parse(bodyOf(await this.api.get('/v1/keyset', wire))))
    const newest = keysets.at(-1)
    if (newest === undefined) throw new Error('an empty chain')
    return newest
  }

  /** A signer's own report, asked as a coordinator of its own, which disturbs no commitment of the real one. */
  async report(name: SignerName): Promise<SignerReport> {
    const channel = this.connect('symbolon:coordinator/2', name, `symbolon:signer/${signerNames.indexOf(name) + 1}`)
    const body = bodyOf(await channel.get('/v1/status', wire))
    channel.close()
    return signerReport.parse(JSON.parse(body))
  }

  async query(text: string): Promise<Record<string, unknown>[]> {
    const client = new Client({ host: this.postgres.socket, user: 'coordinator', database: 'symbolon', password: '' })
    await client.connect()
    try {
      return (await client.query(text)).rows as Record<string, unknown>[]
    } finally {
      await client.end()
    }
  }

  /** Ends what this stage started, by process id, and nothing else. */
  async close(): Promise<void> {
    this.#api?.close()
    for (const [name, child] of this.#processes) {
      child.kill('SIGCONT')
      await this.kill(name)
    }
    await this.postgres.stop()
    rmSync(this.folder, { recursive: true })
  }
}

/** Asks again until it holds, for what a background probe brings about. */
export async function until(holds: () => Promise<boolean>, ms = 15_000): Promise<void> {
  const end = performance.now() + ms
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not so within ${ms} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const bodyOf = (answer: Awaited<ReturnType<Channel['get']>>): string => (answer.ok && answer.status === 200 ? answer.body.toString() : fail(JSON.stringify(answer)))

function fail(what: string): never {
  throw new Error(`missing: ${what}`)
}

function write(path: string, content: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, content, { mode: 0o600 })
}
