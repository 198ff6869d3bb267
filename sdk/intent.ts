import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { boundAudience, decodeTokenIntent, encodeIntent, intentDigest, lockIntent, readIntent, revokeIntent, rosterIntent, secretDeleteIntent, secretDestroyIntent, secretListIntent, secretMetaIntent, secretReadIntent, secretUndeleteIntent, secretWriteIntent, tokenIntent, type Intent, type IntentDigest, type LockIntent, type ReadIntent, type RevokeIntent, type RosterIntent, type SecretIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { canonical, checkShape } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Deployment } from './deployment.ts'
import { failed, ok, type Outcome } from './errors.ts'

/** What a person or job wishes; everything else of an intent follows from the deployment, the clock and chance. */
export interface Wish {
  /** Roster id that the evidence yields. */
  readonly sub: string
  readonly as?: string | undefined
  /** Roster id of the asking software; absent: `sub` itself. */
  readonly client?: string | undefined
  /** Absent: the deployment's default. */
  readonly aud?: string | undefined
  readonly scope: readonly string[]
  /** Seconds. */
  readonly ttl?: number | undefined
  /** RFC 7638 thumbprint of the key that the token will be bound to. */
  readonly jkt?: string | undefined
  readonly ctx?: Readonly<Record<string, string>> | undefined
  readonly reason?: string | undefined
  /** To be judged by explain alone: no signer ever signs it. */
  readonly dry?: true | undefined
}

type FieldsOf<I extends Intent> = Omit<I, 'v' | 'nonce' | 'iat' | 'exp' | 'iss' | 'lineage'>
/** What else may be asked for: reading, the next roster version, an end of a grant or token, a lock. `window`: seconds until `exp`, where approvals are waited for. */
export type Ask = FieldsOf<ReadIntent> | (FieldsOf<RosterIntent> & { readonly window?: number | undefined }) | FieldsOf<RevokeIntent> | FieldsOf<LockIntent>
export type AskIntent = ReadIntent | RosterIntent | RevokeIntent | LockIntent

export interface BuiltIntent<I extends Intent = TokenIntent> {
  readonly intent: I
  readonly bytes: Uint8Array
  readonly digest: IntentDigest
  readonly digestText: Base64url
  /** The audience that a CI platform is asked for. */
  readonly boundAudience: string
}

/** @param now seconds */
export function buildIntent(wish: Wish, deployment: Deployment, now: number): Outcome<BuiltIntent> {
  const nonce = toBase64url(randomBytes(16))
  const checked = checkShape(tokenIntent, compact({ ...fieldsOf(wish, deployment), nonce, iat: now, exp: now + limits.intentWindow }))
  if (!checked.ok) return failed('input_invalid', { problems: checked.problems })
  const bytes = encodeIntent(checked.value)
  return bytes.length > limits.intentBytes ? failed('input_invalid', { detail: `more than ${limits.intentBytes} bytes` }) : ok(built(checked.value, bytes))
}

/**
 * Takes an intent that a server built, if it says exactly what was wished: every field is compared, and the window must be now.
 * @param now seconds
 */
export function acceptIntent(bytes: Uint8Array, wish: Wish, deployment: Deployment, now: number): Outcome<BuiltIntent> {
  const decoded = decodeTokenIntent(bytes)
  if (!decoded.ok) return failed('intent_differs', { detail: decoded.reason })
  const { nonce, iat, exp, ...said } = decoded.value
  if (Buffer.compare(canonical(said), canonical(compact(fieldsOf(wish, deployment)))) !== 0) return failed('intent_differs', { detail: differing(said, compact(fieldsOf(wish, deployment))) })
  if (Math.abs(iat - now) > limits.clockSkew || exp - iat > limits.intentWindow || nonce.length === 0) return failed('intent_differs', { detail: 'iat, exp' })
  return ok(built(decoded.value, bytes))
}

/**
 * An intent of another kind than `token`.
 * @param now seconds
 */
export function buildAsk(ask: Ask, { iss, lineage }: { readonly iss: string; readonly lineage: Base64url }, now: number): Outcome<BuiltIntent<AskIntent>> {
  const { window, ...fields } = { window: undefined, ...ask }
  const common = { v: 1, nonce: toBase64url(randomBytes(16)), iat: now, exp: now + (window ?? limits.intentWindow), iss, lineage }
  const checked = checkShape(askIntent, compact({ ...fields, ...common }))
  return checked.ok ? ok(built(checked.value, encodeIntent(checked.value))) : failed('input_invalid', { problems: checked.problems })
}
const askIntent = z.discriminatedUnion('kind', [readIntent, rosterIntent, revokeIntent, lockIntent])

/** What may be asked about secrets; `client` absent: `sub` itself. */
export type SecretAsk = { readonly [K in SecretIntent['kind']]: Omit<FieldsOf<Extract<SecretIntent, { readonly kind: K }>>, 'client'> & { readonly client?: string | undefined } }[SecretIntent['kind']]

/**
 * An intent about secrets.
 * @param now seconds
 */
export function buildSecretIntent(ask: SecretAsk, { iss, lineage }: { readonly iss: string; readonly lineage: Base64url }, now: number): Outcome<BuiltIntent<SecretIntent>> {
  const common = { v: 1, nonce: toBase64url(randomBytes(16)), iat: now, exp: now + limits.intentWindow, iss, lineage }
  const checked = checkShape(secretIntent, compact({ ...ask, client: ask.client ?? ask.sub, ...common }))
  if (!checked.ok) return failed('input_invalid', { problems: checked.problems })
  const bytes = encodeIntent(checked.value)
  return bytes.length > limits.intentBytes ? failed('input_invalid', { detail: `more than ${limits.intentBytes} bytes` }) : ok(built(checked.value, bytes))
}
const secretIntent = z.discriminatedUnion('kind', [secretReadIntent, secretListIntent, secretWriteIntent, secretDeleteIntent, secretUndeleteIntent, secretDestroyIntent, secretMetaIntent])

const built = <I extends Intent>(intent: I, bytes: Uint8Array): BuiltIntent<I> => {
  const digest = intentDigest(bytes)
  const digestText = toBase64url(digest)
  return { intent, bytes, digest, digestText, boundAudience: boundAudience(digest) }
}

const fieldsOf = (wish: Wish, { keyset, lineage }: Deployment) => ({
  v: 1,
  kind: 'token',
  iss: keyset.issuer,
  lineage,
  sub: wish.sub,
  as: wish.as,
  client: wish.client ?? wish.sub,
  aud: wish.aud ?? keyset.default_audience,
  scope: [...new Set(wish.scope)].toSorted(),
  ttl: wish.ttl,
  cnf: wish.jkt === undefined ? undefined : { jkt: wish.jkt },
  ctx: wish.ctx,
  reason: wish.reason,
  dry: wish.dry,
})

const compact = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

const differing = (a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): string =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name])).join(', ')
