import type { CoordinatorStatus } from '@symbolon/protocol/mint.ts'
import type { HealthCheck } from '@symbolon/runtime/health.ts'
import type { Peer } from './peer.ts'

/** Milliseconds for which an answer of any kind speaks for a signer's health. */
const freshMs = 1_000

/** How each signer fares. Those that have not been heard of for a second are asked; the others have just answered. */
export async function statusOf(peers: readonly Peer[], threshold: number): Promise<CoordinatorStatus> {
  await Promise.all(peers.filter(({ health }) => health.state !== 'well' || health.silence > freshMs).map((peer) => peer.probe()))
  return { v: 1, threshold, signers: peers.map((peer) => peer.status()) }
}

/** Ready while t signers are. */
export const quorumCheck =
  (peers: readonly Peer[], threshold: number): HealthCheck =>
  async () => {
    const { signers } = await statusOf(peers, threshold)
    const healthy = signers.filter((signer) => signer.healthy).length
    return healthy >= threshold ? { ok: true } : { ok: false, reason: `below_quorum_${healthy}_of_${threshold}` }
  }
