import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { calculateThumbprint, generateKeyPair as dpopKeys, generateProof } from 'dpop'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { root } from '../stack.ts'
import { bearerAudience, grantType, idTokenType, startCiWorld, textOf, type CiWorld } from './world.testkit.ts'

/* The exchange on a whole deployment, asked by clients that others wrote. */

let world: CiWorld
beforeAll(async () => {
  world = await startCiWorld()
})
afterAll(() => world?.stop())

const insecure = { [oauth.allowInsecureRequests]: true } as const
const wish = { sub: 'job-github', scope: ['read:logs'] }

/** An intent, and GitHub's ID token for exactly it. */
async function bound(jkt?: string) {
  const prepared = await world.prepare({ ...wish, jkt })
  return { intent: textOf(prepared), subject_token: await world.issuers.github.mint({ audience: prepared.built.boundAudience }), subject_token_type: idTokenType }
}

async function exchange(fields: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}, addr = world.addr) {
  const response = await fetch(`${addr}/oauth/token`, { method: 'POST', headers, body: new URLSearchParams({ grant_type: grantType, ...fields }) })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> }
}

describe('oauth4webapi', () => {
  const client: oauth.Client = { client_id: 'job-github' }
  const discover = async () => {
    const issuer = new URL(world.addr)
    return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }))
  }

  test.each(['Ed25519', 'ES256'])('walks from discovery to a token bound to its %s key, and a resource server takes it', async (alg) => {
    const as = await discover()
    const keys = await oauth.generateKeyPair(alg)
    const DPoP = oauth.DPoP(client, keys)
    const { intent, ...subject } = await bound(await DPoP.calculateThumbprint())
    const response = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), grantType, { ...subject, intent, scope: 'read:logs' }, { DPoP, ...insecure })
    const token = await oauth.processGenericTokenEndpointResponse(as, client, response)
    expect(token).toMatchObject({ token_type: 'dpop', scope: 'read:logs' })

    const resource = 'https://api.example.internal/logs'
    const proof = await generateProof(keys as Parameters<typeof generateProof>[0], resource, 'GET', undefined, token.access_token)
    const request = (dpop: string) => new Request(resource, { headers: { authorization: `DPoP ${token.access_token}`, dpop } })
    const claims = await oauth.validateJwtAccessToken(as, request(proof), 'https://api.example.internal', { requireDPoP: true, ...insecure })
    expect(claims).toMatchObject({ sub: 'job-github', cnf: { jkt: await DPoP.calculateThumbprint() } })
    // The same token in other hands is worth nothing.
    const thief = await dpopKeys('ES256', { extractable: true })
    await expect(oauth.validateJwtAccessToken(as, request(await generateProof(thief, resource, 'GET', undefined, token.access_token)), 'https://api.example.internal', { requireDPoP: true, ...insecure })).rejects.toThrow()
  })

  test('reads a refusal as the OAuth error that it is', async () => {
    const as = await discover()
    const prepared = await world.prepare({ ...wish, scope: ['write:prod'] })
    const subject_token = await world.issuers.github.mint({ audience: prepared.built.boundAudience })
    const response = await oauth.genericTokenEndpointRequest(as, client, oauth.None(), grantType, { subject_token, subject_token_type: idTokenType, intent: textOf(prepared) }, insecure)
    await expect(oauth.processGenericTokenEndpointResponse(as, client, response)).rejects.toMatchObject({ error: 'invalid_scope', status: 400 })
  })
})

