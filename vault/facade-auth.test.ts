import { sign } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bytesOf, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { decodeIntent } from '@symbolon/protocol/intent.ts'
import { assembleToken, parseToken } from '@symbolon/protocol/token.ts'
import { signJws } from '@symbolon/policy/judge.testkit.ts'
import { jwsSigningInput } from '@symbolon/protocol/jws.ts'
import { honestJudges, now } from '@symbolon/front/front.testkit.ts'
import { fail } from '@symbolon/front/failure.ts'
import { refusalOf } from '@symbolon/front/judging.ts'
import type { FacadeApi } from './facade-api.ts'
import { audience, facadeToken, startFacade, type TestFacade } from './facade.testkit.ts'
import { makeVaultWorld, type VaultWorld } from './vault.testkit.ts'

const worldWith = (roles: readonly string[]) => makeVaultWorld({
  roles: ['engineer', 'sre'],
  issuerRow: { class: 'bearer', bearer_audience: 'symbolon', ceiling: { max_ttl: 600 } },
  trusts: [{ id: 'deploy', name: 'Deploy', issuer: 'forge', when: [{ claim: 'repository_id', equals: '42' }], roles: [...roles], groups: [] }],
})

/** The api as far as it matters here: the real judge, and the whole key in the place of the quorum. */
function playedApi(world: VaultWorld): FacadeApi & { readonly asked: string[] } {
  const judges = honestJudges(world)
  const asked: string[] = []
  return {
    asked,
    async mint({ intent, evidence }) {
      asked.push('mint')
      const judged = await judges.judge({ intent: bytesOf(intent), evidence, approvals: [], asserted: {} }, now())
      if (judged.verdict !== 'granted') return refusalOf(judged)
      if (judged.grants !== 'token') return fail('intent_malformed')
      const { claims, message } = judged
      return { ok: true, value: { token: assembleToken(message, sign(null, utf8(message), world.group.key)), token_type: 'Bearer', expires_in: claims.exp - now(), expires_at: '', scope: claims.scope, jti: claims.jti, request_id: '', signers: [] } }
    },
    async stop({ intent, evidence }) {
      asked.push('stop')
      const ruled = await judges.rule({ intent: bytesOf(intent), evidence, approvals: [] }, now())
      if (ruled.verdict !== 'granted') return refusalOf(ruled)
      const decoded = decodeIntent(bytesOf(intent))
      if (!decoded.ok || decoded.value.kind !== 'revoke') return fail('intent_malformed')
      return { ok: true, value: { digest: toBase64url(ruled.digest), signers: [], request_id: '' } }
    },
    close: async () => undefined,
  }
}

const idToken = (world: VaultWorld, claims: Readonly<Record<string, unknown>> = {}): string =>
  signJws(jwsSigningInput({ alg: 'EdDSA', kid: 'f1' }, { iss: 'https://forge.example', aud: 'symbolon', sub: 'repo', repository_id: '42', iat: now(), exp: now() + 300, jti: String(Math.random()), ...claims }), world.issuer)

let world: VaultWorld
let api: ReturnType<typeof playedApi>
let facade: TestFacade
const open = async (roles: readonly string[] = ['engineer']) => {
  world = worldWith(roles)
  api = playedApi(world)
  facade = await startFacade({ world, api })
}
beforeEach(() => open())
afterEach(() => facade.close())

const login = (method: string, body: unknown) => facade.ask('POST', `auth/${method}/login`, body, { 'x-vault-token': '' })

describe('login', () => {
  test.each(['jwt', 'kubernetes'])('%s: an ID token gives a token that opens what the trust may open', async (method) => {
    await facade.put('db', { n: 1 })
    const answer = await login(method, { role: 'deploy', jwt: idToken(world) })
    expect([answer.status, answer.body]).toEqual([200, expect.objectContaining({ data: null, auth: expect.objectContaining({ renewable: false, entity_id: 'deploy', policies: ['secret:delete', 'secret:list', 'secret:read', 'secret:write'], metadata: { role: 'deploy', client: 'deploy', audience } }) })])
    const { client_token: token, lease_duration: ttl } = answer.body['auth'] as { client_token: string; lease_duration: number }
    expect(ttl).toBeLessThanOrEqual(600)
    expect(parseToken(token)?.claims).toMatchObject({ sub: 'deploy', aud: audience })
    expect((await facade.ask('GET', 'secret/data/db', undefined, { 'x-vault-token': token })).body).toMatchObject({ data: { data: { n: 1 } } })
    expect((await facade.ask('POST', 'secret/destroy/db', { versions: [1] }, { 'x-vault-token': token })).status).toBe(403)
  })

  test('the other scopes come where the policy gives them', async () => {
    await facade.close()
    await open(['engineer', 'sre'])
    expect((await login('jwt', { role: 'deploy', jwt: idToken(world) })).body).toMatchObject({ auth: { policies: ['secret:delete', 'secret:destroy', 'secret:list', 'secret:read', 'secret:write'] } })
  })

  test('what the policy denies, or nobody signed, is denied; nothing is minted', async () => {
    await facade.close()
    await open([])
    for (const body of [{ role: 'deploy', jwt: idToken(world) }, { role: 'deploy', jwt: idToken(world, { repository_id: '43' }) }, { role: 'deploy', jwt: idToken(world, { exp: now() - 100, iat: now() - 400 }) }, { role: 'other', jwt: idToken(world) }, { role: 'deploy', jwt: `${idToken(world).slice(0, -6)}AAAAAA` }, { role: 'deploy', jwt: idToken(world, { aud: 'another' }) }]) {
      const answer = await login('jwt', body)
      expect([answer.status, (answer.body['errors'] as string[])[0]]).toEqual([403, 'permission denied'])
      expect(answer.text).not.toContain(body.jwt.slice(-20))
    }
    expect(api.asked).toEqual([])
  })

  test.each([{}, { role: 'deploy' }, { role: 'deploy', jwt: 'junk' }, { role: 'No Such', jwt: 'a.b.c' }])('what lacks a part is 400', async (body) => expect((await login('jwt', body)).status).toBe(400))
})

