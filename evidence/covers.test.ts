import { describe, expect, test } from 'vitest'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { intentKinds, type IntentKind } from '@symbolon/protocol/intent.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { document, ecPair, edPair, everyKind, grantBy, idToken, judge, jws, keys, peopled, proofBy, proofJwkOf, tokenBy, tokenClaimsFor, bensKey, verdict, type Asked } from './evidence.testkit.ts'

/* What each kind of evidence can ask for: every cell. */

const code = edPair()
const bootstrap = { kty: 'OKP', crv: 'Ed25519', x: (proofJwkOf(code.publicKey) as { x: string }).x } as ReturnType<typeof document>['bootstrap'] & object
const byCode = (asked: Asked, kid = 'bootstrap', key = code.privateKey): Evidence => proofBy(asked, { header: { kid }, key })
const first = document({ bootstrap })
const personsToken = (asked: Asked) => tokenBy(asked, { claims: { sub: 'ben', 'urn:symbolon:v1': { ...tokenClaimsFor()['urn:symbolon:v1'], origin: { kind: 'passkey' } } } })

/** In whose vault all is combined by the vault process; the intents of `everyKind` are about `app/db`. */
const vaultKey = proofJwkOf(ecPair().publicKey)
if (vaultKey.crv !== 'P-256') throw new Error('another key')
const withVault = peopled({ vault: { hpke: vaultKey, audience: 'https://facade.example' }, namespaces: [{ id: 'app', name: 'App', combine: 'vault' }] })
const facadeBy = ({ intent }: Asked): Evidence => {
  const { cnf: _, ...claims } = tokenClaimsFor({ aud: 'https://facade.example', iat: intent.iat, exp: intent.iat + 900 })
  return { kind: 'facade', token: jws({ alg: 'EdDSA', kid: thumbprint(proofJwkOf(keys.group.publicKey)), typ: 'at+jwt' }, claims, keys.group.privateKey) }
}

const secrets: readonly IntentKind[] = ['secret.read', 'secret.list', 'secret.write', 'secret.delete', 'secret.undelete', 'secret.destroy', 'secret.meta']
const rows: readonly [string, (asked: Asked) => Evidence, string, ReturnType<typeof document>, readonly IntentKind[]][] = [
  ['passkey', (asked) => ({ kind: 'passkey', assertion: bensKey.assert(asked.digest) }), 'ben', peopled(), ['token', 'grant', 'roster', 'revoke', 'lock', 'read', ...secrets]],
  ['grant', (asked) => grantBy(asked), 'ben', peopled(), ['token', 'revoke', 'read', ...secrets]],
  ['token', personsToken, 'ben', peopled(), ['token', 'revoke', 'read', ...secrets]],
  ['key', (asked) => proofBy(asked), 'svc-deploy', peopled(), ['token', 'revoke', 'lock', 'read', ...secrets]],
  ['id_token', (asked) => idToken(asked), 'ci-deploy', peopled(), ['token', 'revoke', 'lock', 'read', ...secrets]],
  ['bootstrap', (asked) => byCode(asked), 'bootstrap', first, ['roster', 'read']],
]

describe.each(rows)('evidence %s', (name, evidence, sub, on, covered) => {
  const asked = everyKind(sub)
  test.each(intentKinds)('for an intent of kind %s', (kind) => {
    expect(verdict(judge(asked[kind], evidence(asked[kind]), { on }))).toBe(covered.includes(kind) ? 'ok' : `evidence_kind_unsupported ${name}.kind`)
  })
})

describe('evidence facade', () => {
  const asked = everyKind('svc-deploy')
  test.each(intentKinds)('I-8 for an intent of kind %s', (kind) => {
    const said = verdict(judge(asked[kind], facadeBy(asked[kind]), { on: withVault }))
    // Two of these ask for more than such a token may have: a reply to another key than the vault's, and another's end.
    const beyond: Partial<Record<IntentKind, string>> = { 'secret.read': 'facade_not_allowed intent.reply', revoke: 'facade_not_allowed intent.id' }
    expect(said).toBe(beyond[kind] ?? (secrets.includes(kind) ? 'ok' : 'evidence_kind_unsupported facade.kind'))
  })
})

describe('the bootstrap key', () => {
  const asked = everyKind('bootstrap')
  test('is a principal of its own, without roles', () => {
    expect(judge(asked.roster, byCode(asked.roster), { on: first })).toEqual({ ok: true, value: { principal: { id: 'bootstrap', kind: 'bootstrap', roles: [], groups: [], claims: {} }, evidence: { kind: 'key', age: 0 }, origin: { kind: 'key' }, singleUse: [] } })
  })
  test('is gone from version 2 on', () => {
    expect(verdict(judge(asked.roster, byCode(asked.roster), { on: peopled() }))).toBe('key_unknown proof.kid')
  })
  test('is none but the one in the document', () => {
    expect(verdict(judge(asked.roster, byCode(asked.roster, 'bootstrap', edPair().privateKey), { on: first }))).toBe('proof_invalid proof.signature')
    expect(verdict(judge(asked.roster, byCode(asked.roster, 'svc-deploy-2', code.privateKey), { on: first }))).toBe('evidence_kind_unsupported key.kind')
  })
  test('is not replaced by a service’s key of that name, in any version', () => {
    const impostor = [{ id: 'svc-x', name: 'X', roles: ['sre'], groups: [], keys: [{ id: 'bootstrap', jwk: proofJwkOf(keys.service.publicKey) }] }]
    const token = everyKind('svc-x').token
    const evidence = byCode(token, 'bootstrap', keys.service.privateKey)
    expect(verdict(judge(token, evidence, { on: document({ bootstrap, services: impostor }) }))).toBe('evidence_kind_unsupported bootstrap.kind')
    expect(verdict(judge(token, evidence, { on: peopled({ services: impostor }) }))).toBe('key_unknown proof.kid')
  })
})

test('a proof that is made for one kind of intent is none for another', () => {
  const { read, revoke } = everyKind('svc-deploy')
  const proof = jws({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: 'svc-deploy-2' }, { iss: read.intent.iss, intent: Buffer.from(revoke.digest).toString('base64url'), kind: 'read', iat: revoke.intent.iat }, keys.service.privateKey)
  expect(verdict(judge(revoke, { kind: 'key', proof }))).toBe('proof_mismatch proof.kind')
})
