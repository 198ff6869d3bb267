import { randomBytes } from 'node:crypto'
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { sha256, taggedHash, type Digest } from '@symbolon/protocol/bytes.ts'
import { syncFolder } from '@symbolon/keystore/folder.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import type { Journal } from './journal.ts'
import { openAlone, sqliteCode } from './sqlite.ts'

/*
 * The book's file: a hash chain of acts, each written whole before anything follows from it. The journal names the head after each
 * act, so a book that is shorter than the signer remembers, or another's, or edited, stops the signer.
 */

/** `accepted`: this signer gave its word for a slot. `taken`: certified versions and entries came in. `stopped`: stops that it judged. */
export const acts = ['accepted', 'taken', 'stopped'] as const
export type Act = (typeof acts)[number]

export interface BookFile {
  /** The acts of earlier lives, oldest first. */
  readonly past: readonly { readonly act: Act; readonly body: Uint8Array }[]
  /** Writes one act durably, then its head into the journal. False: it could not be written, and nothing may follow from it. */
  write(act: Act, body: Uint8Array, clock: number): boolean
  /** True from a failed write to the next good one. */
  failing(): boolean
  close(): void
}

export interface BookFileOptions {
  /** The signer's state folder, where the journal is. */
  readonly folder: string
  readonly signer: number
  /** 32 bytes. */
  readonly lineage: Uint8Array
  readonly journal: Pick<Journal, 'record' | 'kept' | 'head'>
  /** Told of every failed write. */
  onFailure(error: unknown): void
}

interface Owner {
  readonly signer: number
  readonly lineage: Uint8Array
  /** 16 random bytes of the day it was made. */
  readonly id: Uint8Array
}

const schema = `
  CREATE TABLE owner (one INTEGER PRIMARY KEY CHECK (one = 1), v INTEGER NOT NULL, signer INTEGER NOT NULL, lineage BLOB NOT NULL, id BLOB NOT NULL) STRICT;
  CREATE TABLE act (seq INTEGER PRIMARY KEY, act TEXT NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
`

/** Opens the book in the signer's folder, or makes it if there never was one. Throws a SafeError that says what to do. */
export function openBookFile(options: BookFileOptions): BookFile {
  const file = join(options.folder, 'book.sqlite')
  if (!existsSync(file)) {
    if (options.journal.kept() !== undefined) throw new SafeError('book_lost', `${file} is gone, and this signer has kept a book before: without it, it would not know what it accepted, nor who was removed. Put the file back.`)
    create(file, options)
  }
  return openAlone(file, 'book', (db) => {
    const owner = ownerOf(db, file, options)
    const { past, heads } = chainOf(db, file, owner)
    const opened = new SqliteBookFile(db, past, heads, options)
    settle(opened, heads, options, file)
    return opened
  })
}

/** The journal's word on the book. A crash may have left one act that it does not know yet; never more, and never fewer than it knows. */
function settle(opened: SqliteBookFile, heads: readonly Uint8Array[], { journal }: BookFileOptions, file: string): void {
  const kept = journal.kept()
  // A journal that begins anew (the operator waited until all it bound had expired) knows of no book.
  const known = kept === undefined ? (journal.head().seq === 0 ? heads.length - 1 : 0) : heads.findIndex((head) => same(head, kept))
  if (known < 0) throw new SafeError('book_behind', `${file} is older than the journal remembers, or another’s. Put back the newest copy: what this signer accepted, and who was removed, stands there alone.`)
  if (heads.length - 1 - known > 1) throw damaged(file, 'it holds acts that the journal does not know')
  if ((kept === undefined || known < heads.length - 1) && !opened.tell(0)) throw new SafeError('journal_unwritable', 'the journal cannot be written. Look at the disk.')
}

class SqliteBookFile implements BookFile {
  readonly past: BookFile['past']
  readonly #db: DatabaseSync
  readonly #append: StatementSync
  readonly #options: BookFileOptions
  #head: { readonly seq: number; readonly hash: Uint8Array }
  #failing = false