describe('openid-client', () => {
  const configure = () => openid.discovery(new URL(world.addr), 'job-gitlab', undefined, openid.None(), { execute: [openid.allowInsecureRequests] })

  test('without an intent a bearer ID token gets what its ceiling allows', async () => {
    const config = await configure()
    const subject_token = await world.issuers.gitlab.mint({ audience: bearerAudience })
    const token = await openid.genericGrantRequest(config, grantType, { subject_token, subject_token_type: idTokenType, scope: 'read:logs' })
    const claims = decodeJwt(token.access_token)
    expect(claims).toMatchObject({ sub: 'job-gitlab', scope: 'read:logs', 'urn:symbolon:v1': { origin: { kind: 'id_token', class: 'bearer', ceiling: { max_ttl: 300 } } } })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(300)
  })

  test('I-6 and nothing beyond it', async () => {
    const config = await configure()
    const subject_token = await world.issuers.gitlab.mint({ audience: bearerAudience })
    await expect(openid.genericGrantRequest(config, grantType, { subject_token, subject_token_type: idTokenType, scope: 'write:staging' })).rejects.toMatchObject({ error: 'access_denied' })
  })

  test('S-4 the same bearer ID token is not taken twice', async () => {
    const fields = { subject_token: await world.issuers.gitlab.mint({ audience: bearerAudience }), subject_token_type: idTokenType, scope: 'read:logs' }
    expect((await exchange(fields)).status).toBe(200)
    expect((await exchange(fields)).body).toMatchObject({ error: 'invalid_grant', code: 'evidence_spent' })
  })

  test('binds it to a DPoP key all the same', async () => {
    const config = await configure()
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'))
    const subject_token = await world.issuers.gitlab.mint({ audience: bearerAudience })
    const token = await openid.genericGrantRequest(config, grantType, { subject_token, subject_token_type: idTokenType, scope: 'read:logs' }, { DPoP })
    expect(decodeJwt(token.access_token)['cnf']).toEqual({ jkt: await DPoP.calculateThumbprint() })
  })
})

describe('evidence that is for something else', () => {
  test('an ID token for another intent', async () => {
    const [one, other] = [await bound(), await bound()]
    expect((await exchange({ ...one, subject_token: other.subject_token })).body).toMatchObject({ error: 'invalid_target', code: 'id_token_audience' })
  })

  test('a bound ID token and its intent may be sent again, and give the same claims', async () => {
    const fields = await bound()
    const [first, second] = [await exchange(fields), await exchange(fields)]
    expect(decodeJwt(String(second.body['access_token']))).toEqual(decodeJwt(String(first.body['access_token'])))
  })

  test('an audience that the platform was asked for besides', async () => {
    const prepared = await world.prepare(wish)
    const subject_token = await world.issuers.github.mint({ audience: [prepared.built.boundAudience, 'https://other.example'] })
    expect((await exchange({ intent: textOf(prepared), subject_token, subject_token_type: idTokenType })).body).toMatchObject({ code: 'id_token_audience' })
  })
})

test('a shell with curl, jq and openssl gets a token by the script in docs/ci.md', async () => {
  const script = /```sh\n([^]*?)```/.exec(readFileSync(join(root, 'docs/ci.md'), 'utf8'))?.[1] ?? 'exit 9'
  const folder = await mkdtemp(join(tmpdir(), 'symbolon-shell-'))
  try {
    await writeFile(join(folder, 'exchange.sh'), script, { mode: 0o700 })
    const env = { PATH: process.env['PATH'], ...world.issuers.github.jobEnv, ADDR: world.addr, SUBJECT: 'job-github', SCOPE: 'write:staging read:logs', LINEAGE: world.pin }
    const { stdout } = await promisify(execFile)('sh', [join(folder, 'exchange.sh')], { env })
    const { payload } = await jwtVerify(stdout.trim(), createRemoteJWKSet(new URL(`${world.addr}/.well-known/jwks.json`)), { issuer: world.addr, audience: 'https://api.example.internal', typ: 'at+jwt' })
    expect(payload).toMatchObject({ sub: 'job-github', scope: 'read:logs write:staging' })
    // Where it fails it says why, and exits so.
    const failed = promisify(execFile)('sh', [join(folder, 'exchange.sh')], { env: { ...env, SCOPE: 'write:prod' } })
    await expect(failed).rejects.toMatchObject({ code: expect.any(Number) })
  } finally {
    await rm(folder, { recursive: true })
  }
})

