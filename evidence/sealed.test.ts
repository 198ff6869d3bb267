import { describe, expect, test } from 'vitest'
import type { KeyObject } from 'node:crypto'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { sealedDigest, type SealedEvidence } from '@symbolon/protocol/sealed.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { ask, boundTo, document, edPair, fetchedKeys, idToken, issueTime, keys, proofJwkOf, proofPayloadFor, jws, verdict, type Asked } from './evidence.testkit.ts'
import { someDigest } from './passkey.testkit.ts'
import { openVerifier } from './verify.ts'

const asked = ask({ sub: 'pinned-job' })
const ceiling = { max_ttl: 300, scope: ['read:logs'] }
const withClass = (kind: 'static' | 'bearer'): Roster => document({ issuers: document().issuers.map((row) => (row.id === 'pinned' ? { ...row, class: kind, ceiling } : row)) })
const on = withClass('static')

const sealed: SealedEvidence['sealed'] = [{ signer: 1, enc: toBase64url(new Uint8Array(65).fill(4)), ct: toBase64url(new Uint8Array(40)) }]
const item = (of: Asked = asked, { header = {}, payload = {}, key = keys.holder.privateKey }: { header?: object; payload?: object; key?: KeyObject } = {}): Evidence => ({
  kind: 'sealed_id_token',
  sealed,
  proof: jws({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', jwk: proofJwkOf(keys.holder.publicKey), ...header }, proofPayloadFor(of, { of: sealedDigest(sealed), ...payload }), key),
})
const clear = (claims: object = {}): string => {
  const made = idToken(asked, { header: { kid: 'rsa' }, claims: { iss: 'https://pinned.example', aud: 'https://mint.example/ci', project_id: '7', iat: issueTime - 10, nbf: issueTime - 10, exp: issueTime + 3000, ...claims } })
  if (made.kind !== 'id_token') throw new Error('an ID token')
  return made.token
}
const judgeSealed = ({ evidence = item(), opened = clear() as string | null, roster = on, of = asked, presumesSealed = false }: { evidence?: Evidence; opened?: string | null; roster?: Roster; of?: Asked; presumesSealed?: boolean } = {}) =>
  openVerifier(roster, undefined, { presumesSealed }).verify({ ...of, evidence: [evidence], issuerKeys: fetchedKeys(), ...(opened === null ? {} : { opened }) })

describe('I-6 a sealed ID token', () => {
  test('yields the trust, class static, the row’s ceiling, and belongs to the key that showed it', () => {
    const owner = thumbprint(proofJwkOf(keys.holder.publicKey))
    expect(judgeSealed()).toMatchObject({
      ok: true,
      value: {
        principal: { id: 'pinned-job', kind: 'trust', claims: { project_id: '7' } },
        evidence: { kind: 'id_token', class: 'static', age: 10 },
        origin: { kind: 'id_token', class: 'static', ceiling },
        ceiling,
        singleUse: [{ owner, until: issueTime - 10 + 600 + 1 + 300 + 60 }],
      },
    })
  })

  test('is spent under one name whoever shows it, so that the first owner keeps it', () => {
    const thief = edPair()
    const [mine, theirs] = [judgeSealed(), judgeSealed({ evidence: item(asked, { header: { jwk: proofJwkOf(thief.publicKey) }, key: thief.privateKey }) })]
    if (!mine.ok || !theirs.ok) throw new Error('both are sound by themselves')
    expect(mine.value.singleUse[0]?.id).toBe(theirs.value.singleUse[0]?.id)
    expect(mine.value.singleUse[0]?.owner).not.toBe(theirs.value.singleUse[0]?.owner)
  })

  test.each<[string, Parameters<typeof judgeSealed>[0], string]>([
    ['that was not opened', { opened: null }, 'sealed_unreadable sealed'],
    ['that opens to nonsense', { opened: 'x' }, 'evidence_malformed id_token'],
    ['of an issuer whose class is bearer', { roster: withClass('bearer') }, 'id_token_class issuer:pinned'],
    ['that is bound to the intent anyway', { opened: clear({ aud: boundTo(asked) }) }, 'id_token_audience id_token.aud'],
    ['for another audience', { opened: clear({ aud: 'https://other.example' }) }, 'id_token_audience id_token.aud'],
    ['that is too old', { opened: clear({ iat: issueTime - 601 }) }, 'id_token_expired issuer:pinned'],
    ['of nobody’s job', { opened: clear({ project_id: '8' }) }, 'trust_none trusts'],
    ['with a proof by another key', { evidence: item(asked, { key: keys.stranger.privateKey }) }, 'proof_invalid proof.signature'],
    ['with a proof for another list', { evidence: item(asked, { payload: { of: someDigest('other') } }) }, 'proof_mismatch proof.of'],
    ['with a proof for another intent', { evidence: item(ask({ sub: 'pinned-job', scope: ['write:staging'] })) }, 'proof_mismatch proof.intent'],
    ['with a proof that carries no key', { evidence: item(asked, { header: { jwk: undefined, kid: 'svc-deploy-2' } }) }, 'evidence_malformed proof'],
    ['with a proof that names a registered key beside', { evidence: item(asked, { header: { kid: 'svc-deploy-2' } }) }, 'proof_invalid sealed.proof'],
  ])('%s is refused', (_, options, expected) => expect(verdict(judgeSealed(options))).toBe(expected))

  test('sent in clear it counts for nothing', () => {
    expect(verdict(judgeSealed({ evidence: { kind: 'id_token', token: clear() }, opened: null }))).toBe('id_token_class issuer:pinned')
  })
})

describe('where nobody can open it', () => {
  test('whom the intent names is presumed, without claims, under the same ceiling and origin', () => {
    expect(judgeSealed({ opened: null, presumesSealed: true })).toEqual({
      ok: true,
      value: { principal: { id: 'pinned-job', kind: 'trust', roles: ['engineer'], groups: [], claims: {} }, evidence: { kind: 'id_token', class: 'static', age: 0 }, origin: { kind: 'id_token', class: 'static', ceiling }, ceiling, singleUse: [] },
    })
  })
  test.each<[string, Parameters<typeof judgeSealed>[0], string]>([
    ['of an issuer of another class', { roster: withClass('bearer') }, 'id_token_class intent.sub'],
    ['a service', { of: ask(), evidence: item(ask()) }, 'id_token_class intent.sub'],
    ['with a proof that does not verify', { evidence: item(asked, { key: keys.stranger.privateKey }) }, 'proof_invalid proof.signature'],
  ])('nobody is presumed %s', (_, options, expected) => expect(verdict(judgeSealed({ ...options, opened: null, presumesSealed: true }))).toBe(expected))
})
