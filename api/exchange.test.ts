import { generateKeyPairSync, sign } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import { decodeIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { assembleJws } from '@symbolon/protocol/jws.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { encodeIntent } from '@symbolon/protocol/intent.ts'
import { idTokenEvidence, intentOf, keyEvidence, type World } from '@symbolon/policy/judge.testkit.ts'
import { memoryLimiter, now } from '@symbolon/front/front.testkit.ts'
import { memoryProofs, postForm, startApi, type Faked, type TestApi } from './api.testkit.ts'
import { describable } from './oauth-error.ts'

let api: TestApi
const open = async (faked?: Faked) => (api = await startApi(faked))
afterEach(() => api.close())

const grant_type = 'urn:ietf:params:oauth:grant-type:token-exchange'
const type = (name: string) => `urn:ietf:params:oauth:token-type:${name}`

const dpopKey = generateKeyPairSync('ed25519')
const jwk = dpopKey.publicKey.export({ format: 'jwk' }) as unknown as ProofJwk
const jkt = thumbprint(jwk)
const dpop = (jti: string) => {
  const input = [{ typ: 'dpop+jwt', alg: 'EdDSA', jwk }, { jti, htm: 'POST', htu: `${api.roster.deployment.issuer}/oauth/token`, iat: now() }].map((part) => toBase64url(utf8(JSON.stringify(part)))).join('.')
  return assembleJws(input, sign(null, utf8(input), dpopKey.privateKey))
}

/** Form fields of a job of the trust `deploy`, with an ID token for exactly this intent. */
function bound(world: World, changes: Partial<TokenIntent> = {}): Record<string, string> {
  const iat = now()
  const intent = intentOf(world, { iat, exp: iat + 300, sub: 'deploy', ...changes })
  const item = idTokenEvidence(world, intent)
  return { grant_type, subject_token: item.kind === 'id_token' ? item.token : '', subject_token_type: type('id_token'), intent: toBase64url(encodeIntent(intent)) }
}

const claimsOf = (token: unknown): Record<string, unknown> => JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

describe('with an intent', () => {
  test('a bound ID token is exchanged (RFC 8693, section 2.2.1)', async () => {
    await open()
    const answer = await postForm(api, bound(api.world))
    expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store', 'content-type': 'application/json' }, body: { issued_token_type: type('access_token'), token_type: 'Bearer', scope: 'read:logs' } })
    expect(claimsOf(answer.body['access_token'])).toMatchObject({ sub: 'deploy', 'urn:symbolon:v1': { origin: { kind: 'id_token', class: 'bound' } } })
  })

  test('a proof by a registered key is a subject token of type jwt', async () => {
    await open()
    const iat = now()
    const intent = intentOf(api.world, { iat, exp: iat + 300 })
    const item = keyEvidence(api.world, intent)
    const answer = await postForm(api, { grant_type, subject_token: item.kind === 'key' ? item.proof : '', subject_token_type: type('jwt'), intent: toBase64url(encodeIntent(intent)) })
    expect(claimsOf(answer.body['access_token'])).toMatchObject({ sub: 'ci' })
  })

  test('standard parameters may say the same', async () => {
    await open()
    expect((await postForm(api, { ...bound(api.world), scope: 'read:logs', audience: 'https://api.example', resource: 'https://api.example', client_id: 'cli', requested_token_type: type('access_token'), unheard_of: 'x' })).status).toBe(200)
  })

  test.each([
    ['scope', { scope: 'read:logs write:prod' }, 'invalid_scope'],
    ['audience', { audience: 'https://other.example' }, 'invalid_target'],
    ['resource', { resource: 'https://other.example' }, 'invalid_target'],
    ['resource beside the right audience', { audience: 'https://api.example', resource: 'https://other.example' }, 'invalid_target'],
    ['client_id', { client_id: 'ci' }, 'invalid_client'],
    ['requested_token_type', { requested_token_type: type('refresh_token') }, 'invalid_request'],
    ['actor_token', { actor_token: 'a.b.c' }, 'invalid_request'],
    ['intent', { intent: '!' }, 'invalid_request'],
    ['intent that is not canonical', { intent: toBase64url(utf8('{ "v":1}')) }, 'invalid_request'],
    ['subject_token_type', { subject_token_type: type('saml2') }, 'unsupported_token_type'],
    ['subject_token_type access_token for an ID token', { subject_token_type: type('access_token') }, 'invalid_request'],
  ])('another %s is refused', async (_name, change: Record<string, string>, error) => {
    await open()
    const answer = await postForm(api, { ...bound(api.world), ...change })
    expect(answer.body).toMatchObject({ error })
    expect(answer.status).toBe(error === 'invalid_client' ? 401 : 400)
  })

  test.each(['grant_type', 'subject_token', 'subject_token_type', 'intent', 'scope', 'client_id'])('%s twice is refused (RFC 6749, section 3.2)', async (name) => {
    await open()
    const fields = new URLSearchParams({ ...bound(api.world), scope: 'read:logs', client_id: 'cli' })
    fields.append(name, fields.get(name) ?? '')
    expect(await postForm(api, fields.toString())).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  test('an ID token for another intent is refused', async () => {
    await open()
    const { subject_token } = bound(api.world)
    expect((await postForm(api, { ...bound(api.world), subject_token: subject_token ?? '' })).body).toMatchObject({ error: 'invalid_target', code: 'id_token_audience' })
  })

  test('C2-2 what policy says comes in the characters that OAuth allows', async () => {
    await open()
    const answer = await postForm(api, bound(api.world, { scope: ['write:prod'] }))
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_scope', code: 'scope_not_allowed', reasons: [{ code: 'scope_not_allowed' }] } })
    expect(String(answer.body['error_description'])).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
    expect(describable('a"b\\c\nd’s\u202e<é>')).toBe("a'b?c?d's?<?>")
  })
})

describe('DPoP', () => {
  test('binds the token to the key of the proof', async () => {
    await open()
    const answer = await postForm(api, bound(api.world, { cnf: { jkt } }), { dpop: dpop('a') })
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'DPoP' } })
    expect(claimsOf(answer.body['access_token'])['cnf']).toEqual({ jkt })
  })

  test.each([
    ['a proof by another key than cnf names', () => ({ cnf: { jkt: api.lineage } }), true],
    ['a proof beside an intent without cnf', () => ({}), true],
    ['cnf without a proof', () => ({ cnf: { jkt } }), false],
  ])('%s is refused before anything is spent', async (_name, change, withProof) => {
    const judged: unknown[] = []
    await open({ judges: (honest) => ({ ...honest, judge: (request, clock) => (judged.push(request), honest.judge(request, clock)) }) })
    expect(await postForm(api, bound(api.world, change()), withProof ? { dpop: dpop('b') } : {})).toMatchObject({ status: 400, body: { error: 'invalid_dpop_proof' } })
    expect(judged).toEqual([])
  })

  test('the same subject token goes through after a proof was turned down', async () => {
    await open()
    const fields = bound(api.world, { cnf: { jkt } })
    expect((await postForm(api, fields, { dpop: 'stale' })).body).toMatchObject({ error: 'invalid_dpop_proof' })
    expect((await postForm(api, fields, { dpop: dpop('c') })).status).toBe(200)
  })

  test('two DPoP headers are refused', async () => {
    await open()
    expect((await postForm(api, bound(api.world, { cnf: { jkt } }), { dpop: [dpop('d'), dpop('e')] })).body).toMatchObject({ error: 'invalid_dpop_proof' })
  })

  test('a replayed proof is refused at another node over the same store', async () => {
    const proofs = memoryProofs()
    await open({ proofs })
    const other = await startApi({ proofs })
    const proof = dpop('f')
    try {
      expect((await postForm(api, bound(api.world, { cnf: { jkt } }), { dpop: proof })).status).toBe(200)
      expect((await postForm(other, bound(other.world, { cnf: { jkt } }), { dpop: proof })).body).toMatchObject({ error: 'invalid_dpop_proof' })
    } finally {
      await other.close()
    }
  })

  test('U-4 a store of proofs that fails gives no token', async () => {
    await open({ proofs: { take: () => Promise.reject(new Error('down')) } })
    expect(await postForm(api, bound(api.world, { cnf: { jkt } }), { dpop: dpop('g') })).toMatchObject({ status: 500, body: { error: 'server_error' } })
  })
})