  constructor(db: DatabaseSync, past: BookFile['past'], heads: readonly Uint8Array[], options: BookFileOptions) {
    this.past = past
    this.#db = db
    this.#append = db.prepare('INSERT INTO act VALUES (?, ?, ?, ?)')
    this.#options = options
    this.#head = { seq: past.length, hash: heads[past.length] ?? new Uint8Array() }
  }

  write(act: Act, body: Uint8Array, clock: number): boolean {
    // The journal first hears of the act before this one, if it has not: it may lack one, never two.
    if (this.#failing && !this.tell(clock)) return false
    const next = { seq: this.#head.seq + 1, hash: actHash(this.#head.hash, act, body) }
    try {
      this.#append.run(next.seq, act, body, next.hash)
    } catch (error) {
      this.#options.onFailure(error)
      if (sqliteCode(error) === undefined) throw error
      return false
    }
    this.#head = next
    return this.tell(clock)
  }

  /** Writes the head into the journal. */
  tell(clock: number): boolean {
    this.#failing = this.#options.journal.record([{ verdict: 'kept', request: this.#head.hash }], clock) === undefined
    return !this.#failing
  }

  failing(): boolean {
    return this.#failing
  }

  close(): void {
    this.#db.close()
  }
}

/** Made beside, and named when it is whole. */
function create(file: string, { signer, lineage }: Pick<Owner, 'signer' | 'lineage'>): void {
  const fresh = `${file}.new`
  writeFileSync(fresh, new Uint8Array(), { mode: 0o600 })
  const db = new DatabaseSync(fresh)
  db.exec(`PRAGMA synchronous = FULL; BEGIN; ${schema}`)
  db.prepare('INSERT INTO owner VALUES (1, 1, ?, ?, ?)').run(signer, lineage, randomBytes(16))
  db.exec('COMMIT')
  db.close()
  renameSync(fresh, file)
  syncFolder(dirname(file))
}

function ownerOf(db: DatabaseSync, file: string, { signer, lineage }: Pick<Owner, 'signer' | 'lineage'>): Owner {
  const row = db.prepare('SELECT v, signer, lineage, id FROM owner').get()
  const [owned, id] = [row?.['lineage'], row?.['id']]
  if (row?.['v'] === 1 && row['signer'] === signer && owned instanceof Uint8Array && same(owned, lineage) && id instanceof Uint8Array && id.length === 16) return { signer, lineage, id }
  throw new SafeError('book_foreign', `${file} is not the book of signer ${signer} of this deployment. Put back its own.`)
}

/** Every act, in order, and the chain's head before the first and after each. */
function chainOf(db: DatabaseSync, file: string, owner: Owner): { readonly past: BookFile['past']; readonly heads: readonly Uint8Array[] } {
  const past: { act: Act; body: Uint8Array }[] = []
  const heads: Uint8Array[] = [firstHash(owner)]
  for (const { seq, act, body, hash } of db.prepare('SELECT seq, act, body, hash FROM act ORDER BY seq').iterate()) {
    const known = acts.find((name) => name === act)
    if (seq !== past.length + 1 || known === undefined || !(body instanceof Uint8Array)) throw damaged(file, `act ${past.length + 1} is missing or unreadable`)
    const next = actHash(heads[past.length] ?? new Uint8Array(), known, body)
    if (!(hash instanceof Uint8Array) || !same(hash, next)) throw damaged(file, `act ${past.length + 1} is not what was written`)
    past.push({ act: known, body })
    heads.push(next)
  }
  return { past, heads }
}

export const damaged = (file: string, what: string) => new SafeError('book_damaged', `${file} is damaged: ${what}. Put back a good copy, not older than the last time this signer ran.`)

const firstHash = ({ signer, lineage, id }: Owner): Digest => {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(signer)
  return taggedHash('book-owner/v1', number, lineage, id)
}
/** Every part has a fixed length. */
const actHash = (previous: Uint8Array, act: Act, body: Uint8Array): Digest => taggedHash('book-act/v1', previous, Uint8Array.of(acts.indexOf(act)), sha256(body))

const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0
