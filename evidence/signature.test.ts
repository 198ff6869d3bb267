import { sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { ecPair, edPair, proofJwkOf, rawSign, rsaJwkOf, rsaPair } from './evidence.testkit.ts'
import type { IssuerJwk } from './established.ts'
import { importKey, openKeyring } from './signature.ts'

const ring = openKeyring()
const message = utf8('header.payload')
const okp = (x: Uint8Array): IssuerJwk => ({ kty: 'OKP', crv: 'Ed25519', x: toBase64url(x) })
const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'))

// The order of the base point, little-endian.
const order = hex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')
const plus = (a: Uint8Array, b: Uint8Array) => {
  let carry = 0
  return a.map((byte, at) => {
    carry += byte + (b[at] ?? 0)
    const low = carry & 255
    carry >>= 8
    return low
  })
}

describe('J-9 Ed25519 signatures have one spelling', () => {
  const pair = edPair()
  const key = { alg: 'EdDSA', jwk: proofJwkOf(pair.publicKey) } as const
  const signature = Uint8Array.from(rawSign(pair.privateKey, 'header.payload'))

  test('the honest one verifies', () => expect(ring.verifies(key, message, signature)).toBe(true))
  test('RFC 8032, section 7.1, test 2', () => {
    const jwk = okp(hex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'))
    const known = hex('92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00')
    expect(ring.verifies({ alg: 'EdDSA', jwk }, Uint8Array.of(0x72), known)).toBe(true)
    expect(ring.verifies({ alg: 'EdDSA', jwk }, Uint8Array.of(0x73), known)).toBe(false)
  })

  const s = signature.subarray(32)
  const R = signature.subarray(0, 32)
  test.each<[string, Uint8Array]>([
    ['S + L', Uint8Array.from([...R, ...plus(s, order)])],
    ['S + 2L', Uint8Array.from([...R, ...plus(plus(s, order), order)])],
    ['S = L', Uint8Array.from([...R, ...order])],
    ['S = 0', Uint8Array.from([...R, ...new Uint8Array(32)])],
    ['S of ones', Uint8Array.from([...R, ...new Uint8Array(32).fill(255)])],
    ['R with its sign bit turned', Uint8Array.from([...R.subarray(0, 31), (R[31] ?? 0) ^ 0x80, ...s])],
    ['R of zeros', Uint8Array.from([...new Uint8Array(32), ...s])],
    ['R over p', Uint8Array.from([...hex(`ee${'ff'.repeat(30)}7f`), ...s])],
    ['a byte less', signature.subarray(0, 63)],
    ['a byte more', Uint8Array.from([...signature, 0])],
    ['nothing', new Uint8Array()],
  ])('%s does not verify', (_, altered) => expect(ring.verifies(key, message, altered)).toBe(false))

  test('no single flipped bit verifies', () => {
    for (let bit = 0; bit < 512; bit += 1) {
      const flipped = Uint8Array.from(signature)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(ring.verifies(key, message, flipped)).toBe(false)
    }
  })
})

describe('J-9 keys under which anybody can sign are no keys', () => {
  const torsion = [
    `00${'00'.repeat(31)}`,
    `01${'00'.repeat(31)}`,
    `ec${'ff'.repeat(30)}7f`,
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ]
  const signed = (point: string) => [point, `${point.slice(0, 62)}${(Number.parseInt(point.slice(62), 16) | 0x80).toString(16)}`]
  const points = torsion.flatMap(signed)

  test('no signature is accepted under them: S = 0 and R of small order, which fit for one message in at most eight', () => {
    const texts = Array.from({ length: 16 }, (_, at) => utf8(`message ${at}`))
    const forged = points.flatMap((point) => texts.flatMap((text) => points.filter((R) => ring.verifies({ alg: 'EdDSA', jwk: okp(hex(point)) }, text, hex(`${R}${'00'.repeat(32)}`)))))
    expect(forged).toEqual([])
  })
  test.each(points)('%s is refused', (point) => expect(importKey(okp(hex(point)))).toBeUndefined())
  test.each([`ed${'ff'.repeat(30)}7f`, `ee${'ff'.repeat(30)}7f`, `${'ff'.repeat(31)}7f`, `${'ff'.repeat(32)}`])('%s spells no canonical y and is refused', (point) => expect(importKey(okp(hex(point)))).toBeUndefined())
  test('a y near p that is canonical is OpenSSL’s to judge', () => expect(importKey(okp(hex(`eb${'ff'.repeat(30)}7f`)))).toBeDefined())
})

describe('a key is only ever used with its own algorithm', () => {
  const pairs = { RS256: rsaPair(), ES256: ecPair(), EdDSA: edPair() } as const
  const jwks = { RS256: rsaJwkOf(pairs.RS256.publicKey), ES256: proofJwkOf(pairs.ES256.publicKey), EdDSA: proofJwkOf(pairs.EdDSA.publicKey) } as const
  const algs = ['RS256', 'ES256', 'EdDSA'] as const
  test.each(algs.flatMap((signer) => algs.map((alg) => [signer, alg] as const)))('J-1 a %s signature, verified as %s', (signer, alg) => {
    expect(ring.verifies({ alg, jwk: jwks[signer] }, message, rawSign(pairs[signer].privateKey, 'header.payload'))).toBe(signer === alg)
  })

  test('an ECDSA signature in DER does not verify', () => {
    expect(ring.verifies({ alg: 'ES256', jwk: jwks.ES256 }, message, sign('sha256', message, pairs.ES256.privateKey))).toBe(false)
  })

  test('J-2 what is no key verifies nothing, and stays so', () => {
    const empty: IssuerJwk = { kty: 'EC', crv: 'P-256', x: '', y: '' }
    expect([1, 2].map(() => ring.verifies({ alg: 'ES256', jwk: empty }, message, new Uint8Array(64)))).toEqual([false, false])
    expect(importKey({ kty: 'RSA', n: '', e: '' })).toBeUndefined()
    expect(importKey({ kty: 'OKP', crv: 'Ed25519', x: '' })).toBeUndefined()
  })
})
