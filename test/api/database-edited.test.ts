import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { post, startApi, type TestApi } from '@symbolon/api/api.testkit.ts'
import { changeStore } from '@symbolon/api/change-store.ts'
import { proposed, strictSigners } from '@symbolon/api/changes.testkit.ts'
import { resubmit, type ChangeParts } from '@symbolon/api/changes.ts'
import { migrations, type Tables } from '@symbolon/api/store.ts'
import { startPostgres, type Postgres } from '@symbolon/dev/postgres.ts'
import { at, digestOf } from '@symbolon/policy/judge.testkit.ts'
import { approvalOf, askOf, makePeople, touch } from '@symbolon/policy/people.testkit.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { errorCodes } from '@symbolon/protocol/errors.ts'
import { encodeIntent } from '@symbolon/protocol/intent.ts'
import { databaseFields, openDatabase, type Database } from '@symbolon/runtime/database.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { prepareStore } from '@symbolon/runtime/store.ts'

/* Whoever owns the database writes what they like into each column of each row, while signers judge what the api hands them. */

const log = openLog({ process: 'test', level: 'error', to: { write: () => undefined } })
const world = makePeople()
let home: string
let postgres: Postgres
let database: Database<Tables>
let api: TestApi
let parts: ChangeParts
let signers: ReturnType<typeof strictSigners>

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'symbolon-edited-'))
  const started = await startPostgres({ home, logFile: join(home, 'postgres.log'), roles: ['api'] })
  if (!started.ok) throw new Error(started.message)
  postgres = started.postgres
  database = openDatabase<Tables>(databaseFields().parse({ url: postgres.url('api'), schema: 'api', pool_size: 10 }), { log, name: 'test' })
  const prepared = await prepareStore({ database, marker: join(home, 'marker.json'), deployment: 'lineage', migrations })
  if (!prepared.ok) throw new Error(prepared.message)
})
afterAll(async () => {
  await database.close()
  await postgres.stop()
  rmSync(home, { recursive: true })
})
beforeEach(async () => {
  await sql`truncate change cascade`.execute(database.db)
  signers = strictSigners(world)
  api = await startApi({ made: world, clock: () => at, changes: (honest) => (parts = { ...honest, store: changeStore(database.db), wire: signers.wire }) })
})
afterEach(() => api.close())

/** One with Bob's approval; two are needed. Another that nobody approved. */
const mine = proposed(world, { approvers: ['bob'] })
const other = proposed(world, { next: { rate: 7 } })
const idOf = (given: typeof mine) => toBase64url(digestOf(given.intent))
const read = askOf(world, { kind: 'read', what: 'changes' })
const forged = JSON.stringify({ ...approvalOf(mine.intent, 'cat', { decision: 'deny' }), decision: 'approve' })

/** Everything that reads what was stored. */
async function useAll() {
  const answers = [
    await post(api, '/v1/changes/list', { intent: toBase64url(encodeIntent(read)), evidence: [touch(read)] }),
    await post(api, '/v1/changes', { change: { ...mine.change, approvals: [] } }),
    await post(api, '/v1/changes/approvals', { digest: idOf(mine), approval: approvalOf(mine.intent, 'bob') }),
    await post(api, '/v1/changes/approvals', { digest: idOf(other), approval: approvalOf(other.intent, 'bob') }),
  ]
  await resubmit(parts)
  return answers
}
const columns = async (table: string) => {
  const { rows } = await sql<{ name: string; type: string }>`select column_name as name, data_type as type from information_schema.columns where table_schema = 'api' and table_name = ${table}`.execute(database.db)
  return rows
}
/** What an owner of the database might put there. */
const values: Readonly<Record<string, readonly unknown[]>> = {
  bytea: [Buffer.alloc(32), Buffer.from(idOf(other), 'base64url')],
  integer: [0, 1, 99, -1],
  bigint: ['0', '9999999999', '-1'],
  boolean: [true],
  text: ['', 'cat', '{}', 'null', '[]', 'pending', 'accepted', 'refused', forged, JSON.stringify(other.change), '{"reasons":[],"words":[],"code":"ok"}', '{"__proto__":{}}', '\u202e'],
}

describe('the database edited by hand', () => {
  test('the test covers each table that holds changes, and each column', async () => {
    const found = await Promise.all(['change', 'change_approval'].map(columns))
    expect(found.map((list) => list.map(({ name }) => name).toSorted())).toEqual([
      ['again', 'body', 'claimed_until', 'digest', 'exp', 'iat', 'outcome', 'proposer', 'state', 'version'],
      ['approver', 'body', 'digest', 'iat'],
    ])
    expect(found.flat().every(({ type }) => type in values)).toBe(true)
  })

  test.each(['change', 'change_approval'])('no column of %s changes what a signer answers; at worst there is an error with a code', async (table) => {
    for (const { name, type } of await columns(table)) {
      for (const value of values[type] ?? []) {
        await sql`truncate change cascade`.execute(database.db)
        for (const given of [mine, other]) expect((await post(api, '/v1/changes', { change: given.change })).status).toBe(200)
        // What the database itself does not take, its owner could make it take; that is one more way to lose a row.
        await sql`update ${sql.table(table)} set ${sql.ref(name)} = ${value}`.execute(database.db).catch(() => sql`delete from change_approval`.execute(database.db))
        for (const { status, body } of await useAll()) {
          expect([name, value, status === 200 || errorCodes.includes(body['code'] as never), status === 500]).toEqual([name, value, true, false])
          expect([name, value, body['state'] === 'accepted']).toEqual([name, value, false])
        }
        // One more guardian was needed, and none has spoken.
        expect([name, value, signers.accepted]).toEqual([name, value, []])
      }
    }
  })

  test('approvals that were put in by hand count for nothing', async () => {
    await post(api, '/v1/changes', { change: mine.change })
    const made = [forged, JSON.stringify({ ...approvalOf(mine.intent, 'bob'), approver: 'cat' }), JSON.stringify(approvalOf(other.intent, 'cat')), JSON.stringify(approvalOf(mine.intent, 'dan')), JSON.stringify(approvalOf(mine.intent, 'ann'))]
    for (const [index, body] of made.entries()) await sql`insert into change_approval values (${Buffer.from(idOf(mine), 'base64url')}, ${`row-${index}`}, 1, ${body})`.execute(database.db)
    await sql`update change set again = true`.execute(database.db)
    await useAll()
    expect(signers.asked.length).toBeGreaterThan(1)
    expect(signers.accepted).toEqual([])
  })

  test('a row that says it is another’s is nobody’s: the real one is neither shown nor approved in its place', async () => {
    await post(api, '/v1/changes', { change: other.change })
    await sql`update change set digest = ${Buffer.from(idOf(mine), 'base64url')}`.execute(database.db)
    const [list, , , unknown] = await useAll()
    expect(list?.body['changes']).toEqual([])
    expect(unknown?.body['code']).toBe('change_unknown')
  })

  test('left alone, the second approval makes it', async () => {
    await post(api, '/v1/changes', { change: mine.change })
    expect(await post(api, '/v1/changes/approvals', { digest: idOf(mine), approval: approvalOf(mine.intent, 'cat') })).toMatchObject({ status: 200, body: { state: 'accepted' } })
    expect(signers.accepted).toEqual([mine.change.intent])
  })
})
