import { createPublicKey, sign, type KeyObject } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { MintItem, MintOutcome } from '@symbolon/protocol/mint.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { openJudge } from '@symbolon/policy/judge.ts'
import type { World } from '@symbolon/policy/judge.testkit.ts'
import { keysetOf, lineageOf } from '@symbolon/roster/keyset.ts'
import { groupOf } from '@symbolon/roster/roster.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import type { Ground } from './answer.ts'
import { addressSet } from './client-address.ts'
import type { PublicEnd } from './config.ts'
import type { Deployment } from './deployment.ts'
import type { EventFacts } from './event.ts'
import { openHolder } from './holder.ts'
import type { Judges } from './judges.ts'
import type { Allowance, Limiter } from './limiter.ts'
import type { Quorum } from './quorum.ts'
import type { FrontRoute } from './route.ts'
import { appOf, listen } from './server.ts'
import type { Serving } from './serving.ts'

/* Processes over real HTTP, with the real judge; a whole group key stands in for the quorum. */

export const now = (): number => Math.floor(Date.now() / 1000)

/** Counts in memory, for ever. */
export function memoryLimiter(name: string, quota = 1_000_000): Limiter {
  const used = new Map<string, number>()
  return {
    name,
    quota,
    window: 60,
    async take(key): Promise<Allowance> {
      const count = (used.get(key) ?? 0) + 1
      used.set(key, count)
      return count > quota ? { ok: false, reason: 'spent', resetSeconds: 30 } : { ok: true, remaining: quota - count, resetSeconds: 30 }
    },
  }
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
  /** Undefined if the body is none. */
  readonly body: Record<string, unknown>
}

export interface Sending {
  readonly method?: string
  /** Sent as it stands, in the place of the URL’s, which is normalised. */
  readonly path?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer
}

/** With node:http, which lets a test set any header. */
export async function send(url: string, { method = 'GET', path, headers = {}, body }: Sending = {}): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const outgoing = httpRequest(url, { method, headers, agent: false, ...(path === undefined ? {} : { path }) }, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject).on('end', () => {
      const text = Buffer.concat(chunks).toString()
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {} })
    })
  })
  outgoing.on('error', reject).end(body)
  return promise
}

export function deploymentOf({ roster, group: { key } }: World): Deployment {
  const group = groupOf(roster, 'token')
  if (group === undefined) throw new Error('no token group')
  return { roster, lineage: lineageOf(roster), group, groupKey: createPublicKey(key), keyset: { keyset: keysetOf(roster), signatures: [] } }
}

export function honestJudges(world: World): Judges {
  const judge = openJudge({ ...world, stops: () => noStops, issuerKeys: () => new Map() })
  return {
    judge: async (request, clock) => (await turn(), judge.judge(request, clock)),
    explain: async (request, clock) => (await turn(), judge.explain(request, clock)),
    list: async (question, clock) => (await turn(), judge.list(question, clock)),
    rule: async (request, clock) => (await turn(), judge.rule(request, clock)),
  }
}

/** Signs what it is given, as t honest signers would. */
export const honestQuorum = (key: KeyObject): Quorum => ({
  async sign({ bytes }: MintItem) {
    await turn()
    const signature = toBase64url(sign(null, utf8(bytes), key)) as Extract<MintOutcome, { outcome: 'signed' }>['signature']
    return { ok: true, outcome: { outcome: 'signed', signature, parts: [{ signer: 1, state: 'signed' }, { signer: 2, state: 'signed' }, { signer: 3, state: 'unused' }] }, timings: { log_us: 900, quorum_us: 2_000 } }
  },
})

export interface FrontOptions {
  readonly sink?: (facts: EventFacts) => void
  readonly trustedHops?: number
  readonly listen?: PublicEnd
}

/** The routes, served on a free port. */
export async function startFront<S extends Serving>(routes: readonly FrontRoute<S>[], serving: S, faked: FrontOptions = {}) {
  const lines: string[] = []
  const events: EventFacts[] = []
  const log = openLog({ process: 'front', level: 'debug', to: { write: (line: string) => void lines.push(line) } })
  const ground: Ground = {
    trustedHops: faked.trustedHops ?? 0,
    insider: addressSet(['127.0.0.1']),
    sink: (facts) => {
      log.info(facts, 'decision')
      events.push(facts)
      faked.sink?.(facts)
    },
    log,
    observe: () => undefined,
  }
  const app = appOf(routes, ground, openHolder({ value: serving, close: async () => undefined }))
  const server = await listen(app, faked.listen ?? { listen: { host: '127.0.0.1', port: 0 }, tls: undefined })
  const url = `${faked.listen?.tls === undefined ? 'http' : 'https'}://127.0.0.1:${server.address.port}`
  return { url, port: server.address.port, app, lines, events, close: () => server.stop(AbortSignal.abort()) }
}
