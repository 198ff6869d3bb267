import { sha256, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Ed25519Jwk } from '@symbolon/protocol/ed25519.ts'
import { openRecord, type OpenedRecord, type SignedRecord } from '@symbolon/protocol/record.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import type { StoredSecret, Verified } from './store.ts'

/** Tells what the quorum signed from what somebody put into the database. */
export interface Records {
  open(signed: SignedRecord): Verified | undefined
  /** The record of a row. @returns undefined for one that was altered: the quorum did not sign it, or it is of another path or place */
  held(row: StoredSecret): Verified | undefined
}

/** So many records that were verified before are taken on sight. */
const remembered = 2_048

/** By the `record` keys of every epoch: a record outlives the key that signed it. */
export function openRecords({ groups }: Pick<Roster, 'groups'>, lineage: Base64url): Records {
  const keys = groups.filter(({ purpose }) => purpose === 'record').toSorted((a, b) => b.epoch - a.epoch).map(({ key }): Ed25519Jwk => ({ kty: 'OKP', crv: 'Ed25519', x: key }))
  const known = new Map<Base64url, OpenedRecord>()
  const open = (signed: SignedRecord): Verified | undefined => {
    const id = toBase64url(sha256(utf8(`${signed.record}.${signed.signature}`)))
    const before = known.get(id)
    const opened = before ?? firstOf(keys, (key) => openRecord(signed, { key, lineage }))
    if (opened === undefined) return undefined
    // The newest of those that were asked for stay.
    if (before !== undefined) known.delete(id)
    known.set(id, opened)
    const [oldest] = known.keys()
    if (known.size > remembered && oldest !== undefined) known.delete(oldest)
    return { ...opened, signed }
  }
  return {
    open,
    held(row) {
      const opened = open(row.signed)
      return opened?.record.path === row.path && opened.record.seq === row.seq && opened.digest === row.digest ? opened : undefined
    },
  }
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}
