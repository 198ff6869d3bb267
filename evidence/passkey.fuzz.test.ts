import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { ask, bensKey, fetchedKeys, grantBy, issueTime, lineage, peopled } from './evidence.testkit.ts'
import { decodeCbor, isBytes, isMap, type Cbor } from './cbor.ts'
import { encodeCbor, type CborValue } from './cbor.testkit.ts'
import { softPasskey, someDigest } from './passkey.testkit.ts'
import { verifyRegistration } from './registration.ts'
import { openVerifier } from './verify.ts'

/* Whatever is sent, the answer is a refusal with a code, never an exception; and each thing has one spelling. */

const on = peopled()
const asked = ask({ sub: 'ben' })
const verifier = openVerifier(on)
const answer = (item: Evidence) => verifier.verify({ ...asked, evidence: [item], issuerKeys: fetchedKeys() })
const honest = bensKey.assert(asked.digest)
const blob = fc.uint8Array({ maxLength: 200 }).map((bytes) => toBase64url(bytes))
const anyText = fc.oneof(blob, fc.string({ maxLength: 60 }) as fc.Arbitrary<Base64url>, fc.jsonValue().map((value) => toBase64url(utf8(JSON.stringify(value)))))

describe('D-1 fuzz of passkeys', () => {
  test('no bytes in any member make it throw or say yes', () => {
    const member = fc.constantFrom('authenticator_data', 'client_data', 'signature', 'user_handle', 'credential')
    fc.assert(
      fc.property(member, anyText, (name, text) => {
        fc.pre(text !== (honest as Record<string, string>)[name])
        expect(answer({ kind: 'passkey', assertion: { ...honest, [name]: text } }).ok).toBe(false)
      }),
      { numRuns: 1500 },
    )
  })

  test('no bytes in any part of a grant make it throw or say yes', () => {
    const sound = grantBy(asked)
    if (sound.kind !== 'grant') throw new Error('a grant')
    fc.assert(fc.property(anyText, (text) => { expect(answer({ ...sound, intent: text }).ok).toBe(false) }), { numRuns: 500 })
    fc.assert(fc.property(anyText, anyText, (head, body) => { expect(answer({ ...sound, proof: `${head}.${body}.AAAA` }).ok).toBe(false) }), { numRuns: 500 })
    fc.assert(fc.property(anyText, (text) => { expect(answer({ ...sound, assertion: { ...sound.assertion, client_data: text } }).ok).toBe(false) }), { numRuns: 500 })
  })

  test('signed nonsense in the client data changes nothing or is refused', () => {
    const names = fc.constantFrom('type', 'challenge', 'origin', 'crossOrigin', 'topOrigin', 'tokenBinding', 'constructor', 'toString', 'x')
    fc.assert(
      fc.property(names, fc.jsonValue(), (name, value) => {
        const result = answer({ kind: 'passkey', assertion: bensKey.assert(asked.digest, { clientData: { [name]: value } }) })
        if (result.ok) expect(['constructor', 'toString', 'x'].includes(name) || (name === 'crossOrigin' && value === false)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('D-1 fuzz of registrations', () => {
  const wanted = { lineage, row: 'cid', by: someDigest('invitation') }
  const { credential, registration } = softPasskey().register(wanted)
  const verify = (change: Partial<typeof registration>) => verifyRegistration({ registration: { ...registration, ...change }, credential, wanted, roster: on, name: 'Key', uses: ['sign_in'], at: issueTime })

  test('the honest one is believed', () => expect(verify({}).ok).toBe(true))
  test('no bytes make it throw or say yes', () => {
    fc.assert(fc.property(anyText, (text) => { expect(verify({ attestation_object: text }).ok || verify({ client_data: text }).ok).toBe(false) }), { numRuns: 1500 })
  })
  test('cut off or prolonged anywhere it is refused', () => {
    const bytes = Buffer.from(registration.attestation_object, 'base64url')
    for (let length = 0; length < bytes.length; length++) expect(verify({ attestation_object: toBase64url(bytes.subarray(0, length)) }).ok).toBe(false)
    expect(verify({ attestation_object: toBase64url(Buffer.concat([bytes, Buffer.from([0])])) }).ok).toBe(false)
  })
})

describe('CBOR', () => {
  const scalar = fc.oneof(fc.integer({ min: -4_294_967_296, max: 4_294_967_295 }), fc.boolean(), fc.string({ maxLength: 40 }), fc.uint8Array({ maxLength: 300 }))
  const name = fc.oneof(fc.integer({ min: -30, max: 300 }), fc.string({ maxLength: 8 }))
  const value: fc.Arbitrary<CborValue> = fc.oneof(
    scalar,
    fc.array(scalar, { maxLength: 30 }),
    fc.uniqueArray(fc.tuple(name, scalar), { selector: ([key]) => key, maxLength: 30 }).map((members) => new Map<CborValue, CborValue>(members)),
    fc.array(fc.array(scalar, { maxLength: 3 }), { maxLength: 3 }),
  )
  const plain = (read: Cbor): unknown => (isBytes(read) ? ['bytes', ...read] : isMap(read) ? [...read].map(([key, member]) => [key, plain(member)]) : Array.isArray(read) ? read.map((one: Cbor) => plain(one)) : read)

  test('property: what is encoded is read back, to its last byte', () => {
    fc.assert(
      fc.property(value, (wish) => {
        const bytes = encodeCbor(wish)
        const read = decodeCbor(bytes)
        expect(read?.end).toBe(bytes.length)
        expect(read === undefined ? undefined : plain(read.value)).toEqual(plain(wish as Cbor))
      }),
      { numRuns: 1000 },
    )
  })

  test('property: whatever is read has one spelling', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const read = decodeCbor(bytes)
        if (read !== undefined) expect(encodeCbor(read.value as CborValue)).toEqual(bytes.slice(0, read.end))
      }),
      { numRuns: 5000 },
    )
  })

  test.each<[string, string]>([
    ['nothing', ''],
    ['a length that is longer than it needs', '1817'],
    ['a length in two bytes that fits one', '1900ff'],
    ['a length in four bytes that fits two', '1a0000ffff'],
    ['a length of eight bytes', '1b0000000000000001'],
    ['a reserved length', '1c'],
    ['a text without end', '7f6161ff'],
    ['a list without end', '9f01ff'],
    ['a map without end', 'bf0101ff'],
    ['a tag', 'c101'],
    ['a half float', 'f93c00'],
    ['null', 'f6'],
    ['undefined', 'f7'],
    ['a text that is not UTF-8', '61ff'],
    ['bytes that stop short', '4401'],
    ['a list that stops short', '8201'],
    ['a map that stops short', 'a101'],
    ['a member twice', 'a201010102'],
    ['a name that is a list', 'a18001'],
    ['a name that is a boolean', 'a1f501'],
    ['a list of four billion', '9affffffff'],
    ['a map of four billion', 'baffffffff'],
    ['bytes of four gigabytes', '5affffffff'],
    ['nesting without end', '81'.repeat(100_000)],
  ])('%s is none', (_, hex) => expect(decodeCbor(Buffer.from(hex, 'hex'))).toBeUndefined())
})
