import { createPublicKey, sign } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import type { MintItem, MintOutcome } from '@symbolon/protocol/mint.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { openJudge } from '@symbolon/policy/judge.ts'
import { intentOf, keyEvidence, makeWorld, type World, type WorldOptions } from '@symbolon/policy/judge.testkit.ts'
import { keysetOf, lineageOf } from '@symbolon/roster/keyset.ts'
import { groupOf } from '@symbolon/roster/roster.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { openMetrics } from '@symbolon/runtime/metrics.ts'
import type { Ground } from '@symbolon/front/answer.ts'
import { addressSet } from '@symbolon/front/client-address.ts'
import type { DeviceStore } from './device-store.ts'
import type { EventFacts } from '@symbolon/front/event.ts'
import type { Judges } from '@symbolon/front/judges.ts'
import { memoryLimiter, now, send, type HttpAnswer } from '@symbolon/front/front.testkit.ts'
import type { Limiter } from '@symbolon/front/limiter.ts'
import type { Overview } from './overview.ts'
import type { Quorum } from '@symbolon/front/quorum.ts'
import { openHolder } from '@symbolon/front/holder.ts'
import { partsOf } from './changes.testkit.ts'
import type { ChangeParts } from './changes.ts'
import { routesOf } from './routes.ts'
import { servingOf, type Serving } from './serving.ts'
import { appOf, listen } from '@symbolon/front/server.ts'
import type { ProofStore } from './store.ts'

/* The api over real HTTP, with the real judge; a whole group key stands in for the quorum. */

export function memoryProofs(): ProofStore {
  const seen = new Set<string>()
  return {
    async take(id) {
      const known = seen.has(toBase64url(id))
      seen.add(toBase64url(id))
      return !known
    },
  }
}

const noDevices: DeviceStore = { add: async () => false, find: async () => undefined, decide: async () => false, ask: async () => undefined, pace: async () => undefined, deliver: async () => undefined }

/** Signs what it is given, as t honest signers would. */
export const honestQuorum = (world: World): Quorum => ({
  async sign({ bytes }: MintItem) {
    await turn()
    const signature = toBase64url(sign(null, utf8(bytes), world.group.key)) as Extract<MintOutcome, { outcome: 'signed' }>['signature']
    return { ok: true, outcome: { outcome: 'signed', signature, parts: [{ signer: 1, state: 'signed' }, { signer: 2, state: 'signed' }, { signer: 3, state: 'unused' }] }, timings: { log_us: 900, quorum_us: 2_000 } }
  },
})

export interface Faked {
  readonly world?: WorldOptions
  /** One that was made before. */
  readonly made?: World
  readonly changes?: (honest: ChangeParts) => ChangeParts
  readonly judges?: (honest: Judges) => Judges
  readonly quorum?: (honest: Quorum) => Quorum
  readonly addresses?: Limiter
  readonly identities?: Limiter
  readonly proofs?: ProofStore
  readonly overview?: Partial<Overview>
  readonly sink?: (facts: EventFacts) => void
  readonly trustedHops?: number
  readonly listen?: Parameters<typeof listen>[1]
  readonly clock?: () => number
  readonly heavy?: Limiter
  readonly devices?: DeviceStore
  readonly attempts?: Limiter
  readonly subjectOf?: Serving['subjectOf']
}

export async function startApi(faked: Faked = {}) {
  const world = faked.made ?? makeWorld(faked.world)
  const { roster } = world
  const lineage = lineageOf(roster)
  const group = groupOf(roster, 'token')
  if (group === undefined) throw new Error('no token group')
  const lines: string[] = []
  const events: EventFacts[] = []
  const log = openLog({ process: 'api', level: 'debug', to: { write: (line: string) => void lines.push(line) } })
  const metrics = openMetrics({ process: 'api' })
  const judge = openJudge({ ...world, stops: () => noStops, issuerKeys: () => new Map() })
  const honestJudges: Judges = {
    judge: async (request, clock) => (await turn(), judge.judge(request, clock)),
    explain: async (request, clock) => (await turn(), judge.explain(request, clock)),
    rule: async (request, clock) => (await turn(), judge.rule(request, clock)),
  }
  const honest = honestQuorum(world)
  const deployment = { roster, lineage, group, groupKey: createPublicKey(world.group.key), keyset: { keyset: keysetOf(roster), signatures: [] } }
  const identities = faked.identities ?? memoryLimiter('identity')
  const serving = servingOf({
    deployment,
    minting: { judges: faked.judges?.(honestJudges) ?? honestJudges, quorum: faked.quorum?.(honest) ?? honest, identities, clock: faked.clock ?? now },
    addresses: faked.addresses ?? memoryLimiter('address'),
    heavy: faked.heavy ?? memoryLimiter('heavy'),
    ...(faked.subjectOf === undefined ? {} : { subjectOf: faked.subjectOf }),
  })
  const servings = openHolder({ value: serving, close: async () => undefined })
  const proofs = faked.proofs ?? memoryProofs()
  const routes = routesOf({
    proofs,
    device: { devices: faked.devices ?? noDevices, consoleUrl: faked.devices === undefined ? undefined : 'http://localhost:8081', proofs, attempts: faked.attempts ?? memoryLimiter('device') },
    changes: faked.changes?.(partsOf(world)) ?? partsOf(world),
    overview: { status: () => Promise.reject(new Error('not faked')), readiness: () => Promise.reject(new Error('not faked')), keyset: async () => ({ keysets: [deployment.keyset] }), ...faked.overview },
    metrics,
  })
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
  const app = appOf(routes, ground, servings)
  const server = await listen(app, faked.listen ?? { listen: { host: '127.0.0.1', port: 0 }, tls: undefined })
  const url = `${faked.listen?.tls === undefined ? 'http' : 'https'}://127.0.0.1:${server.address.port}`
  return { url, port: server.address.port, app, world, routes, lines, events, roster, lineage, close: () => server.stop(AbortSignal.abort()) }
}
export type TestApi = Awaited<ReturnType<typeof startApi>>

export const post = (api: Pick<TestApi, 'url'>, path: string, body: unknown, headers: Record<string, string | string[]> = {}): Promise<HttpAnswer> =>
  send(`${api.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) })

export const postForm = (api: Pick<TestApi, 'url'>, fields: Readonly<Record<string, string>> | string, headers: Record<string, string | string[]> = {}): Promise<HttpAnswer> =>
  send(`${api.url}/oauth/token`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, body: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString() })

/** A wish of the service `ci` with true evidence, as `/v1/tokens` takes it. */
export function asked(world: World, changes: Partial<TokenIntent> = {}): { intent: string; evidence: readonly Evidence[] } {
  const iat = now()
  const intent = intentOf(world, { iat, exp: iat + 300, ...changes })
  return { intent: toBase64url(encodeIntent(intent)), evidence: [keyEvidence(world, intent)] }
}
