import { expect, test } from 'vitest'
import { encodeIntent } from '@symbolon/protocol/intent.ts'
import { testDeployment } from './deployment.testkit.ts'
import type { Deployment } from './deployment.ts'
import { acceptIntent, buildIntent, type Wish } from './intent.ts'

const now = 1_800_000_000
const { keyset, pin } = testDeployment()
const deployment: Deployment = { keyset, lineage: pin, pinned: true }
const wish: Wish = { sub: 'worker', scope: ['write:staging', 'read:logs', 'read:logs'], ttl: 600, reason: 'nightly' }

const build = (of: Wish = wish) => {
  const built = buildIntent(of, deployment, now)
  if (!built.ok) throw built.error
  return built.value
}

test('scopes are sorted and said once; what was not wished is not there', () => {
  const { intent } = build()
  expect(intent).toEqual({ v: 1, kind: 'token', nonce: intent.nonce, iat: now, exp: now + 300, iss: keyset.issuer, lineage: pin, sub: 'worker', client: 'worker', aud: 'https://vault.test', scope: ['read:logs', 'write:staging'], ttl: 600, reason: 'nightly' })
})

test('two equal wishes are two intents', () => expect(build().digestText).not.toBe(build().digestText))

test('T-2 an empty scope is no wish', () => {
  const built = buildIntent({ ...wish, scope: [] }, deployment, now)
  expect(built.ok ? '' : built.error.code).toBe('input_invalid')
})

test('an intent that a server built is taken when every field is as wished', () => {
  const { bytes, digestText } = build()
  const accepted = acceptIntent(bytes, wish, deployment, now + 2)
  expect(accepted).toMatchObject({ ok: true, value: { digestText } })
})

test.each([
  ['sub', { sub: 'other' }],
  ['as', { as: 'root' }],
  ['client', { client: 'console' }],
  ['aud', { aud: 'https://other.test' }],
  ['scope', { scope: ['read:logs', 'write:prod', 'write:staging'] }],
  ['ttl', { ttl: 601 }],
  ['cnf', { cnf: { jkt: pin } }],
  ['reason', { reason: 'daily' }],
  ['ctx', { ctx: { job: '1' } }],
  ['iss', { iss: 'http://localhost:7001' }],
  ['lineage', { lineage: keyset.digest }],
  ['iat, exp', { iat: now - 61, exp: now + 200 }],
  ['iat, exp', { exp: now + 301 }],
])('one with another %s is not', (named, change) => {
  const accepted = acceptIntent(encodeIntent({ ...build().intent, ...change }), wish, deployment, now)
  expect(accepted.ok ? {} : { code: accepted.error.code, detail: accepted.error.details.detail }).toEqual({ code: 'intent_differs', detail: named })
})

test('one that left a wish out is not', () => {
  const { ttl: _, ...without } = build().intent
  const accepted = acceptIntent(encodeIntent(without), wish, deployment, now)
  expect(accepted.ok ? '' : accepted.error.details.detail).toBe('ttl')
})
