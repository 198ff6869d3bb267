import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresUrl } from '@symbolon/dev/postgres.ts'
import type { Change } from '@symbolon/protocol/book.ts'
import { errorCodes } from '@symbolon/protocol/errors.ts'
import { fromBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { newGrantRequest } from '@symbolon/sdk/grant.ts'
import { userCode } from '@symbolon/protocol/grant.ts'
import { setGuardians, setLimits, setRoles } from '@symbolon/roster/edit.ts'
import { codeOfOutcome, digestOf, must, type Somebody } from '../people.testkit.ts'
import { now, openScene, someKey, touch, type Scene } from './scene.ts'

/*
 * Whoever owns the database writes what they like into every column of every table of every schema, while changes, approvals, device codes and
 * requests wait in it. What signers answer and who exists does not change: at worst an answer is an error with a code. Tables are asked of the
 * database itself, so that new ones are covered.
 */

const schemas = ['api', 'coordinator'] as const
type Schema = (typeof schemas)[number]

let scene: Scene
let folder: string
let ada: Somebody
let ben: Somebody
let cat: Somebody
let dan: Somebody
/** Waits for one more approval; and one that nobody has approved. */
let mine: Change
let other: Change
let code: string
let standing: { readonly version: number; readonly digest: Base64url }
const clients = new Map<Schema, Client>()

const rows = async <Row extends object>(schema: Schema, text: string, values: readonly unknown[] = []): Promise<Row[]> => {
  const client = clients.get(schema)
  if (client === undefined) throw new Error(`no client for ${schema}`)
  return (await client.query<Row>(text, [...values])).rows
}
const columnsOf = (schema: Schema) =>
  rows<{ table: string; column: string; type: string }>(schema, `select c.table_name as table, c.column_name as column, c.data_type as type from information_schema.columns c join information_schema.tables t using (table_schema, table_name) where c.table_schema = $1 and t.table_type = 'BASE TABLE' order by 1, c.ordinal_position`, [schema])

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-edited-'))
  writeFileSync(join(folder, 'roster.json'), JSON.stringify({ rate: 100_000 }))
  scene = await openScene({ ROSTER_FILE: join(folder, 'roster.json') })
  const { town, stack } = scene
  ada = await town.first('ada')
  const come = async (id: string) => town.enter(await town.invite(ada, id, ['engineer']), id)
  ben = await come('ben')
  cat = await come('cat')
  dan = await come('dan')
  await town.accepted(ada, setGuardians({ people: ['ada', 'ben', 'cat'], count: 2, window: 3_600 }))
  mine = await town.change(ada, [setRoles('dan', ['engineer', 'sre'])])
  other = await town.change(ada, [setLimits({ rate: 7 })])
  for (const each of [mine, other]) expect(must(await town.propose(each))).toMatchObject({ state: 'pending', needed: 2 })
  expect(must(await town.client.approve(digestOf(mine), town.approval(ben, digestOf(mine))))).toMatchObject({ state: 'pending', approvers: ['ben'] })
  const request = must(newGrantRequest({ key: someKey(), client: 'symbolon-cli', ceiling: {}, end: now() + 3_600 }))
  code = must(await town.client.beginDevice(request)).user_code
  expect(code).toBe(userCode(request))
  for (const schema of schemas) {
    const client = new Client({ connectionString: postgresUrl(stack.home.path, schema), application_name: 'attacker' })
    await client.connect()
    await client.query(`set search_path to ${schema}`)
    clients.set(schema, client)
  }
  const { document, digest } = await scene.attacker.learn()
  standing = { version: document.version, digest }
})
afterAll(async () => {
  for (const client of clients.values()) await client.end()
  await scene?.close()
  rmSync(folder, { recursive: true })
})

/** What a code may be, when somebody else's database is behind it. */
const known: ReadonlySet<string> = new Set(['ok', ...errorCodes])

