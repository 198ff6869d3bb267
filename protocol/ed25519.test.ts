import { expect, test } from 'vitest'
import { toBase64url } from './bytes.ts'
import { ed25519Of, signEd25519, soundEd25519, verifyEd25519, type Ed25519Jwk } from './ed25519.ts'

const seed = Uint8Array.from({ length: 32 }, (_, at) => at)
const message = new TextEncoder().encode('what is signed')

test('a seed signs, and its key verifies', () => {
  const jwk = ed25519Of(seed)
  expect(verifyEd25519(jwk, message, signEd25519(seed, message))).toBe(true)
  expect(verifyEd25519(jwk, message, signEd25519(Uint8Array.from(seed, (byte) => byte ^ 1), message))).toBe(false)
  expect(verifyEd25519(jwk, message, new Uint8Array(63))).toBe(false)
})

test('a key of small order verifies nothing', () => {
  const x = toBase64url(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0)))
  const forged = Uint8Array.from({ length: 64 }, (_, at) => (at === 0 ? 1 : 0))
  expect(soundEd25519(x)).toBeUndefined()
  expect(verifyEd25519({ kty: 'OKP', crv: 'Ed25519', x } satisfies Ed25519Jwk, message, forged)).toBe(false)
})

test('a second spelling of a key is none', () => {
  const x = toBase64url(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 0xf0 : at === 31 ? 0x7f : 0xff)))
  expect(soundEd25519(x)).toBeUndefined()
})
