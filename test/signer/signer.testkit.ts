import { setTimeout as pause } from 'node:timers/promises'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { assemble } from '@symbolon/core/aggregate.ts'
import { heapMemory } from '@symbolon/core/secret.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { fromBase64url, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { commitmentsReply, signReply, signerReport, type Commitment, type CommitmentsReply, type SignItem, type SignReply, type SignerReport } from '@symbolon/protocol/sign.ts'
import type { IssuerKeys } from '@symbolon/evidence/established.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { intentOf, keyEvidence, type WorldOptions } from '@symbolon/policy/judge.testkit.ts'
import { openJudge } from '@symbolon/policy/judge.ts'
import { connectChannel, type Channel } from '@symbolon/runtime/channel-client.ts'
import type { ChannelServer } from '@symbolon/runtime/channel-server.ts'
import { pickPorts } from '@symbolon/dev/ports.ts'
import { deploy, type Deployment, type SignerFolder } from '@symbolon/signer/deployment.testkit.ts'
import { openStandIn } from '@symbolon/signer/stand-in.testkit.ts'

/*
 * Real signer processes over mutual TLS, and a test that plays their coordinator. Under the roster's addresses of signers 2 and 3 the test itself
 * answers heads, so that one signer alone is told enough to sign; a test of heads opens the stage `alone`, and starts real ones there.
 */

const root = resolve(import.meta.dirname, '../..')
export const mainEntry = join(root, 'signer/main.ts')
export const crashEntry = join(root, 'test/faults/signer-with-crash-points.ts')
const wire = { timeoutMs: 20_000, maxBytes: 8 * 1024 * 1024 }

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

export interface Running {
  readonly port: number
  readonly channel: Channel
  readonly lines: Record<string, unknown>[]
  readonly ended: Promise<Ended>
  kill(signal: NodeJS.Signals): Promise<Ended>
}

/** `under`: a command that runs the signer. */
export type StartOptions = { readonly entry?: string; readonly under?: readonly string[]; readonly env?: Readonly<Record<string, string>>; readonly peer?: string }

export class Stage {
  readonly folder: string
  readonly deployment: Deployment
  /** What the test's own judgement knows of issuers; the signers fetch for themselves. */
  issuerKeys: IssuerKeys = new Map()
  /** Where the roster says that signers 1, 2 and 3 listen. */
  readonly ports: readonly number[]
  readonly #children: ChildProcess[] = []
  readonly #standIns: readonly ChannelServer[]

  private constructor(folder: string, deployment: Deployment, ports: readonly number[], standIns: readonly ChannelServer[]) {
    this.folder = folder
    this.deployment = deployment
    this.ports = ports
    this.#standIns = standIns
  }

