import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import { readBody } from '@symbolon/runtime/channel-body.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import { clientAddress, limitKey } from './client-address.ts'
import { openEvent, type AuditEvent, type EventFacts, type EventSink } from './event.ts'
import { fail, problem, type Failure } from './failure.ts'
import { limitHeaders, type Limiter } from './limiter.ts'
import { socketOf } from './list-method.ts'
import { mayChange, readable } from './origin.ts'
import { restOf, type FrontRequest, type FrontRoute, type Reply } from './route.ts'
import { openTimer, type Timer } from './timing.ts'
import type { Serving } from './serving.ts'
import { requestIdOf, traceOf, type Trace } from './trace.ts'

/** What every request is measured against, whichever roster version it is answered by. */
export interface Ground {
  readonly trustedHops: number
  /** Addresses for routes of kind `address`. */
  readonly insider: (address: string) => boolean
  readonly sink: EventSink
  readonly log: Logger
  observe(path: string, status: number, ms: number): void
}

const bodyMs = 10_000

/** One request, straight down: who and whence, may it be answered, how much is left, read, handle, record, reply. Never throws. */
export async function answer<S extends Serving>(route: FrontRoute<S>, incoming: IncomingMessage, ground: Ground, serving: S): Promise<Response> {
  const start = performance.now()
  const arrival = arrivalOf(route, incoming, ground, serving)
  const outcome = await recorded(arrival, ground)
  ground.observe(route.path, statusOf(outcome, arrival), performance.now() - start)
  return respond(outcome, arrival)
}

/** The face of what no route answers. */
export function refuseUnrouted(incoming: IncomingMessage, code: 'not_found' | 'method_not_allowed' | 'internal', headers: Record<string, string>): Response {
  const requestId = requestIdOf(first(incoming, 'x-request-id'))
  const face = problem.face(fail(code, { headers }), { requestId, path: pathOf(incoming) })
  return new Response(face.body, { status: face.status, headers: { ...safety, ...face.headers, 'content-type': face.type, 'cache-control': 'no-store', 'x-request-id': requestId } })
}

interface Arrival<S extends Serving = Serving> {
  readonly route: FrontRoute<S>
  readonly incoming: IncomingMessage
  readonly serving: S
  readonly address: string
  readonly requestId: string
  readonly trace: Trace
  readonly timer: Timer
  readonly event: AuditEvent
}

function arrivalOf<S extends Serving>(route: FrontRoute<S>, incoming: IncomingMessage, { trustedHops, sink }: Ground, serving: S): Arrival<S> {
  const address = clientAddress(socketOf(incoming).remoteAddress ?? '', incoming.headersDistinct['x-forwarded-for']?.join(','), trustedHops)
  const requestId = requestIdOf(first(incoming, 'x-request-id'))
  const trace = traceOf(first(incoming, 'traceparent'))
  const event = openEvent({ event: route.event ?? 'intent', request_id: requestId, trace_id: trace.id, address, ...certificateOf(incoming), ...serving.facts }, route.event === undefined ? () => undefined : sink)
  return { route, incoming, serving, address, requestId, trace, timer: openTimer(), event }
}

function certificateOf(incoming: IncomingMessage): Pick<EventFacts, 'certificate'> {
  const socket = socketOf(incoming)
  const certificate = socket instanceof TLSSocket && socket.authorized ? socket.getPeerX509Certificate() : undefined
  return certificate === undefined ? {} : { certificate: certificate.fingerprint256 }
}

/** The record is part of the answer: if it cannot be written, what was minted does not leave. */
async function recorded<S extends Serving>(arrival: Arrival<S>, ground: Ground): Promise<Reply | Failure> {
  const outcome = await caught(() => serve(arrival, ground), arrival, ground)
  return caught(async () => {
    arrival.event.write({ status: statusOf(outcome, arrival), code: outcome.ok ? 'ok' : outcome.code })
    return outcome
  }, arrival, ground)
}

// A bug or a store that fails in one request is that request's 500, and no other's.
async function caught(work: () => Promise<Reply | Failure>, { requestId, route }: Arrival, { log }: Ground): Promise<Reply | Failure> {
  try {
    return await work()
  } catch (error) {
    log.error({ err: error, request_id: requestId, path: route.path }, 'request failed')
    return fail('internal')
  }
}

async function serve<S extends Serving>(arrival: Arrival<S>, ground: Ground): Promise<Reply | Failure> {
  const { route, incoming, serving, address, timer } = arrival
  const rest = restIn(route, incoming)
  if (rest === undefined) return fail('not_found')
  if (route.auth.kind === 'address' && !ground.insider(address)) return fail('not_found')
  if (route.method !== 'GET' && !mayChange(originOf(incoming), serving.origins)) return fail('origin_not_allowed')
  const counted = route.costly ? await timer.measure('authenticate', () => admit(address, route.heavy === true ? [serving.addresses, serving.heavy] : [serving.addresses])) : { ok: true as const, headers: {} }
  if (!counted.ok) return counted
  const body = await bodyOf(route, incoming)
  if (!body.ok) return { ...body, headers: { ...counted.headers, ...body.headers } }
  const outcome = await route.handle(requestOf(arrival, { body: body.bytes, rest }), serving)
  return { ...outcome, headers: joined(counted.headers, outcome.headers) }
}

