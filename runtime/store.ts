import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { sql, type Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { z } from 'zod'
import type { Database } from './database.ts'
import { systemCode } from './secret-file.ts'

/** One step forward. There is no way back: an older program refuses a newer store instead. */
export type Migration = { up(db: Kysely<unknown>): Promise<void> }

export type StoreFailure = {
  readonly ok: false
  /**
   * `store_lost`: this process used a store that is now empty or gone. `store_replaced`: another store is in its place.
   * `store_of_another_deployment`: it belongs to other keys. `store_newer`: a newer program migrated it. `migration_failed`: nothing
   * of the failed step stays. `database_unusable`: it cannot be asked.
   */
  readonly code: 'store_lost' | 'store_replaced' | 'store_of_another_deployment' | 'store_newer' | 'migration_failed' | 'database_unusable'
  readonly message: string
}
export type StoreReady = { readonly ok: true; readonly state: 'new' | 'known' | 'joined'; readonly applied: readonly string[] }

export type StoreOptions<DB> = {
  readonly database: Database<DB>
  /** File on this process's own disk that remembers which store it used. Not a secret; it must outlive the process. */
  readonly marker: string
  /** What the store belongs to, for instance the lineage. A store keeps its first. */
  readonly deployment: string
  /** In order of their names; a name never changes once released. */
  readonly migrations: Readonly<Record<string, Migration>>
}

/**
 * Makes a store ready, or says why it must not be used. A store that this process has used and that is now empty stops it: to
 * begin anew would hide a loss. A process without a marker (a further replica, a new disk) joins the store that is there.
 */
export async function prepareStore<DB>(options: StoreOptions<DB>): Promise<StoreReady | StoreFailure> {
  try {
    const claimed = await claim(options)
    if (!claimed.ok) return claimed
    const migrated = await migrate(options)
    return migrated.ok ? { ...migrated, state: claimed.state } : migrated
  } catch (error) {
    return fail('database_unusable', `the database failed (${systemCode(error)})`)
  }
}

const fail = (code: StoreFailure['code'], message: string): StoreFailure => ({ ok: false, code, message })
const markerShape = z.strictObject({ store: z.uuid() })

async function claim<DB>({ database: { db, schema }, marker, deployment }: StoreOptions<DB>): Promise<{ ok: true; state: StoreReady['state'] } | StoreFailure> {
  const known = readMarker(marker)
  const table = sql.table(`${schema}.store`)
  // One transaction, under a lock of its own, so that two replicas that start together agree on who was first.
  const row = await db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext(${`symbolon store ${schema}`}))`.execute(trx)
    const { rows: [schemaRow] } = await sql`select 1 from pg_namespace where nspname = ${schema}`.execute(trx)
    if (schemaRow === undefined && known === undefined) await sql`create schema ${sql.id(schema)}`.execute(trx)
    const { rows: [tableRow] } = await sql<{ found: string | null }>`select to_regclass(${`${schema}.store`})::text as found`.execute(trx)
    const found = tableRow?.found === null || tableRow === undefined ? undefined : (await sql<{ id: string; deployment: string }>`select id, deployment from ${table}`.execute(trx)).rows[0]
    if (found !== undefined || known !== undefined) return found
    await sql`create table if not exists ${table} (id uuid not null, deployment text not null, only_row boolean primary key default true check (only_row))`.execute(trx)
    await sql`insert into ${table} (id, deployment) values (${randomUUID()}, ${deployment})`.execute(trx)
    return (await sql<{ id: string; deployment: string; fresh: true }>`select id, deployment, true as fresh from ${table}`.execute(trx)).rows[0]
  })
  if (row === undefined) return fail('store_lost', `${marker} says that this process used a store here, but the schema ${schema} is empty; restore it, or remove the marker to begin anew and lose what was stored`)
  if (row.deployment !== deployment) return fail('store_of_another_deployment', `the schema ${schema} belongs to ${row.deployment}, this process to ${deployment}`)
  if (known !== undefined && known !== row.id) return fail('store_replaced', `${marker} names the store ${known}, but the schema ${schema} is ${row.id}`)
  if (known === undefined) writeMarker(marker, row.id)
  return { ok: true, state: 'fresh' in row ? 'new' : known === undefined ? 'joined' : 'known' }
}

async function migrate<DB>({ database: { db, schema }, migrations }: StoreOptions<DB>): Promise<{ ok: true; applied: readonly string[] } | StoreFailure> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) }, migrationTableSchema: schema })
  const unknown = await unknownMigrations(db, schema, new Set(Object.keys(migrations)))
  if (unknown.length > 0) return fail('store_newer', `the schema ${schema} was migrated by a newer program (${unknown.join(', ')})`)
  const { error, results = [] } = await migrator.migrateToLatest()
  if (error !== undefined) return fail('migration_failed', `${results.find((result) => result.status === 'Error')?.migrationName ?? 'migrating'} failed (${systemCode(error)})`)
  return { ok: true, applied: results.map((result) => result.migrationName) }
}

async function unknownMigrations<DB>(db: Kysely<DB>, schema: string, ours: ReadonlySet<string>): Promise<readonly string[]> {
  const table = `${schema}.kysely_migration`
  const { rows: [found] } = await sql<{ name: string | null }>`select to_regclass(${table})::text as name`.execute(db)
  if (found === undefined || found.name === null) return []
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(table)}`.execute(db)
  return rows.map(({ name }) => name).filter((name) => !ours.has(name))
}

function readMarker(path: string): string | undefined {
  try {
    return markerShape.parse(JSON.parse(readFileSync(path, 'utf8'))).store
  } catch (error) {
    // Anything but its absence (a marker cut short, a folder without rights) must not pass for "never used a store".
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function writeMarker(path: string, store: string): void {
  const fresh = `${path}.new`
  const descriptor = openSync(fresh, 'w', 0o600)
  try {
    writeSync(descriptor, JSON.stringify({ store }))
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(fresh, path)
}
