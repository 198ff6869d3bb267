import { describe, expect, test } from 'vitest'
import { thumbprint as jkt } from '@symbolon/protocol/thumbprint.ts'
import { narrow } from './ceiling.ts'
import { ask, document, ecPair, here, idToken, issueTime, judge, keys, proofJwkOf, tokenBy, tokenClaimsFor, verdict } from './evidence.testkit.ts'

const asked = ask()

describe('evidence by a live token', () => {
  test('yields its subject as the roster has it now, within the token’s own scope and end', () => {
    const ceiling = { scope: ['read:logs', 'write:staging'], end: issueTime + 800 }
    expect(judge(asked, tokenBy(asked))).toEqual({
      ok: true,
      value: { principal: { id: 'svc-deploy', kind: 'service', roles: ['engineer'], groups: ['ops'], owner: 'ann', claims: {} }, evidence: { kind: 'token', age: 100 }, origin: { kind: 'key', ceiling }, ceiling, singleUse: [] },
    })
  })

  test('of an earlier epoch counts while the roster lists its key', () => {
    const kid = document().groups[0]?.kid
    expect(verdict(judge(asked, tokenBy(asked, { header: { kid }, key: keys.oldGroup.privateKey })))).toBe('ok')
  })

  test('a holder’s P-256 key proves as well', () => {
    const holder = ecPair()
    const jwk = proofJwkOf(holder.publicKey)
    expect(verdict(judge(asked, tokenBy(asked, { claims: { cnf: { jkt: jkt(jwk) } }, proofHeader: { alg: 'ES256', jwk }, holder: holder.privateKey })))).toBe('ok')
  })

  test('B-2 the actor goes along', () => {
    const act = { sub: 'svc-other', act: { sub: 'ci-deploy' } }
    const result = judge(asked, tokenBy(asked, { claims: { act } }))
    expect(result.ok && result.value.act).toEqual(act)
  })

  test.each<[string, object]>([
    ['at the front', { sub: 'svc-gone', act: { sub: 'svc-other' } }],
    ['behind another', { sub: 'svc-other', act: { sub: 'svc-gone' } }],
  ])('B-2 an actor %s who was removed ends the token', (_, act) => {
    expect(verdict(judge(asked, tokenBy(asked, { claims: { act } })))).toBe('token_invalid token.act')
  })

  test('B-2 B-3 an actor who is locked stops the token', () => {
    const evidence = tokenBy(asked, { claims: { act: { sub: 'svc-other', act: { sub: 'ci-deploy' } } } })
    expect(verdict(judge(asked, evidence, { stops: { revoked: [], locked: [{ row: 'ci-deploy', until: issueTime + 1 }] } }))).toBe('locked lock:ci-deploy')
    expect(verdict(judge(asked, evidence, { stops: { revoked: [], locked: [{ row: 'ci-deploy', until: issueTime }] } }))).toBe('ok')
  })

  test('I-6 B-1 a ceiling from the beginning is carried on, and only ever narrowed', () => {
    const origin = { kind: 'id_token', class: 'bearer', ceiling: { scope: ['read:logs'], max_ttl: 600, end: issueTime + 5000 } }
    const result = judge(asked, tokenBy(asked, { claims: { sub: 'pinned-job', 'urn:symbolon:v1': { policy: document().policy, origin } } }))
    const ceiling = { scope: ['read:logs'], max_ttl: 300, end: issueTime + 800 }
    expect(result.ok && result.value).toMatchObject({ principal: { id: 'pinned-job', claims: {} }, evidence: { kind: 'token', class: 'bearer' }, origin: { kind: 'id_token', class: 'bearer', ceiling }, ceiling })
  })

  test.each<[string, object, object]>([
    ['the token’s, where that is tighter than the row’s', { max_ttl: 60, scope: ['read:logs'] }, { max_ttl: 60, scope: ['read:logs'], end: issueTime + 800 }],
    ['nothing, where the two share nothing', { max_ttl: 600, scope: ['write:staging'] }, { max_ttl: 300, scope: [], end: issueTime + 800 }],
  ])('I-6 the ceiling is %s', (_, carried, expected) => {
    const origin = { kind: 'id_token', class: 'bearer', ceiling: carried }
    const result = judge(asked, tokenBy(asked, { claims: { sub: 'pinned-job', 'urn:symbolon:v1': { policy: document().policy, origin } } }))
    expect(result.ok && result.value.ceiling).toEqual(expected)
  })

  test('S-3 when a row stops to accept class bearer, what was made from it stops too', () => {
    const issuers = document().issuers.map((row) => (row.id === 'pinned' ? { ...row, class: 'bound' as const } : row))
    const origin = { kind: 'id_token', class: 'bearer', ceiling: { max_ttl: 300 } }
    const evidence = tokenBy(asked, { claims: { sub: 'pinned-job', 'urn:symbolon:v1': { policy: document().policy, origin } } })
    expect(verdict(judge(asked, evidence))).toBe('ok')
    expect(verdict(judge(asked, evidence, { on: document({ issuers }) }))).toBe('token_invalid token.origin')
  })

  const stranger = ecPair()
  test.each<[string, Parameters<typeof tokenBy>[1], string]>([
    ['no cnf', { claims: { cnf: undefined } }, 'token_not_bound token.cnf'],
    ['another audience', { claims: { aud: 'https://logs.example' } }, 'token_invalid token.aud'],
    ['J-7 our audience with a slash', { claims: { aud: `${here}/` } }, 'token_invalid token.aud'],
    ['J-7 our audience in a list', { claims: { aud: [here] } }, 'token_invalid token'],
    ['I-1 another deployment', { claims: { iss: 'https://staging.example' } }, 'token_invalid token.iss'],
    ['R-3 an end at the issue time', { claims: { exp: issueTime } }, 'token_expired token.exp'],
    ['R-3 a beginning over a minute ahead', { claims: { nbf: issueTime + 61 } }, 'token_invalid token.nbf'],
    ['J-3 a kid of no group', { header: { kid: jkt(proofJwkOf(keys.stranger.publicKey)).replace(/^./, 'A') } }, 'token_invalid token.kid'],
    ['J-4 a kid of a group with another purpose', { header: { kid: document().groups[2]?.kid }, key: keys.stranger.privateKey }, 'token_invalid token.kid'],
    ['J-4 no typ', { header: { typ: undefined } }, 'token_invalid token'],
    ['J-4 an ID token’s typ', { header: { typ: 'JWT' } }, 'token_invalid token'],
    ['J-1 another spelling of its algorithm', { header: { alg: 'Ed25519' } }, 'token_invalid token'],
    ['a claim that tokens do not have', { claims: { roles: ['sre'] } }, 'token_invalid token'],
    ['another key’s signature', { key: keys.stranger.privateKey }, 'token_invalid token.signature'],
    ['a subject that left the roster', { claims: { sub: 'svc-gone' } }, 'token_invalid token.sub'],
    ['a proof by another key', { proofHeader: { alg: 'ES256', jwk: proofJwkOf(stranger.publicKey) }, holder: stranger.privateKey }, 'proof_invalid token.cnf'],
    ['a proof that shows the key without having it', { holder: keys.stranger.privateKey }, 'proof_invalid proof.signature'],
    ['a proof by a registered key', { proofHeader: { jwk: undefined, kid: 'svc-deploy-2' }, holder: keys.service.privateKey }, 'proof_invalid token.cnf'],
    ['a proof that names a registered key beside its own', { proofHeader: { kid: 'svc-deploy-2' } }, 'proof_invalid token.cnf'],
    ['a proof for another token', { proof: { of: document().policy } }, 'proof_mismatch proof.of'],
    ['a proof for no token', { proof: { of: undefined } }, 'proof_mismatch proof.of'],
    ['a proof for another intent', { proof: { intent: document().policy } }, 'proof_mismatch proof.intent'],
    ['a proof that is too old', { proof: { iat: issueTime - 1 } }, 'proof_expired proof.iat'],
  ])('with %s is refused', (_, change, expected) => expect(verdict(judge(asked, tokenBy(asked, change)))).toBe(expected))

  test('R-3 the last second counts', () => expect(verdict(judge(asked, tokenBy(asked, { claims: { exp: issueTime + 1, nbf: issueTime + 60 } })))).toBe('ok'))

  test('J-4 an access token is no ID token, and an ID token no access token', () => {
    const own = tokenBy(asked)
    if (own.kind !== 'token') throw new Error('a token')
    expect(verdict(judge(asked, { kind: 'id_token', token: own.token }))).toBe('issuer_unknown id_token.iss')
    const issuers = [{ id: 'self', issuer: here, jwks_uri: `${here}/jwks`, class: 'bound' as const, max_age: 600 }]
    expect(verdict(judge(asked, { kind: 'id_token', token: own.token }, { on: document({ issuers, trusts: [] }) }))).toBe('id_token_invalid id_token.typ')
    const foreign = idToken(asked)
    if (foreign.kind !== 'id_token') throw new Error('an ID token')
    expect(verdict(judge(asked, { ...own, token: foreign.token }))).toBe('token_invalid token')
    expect(verdict(judge(asked, { kind: 'key', proof: own.token }))).toBe('evidence_malformed proof')
    expect(verdict(judge(asked, { ...own, proof: own.token }))).toBe('evidence_malformed proof')
    expect(tokenClaimsFor().iss).toBe(here)
  })
})

describe('ceilings', () => {
  test.each([
    [{}, {}, {}],
    [{ scope: ['a', 'b'] }, {}, { scope: ['a', 'b'] }],
    [{}, { scope: ['a'] }, { scope: ['a'] }],
    [{ scope: ['a', 'b'] }, { scope: ['b', 'c'] }, { scope: ['b'] }],
    [{ scope: ['a'] }, { scope: ['b'] }, { scope: [] }],
    [{ max_ttl: 5, end: 9 }, { max_ttl: 7, end: 3 }, { max_ttl: 5, end: 3 }],
    [{ end: 9 }, { max_ttl: 7 }, { max_ttl: 7, end: 9 }],
  ])('T-2 %j and %j allow %j', (a, b, both) => expect(narrow(a, b)).toEqual(both))
})
