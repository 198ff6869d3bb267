import { loadGroup, type GroupKeys, type GroupRecord } from '@symbolon/core/keys.ts'
import { heapMemory } from '@symbolon/core/secret.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import type { Pooled } from '@symbolon/runtime/workers.ts'
import { findCulprits, type Found, type SpoiledBy } from './blame.ts'
import type { SignedPurpose } from './evidence-of-fault.ts'

/** What a worker thread of the pool runs: it holds the groups' public keys, by purpose, and no secret. */
export function open(records: Readonly<Record<SignedPurpose, GroupRecord>>): Pooled<SpoiledBy, Found> {
  const suite = sodiumSuite(heapMemory)
  const groups: Readonly<Record<SignedPurpose, GroupKeys>> = { token: loaded(records.token), record: loaded(records.record) }
  return { handle: ({ purpose, spoiled }) => findCulprits(suite, groups[purpose], spoiled) }

  function loaded(record: GroupRecord): GroupKeys {
    const keys = loadGroup(suite, record)
    if (!keys.ok) throw new TypeError(`a group's keys do not belong together: ${keys.error.code}`)
    return keys.value
  }
}
