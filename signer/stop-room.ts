import { limits } from '@symbolon/protocol/limits.ts'
import type { StopFact } from '@symbolon/policy/judgement.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import { untilOf, type JudgedStop } from './acts.ts'

/** What one book carries to others, at most; of that, what is left to guardians, and what to their locks, which must always find room. */
const most = 4_096
const guardiansOwn = 2_048
const locksOwn = 512
/** Live revocations of one principal that is no guardian, and of one guardian: whoever holds one key cannot fill everybody's book. */
const perPrincipal = 64
const perGuardian = 512
/** Of one that is no guardian, those that are kept for longer than any token lives; and of all such. */
const perPrincipalLasting = 16
const lastingOwn = 1_024
const lastsFrom = 2 * limits.tokenTtl

/** May this stop be kept beside those that are? One that has ended needs no room. */
export function isRoomFor({ revoked, locked }: Stops, judged: readonly JudgedStop[], fact: StopFact, clock: number): boolean {
  if (untilOf(fact) <= clock) return false
  const all = revoked.length + locked.length + judged.length
  if (fact.kind === 'locked') return all < most
  const { by, guardian, until } = fact.revoked
  const own = [...revoked, ...judged.flatMap((each) => (each.fact.kind === 'revoked' ? [each.fact.revoked] : []))].filter((each) => each.guardian === guardian && each.by === by)
  if (guardian) return all < most - locksOwn && own.length < perGuardian
  const isLasting = (at: number) => at > clock + lastsFrom
  const lasting = isLasting(until) ? own.filter((each) => isLasting(each.until)).length : 0
  return all < (isLasting(until) ? lastingOwn : most - guardiansOwn) && own.length < perPrincipal && lasting < perPrincipalLasting
}
