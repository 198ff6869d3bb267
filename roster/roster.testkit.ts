import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { acceptBytes, entryBytes, entryDigest, slotOfEntry, type AcceptCertificate, type Book, type CertifiedEntry, type CertifiedVersion, type Entry, type EntryStatement, type Slot } from '@symbolon/protocol/book.ts'
import { concat, sha256, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ed25519Of, signEd25519 } from '@symbolon/protocol/ed25519.ts'
import { p256Jwk } from '@symbolon/protocol/fields.ts'
import { encodeIntent, rosterIntent, type RosterIntent } from '@symbolon/protocol/intent.ts'
import type { Registration } from '@symbolon/protocol/webauthn.ts'
import { purposes } from '@symbolon/protocol/purpose.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { passkeyOf } from './credential.ts'
import { lineageOf } from './keyset.ts'
import type { VerifiedRegistration, Voices } from './next.ts'
import { encodeRoster, roster as rosterSchema, rosterDigest, type Passkey, type Person, type Roster } from './roster.ts'

/* A deployment of three signers, and people with passkeys, for tests. Signatures are real; touches are not judged here, so there are none. */

export const filled = (length: number, fill: number): Base64url => toBase64url(new Uint8Array(length).fill(fill))
const ids = [1, 2, 3]
const keys = new Map(ids.map((id) => [id, generateKeyPairSync('ec', { namedCurve: 'P-256' })]))
const jwkOf = (key: KeyObject | undefined) => p256Jwk.parse(key?.export({ format: 'jwk' }))
const hpke = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)

/** By a signer's identity key. */
export function signedBy(signer: number, message: Uint8Array): Base64url {
  const key = keys.get(signer)?.privateKey
  if (key === undefined) throw new Error(`no signer ${signer}`)
  return toBase64url(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }))
}

/** The key of a code, or of a service: the seed is the hash of its name. */
export const seedOf = (name: string): Uint8Array => sha256(utf8(name))
export const keyOf = (name: string) => ed25519Of(seedOf(name))
export const thumb = (name: string): Base64url => thumbprint(keyOf(name))

export const first: Roster = rosterSchema.parse({
  v: 1,
  version: 1,
  deployment: { name: 'test', issuer: 'https://mint.example', rp_id: 'mint.example', console_origins: ['https://console.example'] },
  bootstrap: keyOf('bootstrap'),
  people: [],
  grants: { max: 43_200 },
  clients: [{ id: 'symbolon-cli', name: 'CLI' }],
  services: [{ id: 'svc-deploy', name: 'Deploy', roles: ['engineer'], groups: [], keys: [{ id: 'svc-deploy-1', jwk: keyOf('svc-deploy-1') }] }],
  issuers: [{ id: 'ci', issuer: 'https://ci.example', jwks_uri: 'https://ci.example/jwks', class: 'bound', max_age: 600 }],
  trusts: [{ id: 'ci-deploy', name: 'Deploy job', issuer: 'ci', when: [{ claim: 'repository_id', equals: '42' }], roles: ['engineer'], groups: [] }],
  audiences: ['https://logs.example'],
  default_audience: 'https://logs.example',
  scopes: ['read:logs'],
  token: { default_ttl: 900, max_ttl: 3600 },
  rate: 600,
  signers: ids.map((id) => ({ id, name: `signer-${id}`, address: `127.0.0.1:${7000 + id}`, identity: jwkOf(keys.get(id)?.publicKey), hpke })),
  policy: filled(32, 99),
  groups: purposes.map((purpose, at) => ({ purpose, epoch: 1, t: 2, n: 3, key: filled(32, 10 + at), kid: filled(32, 20 + at), alg: 'EdDSA', shares: ids.map((id) => ({ id, share: filled(32, 30 + 4 * at + id) })) })),
})
export const lineage = lineageOf(first)

/* Passkeys: Ed25519 keys in a registration's form, without attestation. */

const cborBytes = (bytes: Uint8Array) => (bytes.length < 24 ? concat(Uint8Array.of(0x40 + bytes.length), bytes) : bytes.length < 256 ? concat(Uint8Array.of(0x58, bytes.length), bytes) : concat(Uint8Array.of(0x59, bytes.length >> 8, bytes.length & 255), bytes))
const cborText = (text: string) => concat(Uint8Array.of(0x60 + text.length), utf8(text))

/** A registration whose credential's id and key follow from the name. */
export function registrationOf(name: string, flags = 0x45): Registration {
  const id = sha256(utf8(`credential ${name}`))
  const cose = concat(Uint8Array.of(0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21), cborBytes(Buffer.from(keyOf(`passkey ${name}`).x, 'base64url')))
  const data = concat(new Uint8Array(createHash('sha256').update('mint.example').digest()), Uint8Array.of(flags, 0, 0, 0, 1), new Uint8Array(16), Uint8Array.of(0, id.length), id, cose)
  const object = concat(Uint8Array.of(0xa3), cborText('fmt'), cborText('none'), cborText('attStmt'), Uint8Array.of(0xa0), cborText('authData'), cborBytes(data))
  return { client_data: toBase64url(utf8('{}')), attestation_object: toBase64url(object) }
}