describe('a token about itself', () => {
  test('lookup-self', async () => {
    for (const method of ['GET', 'POST']) {
      const answer = await facade.ask(method, 'auth/token/lookup-self')
      expect([answer.status, answer.body['data']]).toEqual([200, expect.objectContaining({ id: facade.token, display_name: 'ci', renewable: false, type: 'service', orphan: true, explicit_max_ttl: 900, policies: expect.arrayContaining(['secret:read']) })])
    }
    expect((await facade.ask('GET', 'auth/token/lookup-self', undefined, { 'x-vault-token': facadeToken(world, { exp: now() - 1, iat: now() - 400, nbf: now() - 400 }) })).status).toBe(403)
  })

  test('renew-self is refused as for any that is not renewable', async () => {
    const answer = await facade.ask('POST', 'auth/token/renew-self', {})
    expect([answer.status, answer.body]).toEqual([400, { errors: ['lease is not renewable'] }])
  })

  test('revoke-self goes to the signers, also of one that goes back to an ID token', async () => {
    const { client_token: token } = (await login('jwt', { role: 'deploy', jwt: idToken(world) })).body['auth'] as { client_token: string }
    for (const each of [facade.token, token]) {
      const answer = await facade.ask('POST', 'auth/token/revoke-self', undefined, { 'x-vault-token': each })
      expect([answer.status, answer.text]).toEqual([204, ''])
    }
    expect(api.asked).toEqual(['mint', 'stop', 'stop'])
    expect((await facade.ask('POST', 'auth/token/revoke-self', undefined, { 'x-vault-token': 'a.b.c' })).status).toBe(403)
  })
})

describe('sys', () => {
  const plain = (path: string) => facade.ask('GET', path, undefined, { 'x-vault-token': '' })

  test('health and seal-status, without a token', async () => {
    expect((await plain('sys/health')).body).toMatchObject({ initialized: true, sealed: false, standby: false })
    expect((await plain('sys/health?standbyok=true&activecode=299')).status).toBe(299)
    expect((await plain('sys/health?activecode=1')).status).toBe(400)
    expect((await facade.ask('HEAD', 'sys/health')).status).toBe(200)
    expect((await plain('sys/seal-status')).body).toMatchObject({ sealed: false, t: 2, n: 3 })
    expect((await plain('sys/init')).body).toEqual({ initialized: true })
  })

  test('sealed: too few signers answer', async () => {
    await facade.close()
    facade = await startFacade({ world, api, readiness: async () => ({ ready: false, failing: [{ check: 'quorum', reason: '1 of 2' }] }) })
    expect([(await plain('sys/health')).status, (await plain('sys/health?sealedcode=200')).status]).toEqual([503, 200])
    expect((await plain('sys/seal-status')).body).toMatchObject({ sealed: true })
  })

  test('mounts: namespaces that such clients can use', async () => {
    expect((await facade.ask('GET', 'sys/internal/ui/mounts/secret/db')).body).toMatchObject({ data: { path: 'secret/', type: 'kv', options: { version: '2' } } })
    expect(Object.keys(((await facade.ask('GET', 'sys/internal/ui/mounts')).body as { data: { secret: object } }).data.secret)).toEqual(['secret/'])
    expect((await facade.ask('GET', 'sys/mounts')).body).toMatchObject({ 'secret/': { type: 'kv' }, data: { 'secret/': { options: { version: '2' } } } })
    for (const path of ['sys/mounts', 'sys/internal/ui/mounts', 'sys/internal/ui/mounts/secret/x', 'secret/config']) expect((await plain(path)).status, path).toBe(403)
    expect((await facade.ask('GET', 'secret/config')).body).toMatchObject({ data: { max_versions: 10 } })
  })

  test('what is not there is 404 without words', async () => {
    for (const path of ['sys/policies/acl', 'transit/keys', 'auth/approle/login', 'identity/entity', 'cubbyhole/a', 'none/data/a']) {
      const answer = await facade.ask('GET', path)
      expect([answer.status, answer.body], path).toEqual([404, { errors: [] }])
    }
    expect((await facade.ask('PATCH', 'secret/delete/a', {})).status).toBe(405)
  })

  test('when signers do not answer: 503', async () => {
    await facade.put('db', { n: 1 })
    world.signers.down = true
    const answer = await facade.get('db')
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1'])
    expect((await facade.put('db', { n: 2 })).status).toBe(503)
  })
})