async function post(path: string, body: unknown): Promise<string> {
  const answer = await fetch(`${scene.stack.issuer}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const said = (await answer.json()) as { code?: string }
  return answer.ok ? 'ok' : (said.code ?? `no code, status ${answer.status}`)
}

/** All that reads or writes what is stored: nothing of it may come to more than it would on an honest database. */
async function useAll(): Promise<void> {
  const { town } = scene
  const { client } = town
  const forged = { ...town.approval(cat, digestOf(mine), 'deny'), decision: 'approve' as const }
  const state = async (answer: ReturnType<typeof town.propose>) => ((given) => (given.ok ? given.value.state : given.error.code))(await answer)
  const standings = [await state(town.propose({ ...mine, approvals: [] })), await state(client.approve(digestOf(mine), forged)), await state(client.approve(digestOf(mine), town.approval(dan, digestOf(mine)))), await state(client.approve(digestOf(other), town.approval(ben, digestOf(mine))))]
  expect(standings.filter((said) => said === 'accepted')).toEqual([])
  const mint = (who: Somebody, scope: string) => client.mint({ sub: who.id, client: 'symbolon-cli', scope: [scope] }, who.touch).then(codeOfOutcome)
  const refused = await mint(dan, 'write:prod')
  expect(refused).not.toBe('ok')
  const codes = [...standings.filter((said) => !['pending', 'refused'].includes(said)), refused, codeOfOutcome(await client.listChanges({ sub: 'ada', credential: ada.touch })), await mint(ada, 'read:logs'), await post('/v1/device/lookup', { user_code: code })]
  expect(codes.filter((said) => !known.has(said) || said === 'internal')).toEqual([])
}

/** The signers' own word: who exists is what it was, to all of them. */
async function expectUnmoved(): Promise<void> {
  const { document, digest, entries, stops } = await scene.attacker.learn()
  expect({ version: document.version, digest, entries, stops }).toEqual({ ...standing, entries: [], stops: [] })
  for (const { id } of document.signers) expect((await scene.report(id)).roster).toBe(standing.version)
}

/** What an owner of the database might put into a column of this type. */
function valuesFor(type: string): readonly unknown[] {
  const change = JSON.stringify({ ...other, approvals: undefined })
  const approval = JSON.stringify({ ...scene.town.approval(cat, digestOf(mine), 'deny'), decision: 'approve' })
  switch (type) {
    case 'bytea':
      return [Buffer.alloc(32), Buffer.from(fromBase64url(digestOf(other)) ?? [])]
    case 'integer':
      return [0, 99]
    case 'bigint':
      return ['0', '9999999999']
    case 'boolean':
      return [true]
    case 'uuid':
      return ['00000000-0000-4000-8000-000000000000']
    case 'jsonb':
      return ['{}', '[]']
    case 'timestamp with time zone':
      return ['1970-01-01T00:00:00Z']
    case 'character varying':
    case 'text':
      return ['accepted', 'cat', change, approval]
    default:
      throw new Error(`nothing to put into a column of type ${type}`)
  }
}

/** Puts a value into each row, or into one if they may not all have it. @returns whether the database took it */
async function overwrite(schema: Schema, table: string, column: string, value: unknown): Promise<boolean> {
  for (const where of ['', ` where ctid = (select max(ctid) from "${table}")`]) {
    try {
      await rows(schema, `update "${table}" set "${column}" = $1${where}`, [value])
      return true
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
    }
  }
  return false
}

describe('the database edited by hand', () => {
  test.each(schemas)('no column of any table of %s changes what signers answer', async (schema) => {
    const columns = await columnsOf(schema)
    const tables = [...new Set(columns.map(({ table }) => table))]
    expect(tables.length).toBeGreaterThan(3)
    // What the schema itself forbids, its owner can allow.
    for (const table of tables) await rows(schema, `alter table "${table}" disable trigger user`)
    const checks = await rows<{ table: string; name: string }>(schema, `select conrelid::regclass::text as table, conname as name from pg_constraint where connamespace = $1::regnamespace and contype in ('c', 'f')`, [schema])
    for (const { table, name } of checks) await rows(schema, `alter table ${table} drop constraint "${name}"`)
    const identities = await rows<{ table: string; column: string }>(schema, `select table_name as table, column_name as column from information_schema.columns where table_schema = $1 and is_identity = 'YES'`, [schema])
    for (const { table, column } of identities) await rows(schema, `alter table "${table}" alter column "${column}" set generated by default`)
    for (const table of tables) await rows(schema, `create table "kept_${table}" as select * from "${table}"`)
    const refused: string[] = []
    for (const { table, column, type } of columns) {
      for (const value of valuesFor(type)) {
        if (!(await overwrite(schema, table, column, value))) refused.push(`${table}.${column}`)
        await useAll()
        await rows(schema, `delete from "${table}"`)
        await rows(schema, `insert into "${table}" select * from "kept_${table}"`)
      }
      await expectUnmoved()
    }
    for (const table of tables) await rows(schema, `drop table "kept_${table}"`)
    // Each column took at least one of its values.
    const untouched = columns.filter(({ table, column, type }) => refused.filter((name) => name === `${table}.${column}`).length === valuesFor(type).length)
    expect(untouched).toEqual([])
  }, 400_000)

  test('A-4 approvals that were put in by hand count for nothing, however often the change is handed to the signers', async () => {
    const { town } = scene
    const digest = Buffer.from(fromBase64url(digestOf(mine)) ?? [])
    const made = [{ ...town.approval(cat, digestOf(mine), 'deny'), decision: 'approve' }, { ...town.approval(ben, digestOf(mine)), approver: 'cat' }, { ...town.approval(cat, digestOf(other)), intent: digestOf(mine) }, town.approval(ada, digestOf(mine)), town.approval(dan, digestOf(mine))]
    for (const [at, body] of made.entries()) await rows('api', 'insert into change_approval values ($1, $2, 1, $3)', [digest, `row-${at}`, JSON.stringify(body)])
    const accepts = () => scene.stack.log('signer-2').split('"event":"accept"').length
    const before = accepts()
    await rows('api', 'update change set again = true')
    await expect.poll(accepts, { timeout: 30_000, interval: 250 }).toBeGreaterThan(before)
    await expectUnmoved()
    await rows('api', `delete from change_approval where approver like 'row-%'`)
  })

  test('left alone, the approval that was missing makes the change, once', async () => {
    const { town } = scene
    expect(must(await town.client.approve(digestOf(mine), town.approval(cat, digestOf(mine))))).toMatchObject({ state: 'accepted' })
    await scene.settled(standing.version + 1, ada)
    const token = scene.token('dan', { scope: ['write:prod'] })
    await scene.expectMinted(token, touch(token, dan.passkey))
  })
})
