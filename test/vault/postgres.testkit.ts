import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { startPostgres } from '@symbolon/dev/postgres.ts'
import { databaseFields, openDatabase, type Database } from '@symbolon/runtime/database.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { prepareStore } from '@symbolon/runtime/store.ts'
import { migrations, type Tables } from '@symbolon/vault/tables.ts'

/* The packaged Postgres, with the vault's tables. */

export interface TestDatabase {
  readonly database: Database<Tables>
  empty(): Promise<void>
  stop(): Promise<void>
}

export async function startDatabase(): Promise<TestDatabase> {
  const home = mkdtempSync(join(tmpdir(), 'symbolon-vault-'))
  const started = await startPostgres({ home, logFile: join(home, 'postgres.log'), roles: ['vault'] })
  if (!started.ok) throw new Error(started.message)
  const { postgres } = started
  const log = openLog({ process: 'test', level: 'error', to: { write: () => undefined } })
  const database = openDatabase<Tables>(databaseFields().parse({ url: postgres.url('vault'), schema: 'vault', pool_size: 20 }), { log, name: 'test' })
  const prepared = await prepareStore({ database, marker: join(home, 'marker.json'), deployment: 'lineage', migrations })
  if (!prepared.ok) throw new Error(prepared.message)
  return {
    database,
    empty: async () => void (await sql`truncate secret, secret_record, ciphertext`.execute(database.db)),
    async stop() {
      await database.close()
      await postgres.stop()
      rmSync(home, { recursive: true })
    },
  }
}
