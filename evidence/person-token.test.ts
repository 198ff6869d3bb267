import { describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { Origin, TokenClaims } from '@symbolon/protocol/token.ts'
import { ask, document, issueTime, judge, people, peopled, tokenBy, verdict } from './evidence.testkit.ts'
import { someDigest } from './passkey.testkit.ts'

const asked = ask({ sub: 'ben' })
const grant = someDigest('grant')
const jti = toBase64url(new Uint8Array(32).fill(8))
const bens = (change: Partial<TokenClaims> = {}, origin: Origin = { kind: 'grant', grant, ceiling: { end: issueTime + 400 } }) =>
  tokenBy(asked, { claims: { sub: 'ben', auth_time: issueTime - 500, acr: 'urn:symbolon:acr:grant', amr: ['hwk', 'user'], ...change, 'urn:symbolon:v1': { policy: document().policy, origin } } })
const on = peopled()

describe('a person’s token as evidence', () => {
  test('B-1 yields the person, with the grant behind it, its ceiling, and the first authentication, not a touch', () => {
    expect(judge(asked, bens(), { on })).toMatchObject({
      ok: true,
      value: {
        principal: { id: 'ben', kind: 'person', roles: ['engineer'] },
        evidence: { kind: 'token' },
        origin: { kind: 'grant', grant },
        ceiling: { scope: ['read:logs', 'write:staging'], end: issueTime + 400 },
        auth: { time: issueTime - 500, touch: false, hardware: true },
        grant,
      },
    })
  })
  test('B-1 a token that was touched for passes on no touch', () => {
    expect(judge(asked, bens({ acr: 'urn:symbolon:acr:touch', amr: ['swk', 'user'] }, { kind: 'passkey' }), { on })).toMatchObject({ ok: true, value: { auth: { touch: false, hardware: false }, evidence: { kind: 'token' } } })
  })
  test('B-3 has today’s roles', () => {
    const demoted = people().map((row) => ({ ...row, roles: [] }))
    expect(judge(asked, bens(), { on: peopled({ people: demoted }) })).toMatchObject({ ok: true, value: { principal: { roles: [] } } })
  })
  test('B-3 ends with the person', () => {
    expect(verdict(judge(asked, bens(), { on: peopled({ people: people().filter((row) => row.id !== 'ben') }) }))).toBe('token_invalid token.sub')
  })
  test.each<[string, Origin]>([
    ['a service', { kind: 'key' }],
    ['a job', { kind: 'id_token', class: 'bound' }],
  ])('made for %s whose id a person took over is nobody’s', (_, origin) => {
    expect(verdict(judge(asked, bens({}, origin), { on }))).toBe('token_invalid token.sub')
  })

  test.each<[string, object, string]>([
    ['B-3 its grant, by the person', { id: grant, by: 'ben', guardian: false }, 'revoked revoke'],
    ['B-3 its grant, by a guardian', { id: grant, by: 'ann', guardian: true }, 'revoked revoke'],
    ['itself, by the person', { id: jti, by: 'ben', guardian: false }, 'revoked revoke'],
    ['its grant, by a stranger: that says nothing', { id: grant, by: 'ann', guardian: false }, 'ok'],
    ['another grant', { id: someDigest('other'), by: 'ben', guardian: true }, 'ok'],
  ])('revoked: %s', (_, word, expected) => {
    expect(verdict(judge(asked, bens(), { on, stops: { revoked: [{ until: issueTime + 1, ...word } as never], locked: [] } }))).toBe(expected)
  })
  test('B-3 stops while the person is locked', () => {
    expect(verdict(judge(asked, bens(), { on, stops: { revoked: [], locked: [{ row: 'ben', until: issueTime + 1 }] } }))).toBe('locked lock:ben')
  })
})
