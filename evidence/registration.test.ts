import { describe, expect, test } from 'vitest'
import { toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { RegistrationFor } from '@symbolon/protocol/webauthn.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { encodeCbor, type CborValue } from './cbor.testkit.ts'
import { softCertificate } from './certificate.testkit.ts'
import { annsKey, issueTime, lineage, peopled, rsaJwkOf, rsaPair } from './evidence.testkit.ts'
import { attestBy, attestSelf, coseKey, noAaguid, softPasskey, someDigest, type Attest, type RegistrationLies, type SoftPasskey } from './passkey.testkit.ts'
import { verifyRegistration, type RegistrationContext } from './registration.ts'

const wanted: RegistrationFor = { lineage, row: 'cid', by: someDigest('invitation') }
const model = '11111111-2222-3333-4444-555555555555'
const root = softCertificate({ name: 'Root', ca: true, unit: 'CA' })
const other = softCertificate({ name: 'Other root', ca: true, unit: 'CA' })
const between = softCertificate({ name: 'Intermediate', ca: true, unit: 'CA', by: root })
const leaf = softCertificate({ name: 'Batch 1', by: between, aaguid: model })
const vouched = attestBy([leaf.der, between.der], leaf.key)

const hardware: Partial<Roster> = { attestation: { roots: [root.pem], aaguids: [model] } }
const context = (made: ReturnType<SoftPasskey['register']>, change: Partial<RegistrationContext> = {}): RegistrationContext => ({ ...made, wanted, roster: peopled(), name: 'Key', uses: ['sign_in', 'approve'], at: issueTime, ...change })

function verdict(result: ReturnType<typeof verifyRegistration>): string {
  return result.ok ? 'ok' : result.reasons.map(({ code, rule }) => `${code} ${rule ?? ''}`).join(', ')
}
const by = (lies: RegistrationLies = {}, change: Partial<RegistrationContext> = {}, key = softPasskey()) => verdict(verifyRegistration(context(key.register(wanted, lies), change)))

describe('a registration', () => {
  test.each(['ES256', 'EdDSA'] as const)('yields the roster’s row of an %s passkey', (alg) => {
    const key = softPasskey({ alg })
    expect(verifyRegistration(context(key.register(wanted), { name: 'Blue key', uses: ['sign_in'] }))).toEqual({ ok: true, passkey: { id: key.id, name: 'Blue key', key: key.key, uses: ['sign_in'], aaguid: noAaguid, synced: false } })
  })

  test('a synced passkey says so', () => {
    expect(verifyRegistration(context(softPasskey({ synced: true }).register(wanted)))).toMatchObject({ ok: true, passkey: { synced: true } })
  })

  test.each<[string, RegistrationLies, string]>([
    ['W-1 a sign-in', { type: 'webauthn.get' }, 'registration_invalid registration.type'],
    ['W-1 another challenge', { challenge: new Uint8Array(32) }, 'registration_invalid registration.challenge'],
    ['W-2 presence only', { userVerified: false }, 'user_not_verified registration.user_verified'],
    ['W-2 nobody present', { userPresent: false }, 'user_not_verified registration.user_verified'],
    ['W-3 another origin', { origin: 'https://evil.example' }, 'origin_mismatch passkey.origin'],
    ['W-3 inside another page', { crossOrigin: true }, 'origin_mismatch passkey.cross_origin'],
    ['W-3 another RP id', { rpId: 'example' }, 'registration_invalid registration.rp_id'],
    ['client data that is no JSON', { clientDataBytes: utf8('{') }, 'registration_invalid registration.client_data'],
    ['bytes after the key', { trailer: Uint8Array.of(0xa0) }, 'registration_invalid registration.attested_data'],
    ['extensions announced and absent', { flags: 0x80 }, 'registration_invalid registration.attested_data'],
    ['extensions that are no map', { flags: 0x80, trailer: Uint8Array.of(0x01) }, 'registration_invalid registration.attested_data'],
    ['two maps of extensions', { flags: 0x80, trailer: Uint8Array.of(0xa0, 0xa0) }, 'registration_invalid registration.attested_data'],
    ['a backup of what cannot be backed up', { flags: 0x10 }, 'registration_invalid registration.authenticator_data'],
    ['an id of more than 255 bytes', { credential: new Uint8Array(256) }, 'registration_invalid registration.attested_data'],
    ['an id of no bytes', { credential: new Uint8Array() }, 'registration_invalid registration.attested_data'],
    ['W-4 an id that somebody in the roster has', { credential: Buffer.from(annsKey.id, 'base64url') }, 'registration_invalid registration.credential_unique'],
    ['a statement of format none that says something', { attestation: () => ({ fmt: 'none', attStmt: new Map<CborValue, CborValue>([['x', 1]]) }) }, 'registration_invalid registration.attestation'],
  ])('%s is refused', (_, lies, expected) => expect(by(lies)).toBe(expected))

  test('extensions that the authenticator reports are passed over', () => {
    expect(by({ flags: 0x80, trailer: encodeCbor(new Map<CborValue, CborValue>([['credProtect', 2]])) })).toBe('ok')
  })

  test('another credential id beside it is refused', () => {
    expect(by({}, { credential: annsKey.id })).toBe('registration_invalid registration.credential')
  })

  test.each<[string, Partial<RegistrationFor>]>([
    ['row', { row: 'dan' }],
    ['occasion', { by: someDigest('another invitation') }],
    ['deployment', { lineage: someDigest('another deployment') }],
  ])('W-1 one that was made for another %s is refused', (_, change) => {
    expect(by({}, { wanted: { ...wanted, ...change } })).toBe('registration_invalid registration.challenge')
  })

  const rsa = rsaJwkOf(rsaPair().publicKey)
  const ec = coseKey(annsKey.key) as ReadonlyMap<CborValue, CborValue>
  const ed = coseKey(softPasskey({ alg: 'EdDSA' }).key) as ReadonlyMap<CborValue, CborValue>
  const but = (key: ReadonlyMap<CborValue, CborValue>, name: number, value?: CborValue): CborValue => new Map([...key].flatMap(([at, old]) => (at !== name ? [[at, old] as const] : value === undefined ? [] : [[at, value] as const])))
  test.each<[string, CborValue]>([
    ['RS256', new Map<CborValue, CborValue>([[1, 3], [3, -257], [-1, Buffer.from(rsa.n, 'base64url')], [-2, Buffer.from(rsa.e, 'base64url')]])],
    ['ES384 on this curve', but(ec, 3, -35)],
    ['ESP256 as a number of its own', but(ec, 3, -9)],
    ['another curve', but(ec, -1, 2)],
    ['an EC key that says EdDSA', but(ec, 3, -8)],
    ['no algorithm', but(ec, 3)],
    ['a compressed point', but(ec, -3, true)],
    ['a point off the curve', but(ec, -2, new Uint8Array(32).fill(1))],
    ['a coordinate that is too short', but(ec, -2, new Uint8Array(31).fill(1))],
    ['an Ed25519 key of small order', but(ed, -2, Uint8Array.of(1, ...new Uint8Array(31)))],
    ['Ed448', but(ed, -1, 7)],
    ['a private key', new Map<CborValue, CborValue>([...ed, [-4, new Uint8Array(32)]])],
    ['no map', [1, 2]],
  ])('J-1 a key that is %s is refused', (_, cose) => expect(by({ cose })).toBe('registration_invalid registration.attested_data'))

  const packed = (change: (statement: Map<CborValue, CborValue>) => void, from: Attest = attestSelf): Attest => (bytes, key) => {
    const { fmt, attStmt } = from(bytes, key)
    const statement = new Map(attStmt)
    change(statement)
    return { fmt, attStmt: statement }
  }
  test('a self attestation is sound or the registration is refused, also where nobody asks for one', () => {
    expect(by({ attestation: attestSelf })).toBe('ok')
    expect(by({ attestation: attestSelf }, {}, softPasskey({ alg: 'EdDSA' }))).toBe('ok')
    expect(by({ attestation: packed((statement) => statement.set('alg', -8)) })).toBe('registration_invalid registration.attestation')
    expect(by({ attestation: packed((statement) => statement.set('sig', new Uint8Array(70))) })).toBe('registration_invalid registration.attestation')
    expect(by({ attestation: packed((statement) => statement.delete('sig')) })).toBe('registration_invalid registration.attestation')
    expect(by({ attestation: packed((statement) => statement.set('x5c', [])) })).toBe('registration_invalid registration.attestation')
    expect(by({ attestation: packed((statement) => statement.set('x5c', [utf8(root.pem)]), vouched) })).toBe('registration_invalid registration.attestation')
    expect(by({ attestation: packed((statement) => statement.set('x5c', [Buffer.concat([leaf.der, Buffer.from([0])])]), vouched) })).toBe('registration_invalid registration.attestation')
  })

  test('a format that is not judged here attests to nothing, and needs not', () => {
    expect(by({ attestation: () => ({ fmt: 'tpm', attStmt: new Map<CborValue, CborValue>([['ver', '2.0']]) }) })).toBe('ok')
    expect(by({ attestation: () => ({ fmt: 'Packed', attStmt: new Map() }) })).toBe('registration_invalid registration.attestation')
  })
})

describe('W-5 where the roster demands hardware for approvers', () => {
  const made = softPasskey({ aaguid: model })
  const demanded = (attestation: Attest | undefined, lies: RegistrationLies = {}, change: Partial<Roster> = hardware, more: Partial<RegistrationContext> = {}) =>
    by({ ...(attestation === undefined ? {} : { attestation }), ...lies }, { roster: peopled(change), ...more }, made)
  const rootedIn = (...roots: readonly { readonly pem: string }[]): Partial<Roster> => ({ attestation: { roots: roots.map(({ pem }) => pem), aaguids: [model] } })

  test('one of its models, with a chain to one of its roots, may approve', () => {
    expect(demanded(vouched)).toBe('ok')
    expect(demanded(attestBy([leaf.der, between.der, root.der], leaf.key))).toBe('ok')
    expect(demanded(vouched, {}, rootedIn(other, root))).toBe('ok')
    expect(demanded(attestBy([leaf.der], leaf.key), {}, rootedIn(between))).toBe('ok')
  })

  const selfMade = softCertificate({ name: 'Root', ca: true, unit: 'CA' })
  const leafOfSelfMade = softCertificate({ name: 'Batch 1', by: selfMade, aaguid: model })
  const selfSigned = softCertificate({ name: 'Batch 2', aaguid: model })
  const claimed = softCertificate({ name: 'Batch 3', claims: between, aaguid: model })
  const noCa = softCertificate({ name: 'Batch 4', by: leaf, aaguid: model })
  test.each<[string, Attest]>([
    ['a self-signed root inside x5c, of the same name', attestBy([leafOfSelfMade.der, selfMade.der], leafOfSelfMade.key)],
    ['a self-signed certificate alone', attestBy([selfSigned.der], selfSigned.key)],
    ['a self-signed certificate before the real chain', attestBy([selfSigned.der, leaf.der, between.der], selfSigned.key)],
    ['a certificate that only names its issuer', attestBy([claimed.der, between.der], claimed.key)],
    ['a missing link', attestBy([leaf.der], leaf.key)],
    ['a link that is no authority', attestBy([noCa.der, leaf.der, between.der], noCa.key)],
    ['a link of another name', attestBy([leaf.der, other.der], leaf.key)],
  ])('%s is no chain to a root', (_, attestation) => expect(demanded(attestation)).toBe('attestation_required attestation.roots'))

  test('the root of another vendor is none', () => expect(demanded(vouched, {}, rootedIn(other))).toBe('attestation_required attestation.roots'))
  test('a root that cannot be read anchors nothing', () => {
    expect(demanded(vouched, {}, rootedIn({ pem: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }))).toBe('attestation_required attestation.roots')
  })

  test('certificates count only while they are valid', () => {
    const year = (y: number) => Date.UTC(y, 6) / 1000
    expect(demanded(vouched, {}, hardware, { at: year(2019) })).toBe('attestation_required attestation.roots')
    expect(demanded(vouched, {}, hardware, { at: year(2049) })).toBe('attestation_required attestation.roots')
    const old = softCertificate({ name: 'Old', ca: true, unit: 'CA', by: root, to: 2026 })
    const young = softCertificate({ name: 'Batch', by: old })
    expect(demanded(attestBy([young.der, old.der], young.key))).toBe('attestation_required attestation.roots')
  })

  test.each<[string, Attest | undefined]>([
    ['none', undefined],
    ['the passkey itself', attestSelf],
    ['a format that is not judged here', () => ({ fmt: 'apple', attStmt: new Map<CborValue, CborValue>([['x5c', [leaf.der]]]) })],
  ])('attestation by %s is not enough', (_, attestation) => expect(demanded(attestation)).toBe('attestation_required attestation.format'))

  test('a model that the roster does not list', () => {
    expect(demanded(attestBy([softless.der, between.der], softless.key), { aaguid: noAaguid })).toBe('attestation_required attestation.aaguids')
  })
  const softless = softCertificate({ name: 'Any model', by: between })

  test('the certificate’s model must be the authenticator’s', () => {
    expect(demanded(vouched, { aaguid: noAaguid })).toBe('registration_invalid registration.attestation')
    const marked = softCertificate({ name: 'Marked', by: between, aaguid: model, criticalAaguid: true })
    expect(demanded(attestBy([marked.der, between.der], marked.key))).toBe('ok')
    expect(demanded(attestBy([marked.der, between.der], marked.key), { aaguid: noAaguid })).toBe('registration_invalid registration.attestation')
  })

  test('a synced passkey may not approve, whatever vouches for it', () => {
    expect(demanded(vouched, { backupEligible: true })).toBe('attestation_required attestation.synced')
  })

  test('a passkey that only signs in may be any', () => {
    expect(demanded(undefined, { backupEligible: true }, hardware, { uses: ['sign_in'] })).toBe('ok')
  })

  test.each<[string, Attest]>([
    ['by another key than the certificate’s', attestBy([leaf.der, between.der], root.key)],
    ['over other bytes', (_bytes, key) => vouched(new Uint8Array(69), key)],
    ['by a certificate of an authority', attestBy([between.der], between.key)],
    ['by a certificate of another kind', (() => { const odd = softCertificate({ name: 'Odd', by: between, unit: 'TLS' }); return attestBy([odd.der, between.der], odd.key) })()],
    ['by a key on another curve', (() => { const odd = softCertificate({ name: 'Odd', by: between, curve: 'P-384' }); return attestBy([odd.der, between.der], odd.key) })()],
  ])('a statement %s is refused', (_, attestation) => expect(demanded(attestation)).toBe('registration_invalid registration.attestation'))
})

describe('an attestation object', () => {
  const object = (...members: readonly (readonly [CborValue, CborValue])[]) => verdict(verifyRegistration(context({ ...softPasskey().register(wanted), registration: { ...softPasskey().register(wanted).registration, attestation_object: toBase64url(encodeCbor(new Map(members))) } })))
  test.each<[string, readonly (readonly [CborValue, CborValue])[]]>([
    ['no members', []],
    ['a member too many', [['fmt', 'none'], ['attStmt', new Map()], ['authData', new Uint8Array(200)], ['x', 1]]],
    ['a format that is a number', [['fmt', 1], ['attStmt', new Map()], ['authData', new Uint8Array(200)]]],
    ['a statement that is a list', [['fmt', 'none'], ['attStmt', []], ['authData', new Uint8Array(200)]]],
  ])('with %s is none', (_, members) => expect(object(...members)).toBe('registration_invalid registration.attestation_object'))

  test('with a member twice, or bytes after it, is none', () => {
    const { registration, credential } = softPasskey().register(wanted)
    const bytes = Buffer.from(registration.attestation_object, 'base64url')
    const twice = Buffer.concat([Buffer.from([0xa4]), encodeCbor('fmt'), encodeCbor('none'), bytes.subarray(1)])
    for (const changed of [twice, Buffer.concat([bytes, Buffer.from([0])])]) {
      expect(verdict(verifyRegistration(context({ credential, registration: { ...registration, attestation_object: toBase64url(changed) } })))).toBe('registration_invalid registration.attestation_object')
    }
  })
})
