import type { CoordinatorStatus } from '@symbolon/protocol/mint.ts'
import type { HealthCheck } from '@symbolon/runtime/health.ts'
import type { Peer } from './peer.ts'

/** How each signer fares now: each is asked, for an answer of a second ago says nothing about a signer that died since. */
export async function statusOf(peers: readonly Peer[], { threshold, groups }: Serving): Promise<CoordinatorStatus> {
  await Promise.all(peers.map((peer) => peer.probe()))
  return { v: 1, threshold, signers: peers.map((peer) => peer.status()), groups: [...groups] }
}

/** With how many signers it can do all that it is for, and the keys. */
export interface Serving {
  readonly threshold: number
  readonly groups: NonNullable<CoordinatorStatus['groups']>
}

/** Ready while t signers are. */
export const quorumCheck =
  (peers: readonly Peer[], serving: Serving): HealthCheck =>
  async () => {
    const { signers, threshold } = await statusOf(peers, serving)
    const healthy = signers.filter((signer) => signer.healthy).length
    return healthy >= threshold ? { ok: true } : { ok: false, reason: `below_quorum_${healthy}_of_${threshold}` }
  }
