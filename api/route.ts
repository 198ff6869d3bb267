import type { z } from 'zod'
import type { ErrorCode } from '@symbolon/protocol/errors.ts'
import { decodeJson, checkShape } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { AuditEvent, EventFacts } from './event.ts'
import { fail, type Failure } from './failure.ts'
import type { Timer } from './timing.ts'

/** What a request must show before anything is done for it. There is no default: a route that does not say does not exist. */
export type Auth =
  /** Anyone; `why` says why that is right. */
  | { readonly kind: 'public'; readonly why: string }
  /** Evidence in the body, which the api judges early and every signer again. Without any: 401. */
  | { readonly kind: 'evidence' }
  /** RFC 8693: the subject token is the grant. Without one: 400 invalid_request (section 2.2.2). */
  | { readonly kind: 'subject_token' }
  /** The client's address is one that configuration names. For others the route does not exist. */
  | { readonly kind: 'address' }

export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly body: Uint8Array
  /** The client's, after our own proxies. */
  readonly address: string
  readonly requestId: string
  /** Every value of a header, in order. */
  header(name: string): readonly string[]
  readonly event: AuditEvent
  readonly timer: Timer
}

export interface Reply {
  readonly ok: true
  readonly status: number
  readonly body: string
  /** `application/json` unless said. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface ApiRoute {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly auth: Auth
  readonly summary: string
  /** How errors look: RFC 9457, or RFC 6749. */
  readonly errors: 'problem' | 'oauth'
  /** Codes that this route can answer with besides those that every route can. */
  readonly codes: readonly ErrorCode[]
  /** Present on every route that takes a body. */
  readonly takes?: { readonly type: 'application/json' | 'application/x-www-form-urlencoded'; readonly maxBytes: number; readonly schema: z.ZodType }
  readonly gives: { readonly type: string; readonly schema?: z.ZodType; readonly summary: string }
  /** Costs cryptography, a worker or a round trip: counted per address before the body is read. */
  readonly costly: boolean
  /** Seconds that anyone may keep the answer; absent: no-store. */
  readonly maxAge?: number
  /** The decision that a request here is, for the record. */
  readonly event?: EventFacts['event']
  handle(request: ApiRequest): Promise<Reply | Failure>
}

export const json = (value: unknown, more: Pick<Reply, 'headers'> = {}): Reply => ({ ok: true, status: 200, body: JSON.stringify(value), ...more })

type Read<T> = { readonly ok: true; readonly value: T } | Failure

/** @param evidence whether the body must carry any: a request that shows nothing is unauthenticated, whatever else is wrong with it */
export function readJson<T>(schema: z.ZodType<T>, body: Uint8Array, { evidence }: { readonly evidence: boolean }): Read<T> {
  if (evidence && body.length === 0) return fail('unauthenticated', { detail: 'The request carries no evidence.' })
  const decoded = decodeJson(body, limits.apiBodyBytes)
  if (!decoded.ok) return fail(decoded.reason === 'too_large' ? 'too_large' : 'malformed', { detail: `The body is not strict JSON: ${decoded.reason}.` })
  if (evidence && showsNothing(decoded.value)) return fail('unauthenticated', { detail: 'The request carries no evidence.' })
  const shape = checkShape(schema, decoded.value)
  return shape.ok ? shape : fail('malformed', { detail: 'The body does not have the shape that this route takes.', problems: shape.problems })
}

const showsNothing = (value: unknown): boolean => typeof value === 'object' && value !== null && (!('evidence' in value) || (Array.isArray(value.evidence) && value.evidence.length === 0))
