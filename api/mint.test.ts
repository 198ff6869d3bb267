import { afterEach, describe, expect, test } from 'vitest'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import { reasonOf } from '@symbolon/protocol/reason.ts'
import type { Refusal } from '@symbolon/protocol/sign.ts'
import { memoryLimiter, send } from '@symbolon/front/front.testkit.ts'
import { asked, post, startApi, type Faked, type TestApi } from './api.testkit.ts'

let api: TestApi
const open = async (faked?: Faked) => (api = await startApi(faked))
afterEach(() => api.close())

describe('POST /v1/tokens', () => {
  test('gives a token that the published keys verify', async () => {
    await open()
    const minted = await post(api, '/v1/tokens', asked(api.world))
    expect(minted.status).toBe(200)
    const jwks = (await send(`${api.url}/.well-known/jwks.json`)).body as unknown as JSONWebKeySet
    const { payload } = await jwtVerify(String(minted.body['token']), createLocalJWKSet(jwks), { issuer: api.roster.deployment.issuer, audience: 'https://api.example', typ: 'at+jwt', algorithms: ['EdDSA'] })
    expect(payload).toMatchObject({ sub: 'ci', scope: 'read:logs', client_id: 'cli', jti: minted.body['jti'] })
  })

  test('H-3 is never cached, and says how long each stage took and what is left', async () => {
    await open({ addresses: memoryLimiter('address', 10), identities: memoryLimiter('identity', 5) })
    const { headers } = await post(api, '/v1/tokens', asked(api.world), { 'x-request-id': 'request-0001', traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` })
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-request-id': 'request-0001', 'ratelimit-policy': '"address";q=10;w=60, "identity";q=5;w=60', ratelimit: '"address";r=9;t=30, "identity";r=4;t=30' })
    expect(String(headers['server-timing'])).toMatch(/^authenticate;dur=[0-9.]+, policy;dur=[0-9.]+, quorum;dur=[0-9.]+, log;dur=0\.9$/)
    expect(String(headers['traceparent'])).toMatch(new RegExp(`^00-${'ab'.repeat(16)}-(?!${'cd'.repeat(8)})[0-9a-f]{16}-01$`))
  })

  test('P-3 a scope that policy refuses is 403 with rule, fact and remedy, and no signer is asked', async () => {
    let calls = 0
    await open({ quorum: (honest) => ({ sign: (item) => ((calls += 1), honest.sign(item)) }) })
    const refused = await post(api, '/v1/tokens', asked(api.world, { scope: ['write:prod'] }))
    expect(refused).toMatchObject({ status: 403, headers: { 'content-type': 'application/problem+json' }, body: { code: 'scope_not_allowed', status: 403, instance: '/v1/tokens' } })
    const [reason] = refused.body['reasons'] as { rule?: string; fact?: string; remedy?: string }[]
    expect([reason?.rule, reason?.fact, reason?.remedy].every((text) => typeof text === 'string' && text.length > 0)).toBe(true)
    expect(calls).toBe(0)
  })

  test('signers that refuse are quoted with their signed refusals', async () => {
    const refusal = (signer: number) => ({ v: 1, signer, boot: 'AAAAAAAAAAAAAAAAAAAAAA', request: api.lineage, iat: 1, reasons: [reasonOf('intent_bound_otherwise', 'Bound otherwise.')], signature: 'A'.repeat(86) }) as Refusal
    await open({ quorum: () => ({ sign: async () => ({ ok: true, outcome: { outcome: 'refused', refusals: [refusal(1), refusal(2)], parts: [{ signer: 1, state: 'refused' }, { signer: 2, state: 'refused' }] } }) }) })
    const refused = await post(api, '/v1/tokens', asked(api.world))
    expect(refused).toMatchObject({ status: 409, body: { code: 'intent_bound_otherwise', reasons: [{ message: 'Bound otherwise.' }], refusals: [{ signer: 1 }, { signer: 2 }] } })
    expect(refused.body['reasons']).toHaveLength(1)
  })

  test('below the quorum it is 503 and says which signers are down', async () => {
    await open({ quorum: () => ({ sign: async () => ({ ok: true, outcome: { outcome: 'unreachable', code: 'quorum_unavailable', parts: [{ signer: 1, state: 'unused' }, { signer: 2, state: 'unreachable' }, { signer: 3, state: 'unreachable' }], retry_after: 7 } }) }) })
    expect(await post(api, '/v1/tokens', asked(api.world))).toMatchObject({ status: 503, headers: { 'retry-after': '7' }, body: { code: 'quorum_unavailable', detail: 'Too few signers answer: signer-2 unreachable, signer-3 unreachable.', signers: [{}, { signer: 2, state: 'unreachable' }, { signer: 3 }] } })
  })

  test('TST-20 a signature that does not verify never leaves', async () => {
    await open({ quorum: (honest) => ({ sign: (item) => honest.sign({ ...item, bytes: `${item.bytes}A` }) }) })
    const faulty = await post(api, '/v1/tokens', asked(api.world))
    expect(faulty).toMatchObject({ status: 503, body: { code: 'quorum_faulty' } })
    expect(faulty.text).not.toContain('eyJ')
  })

  test('the coordinator gets the request as it came, and the bytes that the judgement built', async () => {
    const items: unknown[] = []
    await open({ quorum: (honest) => ({ sign: (item) => (items.push(item), honest.sign(item)) }) })
    const request = asked(api.world)
    const minted = await post(api, '/v1/tokens', request, { 'x-request-id': 'request-0002' })
    expect(items).toEqual([{ request_id: 'request-0002', purpose: 'token', roster: 1, policy: api.roster.policy, ...request, approvals: [], asserted: { address: '127.0.0.1' }, records: [], bytes: String(minted.body['token']).replace(/\.[^.]*$/, '') }])
  })

  test.each([
    ['userId', 'root'], ['sub', 'root'], ['role', 'sre'], ['roles', ['sre']], ['tenant', 'other'], ['principal', { id: 'root' }], ['asserted', { address: '10.0.0.1' }], ['approvals', [{ approver: 'ann' }]], ['approvals', null],
  ])('U-3 a body with its own %s is refused', async (name, value) => {
    await open()
    expect(await post(api, '/v1/tokens', { ...asked(api.world), [name]: value })).toMatchObject({ status: 400, body: { code: 'malformed' } })
  })

  test('an identity over its limit gets 429, whatever address it comes from', async () => {
    await open({ identities: memoryLimiter('identity', 1) })
    await post(api, '/v1/tokens', asked(api.world))
    expect(await post(api, '/v1/tokens', asked(api.world))).toMatchObject({ status: 429, headers: { 'retry-after': '30', ratelimit: expect.stringContaining('"identity";r=0;t=30') }, body: { code: 'limited' } })
  })
})

test('D-4 an address that is spent is refused before its body is read or anything is judged', async () => {
  let judged = 0
  await open({ addresses: memoryLimiter('address', 1), judges: (honest) => ({ ...honest, judge: (...given) => ((judged += 1), honest.judge(...given)) }) })
  await post(api, '/v1/tokens', asked(api.world))
  expect(await post(api, '/v1/tokens', 'not even JSON')).toMatchObject({ status: 429, body: { code: 'limited' } })
  expect(judged).toBe(1)
})

describe('L-3 the record', () => {
  test('of a token names everything but the token', async () => {
    await open()
    const minted = await post(api, '/v1/tokens', asked(api.world), { 'x-request-id': 'request-0003' })
    expect(api.events).toEqual([{ event: 'mint', request_id: 'request-0003', trace_id: expect.stringMatching(/^[0-9a-f]{32}$/), deployment: api.lineage, address: '127.0.0.1', roster: 1, policy: api.roster.policy, principal: 'ci', evidence_kind: 'key', decision: 'granted', intent: minted.body['jti'], scope: 'read:logs', aud: 'https://api.example', code: 'ok', token_hash: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/), signers: expect.any(Array), status: 200, ms: expect.any(Number) }])
    expect(api.lines.join('\n')).not.toContain(String(minted.body['token']).split('.')[2])
  })

  test.each([
    ['refused', { scope: ['write:prod'] as string[] }, { decision: 'refused', code: 'scope_not_allowed', principal: 'ci', status: 403, rule: expect.any(String) }],
    ['expired', { iat: 1, exp: 2 }, { decision: 'refused', code: 'intent_expired', principal: 'unknown', status: 403 }],
  ])('of a request that is %s says so', async (_name, change, facts) => {
    await open()
    await post(api, '/v1/tokens', asked(api.world, change))
    expect(api.events).toMatchObject([{ event: 'mint', policy: api.roster.policy, deployment: api.lineage, ...facts }])
  })

  test('of an unreadable request is written too', async () => {
    await open()
    await post(api, '/v1/tokens', '{')
    expect(api.events).toMatchObject([{ decision: 'unread', code: 'malformed', status: 400, principal: 'unknown' }])
  })

  test('that cannot be written keeps the token back', async () => {
    await open({ sink: () => { throw new Error('disk full') } })
    const minted = await post(api, '/v1/tokens', asked(api.world))
    expect(minted).toMatchObject({ status: 500, body: { code: 'internal' } })
    expect(minted.text).not.toContain('eyJ')
  })
})

describe('U-4 a step that fails gives no token, to nobody and to no log', () => {
  const broken = { name: 'broken', quota: 1, window: 60 }
  const boom = () => Promise.reject(new Error('boom eyJleHBlY3RlZCI6MX0'))
  const faults: [string, Faked, number, string][] = [
    ['address limit throws', { addresses: { ...broken, take: boom } }, 500, 'internal'],
    ['address limit has no store', { addresses: { ...broken, take: async () => ({ ok: false, reason: 'broken' }) } }, 503, 'not_ready'],
    ['judge throws', { judges: (honest) => ({ ...honest, judge: boom }) }, 500, 'internal'],
    ['judge times out', { judges: (honest) => ({ ...honest, judge: async () => ({ verdict: 'unavailable', code: 'timed_out' }) }) }, 504, 'timed_out'],
    ['issuer keys are not there', { judges: (honest) => ({ ...honest, judge: async () => ({ verdict: 'unavailable', code: 'issuer_keys_unavailable' }) }) }, 503, 'issuer_keys_unavailable'],
    ['identity limit throws', { identities: { ...broken, take: boom } }, 500, 'internal'],
    ['identity limit has no store', { identities: { ...broken, take: async () => ({ ok: false, reason: 'broken' }) } }, 503, 'not_ready'],
    ['quorum throws', { quorum: () => ({ sign: boom }) }, 500, 'internal'],
    ['coordinator times out', { quorum: () => ({ sign: async () => ({ ok: false, code: 'timed_out', detail: 'late' }) }) }, 504, 'timed_out'],
    ['coordinator is gone', { quorum: () => ({ sign: async () => ({ ok: false, code: 'quorum_unavailable', detail: 'gone' }) }) }, 503, 'quorum_unavailable'],
    ['signers are faulty', { quorum: () => ({ sign: async () => ({ ok: true, outcome: { outcome: 'faulty', parts: [] } }) }) }, 503, 'quorum_faulty'],
  ]

  test.each(faults)('%s', async (_name, faked, status, code) => {
    await open(faked)
    const answer = await post(api, '/v1/tokens', asked(api.world))
    expect(answer).toMatchObject({ status, body: { code, request_id: answer.headers['x-request-id'] } })
    expect(answer.text).not.toContain('eyJ')
    expect(api.lines.join('\n')).not.toContain('eyJ')
    expect(api.events).toMatchObject([{ code, status }])
    expect(api.events[0]).not.toHaveProperty('token_hash')
    // The next one is served: nothing of the failure stays.
    expect((await send(`${api.url}/livez`)).status).toBe(200)
  })
})

test('H-4 two hundred at once each get their own', async () => {
  await open({ world: { roles: ['engineer'] } })
  const wishes = Array.from({ length: 200 }, (_, at) => ({ scope: [['read:logs'], ['write:staging'], ['deploy:canary'], ['write:prod']][at % 4] ?? [], ttl: 60 + at }))
  const answers = await Promise.all(wishes.map(async (wish, at) => ({ wish, at, answer: await post(api, '/v1/tokens', asked(api.world, wish), { 'x-request-id': `parallel-${at}` }) })))
  for (const { wish, at, answer } of answers) {
    expect(answer.headers['x-request-id']).toBe(`parallel-${at}`)
    expect(answer.body['request_id']).toBe(`parallel-${at}`)
    if (at % 4 === 3) expect(answer.body['code']).toBe('scope_not_allowed')
    else expect(JSON.parse(Buffer.from(String(answer.body['token']).split('.')[1] ?? '', 'base64url').toString())).toMatchObject({ scope: wish.scope.join(' '), jti: answer.body['jti'] })
  }
  expect(new Set(answers.map(({ answer }) => answer.body['jti'] ?? answer.body['request_id'])).size).toBe(200)
  expect(new Set(api.events.map((event) => event.request_id)).size).toBe(200)
})

describe('POST /v1/explain', () => {
  test('P-3 says what the mint says, without the signers', async () => {
    await open({ quorum: () => ({ sign: () => Promise.reject(new Error('asked')) }) })
    const granted = await post(api, '/v1/explain', asked(api.world, { dry: true }))
    expect(granted).toMatchObject({ status: 200, body: { granted: true, principal: 'ci', claims: { scope: 'read:logs' }, reasons: [], policy: api.roster.policy } })
    const refused = await post(api, '/v1/explain', asked(api.world, { scope: ['write:prod'], dry: true }))
    expect(refused).toMatchObject({ status: 200, body: { granted: false, principal: 'ci', reasons: [{ code: 'scope_not_allowed' }] } })
    expect(refused.body).not.toHaveProperty('claims')
  })

  test('I-2 explains dry intents alone, and mints none: what is shown to explain is worth nothing else', async () => {
    await open()
    expect(await post(api, '/v1/explain', asked(api.world))).toMatchObject({ status: 400, body: { code: 'intent_dry' } })
    expect(await post(api, '/v1/tokens', asked(api.world, { dry: true }))).toMatchObject({ status: 400, body: { code: 'intent_dry' } })
  })

  test('speaks about the caller’s own evidence only', async () => {
    await open()
    const other = asked(api.world, { dry: true })
    const { evidence } = asked(api.world, { dry: true })
    expect((await post(api, '/v1/explain', { ...other, evidence })).body).toMatchObject({ granted: false, reasons: [{ code: 'proof_mismatch' }] })
  })
})

test('POST /v1/intents says what was wished and nothing else', async () => {
  await open()
  const built = await post(api, '/v1/intents', { sub: 'ci', scope: ['read:logs'], ttl: 60 })
  expect(built).toMatchObject({ status: 200, body: { audience: `symbolon:${String(built.body['digest'])}`, fields: { sub: 'ci', client: 'ci', scope: ['read:logs'], ttl: 60, iss: api.roster.deployment.issuer, lineage: api.lineage, aud: 'https://api.example' } } })
  expect(JSON.parse(Buffer.from(String(built.body['intent']), 'base64url').toString())).toEqual(built.body['fields'])
  expect((await post(api, '/v1/intents', { sub: 'ci', scope: [] })).body).toMatchObject({ code: 'malformed', errors: [{ pointer: '/scope' }] })
})
