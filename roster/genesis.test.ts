import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { certificateBytes, type Certificate, type CertificateStatement } from '@symbolon/protocol/ceremony.ts'
import { p256Jwk } from '@symbolon/protocol/fields.ts'
import { purposes } from '@symbolon/protocol/purpose.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { verifyGenesis, versionOne } from './genesis.ts'
import { keysetBytes, keysetOf, type SignedKeyset } from './keyset.ts'
import { decodePlan, plan as planSchema, planDigest, problemsOfPlan, type Plan } from './plan.ts'
import type { Roster } from './roster.ts'

const ids = [1, 2, 3]
const bytes = (length: number, fill: number) => toBase64url(new Uint8Array(length).fill(fill))
const keys = new Map(ids.map((id) => [id, generateKeyPairSync('ec', { namedCurve: 'P-256' })]))
const jwkOf = (key: KeyObject | undefined) => p256Jwk.parse(key?.export({ format: 'jwk' }))
const hpke = new Map(ids.map((id) => [id, jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)]))
const signedBy = (id: number, message: Uint8Array): Base64url => {
  const key = keys.get(id)?.privateKey
  if (key === undefined) throw new Error(`no signer ${id}`)
  return toBase64url(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }))
}

const planOf = (change: object = {}, template: object = {}): Plan =>
  planSchema.parse({
    v: 1, nonce: bytes(16, 1), purposes: [...purposes], epoch: 1, t: 2, n: 3, members: ids.map((id) => ({ id, keygen: `127.0.0.1:${7100 + id}` })),
    template: {
      v: 1, version: 1, deployment: { name: 'test', issuer: 'https://mint.example', rp_id: 'mint.example', console_origins: ['https://console.example'] },
      bootstrap: { kty: 'OKP', crv: 'Ed25519', x: bytes(32, 90) }, people: [], grants: { max: 43_200 }, clients: [], services: [], issuers: [], trusts: [], audiences: ['https://logs.example'], default_audience: 'https://logs.example',
      scopes: ['read:logs'], token: { default_ttl: 900, max_ttl: 3600 }, rate: 600,
      signers: ids.map((id) => ({ id, name: `signer-${id}`, address: `127.0.0.1:${7000 + id}`, identity: jwkOf(keys.get(id)?.publicKey), hpke: hpke.get(id) })), policy: bytes(32, 99), ...template,
    },
    ...change,
  })
const plan = planOf()
const statementOf = (change: Partial<CertificateStatement> = {}): CertificateStatement => ({
  v: 1, plan: planDigest(plan), session: bytes(32, 2), transcript: bytes(32, 3),
  groups: purposes.map((purpose, at) => ({ purpose, epoch: 1, t: 2, n: 3, key: bytes(32, 10 + at), shares: ids.map((id) => ({ id, share: bytes(32, 20 + 4 * at + id) })) })), ...change,
})
const certify = (statement: CertificateStatement, by = ids): Certificate => ({ statement, signatures: by.map((signer) => ({ signer, signature: signedBy(signer, certificateBytes(statement)) })) })
const signKeyset = (roster: Roster, by = ids, iat = 1_700_000_000): SignedKeyset => {
  const keyset = keysetOf(roster)
  return { keyset, signatures: by.map((signer) => ({ signer, iat, signature: signedBy(signer, keysetBytes(keyset, iat)) })) }
}
const files = () => {
  const certificate = certify(statementOf())
  const roster = versionOne(plan, certificate.statement)
  return { plan, roster, certificate, keyset: signKeyset(roster) }
}
const codeOf = (given: Parameters<typeof verifyGenesis>[0]) => {
  const result = verifyGenesis(given)
  return result.ok ? 'ok' : `${result.code} ${result.detail}`
}

