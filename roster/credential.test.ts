import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concat, fromBase64url, sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { credentialOf } from './credential.ts'
import { filled, keyOf, registrationOf } from './roster.testkit.ts'

const good = fromBase64url(registrationOf('ann-1').attestation_object) ?? new Uint8Array()
const read = (bytes: Uint8Array) => credentialOf({ attestation_object: toBase64url(bytes) })
const authData = good.subarray(good.length - 129)
const wrap = (data: Uint8Array) => concat(good.subarray(0, good.length - 129 - 2), Uint8Array.of(0x58, data.length), data)
const head = authData.subarray(0, 87)
const p256 = (alg = 0x26, y: Uint8Array = new Uint8Array(32).fill(2)) => concat(Uint8Array.of(0xa5, 1, 2, 3, alg, 0x20, 1, 0x21, 0x58, 32), new Uint8Array(32).fill(1), Uint8Array.of(0x22, 0x58, y.length), y)

describe('a registration', () => {
  test('tells id, key, model and whether it is copied', () =>
    expect(read(good)).toEqual({ id: toBase64url(sha256(utf8('credential ann-1'))), key: keyOf('passkey ann-1'), aaguid: '00000000-0000-0000-0000-000000000000', synced: false }))
  test('the flag of a synced one is read', () => expect(credentialOf(registrationOf('x', 0x4d))?.synced).toBe(true))
  test('of a P-256 key too', () => expect(read(wrap(concat(head, p256())))?.key).toEqual({ kty: 'EC', crv: 'P-256', x: filled(32, 1), y: filled(32, 2) }))
  test('with extensions after the key', () => expect(read(wrap(concat(head, p256(), Uint8Array.of(0xa0))))?.key.kty).toBe('EC'))

  const nested = concat(new Uint8Array(40).fill(0x81), Uint8Array.of(0))
  test.each<[string, Uint8Array]>([
    ['without attested data', wrap(Uint8Array.from(authData, (byte, at) => (at === 32 ? byte & ~0x40 : byte)))],
    ['cut short', good.subarray(0, -1)],
    ['with bytes after it', concat(good, Uint8Array.of(0))],
    ['with an empty id', wrap(concat(authData.subarray(0, 53), Uint8Array.of(0, 0), authData.subarray(87)))],
    ['with an id longer than itself', wrap(Uint8Array.from(authData, (byte, at) => (at === 54 ? 250 : byte)))],
    ['of another algorithm', wrap(concat(head, p256(0x25)))],
    ['with a short coordinate', wrap(concat(head, p256(0x26, new Uint8Array(31))))],
    ['with a member twice', wrap(concat(head, Uint8Array.of(0xa2, 1, 2, 1, 2)))],
    ['nested too deep', nested],
    ['of indefinite length', Uint8Array.of(0xbf, 0xff)],
    ['with a tag', concat(Uint8Array.of(0xc0), good)],
    ['that is no map', Uint8Array.of(0x80)],
    ['whose length is not there', Uint8Array.of(0xbb, 0xff, 0xff, 0xff, 0xff)],
    ['with a list longer than itself', Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff)],
  ])('%s is none', (_, bytes) => expect(read(bytes)).toBeUndefined())

  test('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void read(bytes)), { numRuns: 300 })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: good.length - 1 }), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        read(Uint8Array.from(good, (old, place) => (place === at ? byte : old)))
      }),
      { numRuns: 300 },
    )
  })
})
