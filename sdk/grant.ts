import { randomBytes, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { fromBase64url, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { decodeGrant, differsFromRequest, grantRequest, type Grant, type GrantRequest } from '@symbolon/protocol/grant.ts'
import { decodeIntent, intentDigest, type GrantIntent } from '@symbolon/protocol/intent.ts'
import { canonical, checkShape, decodeJson } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { publicJwk } from './credential.ts'
import type { Deployment } from './deployment.ts'
import { failed, ok, type Outcome } from './errors.ts'

/* The client's side of a grant: it makes a key and a request; a person touches a passkey for it elsewhere; what comes back must answer this request. */

/** A grant, taken apart. Whether the passkey's signature is true is judged by those who hold the roster. */
export interface OpenedGrant {
  readonly grant: Grant
  readonly intent: GrantIntent
  /** Of the intent: what proofs ride on, and what `revoke` names. */
  readonly digest: Base64url
}

export interface GrantWish {
  readonly key: KeyObject
  /** Roster id of the asking software. */
  readonly client: string
  readonly ceiling: GrantRequest['ceiling']
  /** NumericDate. */
  readonly end: number
}

export function newGrantRequest({ key, client, ceiling, end }: GrantWish): Outcome<GrantRequest> {
  const jwk = publicJwk(key)
  if (!jwk.ok) return jwk
  const scope = ceiling.scope === undefined ? {} : { scope: [...new Set(ceiling.scope)].toSorted() }
  const shape = checkShape(grantRequest, { v: 1, nonce: toBase64url(randomBytes(16)), client, key: thumbprint(jwk.value), ceiling: { ...ceiling, ...scope }, end })
  return shape.ok ? ok(shape.value) : failed('input_invalid', { problems: shape.problems })
}

export const encodeGrantRequest = (request: GrantRequest): Base64url => toBase64url(canonical(request))

/** Where a person sees the request and touches; the fragment is never sent. `callback`: where the browser brings the grant. */
export const consoleGrantUrl = (console: string, request: GrantRequest, callback: string): string =>
  `${console.replace(/\/$/, '')}/grant#${new URLSearchParams({ request: encodeGrantRequest(request), callback })}`

/** What was kept, or handed over, as one line of text. Says nothing of whether it is wanted. */
export function openGrant(text: string): Outcome<OpenedGrant> {
  const grant = decodeGrant(text)
  const bytes = grant === undefined ? undefined : fromBase64url(grant.intent)
  const decoded = bytes === undefined ? undefined : decodeIntent(bytes)
  if (grant === undefined || bytes === undefined || decoded?.ok !== true || decoded.value.kind !== 'grant') return failed('grant_differs', { detail: 'not a grant' })
  return ok({ grant, intent: decoded.value, digest: toBase64url(intentDigest(bytes)) })
}

const clientData = z.looseObject({ type: z.literal('webauthn.get'), challenge: z.string() })

/**
 * Takes a grant only if it answers this very request in this very deployment, so that whoever reaches the callback, or answers for the
 * api, cannot put another in its place. The passkey must have signed this intent; its signature itself is judged by the signers.
 * @param now seconds
 */
export function judgeGrant(text: string, request: GrantRequest, { keyset, lineage }: Pick<Deployment, 'keyset' | 'lineage'>, now: number): Outcome<OpenedGrant> {
  const opened = openGrant(text)
  if (!opened.ok) return opened
  const { grant, intent, digest } = opened.value
  const signed = challengeOf(grant)
  const differs = [
    ...differsFromRequest(intent, request),
    intent.end > now && intent.end - intent.iat <= limits.grantTtl ? '' : 'end',
    intent.iss === keyset.issuer ? '' : 'iss',
    intent.lineage === lineage ? '' : 'lineage',
    Math.abs(now - intent.iat) <= limits.intentWindow + limits.clockSkew ? '' : 'iat',
    signed === digest ? '' : 'challenge',
  ].filter((name) => name !== '')
  return differs.length === 0 ? opened : failed('grant_differs', { detail: [...new Set(differs)].join(', ') })
}

function challengeOf({ assertion }: Grant): string | undefined {
  const bytes = fromBase64url(assertion.client_data)
  const json = bytes === undefined ? undefined : decodeJson(bytes, 1_024)
  const data = json?.ok === true ? checkShape(clientData, json.value) : undefined
  return data?.ok === true ? data.value.challenge : undefined
}