  static async open({ alone = false, ...options }: WorldOptions & { readonly alone?: boolean } = {}): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'symbolon-signers-'))
    const ports = Object.values(await pickPorts(['signer-1', 'signer-2', 'signer-3']))
    const deployment = await deploy(folder, { ...options, ports })
    const standIns = alone ? [] : await Promise.all([2, 3].map((id) => openStandIn(deployment, { id, port: ports[id - 1] ?? 0 })))
    return new Stage(folder, deployment, ports, standIns)
  }

  signer(id: number): SignerFolder {
    const found = this.deployment.signers[id - 1]
    if (found === undefined) throw new Error(`no signer ${id}`)
    return found
  }

  /** Starts a process that is expected to end by itself. */
  run(config: string, { entry = mainEntry, env = {}, under = [] }: StartOptions = {}): { child: ChildProcess; ended: Promise<Ended> } {
    const [command = process.execPath, ...given] = [...under, process.execPath, entry, '--config', config]
    const child = spawn(command, given, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], ...env } })
    this.#children.push(child)
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    const ended = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null, stderr }))
    return { child, ended }
  }

  async start(config: string, options: StartOptions = {}): Promise<Running> {
    const { child, ended } = this.run(config, options)
    const lines: Record<string, unknown>[] = []
    const ready = Promise.withResolvers<number>()
    createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) => {
      const event = JSON.parse(line) as Record<string, unknown>
      lines.push(event)
      if (event['msg'] === 'ready') ready.resolve(event['port'] as number)
    })
    void ended.then(({ code, stderr }) => ready.reject(new Error(`ended with ${code}: ${stderr}`)))
    const port = await ready.promise
    // Alone, none is ever heard, and nobody waits for it.
    if (this.#standIns.length > 0) await this.#heard(port, config, ended)
    const channel = this.connect(port, signerIn(config), options.peer)
    return {
      port,
      channel,
      lines,
      ended,
      kill: async (signal) => {
        child.kill(signal)
        channel.close()
        return ended
      },
    }
  }

  /** Until it has heard the others, or has waited for those who do not answer; or has ended. */
  async #heard(port: number, config: string, ended: Promise<Ended>): Promise<void> {
    const channel = this.connect(port, signerIn(config))
    const gone = new AbortController()
    void ended.then(() => gone.abort())
    const until = Date.now() + 20_000
    while (!gone.signal.aborted && (await reportOf({ channel })).problems.some((problem) => problem.startsWith('peers_unheard'))) {
      if (Date.now() > until) throw new Error('it never heard the others')
      await pause(20)
    }
    channel.close()
  }

  connect(port: number, id: number, as = 'symbolon:coordinator/1'): Channel {
    return connectChannel({ tls: this.deployment.ca.issue(as), address: { host: '127.0.0.1', port }, expect: `symbolon:signer/${id}` })
  }

  /** Ends what this stage started, and nothing else. */
  async close(): Promise<void> {
    for (const child of this.#children) if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
    await Promise.all(this.#standIns.map((each) => each.stop(AbortSignal.timeout(1_000))))
    rmSync(this.folder, { recursive: true })
  }

  intent(change: Partial<TokenIntent> = {}): TokenIntent {
    const iat = Math.floor(Date.now() / 1000)
    return intentOf(this.deployment.world, { iat, exp: iat + 300, nonce: toBase64url(crypto.getRandomValues(new Uint8Array(16))), ...change })
  }

  judged(intent: TokenIntent, evidence: readonly Evidence[]) {
    const judge = openJudge({ ...this.deployment.world, stops: () => noStops, issuerKeys: () => this.issuerKeys })
    const judgement = judge.judge({ intent: encodeIntent(intent), evidence, approvals: [], asserted: {} }, intent.iat)
    if ((judgement.verdict !== 'granted' || judgement.grants !== 'token')) throw new Error(JSON.stringify(judgement))
    return judgement
  }

  item(intent: TokenIntent, commitments: readonly { id: number; commitment: Commitment }[], evidence: Evidence[] = [keyEvidence(this.deployment.world, intent)]): SignItem {
    return {
      attempt: toBase64url(crypto.getRandomValues(new Uint8Array(16))),
      purpose: 'token',
      epoch: 1,
      roster: 1,
      policy: this.deployment.world.roster.policy,
      intent: toBase64url(encodeIntent(intent)),
      evidence,
      approvals: [],
      asserted: {},
      records: [],
      bytes_hash: this.judged(intent, evidence).bytesHash,
      commitments: commitments.map(({ id, commitment }) => ({ id, ...commitment })),
    }
  }

  /** The signature that two replies' answers at `at` make, verified natively; undefined if they do not make one. */
  signature(item: SignItem, intent: TokenIntent, replies: readonly { id: number; reply: SignReply; at?: number }[]): Uint8Array | undefined {
    const shares = replies.flatMap(({ id, reply, at = 0 }) => {
      const answer = reply.answers[at]
      return answer?.result === 'signed' ? [{ id, r: fromBase64url(answer.R) ?? new Uint8Array(), z: fromBase64url(answer.share) ?? new Uint8Array() }] : []
    })
    return assemble(sodiumSuite(heapMemory), { keys: this.deployment.keys, message: utf8(this.judged(intent, item.evidence).message), replies: shares })
  }
}

export async function commitmentsOf({ channel }: Running, count = 1): Promise<CommitmentsReply> {
  const answer = await channel.post('/v1/commitments', canonical({ v: 1, count }), wire)
  if (!answer.ok || answer.status !== 200) throw new Error(JSON.stringify(answer))
  return commitmentsReply.parse(JSON.parse(answer.body.toString()))
}

/** The reply, or `undefined` if the connection broke before there was one. */
export async function askSigner({ channel }: Running, items: readonly unknown[]): Promise<SignReply | undefined> {
  const answer = await channel.post('/v1/sign', JSON.stringify({ v: 1, items }), wire)
  if (!answer.ok) return undefined
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body.toString()}`)
  return signReply.parse(JSON.parse(answer.body.toString()))
}

/** Which signer a configuration is of, by its name. */
const signerIn = (config: string): number => Number(config.match(/signer-(\d)/)?.[1] ?? 1)

export async function reportOf({ channel }: Pick<Running, 'channel'>): Promise<SignerReport> {
  const answer = await channel.get('/v1/status', wire)
  if (!answer.ok || answer.status !== 200) throw new Error(JSON.stringify(answer))
  return signerReport.parse(JSON.parse(answer.body.toString()))
}

export const outcomes = (reply: SignReply | undefined): string[] =>
  (reply?.answers ?? []).map((answer) => (answer.result === 'signed' ? 'signed' : answer.result === 'refused' ? `refused ${answer.refusal.reasons.map(({ code }) => code).join(' ')}` : answer.code))

export function first<T>(list: readonly T[]): T {
  const [value] = list
  if (value === undefined) throw new Error('nothing there')
  return value
}
