import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openAuthority } from '@symbolon/dev/ca.ts'
import { startPostgres, type Postgres } from '@symbolon/dev/postgres.ts'
import { databaseFields, openDatabase, type Database } from '@symbolon/runtime/database.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { prepareStore, type Migration, type StoreOptions } from '@symbolon/runtime/store.ts'

/* Against the packaged Postgres, with TLS and client certificates over TCP, and its unix socket beside it. */

const log = openLog({ process: 'test', level: 'error', to: { write: () => undefined } })
let home: string
let postgres: Postgres
let port: number
const open: Database<unknown>[] = []

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  server.close()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  return bound.port
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'symbolon-db-'))
  port = await freePort()
  const server = await (await openAuthority(join(home, 'ca'))).ensure(join(home, 'server'), { commonName: 'postgres' })
  const started = await startPostgres({
    home,
    logFile: join(home, 'postgres.log'),
    roles: ['api', 'coordinator'],
    access: ['hostssl all all 127.0.0.1/32 cert clientcert=verify-full', 'host all all all reject'],
    port,
    settings: { listen_addresses: '127.0.0.1', ssl: 'on', ssl_cert_file: server.certificate, ssl_key_file: server.key, ssl_ca_file: server.ca, ssl_min_protocol_version: 'TLSv1.3' },
  })
  if (!started.ok) throw new Error(started.message)
  postgres = started.postgres
})
afterAll(async () => {
  for (const database of open) await database.close()
  await postgres.stop()
  rmSync(home, { recursive: true })
})

/** Through the very schema that a process's config uses, so that what is refused there is refused here. */
function connect(url: string, schema = 'api'): Database<unknown> {
  const database = openDatabase<unknown>(databaseFields().parse({ url, schema, pool_size: 2 }), { log, name: 'test' })
  open.push(database)
  return database
}

describe('DATABASE_URL over TCP, with mutual TLS', () => {
  const certificate = async (commonName: string, ca = 'ca') => (await openAuthority(join(home, ca))).ensure(join(home, `client-${ca}-${commonName}`), { commonName })
  const url = (files: { key: string; certificate: string; ca: string }, { user = 'api', host = '127.0.0.1' } = {}) =>
    `postgres://${user}@${host}:${port}/symbolon?sslmode=verify-full&sslrootcert=${files.ca}&sslcert=${files.certificate}&sslkey=${files.key}`

  test('a client with the role\'s certificate is let in, by address and by name', async () => {
    const files = await certificate('api')
    for (const host of ['127.0.0.1', 'localhost']) expect(await connect(url(files, { host })).check()).toEqual({ ok: true })
  })

  test('the connection really is TLS 1.3 with the client\'s certificate', async () => {
    const files = await certificate('api')
    const client = new Client({ host: '127.0.0.1', port, user: 'api', database: 'symbolon', password: '', ssl: { ca: readFileSync(files.ca), cert: readFileSync(files.certificate), key: readFileSync(files.key) } })
    await client.connect()
    const { rows } = await client.query('select version, client_dn from pg_stat_ssl where pid = pg_backend_pid()')
    await client.end()
    expect(rows).toEqual([{ version: 'TLSv1.3', client_dn: '/CN=api' }])
  })

  test('the server refuses another role\'s certificate, and one of another CA', async () => {
    expect(await connect(url(await certificate('coordinator'))).check()).toEqual({ ok: false, code: '28000' })
    const stranger = { ...(await certificate('api', 'other-ca')), ca: join(home, 'ca/ca.pem') }
    expect(await connect(url(stranger)).check()).toMatchObject({ ok: false })
  })

  test('the client refuses a server of another CA, and one whose certificate has another name', async () => {
    const files = await certificate('api')
    const foreignRoot = (await certificate('api', 'other-ca')).ca
    expect(await connect(url({ ...files, ca: foreignRoot })).check()).toMatchObject({ ok: false, code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO/) })
    expect(await connect(url(files, { host: '127.0.0.2' })).check()).toMatchObject({ ok: false })
    expect(await connect(url(files, { host: 'ip6-localhost' })).check()).toMatchObject({ ok: false })
  })

  test('anything less than verify-full, or a key that others may read, never gets as far as a connection', async () => {
    const files = await certificate('api')
    const codes = (text: string) => {
      const parsed = databaseFields().safeParse({ url: text, schema: 'api' })
      return parsed.success ? [] : parsed.error.issues.map((issue) => issue.code === 'custom' && issue.params?.['code'])
    }
    expect(codes(url(files).replace('verify-full', 'require'))).toEqual(['database_tls_required'])
    expect(codes(`postgres://api@127.0.0.1:${port}/symbolon`)).toContain('database_tls_required')
    chmodSync(files.key, 0o644)
    expect(codes(url(files))).toEqual(['secret_not_private'])
    chmodSync(files.key, 0o600)
  })
})

