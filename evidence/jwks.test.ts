import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { utf8 } from '@symbolon/protocol/bytes.ts'
import { ecPair, edPair, proofJwkOf, rsaJwkOf, rsaPair } from './evidence.testkit.ts'
import { jwksLimits, parseDiscovery, parseJwks } from './jwks.ts'

const rsa = { kid: 'r', use: 'sig', alg: 'RS256', ...rsaJwkOf(rsaPair().publicKey) }
const ec = { kid: 'e', use: 'sig', ...proofJwkOf(ecPair().publicKey) }
const ed = { kid: 'd', ...proofJwkOf(edPair().publicKey) }
const parse = (...keys: object[]) => parseJwks(utf8(JSON.stringify({ keys })))
const outcome = (result: ReturnType<typeof parseJwks>) => (result.ok ? { kids: [...result.keys.keys()], skipped: result.skipped.map(({ at, why }) => `${at} ${why}`) } : result.reason)

describe('a JWKS', () => {
  test('gives each key its one algorithm, declared or by its type, and public members only', () => {
    const result = parse({ ...rsa, x5c: ['AAAA'], x5t: 'x' }, ec, ed, { ...ed, kid: 'd2', alg: 'Ed25519' })
    expect(result.ok && [...result.keys]).toEqual([
      ['r', { alg: 'RS256', jwk: { kty: 'RSA', n: rsa.n, e: rsa.e } }],
      ['e', { alg: 'ES256', jwk: proofJwkWithout(ec) }],
      ['d', { alg: 'EdDSA', jwk: proofJwkWithout(ed) }],
      ['d2', { alg: 'Ed25519', jwk: proofJwkWithout(ed) }],
    ])
  })

  const weak = rsaJwkOf(rsaPair(1024).publicKey)
  const small = (hex: string) => ({ ...ed, x: Buffer.from(hex, 'hex').toString('base64url') })
  test.each<[string, object, string]>([
    ['of an unknown type', { kid: 'x', kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA' }, 'algorithm'],
    ['of another curve', { ...ec, crv: 'P-384' }, 'algorithm'],
    ['J-1 of another algorithm', { ...rsa, alg: 'PS256' }, 'algorithm'],
    ['J-1 with the algorithm of another type', { ...rsa, alg: 'HS256' }, 'algorithm'],
    ['J-2 that is a shared secret', { kid: 'x', kty: 'oct', k: 'AAAA' }, 'private'],
    ['whose private half was published', { ...rsa, d: 'AAAA' }, 'private'],
    ['for encryption', { ...rsa, use: 'enc' }, 'not_for_signatures'],
    ['for signing only', { ...rsa, key_ops: ['sign'] }, 'not_for_signatures'],
    ['without kid', { ...rsa, kid: undefined }, 'no_kid'],
    ['with an empty kid', { ...rsa, kid: '' }, 'no_kid'],
    ['with a kid of any length', { ...rsa, kid: 'k'.repeat(129) }, 'no_kid'],
    ['of 1024 bits', { kid: 'x', ...weak }, 'unsound'],
    ['with exponent 3', { ...rsa, e: 'Aw' }, 'unsound'],
    ['with an even exponent', { ...rsa, e: 'AQAC' }, 'unsound'],
    ['with exponent 1', { ...rsa, e: 'AQ' }, 'unsound'],
    ['with a modulus of a million bits', { ...rsa, n: 'A'.repeat(200_000) }, 'algorithm'],
    ['off the curve', { ...ec, y: ec.x }, 'unsound'],
    ['J-9 of order one', small('01'.padEnd(64, '0')), 'unsound'],
    ['J-9 with y over p', small(`ee${'ff'.repeat(30)}7f`), 'unsound'],
    ['with padding', { ...ed, x: `${'x' in ed ? ed.x : ''}=` }, 'algorithm'],
  ])('leaves out a key %s', (_, key, why) => expect(outcome(parse(key, { ...ec, kid: 'kept' }))).toEqual({ kids: ['kept'], skipped: [`0 ${why}`] }))

  test('with two usable keys of one kid is worthless', () => expect(outcome(parse(rsa, { ...ec, kid: 'r' }))).toBe('duplicate_kid'))
  test('one kid for a usable and an encryption key is one usable key', () => expect(outcome(parse(rsa, { ...rsa, use: 'enc' }))).toEqual({ kids: ['r'], skipped: ['1 not_for_signatures'] }))
  test('T-2 without keys is sound and verifies nothing', () => expect(outcome(parse())).toEqual({ kids: [], skipped: [] }))

  test.each<[string, string]>([
    ['no JSON', '<html>'],
    ['J-6 two lists of keys', '{"keys":[],"keys":[]}'],
    ['J-6 __proto__', '{"keys":[],"__proto__":{}}'],
    ['keys that are no list', '{"keys":{}}'],
    ['keys that are text', '{"keys":["x"]}'],
    ['no keys', '{}'],
    ['a list', '[]'],
    ['too many keys', JSON.stringify({ keys: Array.from({ length: jwksLimits.keys + 1 }, (_, at) => ({ ...ec, kid: `${at}` })) })],
    ['too many bytes', JSON.stringify({ keys: [], pad: 'x'.repeat(jwksLimits.bytes) })],
    ['too much depth', `{"keys":[],"x":${'['.repeat(50)}${']'.repeat(50)}}`],
  ])('that is %s is refused', (_, text) => expect(outcome(parseJwks(utf8(text)))).toBe('malformed'))

  test('D-1 no bytes make it throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parseJwks(bytes)))
    const member = fc.oneof(fc.constantFrom('RSA', 'EC', 'OKP', 'P-256', 'Ed25519', 'RS256', 'sig', 'AQAB', rsa.n), fc.jsonValue())
    const key = fc.dictionary(fc.constantFrom('kty', 'crv', 'alg', 'use', 'kid', 'n', 'e', 'x', 'y', 'key_ops', 'd'), member)
    fc.assert(fc.property(fc.array(key, { maxLength: 4 }), (keys) => void parse(...keys)))
  })
})

const proofJwkWithout = ({ kid: _kid, use: _use, ...jwk }: { kid: string; use?: string; kty: string }) => jwk

describe('discovery', () => {
  const issuer = 'https://ci.example'
  const discover = (body: object) => parseDiscovery(utf8(JSON.stringify(body)), issuer)
  test('names the JWKS of exactly the issuer that was asked', () => {
    expect(discover({ issuer, jwks_uri: `${issuer}/jwks`, response_types_supported: ['id_token'] })).toEqual({ ok: true, jwksUri: `${issuer}/jwks` })
  })
  test.each([`${issuer}/`, 'https://CI.example', 'https://other.example'])('S-1 %s is another issuer', (other) => expect(discover({ issuer: other, jwks_uri: `${issuer}/jwks` })).toEqual({ ok: false, reason: 'other_issuer' }))
  test.each<[object]>([[{ issuer }], [{ issuer, jwks_uri: 'file:///etc/passwd' }], [{ issuer, jwks_uri: 'https://user:pw@ci.example/jwks' }], [[]]])('%j is malformed', (body) => expect(discover(body)).toEqual({ ok: false, reason: 'malformed' }))
})