describe('two nodes over one store', () => {
  test('a DPoP proof works once at both together', async () => {
    const second = await anotherApi()
    const keys = await dpopKeys('Ed25519')
    const proof = () => generateProof(keys, `${world.addr}/oauth/token`, 'POST')
    try {
      const fields = await bound(await calculateThumbprint(keys.publicKey))
      const dpop = await proof()
      const answers = await Promise.all([exchange(fields, { dpop }), exchange(fields, { dpop }, second.addr), exchange(fields, { dpop })])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400, 400])
      expect(answers.filter(({ body }) => body['error'] === 'invalid_dpop_proof')).toHaveLength(2)
      // Nothing was spent by the turned-down ones: a fresh proof goes through.
      expect((await exchange(fields, { dpop: await proof() })).status).toBe(200)
    } finally {
      await second.stop()
    }
  })

  test('a limit is counted in Postgres, to the request', async () => {
    const settings = { trusted_hops: 1, limits: { per_address: 50, per_identity: 20 } }
    const nodes = await Promise.all([anotherApi(settings), anotherApi(settings)])
    const ask = (addr: string) => fetch(`${addr}/v1/intents`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.7' }, body: '{}' }).then((response) => response.status)
    try {
      const statuses = await Promise.all(Array.from({ length: 80 }, (_, at) => ask(nodes[at % 2]?.addr ?? '')))
      expect([statuses.filter((status) => status === 400).length, statuses.filter((status) => status === 429).length]).toEqual([50, 30])
    } finally {
      await Promise.all(nodes.map((node) => node.stop()))
    }
  })
})

test('D-4 the dearest request without true evidence costs the api little CPU', async () => {
  const ticks = async () => {
    const stat = (await readFile(`/proc/${world.stack.pid('api')}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
    return Number(stat[11]) + Number(stat[12])
  }
  const genuine = await bound()
  const forged = `${genuine.subject_token.slice(0, -20)}${'A'.repeat(20)}`
  const items = Array.from({ length: 4 }, () => ({ kind: 'id_token', token: forged }))
  const padding = ' '.repeat(65_536 - 4_096 - JSON.stringify(items).length)
  const body = `${JSON.stringify({ intent: genuine.intent, evidence: items })}${padding}`
  const runs = 200
  const before = await ticks()
  for (let at = 0; at < runs; at++) {
    const response = await fetch(`${world.addr}/v1/tokens`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    expect([400, 401, 403]).toContain(response.status)
    await response.arrayBuffer()
  }
  const milliseconds = ((await ticks()) - before) * 10
  // With the default of 3,000 a minute and address, 5 ms would be a quarter of a core.
  expect(milliseconds / runs).toBeLessThan(5)
})

test('U-4 without its database nothing is minted, and it heals', async () => {
  await world.stack.kill('postgres')
  for (let at = 0; at < 3; at++) {
    const { status, body } = await exchange(await bound())
    expect(status).toBeGreaterThanOrEqual(500)
    expect(JSON.stringify(body)).not.toContain('eyJ')
  }
  await expect.poll(async () => (await fetch(`${world.addr}/readyz`)).status, { timeout: 10_000 }).toBe(503)
  expect((await fetch(`${world.addr}/livez`)).status).toBe(200)
  expect((await world.stack.up()).code).toBe(0)
  expect((await exchange(await bound())).status).toBe(200)
})

/** A further api of the same deployment, on a port of its own. */
async function anotherApi(settings: Readonly<Record<string, unknown>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'symbolon-api-'))
  const port = await freePort()
  const config = JSON.parse(readFileSync(join(world.stack.home.path, 'api/config.json'), 'utf8')) as Record<string, unknown>
  const path = join(folder, 'config.json')
  await writeFile(path, JSON.stringify({ ...config, name: 'api-2', pid_file: join(folder, 'pid'), store_marker: join(folder, 'store.json'), issuer_keys: join(folder, 'keys'), listen: { host: '127.0.0.1', port }, ...settings }), { mode: 0o600 })
  const child = spawn(process.execPath, [join(root, 'api/main.ts'), '--config', path], { stdio: ['ignore', 'ignore', 'inherit'] })
  const addr = `http://127.0.0.1:${port}`
  for (let at = 0; at < 200 && !(await fetch(`${addr}/livez`).then((response) => response.ok, () => false)); at++) await sleep(100)
  return {
    addr,
    stop: async () => {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      await rm(folder, { recursive: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  server.close()
  return typeof bound === 'object' && bound !== null ? bound.port : 0
}
