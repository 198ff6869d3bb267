import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'

import { purposes } from '@symbolon/protocol/purpose.ts'
import { testCa } from '@symbolon/runtime/certificates.testkit.ts'
import type { Plan } from '@symbolon/roster/plan.ts'

/* Real keygen processes over real mutual TLS, each with its own state directory and its own operator's plan. */

const root = resolve(import.meta.dirname, '../..')

export interface Ended {
  readonly code: number | null
  readonly out: string
}
export interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Everything that it has printed. */
  output(): string
}

export interface Stage {
  readonly folder: string
  readonly ids: readonly number[]
  state(id: number): string
  config(id: number): string
  file(id: number, name: string): string
  /** The plan that all operators agree on; `change` makes another one. */
  plan(change?: (plan: Plan) => unknown): unknown
  givePlan(id: number, plan: unknown): void
  keygen(id: number, command: 'init' | 'plan' | 'run' | 'doctor', other?: { entry?: string; env?: NodeJS.ProcessEnv }): Running
  setConfig(id: number, change: object): void
  /** As after `keygen init`: the keys stay, everything that a ceremony left goes, and every config is the first one. */
  reset(): void
  close(): Promise<void>
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Every member with its keys made. */
export async function openStage(options: { ids?: readonly number[]; keystore?: (state: string, id: number) => object; deadline?: number; t?: number } = {}): Promise<Stage> {
  const { ids = [1, 2, 3], deadline = 40, t = 2 } = options
  const folder = mkdtempSync(join(tmpdir(), 'symbolon-stage-'))
  const ca = testCa()
  const ports = new Map<number, number>()
  const children = new Set<ChildProcess>()
  const configs = new Map<number, object>()
  const state = (id: number) => join(folder, `signer-${id}`)
  const file = (id: number, name: string) => join(state(id), name)
  const config = (id: number) => file(id, 'keygen.json')

  for (const id of ids) {
    ports.set(id, await freePort())
    mkdirSync(join(state(id), 'tls'), { recursive: true, mode: 0o700 })
    const tls = ca.issue(`symbolon:keygen/${id}`)
    const write = (name: string, bytes: Buffer) => writeFileSync(file(id, name), bytes, { mode: 0o600 })
    write('tls/key.pem', tls.key)
    write('tls/cert.pem', tls.cert)
    write('tls/ca.pem', tls.ca)
    write('passphrase', Buffer.from(randomBytes(24).toString('base64url')))
    const keystore = options.keystore?.(state(id), id) ?? { backend: 'file', folder: file(id, 'keystore'), passphrase_file: file(id, 'passphrase') }
    const value = {
      name: `keygen-${id}`, pid_file: file(id, 'keygen.pid'), signer: id, state: state(id), keystore, plan: file(id, 'plan.json'), listen: { host: '127.0.0.1', port: ports.get(id) },
      tls: { key: file(id, 'tls/key.pem'), certificate: file(id, 'tls/cert.pem'), ca: file(id, 'tls/ca.pem') }, deadline_seconds: deadline, log_level: 'debug',
    }
    configs.set(id, value)
    writeFileSync(config(id), JSON.stringify(value), { mode: 0o600 })
  }

  const keygen = (id: number, command: 'init' | 'plan' | 'run' | 'doctor', { entry = 'keygen/main.ts', env = {} }: { entry?: string; env?: NodeJS.ProcessEnv } = {}): Running => {
    const child = spawn(process.execPath, [join(root, entry), command, '--config', config(id)], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '', ...env } })
    children.add(child)
    let text = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const ended = once(child, 'close').then(([code]) => {
      children.delete(child)
      return { code: code as number | null, out: text }
    })
    return { child, ended, output: () => text }
  }

  const stage: Stage = {
    folder, ids, state, file, config, keygen,
    plan: (change = (plan) => plan) => change(makePlan(ids, t, ports, (id) => JSON.parse(readFileSync(file(id, 'public.json'), 'utf8')) as never)),
    givePlan: (id, plan) => writeFileSync(file(id, 'plan.json'), JSON.stringify(plan)),
    setConfig: (id, change) => writeFileSync(config(id), JSON.stringify({ ...(JSON.parse(readFileSync(config(id), 'utf8')) as object), ...change }), { mode: 0o600 }),
    reset: () => {
      for (const id of ids) {
        for (const name of ['plan.json', 'roster.json', 'certificates.json', 'keyset.json', 'ceremony', 'keystore/shares']) rmSync(file(id, name), { recursive: true, force: true })
        stage.setConfig(id, configs.get(id) ?? {})
      }
    },
    close: async () => {
      const left = [...children]
      left.forEach((child) => child.kill('SIGKILL'))
      await Promise.all(left.map((child) => (child.exitCode === null && child.signalCode === null ? once(child, 'close') : undefined)))
      rmSync(folder, { recursive: true, force: true })
    },
  }
  const made = await Promise.all(ids.map((id) => keygen(id, 'init').ended))
  const failed = made.find(({ code }) => code !== 0)
  if (failed !== undefined) {
    await stage.close()
    throw new Error(`keygen init: ${failed.out}`)
  }
  return stage
}

function makePlan(ids: readonly number[], t: number, ports: ReadonlyMap<number, number>, row: (id: number) => { identity: never; hpke: never }): Plan {
  return {
    v: 1,
    nonce: toBase64url(randomBytes(16)),
    purposes: [...purposes],
    epoch: 1,
    t,
    n: ids.length,
    members: ids.map((id) => ({ id, keygen: `127.0.0.1:${ports.get(id)}` })),
    template: {
      v: 1, version: 1, deployment: { name: 'test', issuer: 'http://localhost:7000', rp_id: 'localhost', console_origins: ['http://localhost:7001'] },
      bootstrap: { kty: 'OKP', crv: 'Ed25519', x: toBase64url(randomBytes(32)) }, people: [], grants: { max: 43_200 }, clients: [{ id: 'symbolon-cli', name: 'CLI' }], services: [], issuers: [], trusts: [],
      audiences: ['https://logs.example'], default_audience: 'https://logs.example', scopes: ['read:logs'], token: { default_ttl: 900, max_ttl: 3600 }, rate: 600,
      signers: ids.map((id) => ({ id, name: `signer-${id}`, address: `127.0.0.1:${20_000 + id}`, identity: row(id).identity, hpke: row(id).hpke })),
      policy: 'A'.repeat(43) as Base64url,
    },
  }
}

/** The same plan to every operator; then all members at once. */
export async function perform(stage: Stage, plan: unknown = stage.plan()): Promise<Map<number, Ended>> {
  stage.ids.forEach((id) => stage.givePlan(id, plan))
  const running = stage.ids.map((id) => [id, stage.keygen(id, 'run')] as const)
  return new Map(await Promise.all(running.map(async ([id, { ended }]) => [id, await ended] as const)))
}

/** What a signer would find: nothing, unless a ceremony was carried through. */
export const activeFiles = (stage: Stage, id: number): string[] =>
  ['roster.json', 'certificates.json', 'keyset.json', 'ceremony/shares', ...purposes.map((purpose) => `keystore/shares/${purpose}-1.sealed`)].filter((name) => existsSync(stage.file(id, name)))

/** The last line that the process printed for people: `keygen-1: code: message`. */
export const lastLine = ({ out }: Ended): string => out.trim().split('\n').at(-1) ?? ''
