import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, grantIntent, intentDigest, lockIntent, readIntent, revokeIntent, rosterIntent, secretDeleteIntent, secretDestroyIntent, secretListIntent, secretMetaIntent, secretReadIntent, secretUndeleteIntent, secretWriteIntent, tokenIntent, type Intent, type IntentDigest } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Deployment } from './deployment.ts'

/* Intents are built here, from the fields that the page shows, never taken from a server. */

export interface Built<I extends Intent = Intent> {
  readonly intent: I
  /** Base64url of the canonical bytes. */
  readonly bytes: Base64url
  readonly digest: IntentDigest
  readonly digestText: Base64url
}

/** Of an intent's fields, those that say what is asked. */
type Wish<I extends Intent> = I extends Intent ? Omit<I, 'v' | 'nonce' | 'iat' | 'exp' | 'iss' | 'lineage'> : never

const schemas = {
  token: tokenIntent,
  grant: grantIntent,
  roster: rosterIntent,
  revoke: revokeIntent,
  lock: lockIntent,
  read: readIntent,
  'secret.read': secretReadIntent,
  'secret.list': secretListIntent,
  'secret.write': secretWriteIntent,
  'secret.delete': secretDeleteIntent,
  'secret.undelete': secretUndeleteIntent,
  'secret.destroy': secretDestroyIntent,
  'secret.meta': secretMetaIntent,
}
type Kind = keyof typeof schemas
type OfKind<K extends Kind> = Extract<Intent, { kind: K }>

export const now = (): number => Math.floor(Date.now() / 1000)

/**
 * Throws a ZodError for a wish that is none: forms check their fields first.
 * @param window seconds from `iat` to `exp`
 * @param nonce 16 bytes; a client’s own where it asked for this very intent
 */
export function build<K extends Kind>(wish: Wish<OfKind<K>> & { readonly kind: K }, { issuer, lineage }: Pick<Deployment, 'issuer' | 'lineage'>, window: number = limits.intentWindow, nonce: Base64url = toBase64url(crypto.getRandomValues(new Uint8Array(16)))): Built<OfKind<K>> {
  const iat = now()
  const given = Object.fromEntries(Object.entries(wish).filter(([, value]) => value !== undefined))
  const intent = schemas[wish.kind].parse({ ...given, v: 1, nonce, iat, exp: iat + window, iss: issuer, lineage }) as OfKind<K>
  const bytes = encodeIntent(intent)
  const digest = intentDigest(bytes)
  return { intent, bytes: toBase64url(bytes), digest, digestText: toBase64url(digest) }
}
