import * as platform from '#platform'

/** Types that share a representation but must not be swapped. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name }

/** Base64url text without padding (RFC 4648, section 5), in the one canonical spelling of its bytes. */
export type Base64url = Brand<string, 'Base64url'>
/** SHA-256, 32 bytes. */
export type Digest = Brand<Uint8Array, 'Digest'>

const alphabet = /^[A-Za-z0-9_-]*$/

export const toBase64url = (bytes: Uint8Array): Base64url => platform.toBase64url(bytes) as Base64url

/**
 * Strict decoding: no padding, no other alphabet, no white space, no non-zero trailing bits.
 * @returns undefined when `text` is not the canonical spelling of some bytes.
 */
export function fromBase64url(text: string): Uint8Array | undefined {
  if (!alphabet.test(text) || text.length % 4 === 1) return undefined
  const bytes = platform.fromBase64url(text)
  return platform.toBase64url(bytes) === text ? bytes : undefined
}

/** The bytes of text that a schema has found to be base64url. Of any other there are none: no key, signature or document is empty, so that each check refuses it. */
export const bytesOf = (text: Base64url): Uint8Array => fromBase64url(text) ?? new Uint8Array()

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @returns undefined for bytes that are not UTF-8; a byte order mark is kept, so that JSON decoding refuses it. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

export const utf8 = (text: string): Uint8Array => platform.utf8(text)

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Big-endian length in four bytes, then the bytes: concatenations of these are unambiguous. */
export function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + bytes.length)
  new DataView(out.buffer).setUint32(0, bytes.length)
  out.set(bytes, 4)
  return out
}

export const sha256 = (...parts: readonly Uint8Array[]): Digest => platform.sha256(parts) as Digest

/** SHA-256(tag ‖ 0x00 ‖ parts): every hash and signature of ours starts with its own tag, so none can be read as another. */
export const taggedHash = (tag: string, ...parts: readonly Uint8Array[]): Digest => sha256(tagged(tag), ...parts)

/** tag ‖ 0x00 ‖ parts: the bytes that a key of ours signs. */
export const tagged = (tag: string, ...parts: readonly Uint8Array[]): Uint8Array => concat(utf8(`symbolon/${tag}`), Uint8Array.of(0), ...parts)

/** Constant-time for equal lengths. Lengths are public. */
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && platform.equalBytes(a, b)
