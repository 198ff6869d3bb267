import { generateKeyPairSync } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { decodeTokenIntent, intentDigest, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { parseProof } from '@symbolon/protocol/proof.ts'
import type { TokenClaims } from '@symbolon/protocol/token.ts'
import { openClient, type Client } from './client.ts'
import { idTokenCredential, keyCredential } from './credential.ts'
import { testDeployment } from './deployment.testkit.ts'
import { ok } from './errors.ts'
import type { Wish } from './intent.ts'

const now = () => Math.floor(Date.now() / 1000)
const wish: Wish = { sub: 'worker', scope: ['read:logs'] }
const { privateKey } = generateKeyPairSync('ed25519')
const credential = keyCredential({ key: privateKey, kid: 'worker-1', sub: 'worker' })
const closing: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

type Reply = { status: number; body: unknown }
type Handler = (path: string, body: Record<string, unknown>) => Reply

async function serve(handler: Handler): Promise<string> {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const { status, body } = handler(request.url ?? '', chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString()))
      response.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => new Promise((resolve) => server.close(resolve)))
  const bound = server.address()
  return typeof bound === 'object' && bound !== null ? `http://127.0.0.1:${bound.port}` : ''
}

function open(addr: string, pin: ReturnType<typeof testDeployment>['pin']): Client {
  const client = openClient({ addr, pin, timeoutMs: 2_000 })
  if (!client.ok) throw client.error
  closing.push(() => client.value.close())
  return client.value
}

const deployment = testDeployment()
type Change = (claims: TokenClaims) => TokenClaims

const intentOf = (body: Record<string, unknown>): { intent: TokenIntent; jti: TokenClaims['jti'] } => {
  const bytes = fromBase64url(String(body['intent'])) ?? new Uint8Array()
  const decoded = decodeTokenIntent(bytes)
  if (!decoded.ok) throw new Error(decoded.reason)
  return { intent: decoded.value, jti: toBase64url(intentDigest(bytes)) }
}

const claimsFor = ({ intent, jti }: ReturnType<typeof intentOf>): TokenClaims => ({
  iss: intent.iss, sub: intent.sub, aud: intent.aud, client_id: intent.client, scope: intent.scope.join(' '),
  iat: intent.iat, nbf: intent.iat, exp: intent.iat + 900, jti, 'urn:symbolon:v1': { policy: deployment.policy, origin: { kind: 'key' } },
})

const api = (change: Change = (claims) => claims, signer = deployment): Handler => (path, body) => {
  if (path === '/v1/keyset') return { status: 200, body: deployment.signed(now()) }
  const asked = intentOf(body)
  return { status: 200, body: { token: signer.mint(change(claimsFor(asked))), token_type: 'Bearer', expires_in: 900, expires_at: new Date().toISOString(), scope: 'read:logs', jti: asked.jti, request_id: 'r', signers: [] } }
}

const outcomeOf = async (handler: Handler) => {
  const minted = await open(await serve(handler), deployment.pin).mint(wish, credential)
  return minted.ok ? 'ok' : minted.error.code
}

