import { randomBytes } from 'node:crypto'
import { sql, type Kysely } from 'kysely'
import type { Migration } from '@symbolon/runtime/store.ts'
import { createLimits, type LimitTables } from '@symbolon/front/store.ts'

/*
 * The vault's own tables: ciphertexts, and records that the quorum signed. Whoever edits them can withhold a secret, or show an older state to
 * those who never saw a newer one; nothing here opens anything, and nothing altered is believed.
 */

export interface Tables extends LimitTables {
  /** The newest record of each path. `removed`, `search`: from the record, to be looked through. `pending`: fewer than t signers have receipted it. */
  secret: { path: string; seq: number; digest: Buffer; record: Buffer; signature: Buffer; removed: boolean; search: string; pending: boolean; tried: string }
  /** Every record there was. */
  secret_record: { path: string; seq: number; digest: Buffer; record: Buffer; signature: Buffer }
  /** Of versions that can be read or undeleted. */
  ciphertext: { digest: Buffer; path: string; version: number; head: Buffer; body: Buffer }
  /** One row: what cursors are sealed with, by every process of this kind alike. */
  cursor_key: { only_row: boolean; key: Buffer }
}

// Paths are ASCII and compared byte for byte, as everywhere: a collation would sort, and so page, otherwise.
export const migrations: Readonly<Record<string, Migration>> = {
  '0001_secrets': {
    async up(db) {
      await createLimits(db)
      await createSecrets(db)
    },
  },
}

async function createSecrets(db: Kysely<unknown>): Promise<void> {
  await sql`create table secret (
    path text collate "C" primary key,
    seq integer not null,
    digest bytea not null,
    record bytea not null,
    signature bytea not null,
    removed boolean not null,
    search text not null,
    pending boolean not null default true,
    tried bigint not null default 0)`.execute(db)
  await sql`create index secret_pending on secret (tried) where pending`.execute(db)
  await sql`create table secret_record (
    path text collate "C" not null,
    seq integer not null,
    digest bytea not null,
    record bytea not null,
    signature bytea not null,
    primary key (path, seq))`.execute(db)
  await sql`create table ciphertext (
    digest bytea primary key,
    path text collate "C" not null,
    version integer not null,
    head bytea not null,
    body bytea not null)`.execute(db)
  await sql`create index ciphertext_path on ciphertext (path)`.execute(db)
  // Ciphertext does not compress; trying to costs time.
  await sql`alter table ciphertext alter column body set storage external`.execute(db)
  await sql`create table cursor_key (only_row boolean primary key default true check (only_row), key bytea not null)`.execute(db)
  await sql`insert into cursor_key (key) values (${randomBytes(32)})`.execute(db)
}
