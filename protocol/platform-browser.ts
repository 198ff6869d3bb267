import { ed25519 } from '@noble/curves/ed25519.js'
import { p256 } from '@noble/curves/nist.js'
import { sha256 as hash } from '@noble/hashes/sha2.js'

/* `#platform` in browsers. WebCrypto only answers asynchronously, and these are asked in the middle of pure functions. */

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const values = new Map(Array.from(alphabet, (letter, value) => [letter, value]))

export function toBase64url(bytes: Uint8Array): string {
  const out: string[] = []
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    for (let letter = 0; letter < Math.min(left, 3) + 1; letter++) out.push(alphabet[(group >> (18 - 6 * letter)) & 63] ?? '')
  }
  return out.join('')
}

/** Lenient; the caller checks that the spelling is the one that these bytes have. */
export function fromBase64url(text: string): Uint8Array {
  const out = new Uint8Array(Math.floor((text.length * 3) / 4))
  let held = 0
  let bits = 0
  let at = 0
  for (const letter of text) {
    held = ((held << 6) | (values.get(letter) ?? 0)) & 0xffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      out[at++] = (held >> bits) & 0xff
    }
  }
  return out
}

const encoder = new TextEncoder()
export const utf8 = (text: string): Uint8Array => encoder.encode(text)

export const sha256 = (parts: readonly Uint8Array[]): Uint8Array => {
  const running = hash.create()
  for (const part of parts) running.update(part)
  return running.digest()
}

/** Constant-time as far as a browser's compiler lets it be. Of equal lengths. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let at = 0; at < a.length; at++) difference |= (a[at] ?? 0) ^ (b[at] ?? 0)
  return difference === 0
}

/** noble throws for what is no key; its arguments are bytes of ours, so that is all it can mean. */
function holds(check: () => boolean): boolean {
  try {
    return check()
  } catch (error) {
    if (error instanceof Error) return false
    throw error
  }
}

/** @param point SEC 1 uncompressed, 65 bytes */
export const isP256Point = (point: Uint8Array): boolean =>
  holds(() => {
    p256.Point.fromBytes(point).assertValidity()
    return true
  })

/** ECDSA with SHA-256, `signature` r ‖ s of 64 bytes, either sign of s. False for a point off the curve. */
export const verifyP256 = (point: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean => holds(() => p256.verify(signature, bytes, point, { prehash: true, lowS: false }))

/** RFC 8032, section 5.1.7, without cofactor. False for what is no point. */
export const verifyEd25519 = (publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean => holds(() => ed25519.verify(signature, bytes, publicKey, { zip215: false }))

/** @param seed 32 bytes (RFC 8032, section 5.1.5) */
export const ed25519PublicKey = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(seed)
export const signEd25519 = (seed: Uint8Array, bytes: Uint8Array): Uint8Array => ed25519.sign(bytes, seed)
