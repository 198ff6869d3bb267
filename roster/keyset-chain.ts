import { z } from 'zod'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { thresholdOf } from './certificate.ts'
import { fingerprint, keysetMaxAge, keysetSignatureHoldsBy, signedKeyset, type Keyset, type SignedKeyset } from './keyset.ts'

/*
 * From the keyset that a client pinned to the one of today: each is signed by t signers of the one before it in the list. A list need not name every
 * version: the first and the newest are enough while the signers stay the same.
 */

export const keysetChain = z.strictObject({ keysets: z.array(signedKeyset).min(1).max(64) })
export type KeysetChain = z.infer<typeof keysetChain>

/** What a client remembers of the newest keyset that it followed, so that nobody shows it an older one. */
export interface Seen {
  readonly roster: number
  readonly digest: Base64url
}

export type KeysetRefusal =
  /** The first keyset is not the pinned one. */
  | 'pin_differs'
  /** Another deployment's, another issuer's, or not in ascending order. */
  | 'chain_broken'
  /** Fewer than t signers of its predecessor signed it. */
  | 'signatures_missing'
  /** The t-th youngest signature of the last one is older than a day. */
  | 'stale'
  /** The client has seen a newer one, or another of the same version. */
  | 'rolled_back'
export type Followed = { readonly ok: true; readonly keyset: Keyset; readonly seen: Seen; readonly freshUntil: number } | { readonly ok: false; readonly code: KeysetRefusal; readonly detail: string }

const refuse = (code: KeysetRefusal, detail: string): Followed => ({ ok: false, code, detail })

/**
 * @param pinned fingerprint of the first keyset, the lineage; `unpinned` believes whatever first keyset it is shown, and must be asked for by name
 * @param now the client's clock, NumericDate
 */
export function followKeysets({ keysets }: KeysetChain, pinned: Base64url | 'unpinned', now: number, seen?: Seen): Followed {
  const [first] = keysets
  const pin = pinned === 'unpinned' && first !== undefined ? fingerprint(first.keyset) : pinned
  if (first === undefined || fingerprint(first.keyset) !== pin) return refuse('pin_differs', 'the first keyset')
  let vouching = first.keyset
  for (const [at, signed] of keysets.entries()) {
    const { keyset } = signed
    if (at > 0 && !continues(keyset, vouching, pin)) return refuse('chain_broken', `version ${keyset.roster}`)
    const asOf = ageOf(signed, vouching, now)
    if (asOf === undefined) return refuse('signatures_missing', `version ${keyset.roster}`)
    if (at < keysets.length - 1) vouching = keyset
    else return judgeLast(keyset, asOf, now, seen)
  }
  return refuse('pin_differs', 'no keyset')
}

const continues = (keyset: Keyset, before: Keyset, pin: string): boolean => keyset.lineage === pin && keyset.issuer === before.issuer && keyset.roster > before.roster

/**
 * As of when t signers of the predecessor vouch for it: the t-th youngest time. Each signer counts once, by its youngest word; a word from the
 * future, by more than a clock's error, counts for nothing: it would stay young for ever.
 */
function ageOf({ keyset, signatures }: SignedKeyset, vouching: Keyset, now: number): number | undefined {
  const youngest = new Map<number, number>()
  for (const signature of signatures) {
    if (signature.iat > now + limits.clockSkew || !keysetSignatureHoldsBy(vouching, keyset, signature)) continue
    youngest.set(signature.signer, Math.max(signature.iat, youngest.get(signature.signer) ?? 0))
  }
  return [...youngest.values()].sort((a, b) => b - a)[thresholdOf(vouching) - 1]
}

function judgeLast(keyset: Keyset, asOf: number, now: number, seen: Seen | undefined): Followed {
  if (now - asOf > keysetMaxAge) return refuse('stale', `version ${keyset.roster}`)
  if (seen !== undefined && (keyset.roster < seen.roster || (keyset.roster === seen.roster && keyset.digest !== seen.digest))) return refuse('rolled_back', `version ${keyset.roster}, seen ${seen.roster}`)
  return { ok: true, keyset, seen: { roster: keyset.roster, digest: keyset.digest }, freshUntil: asOf + keysetMaxAge }
}
