import { z } from 'zod'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { followKeysets, keysetChain, type KeysetChain, type KeysetRefusal, type Seen } from '@symbolon/roster/keyset-chain.ts'
import { fingerprint, signedKeyset, type Keyset } from '@symbolon/roster/keyset.ts'
import { failed, ok, type Outcome } from './errors.ts'

/** What a client needs to know of a deployment, all of it from the keyset. */
export interface Deployment {
  readonly keyset: Keyset
  /** Fingerprint of the first keyset; intents carry it. */
  readonly lineage: Base64url
  readonly pinned: boolean
}

/** The fingerprint of the first keyset, as the ceremony printed it. `unpinned` believes whatever the server says, and must be asked for by name. */
export type Pin = Base64url | 'unpinned'

/** The newest keyset that was believed on this machine, by lineage. */
export interface KeysetMemory {
  seen(lineage: Base64url): Seen | undefined
  saw(lineage: Base64url, seen: Seen): void
}

/** `GET /v1/keyset`: a chain, or the first keyset alone. */
export const keysetAnswer: z.ZodType<KeysetChain> = z.union([keysetChain, signedKeyset.transform((only) => ({ keysets: [only] }))])

const codes = { pin_differs: 'pin_mismatch', chain_broken: 'keyset_signatures', signatures_missing: 'keyset_signatures', stale: 'keyset_stale', rolled_back: 'keyset_rollback' } as const satisfies Record<KeysetRefusal, string>

/**
 * Follows the keysets from the pinned one to that of today: each vouched for by t signers of the one before, the last within a day, so that an api
 * that shows an old one is noticed; and none older than this machine has seen, for signatures on an old one stay young for a day.
 * @param now seconds
 */
export function judgeKeysets(chain: KeysetChain, pin: Pin, now: number, memory?: KeysetMemory): Outcome<Deployment> {
  const [first] = chain.keysets
  const lineage = pin === 'unpinned' && first !== undefined ? fingerprint(first.keyset) : pin
  if (lineage === 'unpinned') return failed('pin_mismatch', { detail: 'there is no keyset' })
  const before = memory?.seen(lineage)
  const followed = followKeysets(chain, pin, now, before)
  if (!followed.ok) return failed(codes[followed.code], { detail: followed.code === 'pin_differs' && first !== undefined ? `pinned ${pin}, shown ${fingerprint(first.keyset)}` : followed.detail })
  if (before?.roster !== followed.seen.roster) memory?.saw(lineage, followed.seen)
  return ok({ keyset: followed.keyset, lineage, pinned: pin !== 'unpinned' })
}
