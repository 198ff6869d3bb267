import { describe, expect, test } from 'vitest'
import { newKey } from './passkey-row.ts'

const make = async (algorithm: EcKeyGenParams | 'Ed25519') => {
  const { publicKey } = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  return { spki: new Uint8Array(await crypto.subtle.exportKey('spki', publicKey)), jwk: { kty, crv, x, ...(y === undefined ? {} : { y }) } }
}
const [ec, ed] = [await make({ name: 'ECDSA', namedCurve: 'P-256' }), await make('Ed25519')]
const aaguid = Uint8Array.from({ length: 16 }, (_, at) => at)
/** Section 6.1: hash of the RP id, flags, counter, AAGUID. */
const data = (flags: number) => Uint8Array.from([...new Uint8Array(32), flags, 0, 0, 0, 0, ...aaguid, 0, 1, 7])

describe('a new passkey as the roster has it', () => {
  test.each([
    ['ES256', ec, -7],
    ['EdDSA', ed, -8],
  ])('%s', (_name, { spki, jwk }, algorithm) => expect(newKey(data(0x45), spki, algorithm)).toEqual({ key: jwk, aaguid: '00010203-0405-0607-0809-0a0b0c0d0e0f', synced: false }))

  test('one that may be copied says so', () => expect(newKey(data(0x4d), ec.spki, -7)).toMatchObject({ synced: true }))

  test.each([
    ['no credential in it', data(0x05), ec.spki, -7],
    ['too short', data(0x45).subarray(0, 50), ec.spki, -7],
    ['a key under the algorithm of another', data(0x45), ec.spki, -8],
    ['RS256', data(0x45), ec.spki, -257],
    ['a point off the curve', data(0x45), ec.spki.with(90, (ec.spki[90] ?? 0) ^ 1), -7],
  ])('%s', (_case, bytes, key, algorithm) => expect(newKey(bytes, key, algorithm)).toBeUndefined())
})
