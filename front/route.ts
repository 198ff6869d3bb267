import type { z } from 'zod'
import type { ErrorCode } from '@symbolon/protocol/errors.ts'
import { decodeJson, checkShape } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { AuditEvent } from './event.ts'
import { fail, type ErrorStyle, type Failure } from './failure.ts'
import type { Serving } from './serving.ts'
import type { Timer } from './timing.ts'

/** What a request must show before anything is done for it. There is no default: a route that does not say does not exist. */
export type Auth =
  /** Anyone; `why` says why that is right. */
  | { readonly kind: 'public'; readonly why: string }
  /** Evidence in the body, judged early here and, where anything is signed, again by every signer. Without any: 401. */
  | { readonly kind: 'evidence' }
  /** RFC 8693: the subject token is the grant. Without one: 400 invalid_request (section 2.2.2). */
  | { readonly kind: 'subject_token' }
  /** Evidence in that header, which the protocol of the route puts there. */
  | { readonly kind: 'header'; readonly name: string }
  /** The client's address is one that configuration names. For others the route does not exist. */
  | { readonly kind: 'address' }

export interface FrontRequest {
  readonly method: string
  /** The route's. */
  readonly path: string
  /** What stands in the place of the route’s `*`, as it was sent: nothing of it is decoded. Empty for other routes. */
  readonly rest: string
  /** Without its `?`, as it was sent. */
  readonly query: string
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

/** One route of a process whose servings are `S`. */
export interface FrontRoute<S extends Serving = Serving> {
  /** `LIST` as clients of KV v2 send it: without a body. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'LIST'
  /** Exact, or with `/*` at its end: then whatever follows, at least one character. */
  readonly path: string
  readonly auth: Auth
  readonly summary: string
  /** How errors look: RFC 9457 (`problem`), or what another protocol asks for. */
  readonly errors: ErrorStyle
  /** Codes that this route can answer with besides those that every route can. */
  readonly codes: readonly ErrorCode[]
  /** Present on every route that takes a body. */
  readonly takes?: {
    readonly type: string
    /** The protocol of the route leaves bodies unlabelled, or labels them at will: they are read as `type` all the same. */
    readonly unlabelled?: true
    readonly maxBytes: number
    readonly schema: z.ZodType
  }
  readonly gives: { readonly type: string; readonly schema?: z.ZodType; readonly summary: string }
  /** Costs cryptography, a worker or a round trip: counted per address before the body is read. */
  readonly costly: boolean
  /** Takes a body so large that reading it costs as much as judging it: counted once more, more strictly. */
  readonly heavy?: boolean
  /** Seconds that anyone may keep the answer; absent: no-store. */
  readonly maxAge?: number
  /** The decision that a request here is, for the record. */
  readonly event?: string
  /** @param serving what this request is answered by, from its start to its end */
  handle(request: FrontRequest, serving: S): Promise<Reply | Failure>
}

export const json = (value: unknown, more: Pick<Reply, 'headers'> = {}): Reply => ({ ok: true, status: 200, body: JSON.stringify(value), ...more })

type Read<T> = { readonly ok: true; readonly value: T } | Failure

export interface Reading {
  /** Where in the body its evidence is; absent: it needs none. A request that shows nothing is unauthenticated, whatever else is wrong with it. */
  readonly shows?: readonly string[]
  readonly maxBytes?: number
}

export function readJson<T>(schema: z.ZodType<T>, body: Uint8Array, { shows, maxBytes = limits.apiBodyBytes }: Reading = {}): Read<T> {
  if (shows !== undefined && body.length === 0) return fail('unauthenticated', { detail: 'The request carries no evidence.' })
  const decoded = decodeJson(body, maxBytes)
  if (!decoded.ok) return fail(decoded.reason === 'too_large' ? 'too_large' : 'malformed', { detail: `The body is not strict JSON: ${decoded.reason}.` })
  if (shows !== undefined && showsNothing(decoded.value, shows)) return fail('unauthenticated', { detail: 'The request carries no evidence.' })
  const shape = checkShape(schema, decoded.value)
  return shape.ok ? shape : fail('malformed', { detail: 'The body does not have the shape that this route takes.', problems: shape.problems })
}

const showsNothing = (value: unknown, [name, ...deeper]: readonly string[]): boolean => {
  if (typeof value !== 'object' || value === null) return false
  const shown: unknown = name === undefined ? value : Object.getOwnPropertyDescriptor(value, name)?.value
  if (shown === undefined || (Array.isArray(shown) && shown.length === 0)) return true
  return deeper.length > 0 && showsNothing(shown, deeper)
}

/**
 * What a sent path has in the place of a route's `*`.
 * @returns undefined if the path is not of this route. Compared as it was sent: a second spelling of a path is another path
 */
export function restOf(route: Pick<FrontRoute, 'path'>, sent: string): string | undefined {
  if (!route.path.endsWith('/*')) return sent === route.path ? '' : undefined
  const before = route.path.slice(0, -1)
  return sent.startsWith(before) && sent.length > before.length ? sent.slice(before.length) : undefined
}