describe('without an intent', () => {
  const bearerRow = { class: 'bearer' as const, bearer_audience: 'https://symbolon.example', ceiling: { max_ttl: 300, scope: ['read:logs'] } }
  const form = (world: World, aud: string = bearerRow.bearer_audience): Record<string, string> => {
    const iat = now()
    const item = idTokenEvidence(world, intentOf(world, { iat, exp: iat + 300 }), { aud })
    return { grant_type, subject_token: item.kind === 'id_token' ? item.token : '', subject_token_type: type('id_token'), scope: 'read:logs' }
  }

  test('an ID token of an issuer with class bearer is exchanged under its ceiling', async () => {
    await open({ world: { issuerRow: bearerRow } })
    const answer = await postForm(api, form(api.world))
    expect(answer).toMatchObject({ status: 200, body: { scope: 'read:logs' } })
    expect(claimsOf(answer.body['access_token'])).toMatchObject({ sub: 'deploy', client_id: 'deploy', 'urn:symbolon:v1': { origin: { class: 'bearer', ceiling: { max_ttl: 300 } } } })
  })

  test('DPoP binds that token too', async () => {
    await open({ world: { issuerRow: bearerRow } })
    const answer = await postForm(api, form(api.world), { dpop: dpop('h') })
    expect(claimsOf(answer.body['access_token'])['cnf']).toEqual({ jkt })
  })

  test('the class is off unless the roster turns it on', async () => {
    await open()
    expect((await postForm(api, form(api.world))).body).toMatchObject({ error: 'invalid_target' })
  })

  test('more than its ceiling is refused', async () => {
    await open({ world: { issuerRow: bearerRow } })
    const answer = await postForm(api, { ...form(api.world), scope: 'write:staging' })
    expect(answer.status).toBe(400)
    expect(answer.body['code']).toBe('ceiling_exceeded')
  })

  test('claims that nobody trusts get the reasons', async () => {
    await open({ world: { issuerRow: bearerRow, trusts: [{ id: 'deploy', name: 'Deploy', issuer: 'forge', when: [{ claim: 'repository_id', equals: '43' }], roles: [], groups: [] }] } })
    expect((await postForm(api, form(api.world))).body).toMatchObject({ error: 'access_denied', code: 'trust_none' })
  })

  test.each([
    ['scope', { scope: '' }],
    ['intent for a proof', { subject_token_type: type('jwt'), subject_token: 'proof' }],
  ])('a missing %s is said', async (_name, change: Record<string, string>) => {
    await open({ world: { issuerRow: bearerRow } })
    const iat = now()
    const item = keyEvidence(api.world, intentOf(api.world, { iat, exp: iat + 300 }))
    const fields = { ...form(api.world), ...change, ...(change['subject_token'] === 'proof' && item.kind === 'key' ? { subject_token: item.proof } : {}) }
    expect(await postForm(api, fields)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })
})

test('a limit answers with OAuth’s words and Retry-After', async () => {
  await open({ addresses: memoryLimiter('address', 0) })
  expect(await postForm(api, bound(api.world))).toMatchObject({ status: 429, headers: { 'retry-after': '30' }, body: { error: 'temporarily_unavailable', code: 'limited' } })
})

test('an intent in the answer’s record is the one that was signed', async () => {
  await open()
  const fields = bound(api.world)
  const answer = await postForm(api, fields)
  const decoded = decodeIntent(fromBase64url(fields['intent'] ?? '') ?? new Uint8Array())
  expect(decoded.ok && api.events).toMatchObject([{ event: 'exchange', principal: 'deploy', evidence_kind: 'id_token', intent: claimsOf(answer.body['access_token'])['jti'] }])
})
