import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { SymbolonError } from './errors.ts'
import { printable, redact } from './scrub.ts'

const token = `${Buffer.from('{"alg":"EdDSA","typ":"at+jwt"}').toString('base64url')}.${Buffer.from('{"sub":"worker","aud":"https://vault.test"}').toString('base64url')}.${'A'.repeat(86)}`
const key = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIO\n-----END PRIVATE KEY-----'

const everyView = (error: unknown) => [String(error), JSON.stringify(error), inspect(error, { depth: 20, showHidden: true }), error instanceof Error ? (error.stack ?? '') : ''].join('\n')

test('L-2 an error shows no token, whichever field the server put it in', () => {
  const error = new SymbolonError('policy_denied', {
    detail: `refused ${token}`,
    status: 403,
    requestId: token,
    reasons: [{ code: 'scope_not_allowed', message: `no ${token}`, fact: token.slice(0, 90), remedy: key }],
    problems: [{ pointer: `/${token}`, message: token }],
  })
  const shown = everyView(error)
  expect(shown).toContain('scope_not_allowed')
  for (const part of token.split('.')) expect(shown).not.toContain(part)
  expect(shown).not.toContain('MC4CAQ')
})

test('L-2 JSON shows exactly the allow-listed fields', () => {
  const sneaky = { detail: 'd', status: 403, token, evidence: token } as { detail: string }
  expect(JSON.parse(JSON.stringify(new SymbolonError('limited', sneaky)))).toEqual({ code: 'limited', kind: 'server', title: 'Too many requests', remedy: 'Wait as Retry-After says.', detail: 'd', status: 403 })
})

test.each([
  ['policy_denied', 'denied'],
  ['key_unknown', 'login'],
  ['intent_bound_otherwise', 'conflict'],
  ['quorum_unavailable', 'server'],
  ['malformed', 'request'],
  ['unreachable', 'network'],
  ['pin_mismatch', 'trust'],
] as const)('%s is of kind %s', (code, kind) => expect(new SymbolonError(code).kind).toBe(kind))

test('text of others cannot steer a terminal', () => {
  expect(printable('a\u001b[2Jb\u202ec\nd')).toBe('a?[2Jb?c?d')
})

test('D-3 redaction takes time in proportion to the text', () => {
  const hostile = 'A'.repeat(1_000_000)
  const start = performance.now()
  expect(redact(hostile)).toHaveLength(1_000_000)
  expect(performance.now() - start).toBeLessThan(500)
})

test('names with dots are left alone', () => expect(redact('staging.example-company.internal')).toBe('staging.example-company.internal'))
