import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { changeStore, type ChangeStore, type NewChange } from '@symbolon/api/change-store.ts'
import { migrations, sweep, type Tables } from '@symbolon/api/store.ts'
import { startPostgres, type Postgres } from '@symbolon/dev/postgres.ts'
import type { Approval } from '@symbolon/protocol/approval.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { databaseFields, openDatabase, type Database } from '@symbolon/runtime/database.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { prepareStore } from '@symbolon/runtime/store.ts'

/* Against the packaged Postgres: what callers that come together are told, and what is left. */

const log = openLog({ process: 'test', level: 'error', to: { write: () => undefined } })
const now = 1_800_000_000
let home: string
let postgres: Postgres
let database: Database<Tables>
let store: ChangeStore

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'symbolon-changes-'))
  const started = await startPostgres({ home, logFile: join(home, 'postgres.log'), roles: ['api'] })
  if (!started.ok) throw new Error(started.message)
  postgres = started.postgres
  database = openDatabase<Tables>(databaseFields().parse({ url: postgres.url('api'), schema: 'api', pool_size: 20 }), { log, name: 'test' })
  const prepared = await prepareStore({ database, marker: join(home, 'marker.json'), deployment: 'lineage', migrations })
  if (!prepared.ok) throw new Error(prepared.message)
  store = changeStore(database.db)
})
afterAll(async () => {
  await database.close()
  await postgres.stop()
  rmSync(home, { recursive: true })
})
beforeEach(() => sql`truncate change cascade`.execute(database.db))

const digest = () => toBase64url(randomBytes(32))
const change = (more: Partial<NewChange> = {}): NewChange => ({ digest: digest(), version: 2, proposer: 'ann', iat: now, exp: now + 3600, body: '{"v":1}', ...more })
const approval = (approver: string, iat: number, decision: Approval['decision'] = 'approve') => ({ v: 1, intent: digest(), approver, decision, iat, exp: iat + 60 }) as Approval

test('R-1 of fifty callers that would submit one change at once, one is told to', async () => {
  const wanted = change()
  await store.add(wanted, now)
  const claims = await Promise.all(Array.from({ length: 50 }, () => store.claim(wanted.digest, now, now + 60)))
  expect(claims.filter(Boolean)).toHaveLength(1)
  expect((await store.find(wanted.digest))?.state).toBe('submitted')
})

test('R-1 a claim that was never given back ends by itself, and then one of fifty has it', async () => {
  const wanted = change()
  await store.add(wanted, now)
  expect(await store.claim(wanted.digest, now, now + 60)).toBe(true)
  expect(await store.claim(wanted.digest, now + 60, now + 120)).toBe(false)
  expect(await store.due(now + 61)).toEqual([wanted.digest])
  const claims = await Promise.all(Array.from({ length: 50 }, () => store.claim(wanted.digest, now + 61, now + 121)))
  expect(claims.filter(Boolean)).toHaveLength(1)
})

test('R-1 one change is added once, whoever sends it', async () => {
  const wanted = change()
  const added = await Promise.all(Array.from({ length: 50 }, () => store.add(wanted, now)))
  expect([added.filter((each) => each === 'added').length, added.filter((each) => each === 'known').length]).toEqual([1, 49])
})

test('what was given back may be claimed again, and is due if it lacks nothing', async () => {
  const wanted = change()
  await store.add(wanted, now)
  await store.claim(wanted.digest, now, now + 60)
  await store.giveBack(wanted.digest, '{"waits_for":"quorum_unavailable"}', true)
  expect(await store.find(wanted.digest)).toMatchObject({ state: 'pending', outcome: '{"waits_for":"quorum_unavailable"}' })
  expect(await store.due(now)).toEqual([wanted.digest])
  expect(await store.claim(wanted.digest, now, now + 60)).toBe(true)
})

test('what is decided is claimed no more', async () => {
  const [yes, no] = [change(), change()]
  for (const each of [yes, no]) await store.add(each, now)
  await store.accept(yes.digest)
  await store.refuse(no.digest, '{}')
  expect([await store.claim(yes.digest, now, now + 60), await store.claim(no.digest, now, now + 60), await store.due(now + 1000)]).toEqual([false, false, []])
})

test('A-5 of two words by one person the newer stays, whatever the order in which they come', async () => {
  const wanted = change()
  await store.add(wanted, now)
  await store.keep(wanted.digest, approval('eve', now + 5, 'deny'))
  await store.keep(wanted.digest, approval('eve', now))
  await store.keep(wanted.digest, approval('fay', now))
  const { approvals = [] } = (await store.find(wanted.digest)) ?? {}
  expect(approvals.map((body) => JSON.parse(body))).toMatchObject([{ approver: 'eve', decision: 'deny' }, { approver: 'fay', decision: 'approve' }])
})

test('D-2 one proposer fills its own room and nobody else’s', async () => {
  const added = []
  for (let count = 0; count < 6; count++) added.push(await store.add(change({ proposer: 'mallory' }), now))
  expect(added).toEqual(['added', 'added', 'added', 'added', 'full', 'full'])
  expect(await store.add(change({ proposer: 'ann' }), now)).toBe('added')
  expect(await store.waiting(now)).toBe(5)
})

test('what has ended neither counts nor stays', async () => {
  const wanted = change({ exp: now + 10 })
  await store.add(wanted, now)
  await store.keep(wanted.digest, approval('eve', now))
  expect([await store.waiting(now + 11), await store.list(now + 11), await store.due(now + 11)]).toEqual([0, [], []])
  await sweep(database.db, now + 11)
  expect([await store.find(wanted.digest), (await database.db.selectFrom('change_approval').selectAll().execute()).length]).toEqual([undefined, 0])
})
