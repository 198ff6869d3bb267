import { describe, expect, test } from 'vitest'
import { ask, document, here, issueTime, judge, jws, keys, proofBy, proofJwkOf, proofPayloadFor, verdict } from './evidence.testkit.ts'

const asked = ask()
const otherDigest = ask({ nonce: 'AgICAgICAgICAgICAgICAg' as never })

describe('evidence by a registered key', () => {
  test('yields the service with its own roles', () => {
    expect(judge(asked, proofBy(asked))).toEqual({
      ok: true,
      value: { principal: { id: 'svc-deploy', kind: 'service', roles: ['engineer'], groups: ['ops'], owner: 'ann', claims: {} }, evidence: { kind: 'key', age: 0 }, origin: { kind: 'key' }, singleUse: [] },
    })
  })

  test('the previous key still counts, by its own algorithm', () => {
    expect(verdict(judge(asked, proofBy(asked, { header: { kid: 'svc-deploy-1', alg: 'ES256' }, key: keys.previous.privateKey })))).toBe('ok')
  })

  test.each<[string, Parameters<typeof proofBy>[1], string]>([
    ['a key that is in no row', { header: { kid: 'svc-gone-1' } }, 'key_unknown proof.kid'],
    ['no kid', { header: { kid: undefined } }, 'proof_invalid proof.kid'],
    ['J-3 a key of its own beside the kid', { header: { jwk: proofJwkOf(keys.stranger.publicKey) } }, 'proof_invalid proof.kid'],
    ['another row’s key', { header: { kid: 'svc-other-1' } }, 'proof_invalid proof.signature'],
    ['J-1 the algorithm of another key', { header: { kid: 'svc-deploy-1', alg: 'EdDSA' } }, 'proof_invalid proof.alg'],
    ['J-1 an algorithm that proofs do not have', { header: { alg: 'Ed25519' } }, 'evidence_malformed proof'],
    ['J-4 an access token’s typ', { header: { typ: 'at+jwt' } }, 'evidence_malformed proof'],
    ['J-4 a DPoP proof’s typ', { header: { typ: 'dpop+jwt' } }, 'evidence_malformed proof'],
    ['J-4 no typ', { header: { typ: undefined } }, 'evidence_malformed proof'],
    ['J-3 a URL for its key', { header: { jku: 'https://evil.example/jwks' } }, 'evidence_malformed proof'],
    ['a claim that proofs do not have', { payload: { sub: 'ann' } }, 'evidence_malformed proof'],
    ['I-1 another deployment', { payload: { iss: 'https://staging.example' } }, 'proof_mismatch proof.iss'],
    ['J-7 this deployment with a slash', { payload: { iss: `${here}/` } }, 'proof_mismatch proof.iss'],
    ['I-1 another intent', { payload: proofPayloadFor(otherDigest) }, 'proof_mismatch proof.intent'],
    ['U-2 a kind of intent that does not exist', { payload: { kind: 'ceremony-of-tea' } }, 'evidence_malformed proof'],
    ['I-1 another kind of intent', { payload: { kind: 'roster' } }, 'proof_mismatch proof.kind'],
    ['a proof that rides on something', { payload: { of: proofPayloadFor(asked).intent } }, 'proof_mismatch proof.of'],
    ['a time before the intent', { payload: { iat: issueTime - 1 } }, 'proof_expired proof.iat'],
    ['a time after the intent', { payload: { iat: issueTime + 301 } }, 'proof_expired proof.iat'],
    ['J-6 a time as text', { payload: { iat: `${issueTime}` } }, 'evidence_malformed proof'],
  ])('%s is refused', (_, change, expected) => expect(verdict(judge(asked, proofBy(asked, change)))).toBe(expected))

  test.each([issueTime, issueTime + 300])('the edges of the window belong to it: %i', (iat) => expect(verdict(judge(asked, proofBy(asked, { payload: { iat } })))).toBe('ok'))

  test('I-1 one intent’s proof is worthless for another', () => {
    expect(verdict(judge(otherDigest, proofBy(asked)))).toBe('proof_mismatch proof.intent')
  })

  test('a removed row ends with the roster version that removes it', () => {
    expect(verdict(judge(asked, proofBy(asked), { on: document({ services: [] }) }))).toBe('key_unknown proof.kid')
  })

  test('J-1 ES256 in place of the key’s EdDSA fails before any signature is looked at', () => {
    const proof = jws({ typ: 'symbolon-proof+jwt', alg: 'ES256', kid: 'svc-deploy-2' }, proofPayloadFor(asked), keys.service.privateKey)
    expect(verdict(judge(asked, { kind: 'key', proof }))).toBe('proof_invalid proof.alg')
  })
})

describe('one item names the principal', () => {
  test('none is not enough', () => expect(verdict(judge(asked, []))).toBe('evidence_malformed evidence'))
  test('two are too many, even the same twice', () => {
    expect(verdict(judge(asked, [proofBy(asked), proofBy(asked)]))).toBe('evidence_ambiguous evidence')
    expect(verdict(judge(asked, [proofBy(asked), proofBy(asked, { header: { kid: 'svc-other-1' }, key: keys.stranger.privateKey })]))).toBe('evidence_ambiguous evidence')
  })
})
