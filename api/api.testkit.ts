import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { intentOf, keyEvidence, makeWorld, type World, type WorldOptions } from '@symbolon/policy/judge.testkit.ts'
import { openMetrics } from '@symbolon/runtime/metrics.ts'
import { deploymentOf, honestJudges, honestQuorum, memoryLimiter, now, send, startFront, type FrontOptions, type HttpAnswer } from '@symbolon/front/front.testkit.ts'
import type { Judges } from '@symbolon/front/judges.ts'
import type { Limiter } from '@symbolon/front/limiter.ts'
import type { Quorum } from '@symbolon/front/quorum.ts'
import type { DeviceStore } from './device-store.ts'
import type { Overview } from './overview.ts'
import { partsOf } from './changes.testkit.ts'
import type { ChangeParts } from './changes.ts'
import { routesOf } from './routes.ts'
import { servingOf, type Serving } from './serving.ts'
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

export interface Faked extends FrontOptions {
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
  readonly clock?: () => number
  readonly heavy?: Limiter
  readonly devices?: DeviceStore
  readonly attempts?: Limiter
  readonly subjectOf?: Serving['subjectOf']
}

export async function startApi(faked: Faked = {}) {
  const world = faked.made ?? makeWorld(faked.world)
  const { roster } = world
  const metrics = openMetrics({ process: 'api' })
  const judges = honestJudges(world)
  const quorum = honestQuorum(world.group.key)
  const deployment = deploymentOf(world)
  const identities = faked.identities ?? memoryLimiter('identity')
  const serving = servingOf({
    deployment,
    minting: { judges: faked.judges?.(judges) ?? judges, quorum: faked.quorum?.(quorum) ?? quorum, identities, clock: faked.clock ?? now },
    addresses: faked.addresses ?? memoryLimiter('address'),
    heavy: faked.heavy ?? memoryLimiter('heavy'),
    ...(faked.subjectOf === undefined ? {} : { subjectOf: faked.subjectOf }),
  })
  const proofs = faked.proofs ?? memoryProofs()
  const routes = routesOf({
    proofs,
    device: { devices: faked.devices ?? noDevices, consoleUrl: faked.devices === undefined ? undefined : 'http://localhost:8081', proofs, attempts: faked.attempts ?? memoryLimiter('device') },
    changes: faked.changes?.(partsOf(world)) ?? partsOf(world),
    overview: { status: () => Promise.reject(new Error('not faked')), readiness: () => Promise.reject(new Error('not faked')), keyset: async () => ({ keysets: [deployment.keyset] }), ...faked.overview },
    metrics,
  })
  const front = await startFront(routes, serving, faked)
  return { ...front, world, routes, roster, lineage: deployment.lineage }
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
