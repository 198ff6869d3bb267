import { fail, ok, type Result } from '@symbolon/core/errors.ts'
import { loadGroup } from '@symbolon/core/keys.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { decryptionKeys, type DecryptionKeys } from '@symbolon/core/tdh2.ts'
import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Ed25519Jwk } from '@symbolon/protocol/ed25519.ts'
import { openRecord, type OpenedRecord, type SignedRecord } from '@symbolon/protocol/record.ts'
import type { Keyset } from '@symbolon/roster/keyset.ts'
import type { Group } from '@symbolon/roster/roster.ts'
import { clientSuite } from '#platform'
import type { KeysError } from './errors.ts'

/* A keyset's keys for secrets, validated once. Everything else here takes them. */

/** One epoch of the `vault` key. */
export interface VaultGroup {
  readonly kid: Base64url
  readonly epoch: number
  readonly threshold: number
  readonly keys: DecryptionKeys
}

export interface SecretKeys {
  readonly suite: Suite
  readonly lineage: Base64url
  /** What new values are closed to. */
  readonly newest: VaultGroup
  /** By `kid`: every epoch that a kept version may be closed to. */
  readonly groups: ReadonlyMap<string, VaultGroup>
  /** The keys that records are signed with, newest first. */
  readonly records: readonly Ed25519Jwk[]
  /** Of the newest `record` key: how many receipts make a record finished. */
  readonly receipts: number
  readonly signers: Keyset['signers']
}

export interface KeysOf {
  /** Judged against the pin: whoever chooses these keys reads and writes secrets. */
  readonly keyset: Pick<Keyset, 'groups' | 'signers'>
  readonly lineage: Base64url
  /** Absent: the platform's, on the heap. */
  readonly suite?: Suite
}

const newestFirst = (groups: readonly Group[], purpose: Group['purpose']): Group[] => groups.filter((row) => row.purpose === purpose).sort((a, b) => b.epoch - a.epoch)

/** Validates every point of every `vault` key. Costs t·(n−t+1) multiplications each: done once per keyset. */
export function secretKeys({ keyset, lineage, suite = clientSuite }: KeysOf): Result<SecretKeys, KeysError> {
  const [record, ...olderRecords] = newestFirst(keyset.groups, 'record')
  if (record === undefined) return fail({ code: 'keys_missing', purpose: 'record' })
  const groups = new Map<string, VaultGroup>()
  for (const row of newestFirst(keyset.groups, 'vault')) {
    const loaded = load(suite, row)
    if (!loaded.ok) return loaded
    groups.set(row.kid, loaded.value)
  }
  const [newest] = groups.values()
  if (newest === undefined) return fail({ code: 'keys_missing', purpose: 'vault' })
  const records = [record, ...olderRecords].map(({ key }): Ed25519Jwk => ({ kty: 'OKP', crv: 'Ed25519', x: key }))
  return ok({ suite, lineage, newest, groups, records, receipts: record.t, signers: keyset.signers })
}

function load(suite: Suite, { key, kid, epoch, t, shares }: Group): Result<VaultGroup, KeysError> {
  const group = loadGroup(suite, { threshold: t, key: bytesOf(key), shares: shares.map(({ id, share }) => ({ id, share: bytesOf(share) })) })
  return group.ok ? ok({ kid, epoch, threshold: t, keys: decryptionKeys(group.value, epoch) }) : fail({ code: 'keys_invalid', group: kid, why: group.error.code })
}

/** @returns undefined for what the quorum of this deployment did not sign. Which epoch of the `record` key signed it is not said in it: each is tried */
export function verifyRecord(signed: SignedRecord, { records, lineage }: Pick<SecretKeys, 'records' | 'lineage'>): OpenedRecord | undefined {
  for (const key of records) {
    const opened = openRecord(signed, { key, lineage })
    if (opened !== undefined) return opened
  }
  return undefined
}