export function passkeyFor(name: string, uses: Passkey['uses'] = ['sign_in', 'approve']): Passkey {
  const made = passkeyOf(registrationOf(name), { name, uses })
  if (made === undefined) throw new Error('a registration that cannot be read')
  return made
}
export const verified = (row: string, ...passkeys: readonly Passkey[]): VerifiedRegistration[] => passkeys.map((passkey) => ({ row, passkey }))

export const personOf = (id: string, change: Partial<Person> = {}): Person => ({ id, name: id, roles: [], groups: [], passkeys: [passkeyFor(`${id}-1`)], ...change })

/* Versions */

type Change = Partial<Roster>

/** The next version with that changed; what a successor must carry is put in. */
export function nextOf(before: Roster, change: Change = {}): Roster {
  const { bootstrap: _, ...rest } = before
  return rosterSchema.parse({ ...rest, version: before.version + 1, previous: [rosterDigest(before)], lineage, guardians: { people: ['ann'], count: 1, window: 86_400 }, ...(before.guardians === undefined ? {} : { guardians: before.guardians }), ...change })
}
/** Version 2 with these people, all guardians. */
export const peopled = (people: readonly string[] = ['ann', 'bob', 'cleo'], count = 1, change: Change = {}): Roster =>
  nextOf(first, { people: people.map((id) => personOf(id)), guardians: { people: [...people], count, window: 86_400 }, ...change })

export const intentFor = (next: Roster, change: Partial<RosterIntent> = {}): RosterIntent =>
  rosterIntent.parse({ v: 1, kind: 'roster', nonce: filled(16, 7), iat: 1_800_000_000, exp: 1_800_000_300, iss: next.deployment.issuer, lineage, sub: 'ann', version: next.version, from: next.previous, to: rosterDigest(next), ...change })

export const voicesOf = (id: string, approvers: readonly string[] = [], change: Partial<Voices['proposer']> & { readonly denied?: readonly string[] } = {}): Voices => {
  const { denied = [], ...proposer } = change
  return { proposer: { id, kind: 'person', touch: true, passkeyUses: ['sign_in', 'approve'], ...proposer }, approvers, denied }
}

/* Certificates */

export const certificateOf = (slot: Slot, subject: Base64url, by: readonly number[] = [1, 2], under: Base64url = lineage): AcceptCertificate => ({
  slot, subject, accepts: by.map((signer) => ({ signer, iat: 1_800_000_100, signature: signedBy(signer, acceptBytes({ lineage: under, slot, subject, iat: 1_800_000_100 })) })),
})

/** As a change that somebody made; evidence is not what a book looks at. */
export const certifiedVersion = (document: Roster, by?: readonly number[], split: readonly Roster[] = []): CertifiedVersion => ({
  change: {
    v: 1, document: toBase64url(encodeRoster(document)), intent: toBase64url(encodeIntent(intentFor(document))), evidence: [{ kind: 'key', proof: 'a.a.a' }], approvals: [], registrations: [],
    split: split.map((other) => toBase64url(encodeRoster(other))),
  },
  certificate: certificateOf({ of: 'roster', version: document.version }, rosterDigest(document), by),
})

export const entryOf = (statement: EntryStatement, by: string, possession?: string): Entry => ({
  statement,
  signature: toBase64url(signEd25519(seedOf(by), entryBytes(statement))),
  ...(possession === undefined ? {} : { possession: toBase64url(signEd25519(seedOf(possession), entryBytes(statement))) }),
})
export const enrolmentOf = (row: string, code: string, passkey: string): Entry => entryOf({ v: 1, kind: 'enrolment', lineage, row, invitation: thumb(code), name: passkey, registration: registrationOf(passkey), iat: 1_800_000_000 }, code)
/** Keys by the names of their seeds; `id` of the new one is its name. */
export const rotationOf = (row: string, { root, seq, by, to }: { readonly root: string; readonly seq: number; readonly by: string; readonly to: string }): Entry =>
  entryOf({ v: 1, kind: 'rotation', lineage, row, root: thumb(root), seq, by: thumb(by), key: { id: to, jwk: keyOf(to) }, iat: 1_800_000_000 }, by, to)
export const certifiedEntry = (entry: Entry, by?: readonly number[]): CertifiedEntry => ({ entry, certificate: certificateOf(slotOfEntry(entry.statement), entryDigest(entry.statement), by) })

export const bookOf = (part: Partial<Omit<Book, 'v'>>): Book => ({ v: 1, versions: [], entries: [], stops: [], ...part })
