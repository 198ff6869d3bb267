import fc from 'fast-check'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import * as browser from './platform-browser.ts'
import * as node from './platform-node.ts'

/* Both halves of `#platform` do the same. The types say that they have the same members. */

const halves: readonly (readonly [string, typeof node & typeof browser])[] = [['node', node], ['browser', browser]]
const bytes = fc.uint8Array({ maxLength: 300 })

test('base64url, UTF-8, hashes and comparisons agree', () => {
  fc.assert(
    fc.property(bytes, bytes, fc.string({ unit: 'binary' }), (a, b, text) => {
      const spelled = node.toBase64url(a)
      expect(browser.toBase64url(a)).toBe(spelled)
      expect(Array.from(browser.fromBase64url(spelled))).toEqual(Array.from(a))
      expect(Array.from(node.fromBase64url(spelled))).toEqual(Array.from(a))
      expect(Array.from(browser.sha256([a, b]))).toEqual(Array.from(node.sha256([a, b])))
      expect(Array.from(browser.utf8(text))).toEqual(Array.from(node.utf8(text)))
      const other = Uint8Array.from(a, (byte, at) => (at === 0 ? byte ^ 1 : byte))
      for (const [, half] of halves) {
        expect(half.equalBytes(a, Uint8Array.from(a))).toBe(true)
        if (a.length > 0) expect(half.equalBytes(a, other)).toBe(false)
      }
    }),
  )
})

test('views into larger buffers are read from where they begin', () => {
  const whole = Uint8Array.from({ length: 40 }, (_, at) => at)
  expect(browser.toBase64url(whole.subarray(7, 20))).toBe(node.toBase64url(whole.subarray(7, 20)))
})

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const spki = pair.publicKey.export({ format: 'der', type: 'spki' })
const point = new Uint8Array(spki.subarray(spki.length - 65))
const message = new TextEncoder().encode('what is signed')
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const number = (part: Uint8Array) => BigInt(`0x${Buffer.from(part).toString('hex')}`)
const part = (value: bigint) => Uint8Array.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'))
const joined = (r: Uint8Array, s: Uint8Array) => Uint8Array.from([...r, ...s])
const good = new Uint8Array(sign('sha256', message, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }))
const [r, s] = [good.subarray(0, 32), good.subarray(32)]
const changed = (from: Uint8Array, at: number) => Uint8Array.from(from, (byte, index) => (index === at ? byte ^ 1 : byte))

describe.each(halves)('P-256 in %s', (_name, half) => {
  test('a signature holds, with either sign of s', () => {
    expect(half.verifyP256(point, message, good)).toBe(true)
    expect(half.verifyP256(point, message, joined(r, part(order - number(s))))).toBe(true)
  })

  test.each([
    ['another message', point, changed(message, 0), good],
    ['another r', point, message, changed(good, 3)],
    ['r = 0', point, message, joined(part(0n), s)],
    ['s = 0', point, message, joined(r, part(0n))],
    ['s = n', point, message, joined(r, part(order))],
    ['s + n', point, message, joined(r, part((number(s) + order) % 2n ** 256n))],
    ['a point off the curve', changed(point, 64), message, good],
  ])('%s does not', (_case, key, text, signature) => expect(half.verifyP256(key, text, signature)).toBe(false))

  test.each([
    ['a point of the curve', point, true],
    ['another y', changed(point, 64), false],
    ['the origin', Uint8Array.from({ length: 65 }, (_, at) => (at === 0 ? 4 : 0)), false],
    ['x beyond the field', Uint8Array.from({ length: 65 }, (_, at) => (at === 0 ? 4 : 0xff)), false],
  ])('%s', (_case, candidate, is) => expect(half.isP256Point(candidate)).toBe(is))
})

describe('Ed25519', () => {
  // RFC 8032, section 7.1, test 2.
  const seed = Uint8Array.from(Buffer.from('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', 'hex'))
  const publicKey = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'
  const signature = '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'
  const hex = (value: Uint8Array) => Buffer.from(value).toString('hex')

  test.each(halves)('the known answer in %s', (_name, half) => {
    expect(hex(half.ed25519PublicKey(seed))).toBe(publicKey)
    expect(hex(half.signEd25519(seed, Uint8Array.of(0x72)))).toBe(signature)
    const key = Uint8Array.from(Buffer.from(publicKey, 'hex'))
    const bytesOf = Uint8Array.from(Buffer.from(signature, 'hex'))
    expect(half.verifyEd25519(key, Uint8Array.of(0x72), bytesOf)).toBe(true)
    expect(half.verifyEd25519(key, Uint8Array.of(0x73), bytesOf)).toBe(false)
    expect(half.verifyEd25519(key, Uint8Array.of(0x72), changed(bytesOf, 40))).toBe(false)
    // RFC 8032, section 5.1.7: s at or above the group order is no signature.
    expect(half.verifyEd25519(key, Uint8Array.of(0x72), Uint8Array.from(bytesOf, (byte, at) => (at < 32 ? byte : 0xff)))).toBe(false)
    expect(half.verifyEd25519(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 2 : 0)), Uint8Array.of(0x72), bytesOf)).toBe(false)
  })
})
