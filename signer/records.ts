import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'

/*
 * What a signer remembers of each secret, in the journal's file and its transactions: the newest finished record that it was shown, and which
 * record it has promised a share for under each sequence number that is still open. Neither ever expires.
 */

/** For a file of before there were any. */
export const recordSchema = `
  CREATE TABLE known (path BLOB PRIMARY KEY, seq INTEGER NOT NULL, digest BLOB NOT NULL, record BLOB NOT NULL, signature BLOB NOT NULL) STRICT;
  CREATE TABLE promised (path BLOB NOT NULL, seq INTEGER NOT NULL, digest BLOB NOT NULL, previous BLOB, PRIMARY KEY (path, seq)) STRICT, WITHOUT ROWID;
`

export interface Newest {
  readonly seq: number
  readonly digest: Uint8Array
}

/** A record that the quorum signed. Whoever hands one in has verified that. */
export interface Finished extends Newest {
  /** Digest of the path. */
  readonly path: Uint8Array
  /** Canonical bytes, and their signature. */
  readonly record: Uint8Array
  readonly signature: Uint8Array
}

/** A record that is to be signed. */
export interface Next extends Newest {
  readonly path: Uint8Array
  /** Digest of its predecessor; undefined for the first. */
  readonly previous: Uint8Array | undefined
}

/** `forked`: another finished record with the same sequence number is known, which takes a corrupt signer, or one that forgot. */
export type Taken = 'taken' | 'same' | 'older' | 'forked'
export type Stale = 'record_stale' | 'sequence_taken'

export interface Records {
  /** Of the newest finished record that this signer knows. */
  newest(path: Uint8Array): Newest | undefined
  /** The whole of it. */
  known(path: Uint8Array): Finished | undefined
  /**
   * Whether a share was promised to a later record that does not follow this one. Whoever says then that this one stands could see it replaced by
   * one that knows nothing of it: of any two records that t signers each have spoken for, one follows the other, because some signer spoke twice.
   */
  overtaken(of: Pick<Finished, 'path' | 'seq' | 'digest'>): boolean
  /** How many secrets are known, and how many promises are open. */
  counts(): { readonly known: number; readonly promised: number }
}

/** Within a transaction of whoever has the file. */
export interface RecordTables extends Records {
  /** Remembers a finished record, if it is newer than what is known; promises that it settles are forgotten. */
  take(finished: Finished): Taken
  /** Promises a share for this record and for no other of that sequence number. */
  promise(next: Next): Stale | undefined
}

export function openRecords(db: DatabaseSync): RecordTables {
  const sql = {
    newest: db.prepare('SELECT seq, digest FROM known WHERE path = ?'),
    known: db.prepare('SELECT seq, digest, record, signature FROM known WHERE path = ?'),
    take: db.prepare('INSERT INTO known VALUES (?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET seq = excluded.seq, digest = excluded.digest, record = excluded.record, signature = excluded.signature'),
    settle: db.prepare('DELETE FROM promised WHERE path = ? AND seq <= ?'),
    promised: db.prepare('SELECT digest FROM promised WHERE path = ? AND seq = ?'),
    promise: db.prepare('INSERT INTO promised VALUES (?, ?, ?, ?)'),
    later: db.prepare('SELECT 1 FROM promised WHERE path = ? AND seq > ? AND previous IS NOT ? LIMIT 1'),
    counts: db.prepare('SELECT (SELECT count(*) FROM known) AS known, (SELECT count(*) FROM promised) AS promised'),
  }
  const newest = (path: Uint8Array): Newest | undefined => {
    const row = sql.newest.get(path)
    return row === undefined ? undefined : { seq: number(row['seq']), digest: bytes(row['digest']) }
  }
  return {
    newest,
    known(path) {
      const row = sql.known.get(path)
      return row === undefined ? undefined : { path, seq: number(row['seq']), digest: bytes(row['digest']), record: bytes(row['record']), signature: bytes(row['signature']) }
    },
    overtaken: ({ path, seq, digest }) => sql.later.get(path, seq, digest) !== undefined,
    counts() {
      const row = sql.counts.get()
      return { known: number(row?.['known']), promised: number(row?.['promised']) }
    },
    take({ path, seq, digest, record, signature }) {
      const before = newest(path)
      if (before !== undefined && seq < before.seq) return 'older'
      if (before?.seq === seq) return same(before.digest, digest) ? 'same' : 'forked'
      sql.take.run(path, seq, digest, record, signature)
      sql.settle.run(path, seq)
      return 'taken'
    },
    promise({ path, seq, digest, previous }) {
      const before = newest(path)
      if (!same(before?.digest, previous) || (before !== undefined && seq <= before.seq)) return 'record_stale'
      const row = sql.promised.get(path, seq)
      if (row === undefined) sql.promise.run(path, seq, digest, previous ?? null)
      return row === undefined || same(bytes(row['digest']), digest) ? undefined : 'sequence_taken'
    },
  }
}

/** Public digests; both may be absent. */
export const same = (one: Uint8Array | undefined, other: Uint8Array | undefined): boolean => (one === undefined || other === undefined ? one === other : Buffer.compare(one, other) === 0)

function number(value: SQLOutputValue | undefined): number {
  if (typeof value !== 'number') throw new TypeError('a column of integers')
  return value
}

function bytes(value: SQLOutputValue | undefined): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError('a column of bytes')
  return value
}
