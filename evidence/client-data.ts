import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { decodeJson } from '@symbolon/protocol/json.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'

export interface ClientDataWanted {
  readonly type: 'webauthn.get' | 'webauthn.create'
  readonly challenge: Uint8Array
  /** Compared as text, without any normalisation. */
  readonly origins: readonly string[]
}

const maxClientData = 1024

/**
 * Was the browser's part (WebAuthn Level 3, section 5.8.1) made for this challenge, on this origin, in a page that no other page embeds?
 * Browsers may add members (section 5.8.1.1); the ones that say something about where the touch happened are judged, all others ignored.
 * @returns why not, or undefined
 */
export function checkClientData(bytes: Uint8Array, wanted: ClientDataWanted): Reason | undefined {
  const data = objectOf(bytes)
  if (data === undefined) return reasonOf('evidence_malformed', 'The client data is not a JSON object.', { rule: 'passkey.client_data' })
  if (data['type'] !== wanted.type) return reasonOf('assertion_mismatch', 'The passkey was used for another kind of ceremony.', { rule: 'passkey.type' })
  if (data['challenge'] !== toBase64url(wanted.challenge)) return reasonOf('assertion_mismatch', 'The passkey signed another challenge.', { rule: 'passkey.challenge' })
  const { origin } = data
  if (typeof origin !== 'string' || !wanted.origins.includes(origin)) return reasonOf('origin_mismatch', 'The roster names no console of this origin.', { rule: 'passkey.origin', ...(typeof origin === 'string' ? { fact: printable(origin) } : {}) })
  // Embedded in another page, a person cannot see what they touch for. Related origins exist only as the roster's explicit list.
  if ((data['crossOrigin'] !== undefined && data['crossOrigin'] !== false) || 'topOrigin' in data) return reasonOf('origin_mismatch', 'The passkey was touched inside another page.', { rule: 'passkey.cross_origin' })
  // Token binding left the standard; nothing here could check it, so nobody may come to rely on it.
  if ('tokenBinding' in data) return reasonOf('assertion_invalid', 'The client data speaks of token binding.', { rule: 'passkey.token_binding' })
  return undefined
}

const printable = (text: string): string => JSON.stringify(text.slice(0, 200)).replaceAll(/[^\x20-\x7e]/g, '?')

function objectOf(bytes: Uint8Array): Record<string, unknown> | undefined {
  const json = decodeJson(bytes, maxClientData)
  return json.ok && typeof json.value === 'object' && json.value !== null && !Array.isArray(json.value) ? (json.value as Record<string, unknown>) : undefined
}
