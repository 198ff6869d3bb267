import { fromBase64url, toBase64url, utf8, type Base64url } from './bytes.ts'
import { canonical, decodeJson } from './json.ts'
import { limits } from './limits.ts'

/** A compact JWS (RFC 7515, section 7.1), taken apart and not yet believed. */
export interface Jws {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** ASCII of `header.payload`: what the signature covers. */
  readonly signingInput: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Strict: three canonical base64url segments, JSON objects without duplicate members, `alg` and no `crit` or `b64` (no extension
 * is understood here, RFC 7515, section 4.1.11). Says nothing about who signed.
 * @returns undefined for anything else
 */
export function parseJws(text: string): Jws | undefined {
  if (text.length > limits.jwsBytes) return undefined
  const parts = text.split('.')
  const [head, body, tail] = parts
  if (parts.length !== 3 || !head || !body || !tail) return undefined
  const header = objectOf(head)
  const payload = objectOf(body)
  const signature = fromBase64url(tail)
  if (header === undefined || payload === undefined || signature === undefined) return undefined
  if (typeof header['alg'] !== 'string' || 'crit' in header || 'b64' in header) return undefined
  return { header, payload, signingInput: utf8(`${head}.${body}`), signature }
}

/** The bytes to sign, in the one spelling that our own encoders use: both parts canonical JSON. */
export const jwsSigningInput = (header: object, payload: object): string => `${toBase64url(canonical(header))}.${toBase64url(canonical(payload))}`

export const assembleJws = (signingInput: string, signature: Uint8Array): string => `${signingInput}.${toBase64url(signature) satisfies Base64url}`

function objectOf(segment: string): Record<string, unknown> | undefined {
  const bytes = fromBase64url(segment)
  if (bytes === undefined) return undefined
  const json = decodeJson(bytes, limits.jwsBytes)
  if (!json.ok || typeof json.value !== 'object' || json.value === null || Array.isArray(json.value)) return undefined
  return json.value as Record<string, unknown>
}
