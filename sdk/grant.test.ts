import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { encodeGrant, type GrantRequest } from '@symbolon/protocol/grant.ts'
import { parseProof } from '@symbolon/protocol/proof.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { grantCredential, publicJwk } from './credential.ts'
import { testDeployment } from './deployment.testkit.ts'
import type { Deployment } from './deployment.ts'
import { touchedGrant, type TouchOptions } from './grant.testkit.ts'
import { consoleGrantUrl, judgeGrant, newGrantRequest, openGrant } from './grant.ts'
import { buildAsk, buildIntent } from './intent.ts'

const now = 1_800_000_000
const { keyset, pin } = testDeployment()
const deployment: Deployment = { keyset, lineage: pin, pinned: true }
const at = { iss: keyset.issuer, lineage: pin }
const key = generateKeyPairSync('ed25519').privateKey
const end = now + 8 * 3_600

function requestOf(more: Partial<Parameters<typeof newGrantRequest>[0]> = {}): GrantRequest {
  const request = newGrantRequest({ key, client: 'symbolon-cli', ceiling: { scope: ['write:staging', 'read:logs', 'read:logs'] }, end, ...more })
  if (!request.ok) throw request.error
  return request.value
}
const request = requestOf()
const judge = (options: Partial<TouchOptions> = {}, at = now) => judgeGrant(touchedGrant(request, deployment, { now, ...options }), request, deployment, at)
const why = (judged: ReturnType<typeof judge>) => (judged.ok ? 'ok' : `${judged.error.code}: ${judged.error.details.detail}`)

test('a request names the key by its thumbprint, its scopes sorted and said once', () => {
  const jwk = publicJwk(key)
  expect(request).toMatchObject({ v: 1, client: 'symbolon-cli', key: jwk.ok ? thumbprint(jwk.value) : '', ceiling: { scope: ['read:logs', 'write:staging'] }, end })
})

test('the link has nothing before the fragment but the page', () => {
  const url = new URL(consoleGrantUrl('http://localhost:7001/', request, 'http://127.0.0.1:5/x'))
  expect([url.origin, url.pathname, url.search]).toEqual(['http://localhost:7001', '/grant', ''])
  expect(new URLSearchParams(url.hash.slice(1)).get('callback')).toBe('http://127.0.0.1:5/x')
})

describe('B-1 a grant is taken only if it answers this very request', () => {
  test('the one that was touched for is', () => expect(judge()).toMatchObject({ ok: true, value: { intent: { sub: 'ann', end } } }))

  const other = requestOf({ key: generateKeyPairSync('ed25519').privateKey })
  test.each<[string, Partial<TouchOptions>]>([
    ['key', { change: { key: other.key } }],
    ['nonce', { change: { nonce: other.nonce } }],
    ['client', { change: { client: 'console' } }],
    ['end', { change: { end: end + 1 } }],
    ['ceiling', { change: { ceiling: {} } }],
    ['ceiling', { change: { ceiling: { scope: ['read:logs', 'write:prod', 'write:staging'] } } }],
    ['iss', { change: { iss: 'https://other.test' } }],
    ['lineage', { change: { lineage: keyset.digest } }],
    ['as', { change: { as: 'root' } }],
    ['iat', { change: { iat: now - 600 } }],
    ['challenge', { challenge: keyset.digest }],
  ])('one with another %s is not', (named, lie) => expect(why(judge(lie))).toBe(`grant_differs: ${named}`))

  test('one that has ended is not', () => expect(why(judge({ now: end }, end))).toBe('grant_differs: end'))
  test('one that would last longer than any grant may is not', () => {
    const long = requestOf({ end: now + 43_201 })
    expect(why(judgeGrant(touchedGrant(long, deployment, { now }), long, deployment, now))).toBe('grant_differs: end')
  })

  test.each([['nothing', ''], ['text', 'e30'], ['a token intent', tokenAsGrant()]])('%s is no grant', (_name, text) => expect(why(judgeGrant(text, request, deployment, now))).toBe('grant_differs: not a grant'))
})

function tokenAsGrant(): string {
  const built = buildIntent({ sub: 'ann', scope: ['read:logs'] }, deployment, now)
  const opened = openGrant(touchedGrant(request, deployment, { now }))
  if (!built.ok || !opened.ok) throw new Error('cannot be built')
  return encodeGrant({ ...opened.value.grant, intent: toBase64url(built.value.bytes) })
}

describe('the grant as evidence', () => {
  const opened = openGrant(touchedGrant(request, deployment, { now }))
  const grant = opened.ok ? opened.value : undefined

  test.each([
    ['token', buildIntent({ sub: 'ann', scope: ['read:logs'] }, deployment, now)],
    ['read', buildAsk({ kind: 'read', sub: 'ann', what: 'roster' }, at, now)],
    ['revoke', buildAsk({ kind: 'revoke', sub: 'ann', what: 'grant', id: grant?.digest ?? keyset.digest }, at, now)],
  ] as const)('a proof for %s rides on the grant’s digest and names this intent alone', async (kind, built) => {
    if (!built.ok || grant === undefined) throw new Error('cannot be built')
    const evidence = await grantCredential({ grant: grant.grant, key }).evidence(built.value, now)
    const [item] = evidence.ok ? evidence.value : []
    expect(item).toMatchObject({ kind: 'grant', intent: grant.grant.intent, assertion: grant.grant.assertion })
    const proof = parseProof(item?.kind === 'grant' ? item.proof : '')
    expect(proof).toMatchObject({ header: { jwk: { crv: 'Ed25519' } }, payload: { iss: keyset.issuer, intent: built.value.digestText, kind, iat: now, of: grant.digest } })
    expect(proof?.header.kid).toBeUndefined()
  })
})

test('a roster intent may wait for approvals, any other not', () => {
  const roster = buildAsk({ kind: 'roster', sub: 'ann', version: 2, from: [keyset.digest], to: pin, window: 3_600 }, at, now)
  expect(roster.ok && roster.value.intent).toEqual({ v: 1, kind: 'roster', nonce: expect.any(String), iat: now, exp: now + 3_600, iss: keyset.issuer, lineage: pin, sub: 'ann', version: 2, from: [keyset.digest], to: pin })
  const lock = buildAsk({ kind: 'lock', sub: 'ann', row: 'bob' }, at, now)
  expect(lock.ok && [lock.value.intent.exp, fromBase64url(lock.value.digestText)?.length]).toEqual([now + 300, 32])
})
