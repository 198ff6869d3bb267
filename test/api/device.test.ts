import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import * as oauth from 'oauth4webapi'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startApi, type TestApi } from '@symbolon/api/api.testkit.ts'
import { deviceStore } from '@symbolon/api/device-store.ts'
import { migrations, proofStore, sweep, type Tables } from '@symbolon/api/store.ts'
import { startPostgres, type Postgres } from '@symbolon/dev/postgres.ts'
import { softPasskey } from '@symbolon/evidence/passkey.testkit.ts'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { decodeGrant, encodeGrant, grantRequest, userCode, type GrantRequest } from '@symbolon/protocol/grant.ts'
import { encodeIntent, intentDigest, type GrantIntent } from '@symbolon/protocol/intent.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { databaseFields, openDatabase, type Database } from '@symbolon/runtime/database.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { prepareStore } from '@symbolon/runtime/store.ts'
import { now as wallClock, memoryLimiter } from '@symbolon/front/front.testkit.ts'

/* The device grant against the packaged Postgres, asked by a client that others wrote. */

const log = openLog({ process: 'test', level: 'error', to: { write: () => undefined } })
const client: oauth.Client = { client_id: 'cli' }
const insecure = { [oauth.allowInsecureRequests]: true } as const
const zeros = toBase64url(new Uint8Array(32))
const passkey = softPasskey({ rpId: 'localhost', origin: 'http://localhost:8081' })
const ann = { id: 'ann', name: 'Ann', roles: ['engineer'], groups: [], passkeys: [passkey.row()] }

let home: string
let postgres: Postgres
let database: Database<Tables>
let api: TestApi
let clock = 0

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'symbolon-device-'))
  const started = await startPostgres({ home, logFile: join(home, 'postgres.log'), roles: ['api'] })
  if (!started.ok) throw new Error(started.message)
  postgres = started.postgres
  database = openDatabase<Tables>(databaseFields().parse({ url: postgres.url('api'), schema: 'api', pool_size: 20 }), { log, name: 'test' })
  const prepared = await prepareStore({ database, marker: join(home, 'marker.json'), deployment: 'lineage', migrations })
  if (!prepared.ok) throw new Error(prepared.message)
  const port = await freePort()
  api = await startApi({
    listen: { listen: { host: '127.0.0.1', port }, tls: undefined },
    world: { roster: { version: 2, bootstrap: undefined, previous: [zeros], lineage: zeros, guardians: { people: ['ann'], count: 1, window: 3_600 }, people: [ann], deployment: { name: 'test', issuer: `http://127.0.0.1:${port}`, rp_id: 'localhost', console_origins: ['http://localhost:8081'] } } },
    devices: deviceStore(database.db),
    proofs: proofStore(database.db),
    attempts: memoryLimiter('device', 400),
    clock: () => wallClock() + clock,
  })
})
afterAll(async () => {
  await api?.close()
  await database?.close()
  await postgres?.stop()
  rmSync(home, { recursive: true, force: true })
})
beforeEach(async () => {
  clock = 0
  await sql`truncate device`.execute(database.db)
})

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const server = createServer().listen(0, '127.0.0.1', () => {
    const bound = server.address()
    server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : 0))
  })
  return promise
}

const issuer = () => new URL(api.roster.deployment.issuer)
const discover = async () => oauth.processDiscoveryResponse(issuer(), await oauth.discoveryRequest(issuer(), { algorithm: 'oauth2', ...insecure }))

const requestFor = (key: string, change: Partial<GrantRequest> = {}): GrantRequest =>
  grantRequest.parse({ v: 1, nonce: toBase64url(randomBytes(16)), client: 'cli', key, ceiling: { scope: ['read:logs'] }, end: wallClock() + 3600, ...change })

/** Ann's yes to a request; `change` is what a console that lies would have her sign. */
function granted(request: GrantRequest, change: Partial<GrantIntent> = {}): string {
  const { nonce, client: asking, key, ceiling, end } = request
  const intent: GrantIntent = { v: 1, kind: 'grant', nonce, iat: wallClock(), exp: wallClock() + 300, iss: api.roster.deployment.issuer, lineage: api.lineage, sub: 'ann', client: asking, key, ceiling, end, ...change }
  const bytes = encodeIntent(intent)
  return encodeGrant({ intent: toBase64url(bytes), assertion: passkey.assert(intentDigest(bytes)) })
}

interface Client {
  readonly as: oauth.AuthorizationServer
  readonly DPoP: oauth.DPoPHandle
  readonly request: GrantRequest
  readonly begun: oauth.DeviceAuthorizationResponse
}

