import { z } from 'zod'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { equalBytes, fromBase64url, taggedHash, toBase64url, type Base64url } from './bytes.ts'
import { base64urlOf, base64urlUpTo, digestText, rosterId, seconds } from './fields.ts'
import { grantIntent, type GrantIntent } from './intent.ts'
import { canonical, decodeAs } from './json.ts'
import { limits } from './limits.ts'
import { assertion } from './webauthn.ts'

/* How a grant comes about: a client asks for one, a person sees the request in the console and touches a passkey. */

/** What a client wants a person to grant; everything of the intent but who grants it, when, and for which deployment. */
export const grantRequest = z.strictObject({
  v: z.literal(1),
  nonce: base64urlOf(16),
  client: rosterId,
  key: digestText,
  ceiling: grantIntent.shape.ceiling,
  end: seconds,
})
export type GrantRequest = z.infer<typeof grantRequest>

const requestHash = (request: GrantRequest) => taggedHash('grant-request/v1', canonical(grantRequest.parse(request)))

/** Eight words (88 bits, of the BIP 39 English list): terminal and console show the same ones, or something stands between. */
export function grantWords(request: GrantRequest): readonly string[] {
  const bits = [...requestHash(request).subarray(0, 11)].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return Array.from({ length: 8 }, (_, at) => wordlist[Number.parseInt(bits.slice(at * 11, at * 11 + 11), 2)] ?? '')
}

/** RFC 8628, section 6.1: no vowels, so no words. 20⁸ is 34 bits. */
const codeAlphabet = 'BCDFGHJKLMNPQRSTVWXZ'
/**
 * The user code of a device grant. It follows from the request, so it commits to the client's key: an api that shows another request
 * under the same code is found out by whoever computes it again.
 */
export function userCode(request: GrantRequest): string {
  const letters = Array.from(requestHash(request).subarray(11, 27))
  const code = Array.from({ length: 8 }, (_, at) => codeAlphabet[(((letters[at * 2] ?? 0) << 8) | (letters[at * 2 + 1] ?? 0)) % 20]).join('')
  return `${code.slice(0, 4)}-${code.slice(4)}`
}

/** @returns the members in which an intent is not what was requested; a client, an api and a console must all find none */
export const differsFromRequest = (intent: GrantIntent, request: GrantRequest): readonly string[] => [
  ...(['nonce', 'client', 'key', 'end'] as const).filter((name) => intent[name] !== request[name]),
  ...(equalBytes(canonical(intent.ceiling), canonical(request.ceiling)) ? [] : ['ceiling']),
  ...(intent.as === undefined ? [] : ['as']),
]

/** What a person typed, in the one spelling of a user code; undefined if it cannot be one. */
export function normalUserCode(text: string): string | undefined {
  const letters = text.toUpperCase().replaceAll(/[\s-]/g, '')
  return /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/.test(letters) ? `${letters.slice(0, 4)}-${letters.slice(4)}` : undefined
}

/** A grant as its key's holder keeps it: the canonical bytes of the intent, and the assertion over its digest. Not secret: worthless without the key. */
export const grant = z.strictObject({ intent: base64urlUpTo(limits.intentBytes), assertion })
export type Grant = z.infer<typeof grant>

/** One line of text, for a URL or a form field. */
export const encodeGrant = (value: Grant): Base64url => toBase64url(canonical(grant.parse(value)))
/** @returns undefined for anything else */
export function decodeGrant(text: string): Grant | undefined {
  const bytes = fromBase64url(text)
  const decoded = bytes === undefined ? undefined : decodeAs(grant, bytes, limits.jwsBytes)
  return decoded?.ok === true ? decoded.value : undefined
}
