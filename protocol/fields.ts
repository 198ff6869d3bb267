import { z } from 'zod'
import { fromBase64url, type Base64url } from './bytes.ts'

/* The field types that several messages share. Every string is bounded, and every pattern is anchored and linear. */

/** What a JSON Schema can say of it. */
const base64urlText = { type: 'string', pattern: '^[A-Za-z0-9_-]+$' } as const

/** Base64url of exactly `length` bytes. */
export const base64urlOf = (length: number) =>
  z.custom<Base64url>((value) => typeof value === 'string' && fromBase64url(value)?.length === length, `must be base64url of ${length} bytes`).meta({ ...base64urlText, description: `Base64url of ${length} bytes.` })

/** Base64url of at most `max` bytes. */
export const base64urlUpTo = (max: number) =>
  z.custom<Base64url>((value) => {
    if (typeof value !== 'string' || value.length > Math.ceil((max * 4) / 3)) return false
    const bytes = fromBase64url(value)
    return bytes !== undefined && bytes.length > 0
  }, `must be base64url of 1 to ${max} bytes`).meta({ ...base64urlText, description: `Base64url of 1 to ${max} bytes.` })

export const digestText = base64urlOf(32)

/** The id of a roster row: a person, service, trust, client, issuer. Lower case only, so that two ids never differ by case. */
export const rosterId = z.string().regex(/^[a-z0-9][a-z0-9._:-]{0,63}$/, 'must be 1 to 64 of a-z 0-9 . _ : - and start with a letter or digit')

/** A FROST identifier: a signer's number, stable for life. */
export const signerId = z.int().min(1).max(65_535)

/** NumericDate (RFC 7519, section 2), whole seconds, up to the year 9999. */
export const seconds = z.int().min(0).max(253_402_300_799)

/** RFC 6749, section 3.3, narrowed: no quote, backslash or wildcard can reach a template or glob. */
export const scopeName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9:._/-]{0,127}$/, 'must be a scope such as read:logs')

/** An absolute http(s) URL without credentials, query or fragment, in the exact spelling that is compared byte for byte. */
export const issuerUrl = z
  .string()
  .max(512)
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !/^[\x21-\x7e]+$/.test(text)) return false
    return ['http:', 'https:'].includes(url.protocol) && url.username === '' && url.password === '' && !text.includes('?') && !text.includes('#')
  }, 'must be an http(s) URL without credentials, query or fragment')

export const audience = z.string().regex(/^[\x21-\x7e]{1,256}$/, 'must be 1 to 256 visible ASCII characters')

/** `host:port`, IPv6 in brackets: where a channel listens. */
export const hostPort = z.string().regex(/^[A-Za-z0-9.:[\]-]{1,255}:[0-9]{1,5}$/)

/** Printable ASCII, one line: shown to people, so no control or right-to-left characters. */
export const line = (max: number) => z.string().regex(new RegExp(`^[\\x20-\\x7e]{1,${max}}$`), `must be 1 to ${max} printable ASCII characters`)

/** Public keys, RFC 7517. */
export const ed25519Jwk = z.strictObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: base64urlOf(32) })
export const p256Jwk = z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: base64urlOf(32), y: base64urlOf(32) })
export const rsaJwk = z.strictObject({ kty: z.literal('RSA'), n: base64urlUpTo(1024), e: base64urlUpTo(8) })
export const proofJwk = z.discriminatedUnion('crv', [ed25519Jwk, p256Jwk])
export type ProofJwk = z.infer<typeof proofJwk>