describe('the store', () => {
  type Change = Partial<StoreOptions<unknown>>
  const migration = (statement: string): Migration => ({ up: async (db) => void (await sql.raw(statement).execute(db)) })
  const first = { '001': migration('create table things (id int primary key)') }
  const second = { ...first, '002': migration('alter table things add column name text') }
  const prepare = (change: Change = {}) => prepareStore({ database: connect(postgres.url('api')), marker: join(home, 'api-marker'), deployment: 'lineage-a', migrations: first, ...change })
  const asSuperuser = async (text: string) => {
    const client = new Client({ host: postgres.socket, port, user: 'symbolon', database: 'symbolon', password: '' })
    await client.connect()
    await client.query(text)
    await client.end()
  }

  test('is made once, known after, and moves only forward', async () => {
    expect(await prepare()).toEqual({ ok: true, state: 'new', applied: ['001'] })
    expect(await prepare()).toEqual({ ok: true, state: 'known', applied: [] })
    expect(await prepare({ migrations: second })).toEqual({ ok: true, state: 'known', applied: ['002'] })
    expect(await prepare()).toMatchObject({ ok: false, code: 'store_newer' })
  })

  test('a replica without a marker joins, and then knows', async () => {
    const marker = join(home, 'replica-marker')
    expect(await prepare({ marker, migrations: second })).toMatchObject({ ok: true, state: 'joined' })
    expect(await prepare({ marker, migrations: second })).toMatchObject({ ok: true, state: 'known' })
  })

  test('a process of another deployment is refused', async () => {
    expect(await prepare({ marker: join(home, 'x'), deployment: 'lineage-b', migrations: second })).toMatchObject({ ok: false, code: 'store_of_another_deployment' })
    expect(existsSync(join(home, 'x'))).toBe(false)
  })

  test('a marker that cannot be read does not pass for no marker', async () => {
    const marker = join(home, 'broken-marker')
    writeFileSync(marker, '{"store":')
    expect(await prepare({ marker, migrations: second })).toMatchObject({ ok: false, code: 'database_unusable' })
  })

  test('a migration that fails leaves nothing of itself', async () => {
    const bad = { ...second, '003': { up: async (db: Parameters<Migration['up']>[0]) => { await migration('create table half (id int)').up(db); await migration('select nonsense').up(db) } } }
    expect(await prepare({ migrations: bad })).toMatchObject({ ok: false, code: 'migration_failed' })
    expect(await prepare({ migrations: { ...second, '003': migration('create table half (id int)') } })).toMatchObject({ ok: true, applied: ['003'] })
  })

  test('replicas that start together agree on one store', async () => {
    const together = (n: number) => prepareStore({ database: connect(postgres.url('coordinator'), 'coordinator'), marker: join(home, `together-${n}`), deployment: 'lineage-a', migrations: first })
    const states = await Promise.all([1, 2, 3, 4].map(together))
    expect(states.map((state) => state.ok && state.state).toSorted()).toEqual(['joined', 'joined', 'joined', 'new'])
    expect(new Set([1, 2, 3, 4].map((n) => readFileSync(join(home, `together-${n}`), 'utf8'))).size).toBe(1)
  })

  test('no process reads another\'s tables', async () => {
    const database = connect(postgres.url('coordinator'), 'coordinator')
    await expect(migration('select * from api.things').up(database.db)).rejects.toMatchObject({ code: '42501' })
  })

  test('a store that was replaced, emptied or dropped stops the process', async () => {
    await asSuperuser('update api.store set id = gen_random_uuid()')
    expect(await prepare({ migrations: second })).toMatchObject({ ok: false, code: 'store_replaced' })
    await asSuperuser('drop schema api cascade')
    expect(await prepare({ migrations: second })).toMatchObject({ ok: false, code: 'store_lost' })
    await asSuperuser('create schema api authorization api')
    expect(await prepare({ migrations: second })).toMatchObject({ ok: false, code: 'store_lost' })
    rmSync(join(home, 'api-marker'))
    expect(await prepare({ migrations: second })).toMatchObject({ ok: true, state: 'new' })
  })
})
