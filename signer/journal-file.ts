import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { z } from 'zod'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { base64urlOf } from '@symbolon/protocol/fields.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { syncFolder } from '@symbolon/keystore/folder.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import { firstHash, type JournalOwner } from './chain.ts'
import { recordSchema } from './records.ts'
import { openAlone } from './sqlite.ts'

/* The journal's file: made once, never again. A signer that lost it has forgotten what it is bound to, so it must not start. */

const paths = (folder: string) => ({ file: join(folder, 'journal.sqlite'), fresh: join(folder, 'journal.sqlite.new'), marker: join(folder, 'journal.json') })

/** Written before the journal gets its name: from then on a journal must be there. */
const marker = z.strictObject({ v: z.literal(1), id: base64urlOf(16) })

/** `spent.intent`: the digest of the intent that `id` was spent on, or of the key that owns it. */
const schema = `
  CREATE TABLE owner (one INTEGER PRIMARY KEY CHECK (one = 1), v INTEGER NOT NULL, signer INTEGER NOT NULL, lineage BLOB NOT NULL, id BLOB NOT NULL) STRICT;
  CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), clock INTEGER NOT NULL, seq INTEGER NOT NULL, head BLOB NOT NULL) STRICT;
  CREATE TABLE entry (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, verdict TEXT NOT NULL, request BLOB NOT NULL, intent BLOB, bytes BLOB, hash BLOB NOT NULL) STRICT;
  CREATE TABLE binding (intent BLOB PRIMARY KEY, bytes BLOB NOT NULL, evidence BLOB NOT NULL, keep INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE spent (id BLOB PRIMARY KEY, intent BLOB NOT NULL, keep INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX binding_keep ON binding (keep);
  CREATE INDEX spent_keep ON spent (keep);
  ${recordSchema}
`
/** SQLite's `user_version` of a file. 0: of before there were records. */
const schemaVersion = 1

export interface OpenFile {
  readonly db: DatabaseSync
  readonly owner: JournalOwner
}

/**
 * Opens the journal in `folder`, for this process alone, or makes it if there never was one. Throws a SafeError that says what to
 * do when the file is lost, in use, or another's.
 */
export function openJournalFile(folder: string, whose: { readonly signer: number; readonly lineage: Uint8Array }): OpenFile {
  const { file, fresh, marker: markerFile } = paths(folder)
  const id = readMarker(markerFile)
  // A crash between marker and name: the journal is whole, and nothing was signed before it had its name.
  if (id !== undefined && !existsSync(file) && existsSync(fresh)) publish(fresh, file)
  if (id !== undefined && !existsSync(file)) throw new SafeError('journal_lost', `${file} is gone, and this signer has signed before. Put the file back. If it is lost for good, wait 24 hours after the signer last ran, so that everything it was bound to has expired, then remove ${markerFile} and start it again.`)
  if (id === undefined && existsSync(file)) throw new SafeError('journal_foreign', `${markerFile} is gone but ${file} is there. Put back the one that belongs to the other; both are made together.`)
  if (id === undefined) create(paths(folder), whose)
  return openOwned(file, { ...whose, id: id ?? readMarker(markerFile) ?? new Uint8Array() })
}

function readMarker(path: string): Uint8Array | undefined {
  if (!existsSync(path)) return undefined
  const read = decodeAs(marker, readFileSync(path), 1024)
  const id = read.ok ? fromBase64url(read.value.id) : undefined
  if (id === undefined) throw new SafeError('journal_marker_damaged', `${path} is not what this signer wrote. Put it back from a backup of the same day as the journal.`)
  return id
}

function create({ file, fresh, marker: markerFile }: ReturnType<typeof paths>, whose: { readonly signer: number; readonly lineage: Uint8Array }): void {
  const id = new Uint8Array(randomBytes(16))
  // Left over from a crash before the marker: not yet a journal.
  writeFileSync(fresh, new Uint8Array(), { mode: 0o600 })
  const db = new DatabaseSync(fresh)
  db.exec(`PRAGMA synchronous = FULL; BEGIN; ${schema}; PRAGMA user_version = ${schemaVersion}`)
  db.prepare('INSERT INTO owner VALUES (1, 1, ?, ?, ?)').run(whose.signer, whose.lineage, id)
  db.prepare('INSERT INTO state VALUES (1, 0, 0, ?)').run(firstHash({ ...whose, id }))
  db.exec('COMMIT')
  db.close()
  writeFileSync(`${markerFile}.new`, JSON.stringify({ v: 1, id: toBase64url(id) } satisfies z.infer<typeof marker>), { mode: 0o600, flush: true })
  publish(`${markerFile}.new`, markerFile)
  publish(fresh, file)
}

/** Gives a finished file its name, durably. */
function publish(from: string, to: string): void {
  renameSync(from, to)
  syncFolder(dirname(to))
}

function openOwned(file: string, owner: JournalOwner): OpenFile {
  return openAlone(file, 'journal', (db) => {
    if (isOwner(db.prepare('SELECT v, signer, lineage, id FROM owner').get(), owner)) return { db: migrated(db, file), owner }
    throw new SafeError('journal_foreign', `${file} is not the journal of signer ${owner.signer} of this deployment, or not the one made with its marker. Put back its own.`)
  })
}

/** Forward only, and once: tables that a file of this version has lost are not made again. */
function migrated(db: DatabaseSync, file: string): DatabaseSync {
  const version = db.prepare('PRAGMA user_version').get()?.['user_version']
  if (version === 0) db.exec(`BEGIN; ${recordSchema}; PRAGMA user_version = ${schemaVersion}; COMMIT`)
  else if (version === schemaVersion) db.exec('SELECT known.path, promised.previous FROM known, promised LIMIT 1')
  else throw new SafeError('journal_newer', `${file} was written by a later release (${version}). Start that one; an earlier one would forget what this signer is bound to.`)
  return db
}

function isOwner(row: Record<string, SQLOutputValue> | undefined, { signer, lineage, id }: JournalOwner): boolean {
  const same = (found: SQLOutputValue | undefined, bytes: Uint8Array) => found instanceof Uint8Array && Buffer.compare(found, bytes) === 0
  return row?.['v'] === 1 && row['signer'] === signer && same(row['lineage'], lineage) && same(row['id'], id)
}
