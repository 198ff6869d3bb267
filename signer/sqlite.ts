import { DatabaseSync } from 'node:sqlite'
import { SafeError } from '@symbolon/runtime/log.ts'

/** SQLITE_BUSY. */
const busy = 5

/**
 * Opens one of a signer's files for this process alone. Exclusive: a second signer on the same file cannot even read it. WAL with
 * FULL: a commit that returned is on the disk. Throws a SafeError `<name>_in_use` or `<name>_damaged`, whatever else `use` throws.
 */
export function openAlone<T>(file: string, name: 'journal' | 'book', use: (db: DatabaseSync) => T): T {
  try {
    return opened(new DatabaseSync(file), use)
  } catch (error) {
    const code = sqliteCode(error)
    if (code === busy) throw new SafeError(`${name}_in_use`, `${file} is open in another process. Two signers must not share a ${name}: stop the other one.`)
    if (code !== undefined) throw new SafeError(`${name}_damaged`, `${file} cannot be read (SQLite error ${code}). Put back a good copy, not older than the last time this signer ran.`)
    throw error
  }
}

function opened<T>(db: DatabaseSync, use: (db: DatabaseSync) => T): T {
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; BEGIN EXCLUSIVE; COMMIT')
    return use(db)
  } catch (error) {
    db.close()
    throw error
  }
}

/** SQLite's primary result code, of an error that SQLite raised. */
export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined
}
