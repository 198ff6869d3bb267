import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { send } from '@symbolon/front/front.testkit.ts'
import { appOf } from '@symbolon/front/server.ts'
import { asked, post, postForm, startApi, type TestApi } from './api.testkit.ts'

let api: TestApi
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api.close())

const key = (route: { method: string; path: string }) => `${route.method} ${route.path}`

describe('U-1 the table of routes', () => {
  test('lists every route with what it asks for', () => {
    expect(Object.fromEntries(api.routes.map((route) => [key(route), route.auth.kind]))).toEqual({
      'POST /v1/tokens': 'evidence',
      'POST /v1/explain': 'evidence',
      'POST /v1/intents': 'public',
      'POST /v1/roster': 'evidence',
      'POST /v1/changes': 'evidence',
      'POST /v1/changes/list': 'evidence',
      'POST /v1/changes/approvals': 'evidence',
      'POST /v1/entries': 'evidence',
      'POST /v1/stops': 'evidence',
      'POST /oauth/token': 'subject_token',
      'POST /oauth/device_authorization': 'public',
      'POST /v1/device/lookup': 'public',
      'POST /v1/device/approve': 'public',
      'POST /v1/device/deny': 'public',
      'GET /.well-known/jwks.json': 'public',
      'GET /.well-known/oauth-authorization-server': 'public',
      'GET /.well-known/openid-configuration': 'public',
      'GET /v1/keyset': 'public',
      'GET /v1/status': 'public',
      'GET /livez': 'public',
      'GET /readyz': 'public',
      'GET /metrics': 'address',
    })
  })

  test('is all there is: the application has no other route', () => {
    expect(api.app.routes.map(key).toSorted()).toEqual(api.routes.map(key).toSorted())
  })

  test('says why, wherever anyone may come in', () => {
    for (const { auth } of api.routes) if (auth.kind === 'public') expect(auth.why.length).toBeGreaterThan(20)
  })

  test('takes no route that does not say', () => {
    const [{ auth: _, ...undeclared } = { auth: undefined }] = api.routes
    expect(() => appOf([undeclared as never], {} as never, {} as never)).toThrow('does not say what it asks for')
  })

  test('everything that costs cryptography is counted', () => {
    for (const route of api.routes) expect([key(route), route.costly]).toEqual([key(route), route.method === 'POST'])
  })

  test('without credentials a protected route is 401 with a challenge', async () => {
    const bodies = ['', '{}', '{"evidence":[]}', JSON.stringify({ intent: asked(api.world).intent }), JSON.stringify({ ...asked(api.world), evidence: [] })]
    for (const { path } of api.routes.filter((route) => route.auth.kind === 'evidence')) {
      for (const body of bodies) {
        const answer = await post(api, path, body)
        expect(answer, `${path} ${body}`).toMatchObject({ status: 401, body: { code: 'unauthenticated' }, headers: { 'www-authenticate': 'Symbolon realm="symbolon"' } })
      }
    }
  })

  test('without a subject token the exchange is 400 invalid_request (RFC 8693, section 2.2.2)', async () => {
    expect(await postForm(api, { grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange' })).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })
})

describe('what no route answers', () => {
  test.each(['/', '/v1', '/v1/mint', '/v1/sign', '/v1/commitments', '/V1/tokens', '/v1/tokens/', '/v1//tokens', '/debug'])('U-6 %s does not exist', async (path) => {
    expect(await send(`${api.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })).toMatchObject({ status: 404, body: { code: 'not_found' } })
  })

  test('another method is 405 with those that are allowed', async () => {
    expect(await send(`${api.url}/v1/tokens`)).toMatchObject({ status: 405, headers: { allow: 'POST' }, body: { code: 'method_not_allowed' } })
    expect(await send(`${api.url}/v1/status`, { method: 'DELETE' })).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  })
})

describe('content types', () => {
  const body = () => JSON.stringify(asked(api.world))
  test.each(['text/plain', 'application/jsonp', 'application/json; charset=latin1', 'application/json, text/plain', 'application/x-www-form-urlencoded', ''])('%s is 415', async (type) => {
    expect(await send(`${api.url}/v1/tokens`, { method: 'POST', headers: type === '' ? {} : { 'content-type': type }, body: body() })).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } })
  })
  test('a charset of UTF-8 may be said', async () => {
    expect((await post(api, '/v1/tokens', body(), { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200)
  })
  test('a compressed body is 415', async () => {
    expect((await post(api, '/v1/tokens', body(), { 'content-encoding': 'gzip' })).status).toBe(415)
  })
})

describe('H-5 web pages', () => {
  const from = (headers: Record<string, string>) => post(api, '/v1/tokens', asked(api.world), headers)

  test.each<Record<string, string>>([{ origin: 'https://evil.example' }, { origin: 'null' }, { origin: '' }, { origin: 'http://localhost:8081.evil.example' }, { origin: 'HTTP://LOCALHOST:8081' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }])('%o is refused', async (headers) => {
    expect(await from(headers)).toMatchObject({ status: 403, body: { code: 'origin_not_allowed' } })
  })

  test('the console may call and read, without credentials', async () => {
    const answer = await from({ origin: 'http://localhost:8081', 'sec-fetch-site': 'cross-site' })
    expect(answer).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': 'http://localhost:8081', vary: 'Origin' } })
    expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
  })

  test('a preflight is answered for the console only', async () => {
    const ask = (origin: string) => send(`${api.url}/v1/tokens`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
    expect(await ask('http://localhost:8081')).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': 'http://localhost:8081' } })
    expect((await ask('https://evil.example')).headers).not.toHaveProperty('access-control-allow-origin')
  })

  test('published keys are anybody’s to read', async () => {
    expect((await send(`${api.url}/.well-known/jwks.json`, { headers: { origin: 'https://evil.example' } })).headers['access-control-allow-origin']).toBe('*')
  })
})

describe('discovery', () => {
  test('names what is there', async () => {
    const issuer = api.roster.deployment.issuer
    expect((await send(`${api.url}/.well-known/oauth-authorization-server`)).body).toMatchObject({ issuer, token_endpoint: `${issuer}/oauth/token`, jwks_uri: `${issuer}/.well-known/jwks.json`, device_authorization_endpoint: `${issuer}/oauth/device_authorization`, grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange', 'urn:ietf:params:oauth:grant-type:device_code'] })
    expect((await send(`${api.url}/.well-known/openid-configuration`)).body).toMatchObject({ issuer, subject_types_supported: ['public'] })
  })

  test('the JWKS has one alg for its one kid, and may be kept for a while', async () => {
    const jwks = await send(`${api.url}/.well-known/jwks.json`)
    expect(jwks).toMatchObject({ headers: { 'cache-control': 'public, max-age=300' }, body: { keys: [{ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig', kid: api.roster.groups[0]?.kid }] } })
    expect(jwks.body['keys']).toHaveLength(1)
  })
})

test('/metrics is for those that configuration names', async () => {
  expect((await send(`${api.url}/metrics`)).text).toContain('nodejs_version_info')
  const outside = await startApi({ trustedHops: 1 })
  try {
    expect(await send(`${outside.url}/metrics`, { headers: { 'x-forwarded-for': '203.0.113.9' } })).toMatchObject({ status: 404, body: { code: 'not_found' } })
  } finally {
    await outside.close()
  }
})

describe('D-1, D-5 nonsense', () => {
  const anything = fc.oneof(fc.json({ maxDepth: 20 }), fc.string({ maxLength: 300 }), fc.constant('['.repeat(30_000)), fc.constant('{"evidence":'.repeat(5_000)), fc.constant('{"intent":"e30","intent":"e30"}'), fc.constant('{"__proto__":{"evidence":[1]}}'), fc.constant('\ud800'))

  test.each(['/v1/tokens', '/v1/explain', '/v1/intents'])('%s answers 4xx and goes on', async (path) => {
    await fc.assert(
      fc.asyncProperty(anything, async (body) => {
        const { status, headers } = await post(api, path, body)
        expect([status >= 400 && status < 500, headers['content-type']]).toEqual([true, 'application/problem+json'])
      }),
      { numRuns: 150 },
    )
    expect((await post(api, '/v1/tokens', asked(api.world))).status).toBe(200)
  })

  test('any evidence in a well-formed request is judged, not thrown at', async () => {
    const item = fc.record({ kind: fc.constantFrom('key', 'id_token', 'token', 'passkey', 'root'), proof: fc.string(), token: fc.string({ unit: fc.constantFrom('e', 'y', 'J', '.', 'A', '-'), maxLength: 200 }) }, { requiredKeys: ['kind'] })
    await fc.assert(
      fc.asyncProperty(fc.array(item, { minLength: 1, maxLength: 6 }), async (evidence) => {
        const { status, text } = await post(api, '/v1/tokens', { ...asked(api.world), evidence })
        expect(status).toBe(400)
        expect(text).not.toContain('    at ')
      }),
      { numRuns: 100 },
    )
  })

  test('U-2 unknown grant types are refused before anything else is looked at', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 60 }), async (grant_type) => {
        expect(await postForm(api, { grant_type, subject_token: 'x' })).toMatchObject({ status: 400, body: { error: 'unsupported_grant_type' } })
      }),
      { numRuns: 60 },
    )
  })
})
