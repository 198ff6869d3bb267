import { expect, test } from 'vitest'
import { intentDigest } from '@symbolon/protocol/intent.ts'
import { tokenClaims } from '@symbolon/protocol/token.ts'
import type { Established } from '@symbolon/evidence/established.ts'
import { claimsOf } from './claims.ts'
import { deploymentOf } from './deployment.ts'
import { at, intentOf, makeWorld } from './judge.testkit.ts'

const world = makeWorld()
const intent = intentOf(world)
const plain: Established = { principal: { id: 'ci', kind: 'service', roles: ['engineer'], groups: ['ops'], owner: 'ann', claims: { secret: 'of the issuer' } }, evidence: { kind: 'token', age: 7 }, origin: { kind: 'key' }, singleUse: [] }
const claims = (established: Partial<Established> = {}) => claimsOf({ intent, digest: intentDigest(new Uint8Array()), established: { ...plain, ...established }, ttl: 60, here: deploymentOf(world.roster) })

test('TST-33 hold nothing but what the table of claims names', () => {
  expect(Object.keys(claims()).sort()).toEqual(['aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'nbf', 'scope', 'sub', 'urn:symbolon:v1'])
  expect(claims()).toMatchObject({ iat: at, nbf: at, exp: at + 60 })
  expect(JSON.stringify(claims())).not.toMatch(/secret|engineer|ops|ann/)
  expect(tokenClaims.parse(claims())).toEqual(claims())
})

test('carry on who acts', () => expect(claims({ act: { sub: 'bot', act: { sub: 'ann' } } })).toMatchObject({ act: { sub: 'bot', act: { sub: 'ann' } } }))

test('B-1 carry on the ceiling, also where only the evidence and not its origin names it', () =>
  expect(claims({ ceiling: { scope: ['read:logs'], end: at + 60 } })['urn:symbolon:v1'].origin).toEqual({ kind: 'key', ceiling: { scope: ['read:logs'], end: at + 60 } }))

const auth = { time: at - 60, touch: true, hardware: true }
test.each([
  ['by a touch of a hardware key', auth, { auth_time: at - 60, acr: 'urn:symbolon:acr:touch', amr: ['hwk', 'user'] }],
  ['by a grant of a synced key', { ...auth, touch: false, hardware: false }, { auth_time: at - 60, acr: 'urn:symbolon:acr:grant', amr: ['swk', 'user'] }],
])('say that a person was there, %s (RFC 8176)', (_, auth, wanted) => {
  expect(claims({ auth })).toMatchObject(wanted)
  expect(tokenClaims.parse(claims({ auth }))).toEqual(claims({ auth }))
})
test('say so of nobody else', () => expect(Object.keys(claims()).filter((name) => ['auth_time', 'acr', 'amr'].includes(name))).toEqual([]))

test('R-2 name the grant that they go back to', () => expect(claims({ origin: { kind: 'grant' }, grant: world.bundle.digest })['urn:symbolon:v1'].origin).toEqual({ kind: 'grant', grant: world.bundle.digest }))
