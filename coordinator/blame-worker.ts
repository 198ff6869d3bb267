import { loadGroup, type GroupRecord } from '@symbolon/core/keys.ts'
import { heapMemory } from '@symbolon/core/secret.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import type { Pooled } from '@symbolon/runtime/workers.ts'
import { findCulprits, type Found, type Spoiled } from './blame.ts'

/** What a worker thread of the pool runs: it holds the group's public keys and no secret. */
export function open(record: GroupRecord): Pooled<Spoiled, Found> {
  const suite = sodiumSuite(heapMemory)
  const keys = loadGroup(suite, record)
  if (!keys.ok) throw new TypeError(`the group's keys do not belong together: ${keys.error.code}`)
  return { handle: (spoiled) => findCulprits(suite, keys.value, spoiled) }
}
