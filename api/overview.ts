import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { coordinatorStatus, type CoordinatorStatus } from '@symbolon/protocol/mint.ts'
import type { StatusResponse } from '@symbolon/protocol/http.ts'
import { followKeysets, keysetChain, type KeysetChain } from '@symbolon/roster/keyset-chain.ts'
import type { Channel } from '@symbolon/runtime/channel-client.ts'
import { readiness, type Readiness } from '@symbolon/runtime/health.ts'
import type { Deployment } from './deployment.ts'
import { endpoint } from './metadata.ts'

/** What the coordinator says, as of at most `freshMs` ago. */
export interface Overview {
  status(): Promise<StatusResponse>
  /** Whether a token could be minted now, and what is in the way. */
  readiness(): Promise<Readiness>
  /** From the one that clients pinned to the newest. */
  keyset(): Promise<KeysetChain>
}

export interface OverviewOptions {
  readonly channel: Pick<Channel, 'get'>
  /** The one that is answered by now. */
  deployment(): Deployment
  /** Where people sign in, if there is a console. */
  readonly consoleUrl?: string | undefined
  /** Changes that wait for approvals. */
  pending(): Promise<number>
  /** Whether the database answers. */
  check(): Promise<{ readonly ok: true } | { readonly ok: false; readonly code: string }>
  readonly clock?: () => number
}

/** How long a chain is handed out: so long clients may take a version for the newest that no longer is. */
const keysetMs = 5_000

const asking = { timeoutMs: 3_000, maxBytes: limits.batchBodyBytes }

export function openOverview({ channel, deployment, consoleUrl, pending, check, clock = Date.now }: OverviewOptions): Overview {
  const coordinator = remember(1_000, clock, () => askStatus(channel))
  const database = remember(1_000, clock, check)
  const changes = remember(1_000, clock, pending)
  let chain: KeysetChain | undefined
  const keyset = remember(keysetMs, clock, async () => {
    chain = (await askKeyset(channel, deployment(), Math.floor(clock() / 1000))) ?? chain
    return chain
  })
  const ready = async () => readiness({ database: async () => asReason(await database()), quorum: async () => quorumState(await coordinator(), deployment().group.t) }, 4_000)
  return {
    readiness: ready,
    async status() {
      const [found, state, waiting] = await Promise.all([coordinator(), ready(), changes()])
      const problems = state.failing.map(({ check: name, reason }) => (name === 'quorum' ? reason : `${name}: ${reason}`))
      return { ...describe(deployment(), found, problems), pending: waiting, ...(consoleUrl === undefined ? {} : { console_url: consoleUrl }) }
    },
    keyset: async () => (await keyset()) ?? { keysets: [deployment().keyset] },
  }
}

type Found = { readonly ok: true; readonly value: CoordinatorStatus } | { readonly ok: false; readonly problem: string }

async function askStatus(channel: Pick<Channel, 'get'>): Promise<Found> {
  const answer = await channel.get('/v1/status', asking)
  if (!answer.ok) return { ok: false, problem: `the coordinator cannot be reached (${answer.reason})` }
  const decoded = answer.status === 200 ? decodeAs(coordinatorStatus, answer.body, limits.batchBodyBytes) : undefined
  return decoded?.ok === true ? { ok: true, value: decoded.value } : { ok: false, problem: `the coordinator answers ${answer.status}` }
}

/** Only one that a client would follow from the keyset that this process started with: which is in force is not the coordinator's to say. */
async function askKeyset(channel: Pick<Channel, 'get'>, { lineage }: Deployment, now: number): Promise<KeysetChain | undefined> {
  const answer = await channel.get('/v1/keyset', asking)
  const decoded = answer.ok && answer.status === 200 ? decodeAs(keysetChain, answer.body, limits.batchBodyBytes) : undefined
  return decoded?.ok === true && followKeysets(decoded.value, lineage, now).ok ? decoded.value : undefined
}

const asReason = (state: { readonly ok: true } | { readonly ok: false; readonly code: string }) => (state.ok ? state : ({ ok: false, reason: state.code } as const))

function quorumState(found: Found, threshold: number): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
  if (!found.ok) return { ok: false, reason: found.problem }
  const healthy = found.value.signers.filter((signer) => signer.healthy)
  if (healthy.length >= threshold) return { ok: true }
  const down = found.value.signers.filter((signer) => !signer.healthy).map(({ name, problem }) => `${name} (${problem ?? 'unhealthy'})`)
  return { ok: false, reason: `${healthy.length} of ${threshold} signers: ${down.join(', ')}` }
}

function describe({ roster, lineage, group }: Deployment, found: Found, problems: readonly string[]): Omit<StatusResponse, 'pending' | 'console_url'> {
  const inForce = found.ok ? versionInForce(found.value.signers, group.t) : undefined
  return {
    ...(inForce === undefined ? {} : { roster_in_force: inForce }),
    issuer: roster.deployment.issuer,
    jwks_uri: endpoint(roster, '/.well-known/jwks.json'),
    lineage,
    roster: roster.version,
    policy: roster.policy,
    threshold: group.t,
    ready: problems.length === 0,
    problems: [...problems],
    audiences: roster.audiences,
    default_audience: roster.default_audience,
    signers: found.ok ? found.value.signers : roster.signers.map(({ id, name }) => ({ id, name, healthy: false, problem: 'unknown', epoch: 0, roster: 0, policy: '', commitments: 0 })),
  }
}

/** The newest version that t signers stand at or beyond. @returns undefined if fewer answer */
const versionInForce = (signers: CoordinatorStatus['signers'], threshold: number): number | undefined =>
  signers.map(({ roster }) => roster).filter((version) => version > 0).toSorted((a, b) => b - a)[threshold - 1]

/** One question under way at once, and its answer kept for a moment: any number of callers cost one. */
function remember<T>(ms: number, clock: () => number, ask: () => Promise<T>): () => Promise<T> {
  let held: { readonly answer: Promise<T>; until: number } | undefined
  return () => {
    if (held === undefined || clock() >= held.until) {
      const fresh = { answer: ask(), until: Number.POSITIVE_INFINITY }
      held = fresh
      // Counted from the answer; a rejection is not kept.
      fresh.answer.then(() => (fresh.until = clock() + ms), () => (fresh.until = 0))
    }
    return held.answer
  }
}
