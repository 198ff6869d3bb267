import { sql, type Generated, type Kysely } from 'kysely'
import { batcher } from '@symbolon/runtime/batcher.ts'
import type { Migration } from '@symbolon/runtime/store.ts'
import { systemCode } from '@symbolon/runtime/secret-file.ts'
import type { Fault } from './evidence-of-fault.ts'

/*
 * The coordinator's only durable state: rows that are added and never changed. One per token, record or opening that was asked for, written
 * before any signer is asked, so the rows are a superset of what was issued and opened. Never a token, never evidence.
 */

export interface Tables {
  requested: { id: Generated<string>; at: Generated<Date>; request_id: string; kind: string; digest: Buffer; bytes_hash: Buffer }
  fault: { id: Generated<string>; at: Generated<Date>; signer: number; kind: string; accusation: unknown }
}

/** What one wish leaves. Both hashes are 32 bytes. */
export interface LogRow {
  readonly requestId: string
  readonly kind: 'token' | 'record' | 'open'
  /** The intent's digest. */
  readonly digest: Uint8Array
  /** Of what is to be signed; for `open`, of the digests of the ciphertexts. */
  readonly bytesHash: Uint8Array
}

export const migrations: Readonly<Record<string, Migration>> = {
  '0001_log': {
    async up(db) {
      await sql`create table requested (
        id bigint generated always as identity primary key,
        at timestamptz not null default now(),
        request_id text not null,
        kind text not null,
        digest bytea not null check (octet_length(digest) = 32),
        bytes_hash bytea not null check (octet_length(bytes_hash) = 32))`.execute(db)
      await sql`create index requested_digest on requested (digest)`.execute(db)
      await sql`create table fault (
        id bigint generated always as identity primary key,
        at timestamptz not null default now(),
        signer integer not null,
        kind text not null,
        accusation jsonb)`.execute(db)
      await sql`create function only_insert() returns trigger language plpgsql as $$ begin raise exception 'rows of % are never changed', tg_table_name using errcode = 'restrict_violation'; end $$`.execute(db)
      for (const table of ['requested', 'fault']) await sql`create trigger only_insert before update or delete or truncate on ${sql.table(table)} for each statement execute function only_insert()`.execute(db)
    },
  },
}

export type Logged = { readonly ok: true } | { readonly ok: false; readonly detail: string }

export interface MintLog {
  /** Durable when it says ok. Rows of callers that come together go in one statement. */
  write(rows: readonly LogRow[]): Promise<Logged>
  /** Keeps evidence. Never fails the caller. */
  keep(fault: Fault): Promise<Logged>
}

/** @param timeoutMs after which a caller is told no, though its rows may still be written: more rows than wishes do no harm */
export function openMintLog(db: Kysely<Tables>, timeoutMs: number): MintLog {
  const insert = batcher<readonly LogRow[], Logged>({ run: async (sets) => everyone(sets, await attempt(() => insertRows(db, sets.flat()))), maxItems: 64, maxRunning: 2 })
  return {
    async write(rows) {
      const written = await within(timeoutMs, insert(rows))
      return 'reason' in written ? { ok: false, detail: written.reason } : written
    },
    keep: ({ signer, kind, accusation }) =>
      attempt(() => db.insertInto('fault').values({ signer, kind, accusation: accusation === undefined ? null : JSON.stringify(accusation) }).execute()),
  }
}

const everyone = <T>(sets: readonly unknown[], result: T): T[] => sets.map(() => result)

// One statement with one text, whatever the count: four arrays instead of thousands of parameters.
const insertRows = (db: Kysely<Tables>, rows: readonly LogRow[]): Promise<unknown> =>
  sql`insert into requested (request_id, kind, digest, bytes_hash) select * from unnest(
    ${rows.map(({ requestId }) => requestId)}::text[],
    ${rows.map(({ kind }) => kind)}::text[],
    ${rows.map(({ digest }) => Buffer.from(digest))}::bytea[],
    ${rows.map(({ bytesHash }) => Buffer.from(bytesHash))}::bytea[])`.execute(db)

async function attempt(work: () => Promise<unknown>): Promise<Logged> {
  try {
    await work()
    return { ok: true }
  } catch (error) {
    // Whatever the database says, the wish fails closed; its code is for the operator.
    return { ok: false, detail: systemCode(error) }
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T | Logged> {
  const late = Promise.withResolvers<Logged>()
  const timer = setTimeout(() => late.resolve({ ok: false, detail: 'too_slow' }), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