/** The router has found the route by a path that it may have normalised; what is handed on is what was sent. */
const restIn = (route: FrontRoute, incoming: IncomingMessage): string | undefined => (route.path.endsWith('/*') ? restOf(route, pathOf(incoming)) : '')

async function admit(address: string, limiters: readonly Limiter[]): Promise<{ readonly ok: true; readonly headers: Record<string, string> } | Failure> {
  const asked: Parameters<typeof limitHeaders>[0][number][] = []
  for (const limiter of limiters) {
    const allowance = await limiter.take(limitKey(address))
    asked.push({ limiter, allowance })
    if (allowance.ok) continue
    if (allowance.reason === 'broken') return fail('not_ready', { detail: 'The store of the rate limits does not answer.' })
    return fail('limited', { detail: `This address may ask ${limiter.quota} times a minute.`, retryAfter: allowance.resetSeconds, headers: limitHeaders(asked) })
  }
  return { ok: true, headers: limitHeaders(asked) }
}

async function bodyOf({ takes }: FrontRoute, incoming: IncomingMessage): Promise<{ readonly ok: true; readonly bytes: Uint8Array } | Failure> {
  if (takes === undefined) return { ok: true, bytes: new Uint8Array() }
  if (takes.unlabelled !== true && !isType(incoming.headers['content-type'], takes.type)) return fail('unsupported_media_type', { detail: `Send ${takes.type}.` })
  // A compressed body's size says nothing about what it becomes.
  if (incoming.headers['content-encoding'] !== undefined) return fail('unsupported_media_type', { detail: 'Send the body as it is, without a content encoding.' })
  const read = await readBody(incoming, { maxBytes: takes.maxBytes, timeoutMs: bodyMs, declared: incoming.headers['content-length'] })
  if (read.ok) return { ok: true, bytes: read.bytes }
  const headers = { connection: 'close' }
  return read.reason === 'too_large' ? fail('too_large', { detail: `A body has at most ${takes.maxBytes} bytes.`, headers }) : fail('malformed', { detail: `The body did not arrive (${read.reason}).`, headers })
}

const isType = (header: string | undefined, wanted: string): boolean => {
  const [type = '', parameter, ...more] = (header ?? '').toLowerCase().split(';').map((part) => part.trim())
  return type === wanted && more.length === 0 && (parameter === undefined || /^charset="?utf-8"?$/.test(parameter))
}

const requestOf = ({ route, incoming, address, requestId, event, timer }: Arrival, { body, rest }: Pick<FrontRequest, 'body' | 'rest'>): FrontRequest => ({
  method: route.method,
  path: route.path,
  rest,
  query: queryOf(incoming),
  body,
  address,
  requestId,
  header: (name) => incoming.headersDistinct[name] ?? [],
  event,
  timer,
})

/** Two limits may have been asked: both are told, in one list (RFC 9651). */
function joined(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries([...Object.entries(a), ...Object.entries(b)].map(([name]) => [name, [a[name], b[name]].filter((value) => value !== undefined).join(', ')]))
}

const faceFor = (failure: Failure, { route, requestId }: Pick<Arrival, 'route' | 'requestId'>) => route.errors.face(failure, { requestId, path: route.path })
const statusOf = (outcome: Reply | Failure, arrival: Arrival): number => (outcome.ok ? outcome.status : faceFor(outcome, arrival).status)

const safety = { 'x-content-type-options': 'nosniff', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'", 'referrer-policy': 'no-referrer' } as const

function respond(outcome: Reply | Failure, arrival: Arrival): Response {
  const { route, incoming, serving, requestId, trace, timer } = arrival
  const face = outcome.ok ? { status: outcome.status, type: outcome.type ?? 'application/json', body: outcome.body, headers: outcome.headers ?? {} } : faceFor(outcome, arrival)
  const timing = timer.header()
  const headers = {
    ...safety,
    ...readable(originOf(incoming), serving.origins, route.maxAge !== undefined),
    ...face.headers,
    'content-type': face.type,
    'cache-control': outcome.ok && route.maxAge !== undefined ? `public, max-age=${route.maxAge}` : 'no-store',
    'x-request-id': requestId,
    traceparent: trace.parent,
    ...(timing === '' ? {} : { 'server-timing': timing }),
  }
  // No content has no type either (RFC 9110, section 8.3).
  if (face.status === 204) return new Response(null, { status: 204, headers: { ...headers, 'content-type': '' } })
  return new Response(face.body, { status: face.status, headers })
}

export const originOf = (incoming: IncomingMessage) => ({ origin: first(incoming, 'origin'), site: first(incoming, 'sec-fetch-site') })
const queryOf = ({ url = '' }: IncomingMessage): string => (url.includes('?') ? url.slice(url.indexOf('?') + 1) : '')
export const pathOf = (incoming: IncomingMessage): string => (incoming.url ?? '/').split('?')[0] ?? '/'
// Given twice, none of them is the one that was meant.
const first = (incoming: IncomingMessage, name: string): string | undefined => {
  const values = incoming.headersDistinct[name] ?? []
  return values.length === 1 ? values[0] : values.length === 0 ? undefined : ''
}