async function begin(change: Partial<GrantRequest> = {}): Promise<Client> {
  const as = await discover()
  const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('Ed25519'))
  const request = requestFor(await DPoP.calculateThumbprint(), change)
  const response = await oauth.deviceAuthorizationRequest(as, client, oauth.None(), { grant_request: toBase64url(canonical(request)) }, insecure)
  return { as, DPoP, request, begun: await oauth.processDeviceAuthorizationResponse(as, client, response) }
}

async function poll({ as, begun, DPoP }: Client, by = DPoP): Promise<{ token?: oauth.TokenEndpointResponse; error?: string }> {
  try {
    const response = await oauth.deviceCodeGrantRequest(as, client, oauth.None(), begun.device_code, { DPoP: by, ...insecure })
    return { token: await oauth.processDeviceCodeResponse(as, client, response) }
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return { error: error.error }
    throw error
  }
}

async function send(path: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${api.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

describe('oauth4webapi walks the device grant', () => {
  test('from discovery to a grant for its own key', async () => {
    const walk = await begin()
    expect(walk.begun).toMatchObject({ user_code: userCode(walk.request), verification_uri: 'http://localhost:8081/device', verification_uri_complete: `http://localhost:8081/device#code=${userCode(walk.request)}`, expires_in: 600, interval: 5 })
    expect(await poll(walk)).toEqual({ error: 'authorization_pending' })

    const looked = await send('/v1/device/lookup', { user_code: walk.begun.user_code.toLowerCase().replace('-', ' ') })
    expect(looked).toMatchObject({ status: 200, body: { grant_request: toBase64url(canonical(walk.request)) } })
    const grant = granted(walk.request)
    expect(await send('/v1/device/approve', { user_code: walk.begun.user_code, grant })).toMatchObject({ status: 200, body: { state: 'approved' } })

    clock = 6
    const { token } = await poll(walk)
    expect(token).toMatchObject({ access_token: grant, token_type: 'dpop', issued_token_type: 'urn:symbolon:params:oauth:token-type:grant' })
    expect(decodeGrant(token?.access_token ?? '')).toBeDefined()
    clock = 12
    expect(await poll(walk), 'R-1 it is handed out once').toEqual({ error: 'expired_token' })
  })

  test('a person’s no is access_denied', async () => {
    const walk = await begin()
    expect(await send('/v1/device/deny', { user_code: walk.begun.user_code })).toMatchObject({ status: 200, body: { state: 'denied' } })
    expect(await poll(walk)).toEqual({ error: 'access_denied' })
    expect(await send('/v1/device/approve', { user_code: walk.begun.user_code, grant: granted(walk.request) })).toMatchObject({ status: 400, body: { code: 'expired_token' } })
  })

  test('A-12 asking too often is slow_down, and each time costs five seconds more', async () => {
    const walk = await begin()
    expect(await poll(walk)).toEqual({ error: 'authorization_pending' })
    clock = 4
    expect(await poll(walk)).toEqual({ error: 'slow_down' })
    clock = 12
    expect(await poll(walk), 'eight seconds are not ten').toEqual({ error: 'slow_down' })
    clock = 28
    expect(await poll(walk)).toEqual({ error: 'authorization_pending' })
  })

  test('a code ends after ten minutes, for the person and for the client', async () => {
    const walk = await begin()
    await sql`update device set until = ${wallClock()}`.execute(database.db)
    expect(await send('/v1/device/lookup', { user_code: walk.begun.user_code })).toMatchObject({ status: 400, body: { code: 'expired_token' } })
    expect(await poll(walk)).toEqual({ error: 'expired_token' })
    await sweep(database.db, wallClock() + 1)
    expect(await poll(walk)).toEqual({ error: 'invalid_grant' })
  })
})

describe('C2-1 whoever is not the client gets nothing', () => {
  test('A-12 a device code that leaked is worth nothing with another key', async () => {
    const walk = await begin()
    await send('/v1/device/approve', { user_code: walk.begun.user_code, grant: granted(walk.request) })
    expect(await poll(walk, oauth.DPoP(client, await oauth.generateKeyPair('Ed25519')))).toEqual({ error: 'invalid_grant' })
    expect((await poll(walk)).token, 'and the client still gets it').toBeDefined()
  })

  test('without DPoP: invalid_dpop_proof', async () => {
    const walk = await begin()
    const response = await fetch(`${api.url}/oauth/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: walk.begun.device_code, client_id: 'cli' }) })
    expect(await response.json()).toMatchObject({ error: 'invalid_dpop_proof' })
  })

  test.each<[string, (request: GrantRequest) => Partial<GrantIntent>]>([
    ['to another key', () => ({ key: toBase64url(randomBytes(32)) })],
    ['of more than was asked for', () => ({ ceiling: { scope: ['read:logs', 'write:prod'] } })],
    ['without a ceiling', () => ({ ceiling: {} })],
    ['for longer', ({ end }) => ({ end: end + 60 })],
    ['for another client', () => ({ client: 'other' })],
    ['of another request', () => ({ nonce: toBase64url(randomBytes(16)) })],
    ['that acts as somebody', () => ({ as: 'bob' })],
  ])('a grant %s is not what was asked for', async (_, change) => {
    const walk = await begin()
    expect(await send('/v1/device/approve', { user_code: walk.begun.user_code, grant: granted(walk.request, change(walk.request)) })).toMatchObject({ status: 401, body: { code: 'grant_invalid' } })
    expect(await poll(walk)).toEqual({ error: 'authorization_pending' })
  })

  test.each<[string, Partial<GrantIntent>, string]>([
    ['I-1 for another deployment', { iss: 'https://staging.example' }, 'wrong_deployment'],
    ['I-1 for another lineage', { lineage: toBase64url(new Uint8Array(32).fill(7)) }, 'wrong_deployment'],
    ['by somebody who is not in the roster', { sub: 'mallory' }, 'subject_mismatch'],
  ])('a grant %s is refused', async (_, change, code) => {
    const walk = await begin()
    expect(await send('/v1/device/approve', { user_code: walk.begun.user_code, grant: granted(walk.request, change) })).toMatchObject({ body: { code } })
  })

  test('the user code follows from the request: another key has another code', async () => {
    const request = requestFor(toBase64url(randomBytes(32)))
    expect(userCode({ ...request, key: toBase64url(randomBytes(32)) as Base64url })).not.toBe(userCode(request))
  })
})

describe('what may be asked for', () => {
  test.each<[string, Partial<GrantRequest>, string]>([
    ['a grant of a day and more', { end: wallClock() + 90_000 }, 'invalid_grant'],
    ['one that has ended', { end: wallClock() - 1 }, 'invalid_grant'],
    ['a client that is not in the roster', { client: 'stranger' }, 'invalid_client'],
  ])('not %s', async (_, change, error) => {
    const request = requestFor(toBase64url(randomBytes(32)), change)
    const response = await fetch(`${api.url}/oauth/device_authorization`, { method: 'POST', body: new URLSearchParams({ client_id: request.client, grant_request: toBase64url(canonical(request)) }) })
    expect(await response.json()).toMatchObject({ error })
  })

  test('the same request waits once', async () => {
    const walk = await begin()
    const again = await fetch(`${api.url}/oauth/device_authorization`, { method: 'POST', body: new URLSearchParams({ client_id: 'cli', grant_request: toBase64url(canonical(walk.request)) }) })
    expect(await again.json()).toMatchObject({ error: 'invalid_request' })
    clock = 601
    const later = await fetch(`${api.url}/oauth/device_authorization`, { method: 'POST', body: new URLSearchParams({ client_id: 'cli', grant_request: toBase64url(canonical(walk.request)) }) })
    expect(later.status, 'what has ended makes room').toBe(200)
  })

  test('C2-1 an address may try so many codes a minute', async () => {
    const limited = await startApi({ devices: deviceStore(database.db), attempts: memoryLimiter('device', 3) })
    try {
      const ask = () => fetch(`${limited.url}/v1/device/lookup`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user_code: 'BCDF-GHJK' }) })
      const statuses = [(await ask()).status, (await ask()).status, (await ask()).status, (await ask()).status]
      expect(statuses).toEqual([400, 400, 400, 429])
    } finally {
      await limited.close()
    }
  })
})

test('R-1 fifty who collect at once: one gets it', async () => {
  const walk = await begin()
  await send('/v1/device/approve', { user_code: walk.begun.user_code, grant: granted(walk.request) })
  const store = deviceStore(database.db)
  const { rows } = await sql<{ id: Buffer }>`select id from device`.execute(database.db)
  const id = rows[0]?.id ?? Buffer.alloc(0)
  const got = await Promise.all(Array.from({ length: 50 }, () => store.deliver(id)))
  expect(got.filter((grant) => grant !== undefined)).toHaveLength(1)
})

test('R-1 fifty who decide at once: one decides', async () => {
  const walk = await begin()
  const store = deviceStore(database.db)
  const decided = await Promise.all(Array.from({ length: 50 }, (_, at) => store.decide(walk.begun.user_code, at % 2 === 0 ? { state: 'denied' } : { state: 'approved', grant: 'x' }, wallClock())))
  expect(decided.filter(Boolean)).toHaveLength(1)
})
