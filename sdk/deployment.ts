import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { fingerprint, keysetMaxAge, keysetSignatureHolds, type Keyset, type KeysetSignature, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import { failed, ok, type Outcome } from './errors.ts'

/** What a client needs to know of a deployment, all of it from the keyset. */
export interface Deployment {
  readonly keyset: Keyset
  /** Of the first keyset; intents carry it. */
  readonly lineage: Base64url
  readonly pinned: boolean
}

/** The fingerprint that the ceremony printed. `unpinned` believes whatever the server says, and must be asked for by name. */
export type Pin = Base64url | 'unpinned'

/** The newest keyset that was believed on this machine, by lineage. */
export interface KeysetMemory {
  seen(lineage: Base64url): SeenKeyset | undefined
  saw(lineage: Base64url, seen: SeenKeyset): void
}
export interface SeenKeyset {
  readonly roster: number
  /** Of the roster document. */
  readonly digest: Base64url
}

/** Signatures on an old keyset stay young for a day: only who has seen a newer one can tell. An older one, or another of the same version, is refused. */
export function remember(deployment: Deployment, memory: KeysetMemory): Outcome<Deployment> {
  const { keyset, lineage } = deployment
  const seen = memory.seen(lineage)
  if (seen !== undefined && keyset.roster < seen.roster) return failed('keyset_rollback', { detail: `version ${keyset.roster} after ${seen.roster}` })
  if (seen !== undefined && keyset.roster === seen.roster && keyset.digest !== seen.digest) return failed('keyset_rollback', { detail: `another version ${keyset.roster}` })
  if (seen?.roster !== keyset.roster) memory.saw(lineage, { roster: keyset.roster, digest: keyset.digest })
  return ok(deployment)
}

/**
 * Believes a keyset only if it is the pinned one and t of its signers vouched for it within a day, so that an api that shows an
 * old one is noticed.
 * @param now seconds
 */
export function judgeKeyset({ keyset, signatures }: SignedKeyset, pin: Pin, now: number): Outcome<Deployment> {
  const found = fingerprint(keyset)
  if (pin !== 'unpinned' && found !== pin) return failed('pin_mismatch', { detail: `pinned ${pin}, shown ${found}` })
  const threshold = thresholdOf(keyset)
  if (threshold === undefined) return failed('keyset_signatures', { detail: 'no token group' })
  const times = vouched(keyset, signatures, now)
  if (times.length < threshold) return failed('keyset_signatures', { detail: `${times.length} of ${threshold}` })
  const decisive = times.toSorted((a, b) => b - a)[threshold - 1] ?? 0
  if (now - decisive > keysetMaxAge) return failed('keyset_stale', { detail: `${now - decisive} s` })
  return ok({ keyset, lineage: found, pinned: pin !== 'unpinned' })
}

/** Of the signing token group: the highest t of any group that still signs, so that a weak one cannot stand in. */
export const thresholdOf = (keyset: Keyset): number | undefined => {
  const groups = keyset.groups.filter((row) => row.purpose === 'token')
  return groups.length === 0 ? undefined : Math.max(...groups.map((row) => row.t))
}

/** Youngest valid signature time of each distinct signer: one signer counts once, however often it is named. */
function vouched(keyset: Keyset, signatures: readonly KeysetSignature[], now: number): number[] {
  const youngest = new Map<number, number>()
  for (const item of signatures) {
    if (item.iat > now + limits.clockSkew || !keysetSignatureHolds(keyset, item)) continue
    youngest.set(item.signer, Math.max(youngest.get(item.signer) ?? 0, item.iat))
  }
  return [...youngest.values()]
}
