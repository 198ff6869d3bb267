import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import { decodeIntent, type Intent } from '@symbolon/protocol/intent.ts'
import { groupOf, type Group, type Roster } from '@symbolon/roster/roster.ts'
import { keyOf, namesOf, type Deployment } from '@symbolon/front/deployment.ts'
import type { Judging, Signing } from '@symbolon/front/judging.ts'
import { SafeError, type Logger } from '@symbolon/runtime/log.ts'
import type { Coordinator } from './coordinator.ts'
import type { Cursors } from './cursor.ts'
import { openPermits, type Permits } from './permits.ts'
import { requireReceiveKey, type ReceiveKey } from './receive-key.ts'
import { openReceipts, type Receipts } from './receipts.ts'
import { openRecords, type Records } from './records.ts'
import type { SecretStore } from './store.ts'

/** What the vault's questions need of the process, at one roster version. `groupKey` is the record group's. */
export interface Vaulting extends Judging, Signing {
  readonly roster: number
  readonly quorum: Coordinator
  readonly store: SecretStore
  readonly records: Records
  readonly receipts: Receipts
  readonly cursors: Cursors
  readonly permits: Permits
  /** The `vault` group that new versions are encrypted to. */
  readonly vault: Group
  /** Those of every epoch: what is encrypted to an older one can still be kept. */
  readonly vaults: readonly Group[]
  readonly receive: ReceiveKey
  readonly log: Logger
}

export interface VaultingParts extends Judging {
  readonly deployment: Deployment
  readonly coordinator: Coordinator
  readonly store: SecretStore
  readonly cursors: Cursors
  readonly receive: ReceiveKey
  readonly log: Logger
}

/** @throws SafeError for a roster without the vault's keys, or with another receive key */
export function vaultingOf({ deployment: { roster, lineage }, coordinator, store, ...parts }: VaultingParts): Vaulting {
  const { record, vault } = groupsOf(roster)
  requireReceiveKey(parts.receive, roster.vault?.hpke)
  return {
    ...parts,
    store,
    quorum: coordinator,
    groupKey: keyOf(record),
    names: namesOf(roster),
    roster: roster.version,
    policy: roster.policy,
    permits: openPermits(parts),
    records: openRecords(roster, lineage),
    receipts: openReceipts({ roster, threshold: record.t, coordinator, store, log: parts.log }),
    vault,
    vaults: roster.groups.filter(({ purpose }) => purpose === 'vault'),
  }
}

function groupsOf(roster: Roster): { readonly record: Group; readonly vault: Group } {
  const [record, vault] = [groupOf(roster, 'record'), groupOf(roster, 'vault')]
  if (record !== undefined && vault !== undefined) return { record, vault }
  throw new SafeError('roster_unsound', 'the roster has no group keys for records and secrets: the ceremonies have not ended')
}

/** @returns undefined for what is no intent: why, judging says */
export function intentOf(intent: Base64url): Intent | undefined {
  const decoded = decodeIntent(bytesOf(intent))
  return decoded.ok ? decoded.value : undefined
}