describe('mint', () => {
  test('sends a proof over exactly the intent it sends, and gives the verified token', async () => {
    const seen: Record<string, unknown>[] = []
    const addr = await serve((path, body) => {
      if (path === '/v1/tokens') seen.push(body)
      return api()(path, body)
    })
    const minted = await open(addr, deployment.pin).mint(wish, credential)
    expect(minted).toMatchObject({ ok: true, value: { claims: { sub: 'worker', scope: 'read:logs' } } })
    const body = seen[0] ?? {}
    const [item] = body['evidence'] as { proof: string }[]
    expect(parseProof(item?.proof ?? '')).toMatchObject({ header: { kid: 'worker-1', alg: 'EdDSA' }, payload: { intent: intentOf(body).jti, kind: 'token' } })
  })

  test('I-5 a token by another key is refused', async () => expect(await outcomeOf(api(undefined, testDeployment()))).toBe('token_unverified'))
  test.each([
    ['scope', { scope: 'read:logs write:prod' }, 'token_differs'],
    ['sub', { sub: 'other' }, 'token_differs'],
    ['client', { client_id: 'console' }, 'token_differs'],
    ['jti', { jti: deployment.policy }, 'token_differs'],
    ['cnf', { cnf: { jkt: deployment.policy } }, 'token_differs'],
    ['aud', { aud: 'https://other.test' }, 'token_unverified'],
    ['exp in the past', { exp: now() - 61 }, 'token_unverified'],
  ])('a token with another %s is refused', async (_name, change, code) => expect(await outcomeOf(api((claims) => ({ ...claims, ...change })))).toBe(code))

  test('the ID token is fetched for the audience that the intent’s digest makes', async () => {
    const audiences: string[] = []
    const fetched = idTokenCredential({ description: 'test', fetch: async (audience) => (audiences.push(audience), ok('a.b.c')) })
    const minted = await open(await serve(api()), deployment.pin).mint(wish, fetched)
    expect(audiences).toEqual(minted.ok ? [`symbolon:${minted.value.claims.jti}`] : [])
    expect(minted.ok).toBe(true)
  })
})

describe('failures', () => {
  const problem = { type: 'about:blank', title: 'No', status: 403, code: 'policy_denied', request_id: 'req-1', reasons: [{ code: 'scope_not_allowed', message: 'no', rule: 'symbolon.scope', fact: 'roles', remedy: 'ask' }] }

  test('a denial carries rule, fact and remedy', async () => {
    const minted = await open(await serve((path, body) => (path === '/v1/keyset' ? api()(path, body) : { status: 403, body: problem })), deployment.pin).mint(wish, credential)
    expect(minted.ok ? {} : minted.error).toMatchObject({ code: 'policy_denied', kind: 'denied', details: { requestId: 'req-1', reasons: problem.reasons } })
  })

  test('L-2 a server that echoes the proof gets it into no error', async () => {
    let sent = ''
    const addr = await serve((path, body) => {
      if (path === '/v1/keyset') return api()(path, body)
      sent = (body['evidence'] as { proof: string }[])[0]?.proof ?? ''
      return { status: 400, body: { ...problem, code: 'malformed', detail: `bad ${sent}` } }
    })
    const minted = await open(addr, deployment.pin).mint(wish, credential)
    const shown = minted.ok ? '' : inspect(minted.error, { depth: 9 }) + JSON.stringify(minted.error)
    expect(sent.length).toBeGreaterThan(100)
    expect(shown).toContain('malformed')
    for (const part of sent.split('.')) expect(shown).not.toContain(part)
  })

  test.each([
    ['not JSON', { status: 200, body: '<html>' }, 'answer_malformed'],
    ['an unknown code', { status: 403, body: { ...problem, code: 'because' } }, 'answer_malformed'],
    ['a redirect', { status: 302, body: '' }, 'answer_malformed'],
    ['a huge answer', { status: 200, body: JSON.stringify({ a: 'x'.repeat(2_000_000) }) }, 'unreachable'],
  ])('%s is a value, not an exception', async (_name, reply, code) => {
    const status = await open(await serve(() => reply), deployment.pin).status()
    expect(status.ok ? '' : status.error.code).toBe(code)
  })

  test('nobody there', async () => {
    const status = await open('http://127.0.0.1:1', deployment.pin).status()
    expect(status.ok ? {} : status.error).toMatchObject({ code: 'unreachable', details: { detail: 'ECONNREFUSED' } })
  })

  test.each(['http://vault.example', 'ftp://localhost', 'https://user:pw@vault.example', 'vault', 'https://vault.example/?a=1'])('%s is no address', (addr) => {
    const opened = openClient({ addr, pin: 'unpinned' })
    expect(opened.ok ? '' : opened.error.code).toBe('address_invalid')
  })
})
