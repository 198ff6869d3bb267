import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url, utf8 } from './bytes.ts'
import { canonical, decodeJson } from './json.ts'

const reasonFor = (bytes: Uint8Array, max = 1_000_000) => {
  const decoded = decodeJson(bytes, max)
  return decoded.ok ? 'ok' : decoded.reason
}

describe('decodeJson', () => {
  test('D-1 any bytes give a value or a reason, never an exception', () =>
    fc.assert(fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) => typeof reasonFor(bytes) === 'string')))

  test('D-1 what canonical wrote is read back', () =>
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6, noUnicodeString: true }), (value) => {
      if (JSON.stringify(value).includes('__proto__')) return
      const decoded = decodeJson(canonical(value), 1_000_000)
      expect(decoded.ok && canonical(decoded.value)).toEqual(canonical(value))
    })))

  test('J-6 a duplicate member is found at any depth, however it is spelled', () =>
    fc.assert(fc.property(fc.constantFrom('a', '\\u0061'), fc.nat(8), fc.boolean(), (name, depth, inArray) => {
      const inner = `{"a":1,"${name}":2}`
      const wrap = inArray ? (text: string) => `[${text}]` : (text: string) => `{"b":${text}}`
      expect(reasonFor(utf8(Array.from({ length: depth }).reduce<string>(wrap, inner)))).toBe('duplicate_member')
    })))

  test('J-6 the same name in two objects is no duplicate, nor is a value that looks like a name', () =>
    expect(reasonFor(utf8('[{"a":"a"},{"a":"b"},{"c":"a","a":["a","a"]}]'))).toBe('ok'))

  test('J-6 a string that contains quotes, braces and colons is only a string', () =>
    expect(reasonFor(utf8('{"a":"\\"a\\":{[","b":"\\\\"}'))).toBe('ok'))

  test.each([
    ['not_utf8', Uint8Array.of(0x22, 0xc3, 0x28, 0x22)],
    ['not_utf8', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
    ['not_json', utf8('\ufeff{}')],
    ['not_json', utf8('{"a":NaN}')],
    ['not_json', utf8('{"a":1,}')],
    ['not_json', utf8('{"a')],
    ['too_deep', utf8(`${'{"a":'.repeat(13)}1${'}'.repeat(13)}`)],
    ['forbidden_member', utf8('{"a":{"__proto__":1}}')],
    ['forbidden_member', utf8('{"\\u005f_proto__":1}')],
  ])('D-1 %s', (reason, bytes) => expect(reasonFor(bytes)).toBe(reason))

  test('H-1 the size is checked first', () => expect(reasonFor(utf8('{"a":1}'), 6)).toBe('too_large'))
})

describe('base64url', () => {
  test('round trip', () => fc.assert(fc.property(fc.uint8Array(), (bytes) => {
      expect(fromBase64url(toBase64url(bytes))).toEqual(new Uint8Array(bytes))
    })))

  test('J-6 only one spelling of any bytes is accepted', () =>
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'AQgw_-+/= \n0z'), maxLength: 12 }), (text) => {
      const bytes = fromBase64url(text)
      if (bytes !== undefined) expect(toBase64url(bytes)).toBe(text)
    })))

  test.each(['A', 'AB', 'AA=', 'AA==', '+A', '/A', 'A A', 'AA\n', 'AAAAA'])('J-6 %j is refused', (text) => expect(fromBase64url(text)).toBeUndefined())
})
