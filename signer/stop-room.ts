import type { StopFact } from '@symbolon/policy/judgement.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import { untilOf, type JudgedStop } from './acts.ts'

/** What one book carries to others, at most; and of that, what is left to guardians, whose locks must always find room. */
const most = 4_096
const guardiansOwn = 2_048
/** Live revocations of one principal that is no guardian: whoever holds one key cannot fill everybody's book. */
const perPrincipal = 64

/** May this stop be kept beside those that are? One that has ended needs no room. */
export function isRoomFor({ revoked, locked }: Stops, judged: readonly JudgedStop[], fact: StopFact, clock: number): boolean {
  if (untilOf(fact) <= clock) return false
  const all = revoked.length + locked.length + judged.length
  if (fact.kind === 'locked' || fact.revoked.guardian) return all < most
  const { by } = fact.revoked
  const own = [...revoked, ...judged.flatMap((each) => (each.fact.kind === 'revoked' ? [each.fact.revoked] : []))].filter((each) => !each.guardian && each.by === by)
  return all < most - guardiansOwn && own.length < perPrincipal
}
