import { describe, expect, test } from 'vitest'
import { toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { fingerprint, keysetBytes, keysetOf, lineageOf } from './keyset.ts'
import { decodeRoster, encodeRoster, groupOf, problemsOf, roster, rosterDigest, type Roster } from './roster.ts'

const bytes = (length: number, fill: number) => toBase64url(new Uint8Array(length).fill(fill))
const p256 = (fill: number) => ({ kty: 'EC', crv: 'P-256', x: bytes(32, fill), y: bytes(32, fill + 1) }) as const
const group = (purpose: 'token' | 'record', epoch: number, fill: number) =>
  ({ purpose, epoch, t: 2, n: 3, key: bytes(32, fill), kid: bytes(32, fill + 1), alg: 'EdDSA', shares: [1, 2, 3].map((id) => ({ id, share: bytes(32, fill + 2 + id) })) }) as const

const document = (change: Partial<Roster> = {}): Roster =>
  roster.parse({
    v: 1,
    version: 1,
    deployment: { name: 'test', issuer: 'https://mint.example', rp_id: 'mint.example', console_origins: ['https://console.example'] },
    bootstrap: { kty: 'OKP', crv: 'Ed25519', x: bytes(32, 90) },
    people: [],
    grants: { max: 43_200 },
    clients: [{ id: 'symbolon-cli', name: 'CLI' }],
    services: [{ id: 'svc-deploy', name: 'Deploy', roles: ['engineer'], groups: [], keys: [{ id: 'svc-deploy-1', jwk: { kty: 'OKP', crv: 'Ed25519', x: bytes(32, 91) } }] }],
    issuers: [{ id: 'github', issuer: 'https://ci.example', jwks_uri: 'https://ci.example/jwks', class: 'bound', max_age: 600 }],
    trusts: [{ id: 'ci-deploy', name: 'Deploy job', issuer: 'github', when: [{ claim: 'repository_id', equals: '42' }], roles: ['engineer'], groups: [] }],
    audiences: ['https://logs.example'],
    default_audience: 'https://logs.example',
    scopes: ['read:logs'],
    token: { default_ttl: 900, max_ttl: 3600 },
    rate: 600,
    signers: [1, 2, 3].map((id) => ({ id, name: `signer-${id}`, address: `127.0.0.1:${7000 + id}`, identity: p256(id * 10), hpke: p256(id * 10 + 5) })),
    policy: bytes(32, 99),
    groups: [group('token', 1, 100), group('record', 1, 120)],
    ...change,
  })

describe('the roster document', () => {
  test('is sound, and read back from its canonical bytes only', () => {
    expect(problemsOf(document())).toEqual([])
    expect(decodeRoster(encodeRoster(document())).ok).toBe(true)
    const spelled = decodeRoster(utf8(JSON.stringify(document(), null, 1)))
    expect(spelled.ok ? 'ok' : spelled.reason).toBe('not_canonical')
  })

  test('SEC-03 every field changes its digest', () => {
    const digests = [document(), document({ rate: 601 }), document({ policy: bytes(32, 98) }), document({ scopes: ['read:logs', 'write:prod'] })].map(rosterDigest)
    expect(new Set(digests).size).toBe(4)
  })

  const [one, two, three] = document().signers
  if (one === undefined || two === undefined || three === undefined) throw new Error('three signers')
  test.each<[string, Partial<Roster>, string]>([
    ['SEC-03 signers out of order', { signers: [two, one, three] }, 'signers: ids must ascend'],
    ['SEC-03 a signer twice', { signers: [one, { ...one, name: 'other', identity: p256(77) }, three] }, 'signers: ids must ascend'],
    ['SEC-03 one identity key for two signers', { signers: [one, { ...two, identity: one.identity }, three] }, 'signers: identity keys must differ'],
    ['one id for a client and a service', { clients: [{ id: 'svc-deploy', name: 'x' }] }, 'ids of people, clients, services and trusts must differ'],
    ['a trust of an unknown issuer', { issuers: [] }, 'trusts: ci-deploy names an unknown issuer'],
    ['a default audience outside the list', { default_audience: 'https://other.example' }, 'default_audience: must be one of audiences'],
    ['a default lifetime above the maximum', { token: { default_ttl: 900, max_ttl: 60 } }, 'token: default_ttl is longer than max_ttl'],
    ['Z-6 a pattern that is none', { trusts: [{ id: 'ci-deploy', name: 'x', issuer: 'github', when: [{ claim: 'repository_id', equals: '42' }, { claim: 'ref', pattern: 'main' }], roles: [], groups: [] }] }, 'trusts: ci-deploy: /trusts/0/when/1: a pattern without * is an exact value (pattern_without_wildcard); did you mean "equals": "main"?'],
    ['S-4 a repository by its name', { trusts: [{ id: 'ci-deploy', name: 'x', issuer: 'github', when: [{ claim: 'repository_owner_id', equals: '1' }, { claim: 'repository', equals: 'acme/app' }], roles: [], groups: [] }] }, 'trusts: ci-deploy: /trusts/0/when/1: repository holds a name, which is given away again after a deletion or a rename (name_instead_of_id); did you mean {"claim": "repository_id", "equals": "…"}?'],
  ])('%s is a problem', (_, change, problem) => expect(problemsOf(document(change))).toEqual([problem]))

  test.each<[string, object]>([
    ['U-5 no scopes never mean all', { scopes: [] }],
    ['U-5 no audiences never mean all', { audiences: [] }],
    ['a service without a key', { services: [{ id: 'a', name: 'a', roles: [], groups: [], keys: [] }] }],
    ['a trust without a condition', { trusts: [{ id: 'a', name: 'a', issuer: 'github', when: [], roles: [], groups: [] }] }],
    ['I-6 class bearer without a ceiling', { issuers: [{ id: 'github', issuer: 'https://ci.example', jwks_uri: 'https://ci.example/jwks', class: 'bearer', bearer_audience: 'x', max_age: 60 }] }],
    ['an issuer with both kinds of keys', { issuers: [{ id: 'github', issuer: 'https://ci.example', jwks_uri: 'https://ci.example/jwks', keys: [{ kid: 'a', alg: 'EdDSA', jwk: { kty: 'OKP', crv: 'Ed25519', x: bytes(32, 1) } }], class: 'bound', max_age: 60 }] }],
    ['two signers only', { signers: document().signers.slice(0, 2) }],
    ['an unknown field', { root: true }],
  ])('%s is refused', (_, change) => expect(roster.safeParse({ ...document(), ...change }).success).toBe(false))

  test('the group that signs is the one of the highest epoch', () => {
    const both = document({ groups: [group('token', 2, 130), group('token', 1, 100)] })
    expect(groupOf(both, 'token')?.epoch).toBe(2)
    expect(groupOf(both, 'vault')).toBeUndefined()
  })
})

describe('the keyset', () => {
  test('I-5 its fingerprint moves with every key, and with nothing that is not in it', () => {
    const lineage = lineageOf(document())
    expect(fingerprint(keysetOf(document({ groups: [group('token', 1, 101), group('record', 1, 120)] })))).not.toBe(lineage)
    expect(lineageOf(document({ rate: 601 }))).not.toBe(lineage)
    expect(lineageOf(document())).toBe(lineage)
  })

  test('what is signed names the time', () => expect(keysetBytes(keysetOf(document()), 1)).not.toEqual(keysetBytes(keysetOf(document()), 2)))
})
