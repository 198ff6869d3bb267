import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { coordinatorStatus, type CoordinatorStatus } from '@symbolon/protocol/mint.ts'
import type { Channel } from '@symbolon/runtime/channel-client.ts'
import { readiness, type HealthCheck, type Readiness } from '@symbolon/runtime/health.ts'

/** Bounds of a small question to the coordinator. */
export const asking = { timeoutMs: 3_000, maxBytes: limits.batchBodyBytes }

export type Found = { readonly ok: true; readonly value: CoordinatorStatus } | { readonly ok: false; readonly problem: string }

export interface Health {
  /** What the coordinator says, as of at most a second ago. */
  coordinator(): Promise<Found>
  /** Whether the database answers and t signers are well, and what is in the way. */
  readiness(): Promise<Readiness>
}

export interface HealthOptions {
  readonly channel: Pick<Channel, 'get'>
  threshold(): number
  /** Whether the database answers. */
  check(): Promise<{ readonly ok: true } | { readonly ok: false; readonly code: string }>
  /** Milliseconds. */
  readonly clock?: () => number
}

export function openHealth({ channel, threshold, check, clock = Date.now }: HealthOptions): Health {
  const coordinator = remember(1_000, clock, () => askStatus(channel))
  const database = remember(1_000, clock, check)
  const checks: Record<string, HealthCheck> = { database: async () => asReason(await database()), quorum: async () => quorumState(await coordinator(), threshold()) }
  return { coordinator, readiness: () => readiness(checks, 4_000) }
}

async function askStatus(channel: Pick<Channel, 'get'>): Promise<Found> {
  const answer = await channel.get('/v1/status', asking)
  if (!answer.ok) return { ok: false, problem: `the coordinator cannot be reached (${answer.reason})` }
  const decoded = answer.status === 200 ? decodeAs(coordinatorStatus, answer.body, limits.batchBodyBytes) : undefined
  return decoded?.ok === true ? { ok: true, value: decoded.value } : { ok: false, problem: `the coordinator answers ${answer.status}` }
}

const asReason = (state: { readonly ok: true } | { readonly ok: false; readonly code: string }) => (state.ok ? state : ({ ok: false, reason: state.code } as const))

function quorumState(found: Found, threshold: number): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
  if (!found.ok) return { ok: false, reason: found.problem }
  const healthy = found.value.signers.filter((signer) => signer.healthy)
  if (healthy.length >= threshold) return { ok: true }
  const down = found.value.signers.filter((signer) => !signer.healthy).map(({ name, problem }) => `${name} (${problem ?? 'unhealthy'})`)
  return { ok: false, reason: `${healthy.length} of ${threshold} signers: ${down.join(', ')}` }
}

/** One question under way at once, and its answer kept for a moment: any number of callers cost one. */
export function remember<T>(ms: number, clock: () => number, ask: () => Promise<T>): () => Promise<T> {
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
