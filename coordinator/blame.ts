import { aggregate, type Reply } from '@symbolon/core/aggregate.ts'
import { blameOfAggregate, type AggregateError } from '@symbolon/core/errors.ts'
import type { GroupKeys } from '@symbolon/core/keys.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import type { Commitment } from '@symbolon/core/transcript.ts'
import type { Pool } from '@symbolon/runtime/workers.ts'
import type { FaultKind, SignedPurpose } from './evidence-of-fault.ts'

/* Who spoiled an attempt. Linear in t, about 0.2 ms for each share, so it runs in a worker thread and within a time. */

/** Plain data: it crosses to a worker. */
export interface Spoiled {
  readonly message: Uint8Array
  readonly commitments: readonly Commitment[]
  readonly replies: readonly Reply[]
}

export type Found =
  /** A signature after all. Those in `wrongR` named another R, though their shares are right. */
  | { readonly result: 'signed'; readonly signature: Uint8Array; readonly wrongR: readonly number[] }
  | { readonly result: 'culprits'; readonly kind: FaultKind; readonly ids: readonly number[] }
  /** `investigate`: no participant can be named. `no_time`: the worker did not answer. */
  | { readonly result: 'undecided'; readonly why: 'investigate' | 'no_time' }

export interface Blame {
  judge(spoiled: Spoiled): Promise<Found>
}

/** What a worker does; also the whole of it, where there is no event loop to protect. */
export function findCulprits(suite: Suite, keys: GroupKeys, spoiled: Spoiled): Found {
  const result = aggregate(suite, { keys, ...spoiled })
  if (result.ok) return { result: 'signed', signature: result.value.signature, wrongR: result.value.wrongR }
  const { proves, culprits } = blameOfAggregate(result.error)
  if (proves !== 'participant') return { result: 'undecided', why: 'investigate' }
  return { result: 'culprits', kind: kindOf(result.error), ids: culprits }
}

const kindOf = (error: AggregateError): FaultKind => (error.code === 'commitment_invalid' ? 'commitment_invalid' : 'share_invalid')

/** What a worker is asked: it holds the keys of each purpose. */
export interface SpoiledBy {
  readonly purpose: SignedPurpose
  readonly spoiled: Spoiled
}

export const blameInWorkers = (pool: Pool<SpoiledBy, Found>, purpose: SignedPurpose): Blame => ({
  async judge(spoiled) {
    const answer = await pool.call({ purpose, spoiled })
    return answer.ok ? answer.value : { result: 'undecided', why: 'no_time' }
  },
})
