import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { errorCodes } from '@symbolon/protocol/errors.ts'
import { listResponse, readResponse } from '@symbolon/protocol/vault-http.ts'
import { settlePending } from '@symbolon/vault/pending.ts'
import { secretStore } from '@symbolon/vault/store.ts'
import { asking, change, list, listIntent, makeVaultWorld, post, read, startVault, write, writing, type TestVault } from '@symbolon/vault/vault.testkit.ts'
import { startDatabase, type TestDatabase } from './postgres.testkit.ts'

/* Whoever owns the database writes what they like into each column of each row. */

let postgres: TestDatabase
let vault: TestVault
beforeAll(async () => {
  postgres = await startDatabase()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  await postgres.empty()
  vault = await startVault({ store: secretStore(postgres.database.db), world: makeVaultWorld() })
})
afterEach(() => vault.close())

const tables = ['secret', 'secret_record', 'ciphertext'] as const
const columns = async (table: string) => {
  const { rows } = await sql<{ name: string; type: string }>`select column_name as name, data_type as type from information_schema.columns where table_schema = 'vault' and table_name = ${table}`.execute(postgres.database.db)
  return rows
}
const values: Readonly<Record<string, readonly unknown[]>> = {
  bytea: [Buffer.alloc(0), Buffer.alloc(32), Buffer.alloc(20_000, 0x7b), Buffer.from('{"v":1}')],
  integer: [0, 1, 99, -1, 2_147_483_647],
  bigint: ['0', '9999999999', '-1'],
  boolean: [true, false],
  text: ['', 'app/mail', 'app/../x', 'APP/db', '\u202eapp/db', 'x'.repeat(2_000)],
}

describe('the database edited by hand', () => {
  test('the test covers each table that holds secrets, and each column', async () => {
    const found = await Promise.all(tables.map(columns))
    expect(found.map((list) => list.map(({ name }) => name).toSorted())).toEqual([['digest', 'path', 'pending', 'record', 'removed', 'search', 'seq', 'signature', 'tried'], ['digest', 'path', 'record', 'seq', 'signature'], ['body', 'digest', 'head', 'path', 'version']])
    expect(found.flat().every(({ type }) => type in values)).toBe(true)
  })

  test.each(tables)('no column of %s makes anybody be shown what the quorum did not sign; at worst there is an error with a code', async (table) => {
    for (const { name, type } of await columns(table)) {
      for (const value of values[type] ?? []) {
        await postgres.empty()
        vault.world.signers.known.clear()
        for (const each of ['app/db', 'app/mail', 'app/db']) expect((await write(vault, each)).status).toBe(200)
        const { request } = await writing(vault, 'app/db')
        await sql`update ${sql.table(table)} set ${sql.ref(name)} = ${value} where path = 'app/db'`.execute(postgres.database.db).catch(() => sql`delete from ${sql.table(table)} where path = 'app/db'`.execute(postgres.database.db))
        const answers = [
          await read(vault, 'app/db'),
          await list(vault, { prefix: 'app' }),
          await post(vault, 'records', asking(vault.world, listIntent(vault.world, { paths: ['app/db'] }))),
          await post(vault, 'history', asking(vault.world, listIntent(vault.world, { paths: ['app/db'] }))),
          await post(vault, 'export', asking(vault.world, listIntent(vault.world, { prefix: 'app', recursive: true }))),
          await post(vault, 'change', request),
          await read(vault, 'app/db'),
        ]
        await settlePending(vault.vaulting)
        for (const { status, body } of answers) expect([name, value, [200, 202].includes(status) || (errorCodes.includes(body['code'] as never) && body['code'] !== 'internal')]).toEqual([name, value, true])
        for (const { status, body } of answers.slice(0, 1)) {
          if (status !== 200) continue
          for (const { path, record, head } of readResponse.parse(body).secrets) expect([vault.vaulting.records.open(record)?.record.path, head.label.name]).toEqual([path, 'db'])
        }
        for (const entry of listResponse.parse(answers[1]?.body).entries) if ('path' in entry) expect(vault.vaulting.records.open(entry.record)?.record.path).toBe(entry.path)
        // The other secret is as it was.
        expect((await read(vault, 'app/mail')).status).toBe(200)
      }
    }
  })

  test('twenty writers, and one that reads meanwhile: one wins, and whoever reads sees one whole state', async () => {
    await write(vault, 'app/db')
    const writers = await Promise.all(Array.from({ length: 20 }, () => writing(vault, 'app/db')))
    const [answers, seen] = await Promise.all([Promise.all(writers.map(({ request }) => post(vault, 'change', request))), Promise.all(Array.from({ length: 20 }, () => read(vault, 'app/db')))])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(19).fill(409)])
    for (const { status } of seen) expect([200, 409]).toContain(status)
    const { rows } = await sql<{ count: string }>`select count(*) from ciphertext`.execute(postgres.database.db)
    expect(rows[0]?.count).toBe('2')
  })

  test('what was destroyed is gone from the disk’s tables', async () => {
    await write(vault, 'app/db')
    await change(vault, 'app/db', 'secret.meta', { settings: { max_versions: 1, cas_required: false, delete_version_after: 0 } })
    await write(vault, 'app/db')
    const { rows } = await sql<{ version: number }>`select version from ciphertext`.execute(postgres.database.db)
    expect(rows).toEqual([{ version: 2 }])
  })
})