describe('version 1', () => {
  test('is a function of plan and certificate: the template, and each group key under its thumbprint', () => {
    const { roster } = files()
    expect({ ...roster, groups: [] }).toEqual({ ...plan.template, groups: [] })
    expect(roster.groups.map(({ purpose }) => purpose)).toEqual([...purposes])
    for (const group of roster.groups) expect(group).toMatchObject({ alg: 'EdDSA', kid: thumbprint({ kty: 'OKP', crv: 'Ed25519', x: group.key }) })
  })

  test('is believed with every member’s word, with and without the plan', () => {
    expect(codeOf(files())).toBe('ok')
    const { plan: _, ...rest } = files()
    expect(codeOf(rest)).toBe('ok')
  })

  type Files = ReturnType<typeof files>
  const resealed = (change: (roster: Roster) => Roster) => ({ roster, ...rest }: Files): Files => {
    const changed = change(roster)
    return { ...rest, roster: changed, keyset: signKeyset(changed) }
  }
  test.each<[string, (files: Files) => Files, string]>([
    ['of another plan', (all) => ({ ...all, plan: planOf({ nonce: bytes(16, 9) }) }), `plan_differs ${planDigest(plan)}`],
    ['SEC-16 certified by two of three', (all) => ({ ...all, certificate: certify(all.certificate.statement, [1, 2]) }), 'certificate_incomplete signer 3'],
    ['SEC-16 certified by one member twice', (all) => ({ ...all, certificate: certify(all.certificate.statement, [1, 2, 2]) }), 'certificate_signature_invalid signer 2'],
    ['SEC-16 certified by a stranger', (all) => ({ ...all, certificate: { ...all.certificate, signatures: all.certificate.signatures.map((row) => (row.signer === 3 ? { ...row, signer: 9 } : row)) } }), 'certificate_signature_invalid signer 9'],
    ['SEC-16 with a signature under something else', (all) => ({ ...all, certificate: { ...all.certificate, statement: statementOf({ transcript: bytes(32, 4) }) } }), 'certificate_signature_invalid signer 1'],
    ['with another verifying share', resealed((roster) => ({ ...roster, groups: roster.groups.map((group) => ({ ...group, shares: group.shares.map((row) => ({ ...row, share: bytes(32, 77) })) })) })), 'groups_differ roster and certificate'],
    ['with a purpose less', resealed((roster) => ({ ...roster, groups: roster.groups.slice(1) })), 'groups_differ roster and certificate'],
    ['with another kid', resealed((roster) => ({ ...roster, groups: roster.groups.map((group) => ({ ...group, kid: bytes(32, 1) })) })), 'groups_differ roster and certificate'],
    ['with another rate', resealed((roster) => ({ ...roster, rate: 601 })), 'roster_differs version 1 is not what plan and certificate make'],
    ['with a service more', resealed((roster) => ({ ...roster, services: [{ id: 'x', name: 'x', roles: ['sre'], groups: [], keys: [{ id: 'x-1', jwk: { kty: 'OKP', crv: 'Ed25519', x: bytes(32, 5) } }] }] })), 'roster_differs version 1 is not what plan and certificate make'],
    ['I-5 with the keyset of another roster', (all) => ({ ...all, keyset: signKeyset({ ...all.roster, rate: 601 }) }), 'keyset_differs not this roster’s keyset'],
    ['I-5 with a keyset that claims a lineage', (all) => ({ ...all, keyset: { ...all.keyset, keyset: { ...all.keyset.keyset, lineage: bytes(32, 1) } } }), 'keyset_differs not this roster’s keyset'],
    ['I-5 with a keyset that t signed', (all) => ({ ...all, keyset: signKeyset(all.roster, [1, 3]) }), 'keyset_incomplete signer 2'],
    ['I-5 with a keyset signature of another time', (all) => ({ ...all, keyset: { ...all.keyset, signatures: all.keyset.signatures.map((row) => (row.signer === 2 ? { ...row, iat: row.iat + 1 } : row)) } }), 'keyset_signature_invalid signer 2'],
  ])('%s is refused', (_, change, code) => expect(codeOf(change(files()))).toBe(code))

  test('without the plan a changed template is caught by the keyset that all signed', () => {
    const { plan: _, roster, ...rest } = files()
    expect(codeOf({ ...rest, roster: { ...roster, rate: 601 } })).toBe('keyset_differs not this roster’s keyset')
  })
})

describe('the plan', () => {
  test('may be spelled in any way, and has one digest', () => {
    const spelled = decodePlan(utf8(JSON.stringify(plan, null, 2)))
    expect(spelled.ok && planDigest(spelled.value)).toBe(planDigest(plan))
    expect(problemsOfPlan(plan)).toEqual([])
  })

  test.each<[string, object, object, string]>([
    ['2t ≤ n', { t: 2, n: 4, members: [1, 2, 3, 4].map((id) => ({ id, keygen: `127.0.0.1:${id}` })) }, { signers: [...plan.template.signers, { ...plan.template.signers[0], id: 4, name: 'signer-4', identity: hpke.get(1) }] }, 't: 2t ≤ n (t 2, n 4): two quorums could act without knowing of each other'],
    ['t > n', { t: 4 }, {}, 't: 4 of 3 can never sign'],
    ['n that is not the number of members', { n: 4, t: 3 }, {}, 'n: is 4, but there are 3 members'],
    ['a member that is no signer', { members: [1, 2, 4].map((id) => ({ id, keygen: `127.0.0.1:${id}` })) }, {}, 'members: must be the template’s signers, in the same order'],
    ['two members at one address', { members: ids.map((id) => ({ id, keygen: '127.0.0.1:1' })) }, {}, 'members: keygen addresses must differ'],
    ['TST-42 one purpose twice', { purposes: ['token', 'token', 'vault', 'log'] }, {}, 'purposes: must be token, record, vault, log'],
    ['an identity key off the curve', {}, { signers: plan.template.signers.map((row) => (row.id === 2 ? { ...row, identity: { ...row.identity, y: bytes(32, 1) } } : row)) }, 'template: a key of signer 2 is not on the curve'],
    ['a template that is not sound', {}, { default_audience: 'https://other.example' }, 'template: default_audience: must be one of audiences'],
  ])('with %s is a problem', (_, change, template, problem) => expect(problemsOfPlan(planOf(change, template))).toEqual([problem]))

  test.each<[string, object]>([
    ['an unknown field', { dealer: 1 }],
    ['one signer', { t: 1 }],
    ['a second epoch', { epoch: 2 }],
    ['a purpose less', { purposes: ['token', 'record', 'vault'] }],
  ])('SEC-05 with %s is refused', (_, change) => expect(planSchema.safeParse({ ...plan, ...change }).success).toBe(false))
})
