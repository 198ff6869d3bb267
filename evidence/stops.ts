import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'

/** What signers were told to stop: facts beside the roster, from `revoke` and `lock` intents that each signer judged itself. */
export interface Stops {
  readonly revoked: readonly Revoked[]
  readonly locked: readonly Locked[]
}
/** `id`: digest of the grant's or token's intent. `by`: the principal that said so. `until` (NumericDate): when nothing made under it lives any more, for whoever keeps these. */
export interface Revoked {
  readonly id: Base64url
  readonly by: string
  readonly guardian: boolean
  readonly until: number
}
/** Nothing with an issue time before `until` (NumericDate) is good for this row. */
export interface Locked {
  readonly row: string
  readonly until: number
}

export const noStops: Stops = { revoked: [], locked: [] }

export interface StopCheck {
  /** Locked at this issue time? Irrespective of when the lock was made: what was asked before it counts no more either. */
  locked(row: string, at: number): Reason | undefined
  /** @param owner whose grant or token it is: nobody but they and guardians can revoke it */
  revoked(id: Base64url, owner: string): Reason | undefined
}

export function openStopCheck({ revoked, locked }: Stops): StopCheck {
  const byId = Map.groupBy(revoked, (row) => row.id)
  const untilOf = new Map<string, number>()
  for (const { row, until } of locked) untilOf.set(row, Math.max(until, untilOf.get(row) ?? 0))

  return {
    locked(row, at) {
      const until = untilOf.get(row)
      return until === undefined || at >= until ? undefined : reasonOf('locked', 'This row is locked.', { rule: `lock:${row}`, fact: `until ${until}` })
    },
    revoked(id, owner) {
      const found = byId.get(id)?.find(({ by, guardian }) => guardian || by === owner)
      return found === undefined ? undefined : reasonOf('revoked', 'This credential was revoked.', { rule: 'revoke', fact: `by ${found.by}` })
    },
  }
}
