import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgres, type Postgres } from '@symbolon/dev/postgres.ts'
import { openLimiter } from '@symbolon/front/limiter.ts'
import { createLimits, limitStore, sweepLimits, type LimitTables } from '@symbolon/front/store.ts'
import { databaseFields, openDatabase, type Database } from '@symbolon/runtime/database.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { prepareStore } from '@symbolon/runtime/store.ts'

/* Limits against the packaged Postgres: what two nodes count together, and what is left of a minute that has ended. */

const log = openLog({ process: 'test', level: 'error', to: { write: () => undefined } })
let home: string
let postgres: Postgres
let database: Database<LimitTables>

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'symbolon-limits-'))
  const started = await startPostgres({ home, logFile: join(home, 'postgres.log'), roles: ['api'] })
  if (!started.ok) throw new Error(started.message)
  postgres = started.postgres
  database = openDatabase<LimitTables>(databaseFields().parse({ url: postgres.url('api'), schema: 'api' }), { log, name: 'test' })
  const prepared = await prepareStore({ database, marker: join(home, 'marker.json'), deployment: 'lineage', migrations: { '0001': { up: createLimits } } })
  if (!prepared.ok) throw new Error(prepared.message)
})
afterAll(async () => {
  await database.close()
  await postgres.stop()
  rmSync(home, { recursive: true })
})

test('two nodes share one quota', async () => {
  const [one, other] = [openLimiter({ name: 'shared', quota: 3, store: limitStore(database.db) }), openLimiter({ name: 'shared', quota: 3, store: limitStore(database.db) })]
  const allowed = []
  for (const node of [one, other, one, other]) allowed.push((await node.take('ann')).ok)
  expect(allowed).toEqual([true, true, true, false])
})

test('a minute that has ended does not stay, one that runs does', async () => {
  const row = (key: string, expire: number) => ({ key, points: 1, expire: `${expire}` })
  const now = Math.floor(Date.now() / 1000)
  await database.db.deleteFrom('rate_limits').execute()
  await database.db.insertInto('rate_limits').values([row('ended', (now - 61) * 1000), row('runs', (now + 30) * 1000)]).execute()
  await sweepLimits(database.db, now)
  expect(await database.db.selectFrom('rate_limits').select('key').execute()).toEqual([{ key: 'runs' }])
})
