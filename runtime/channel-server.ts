import { constants as crypto, randomUUID } from 'node:crypto'
import { constants as http2, createSecureServer, type Http2SecureServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { TLSSocket } from 'node:tls'
import { bind } from './bind.ts'
import type { Address } from './config.ts'
import { identityOf, type Identity } from './identity.ts'
import type { Logger } from './log.ts'
import { readBody } from './channel-body.ts'

/** One request as a handler sees it. Who asks comes from the certificate, never from the message. */
export type ChannelRequest = { readonly peer: Identity; readonly body: Buffer; readonly requestId: string; readonly signal: AbortSignal }
/** `body` goes out as it is; `type` is `application/json` unless said. */
export type ChannelReply = { readonly status: number; readonly body: Uint8Array | string; readonly type?: string }

/** One row of the table that says who may call what. Anything that no row names does not exist. */
export type Route = {
  readonly method: 'GET' | 'POST'
  /** The exact path; there are no parameters and no query. */
  readonly path: string
  /** Roles of the peers that may call it. */
  readonly roles: readonly string[]
  /** Largest body, in bytes; 0 for none. */
  readonly maxBytes: number
  handle(request: ChannelRequest): Promise<ChannelReply>
}

export type ServeOptions = {
  readonly tls: { readonly key: Buffer; readonly cert: Buffer; readonly ca: Buffer }
  readonly listen: Address
  readonly routes: readonly Route[]
  readonly log: Logger
  readonly limits?: Partial<ChannelLimits>
}

/** What one server grants. Times in milliseconds. */
export type ChannelLimits = {
  /** Connections at once; more are cut. */
  readonly connections: number
  /** Requests at once on one connection; HTTP/2 makes the peer wait. */
  readonly streamsPerConnection: number
  /** Handlers at once in all; a further request is answered 503. */
  readonly handlers: number
  readonly handshakeMs: number
  /** For a request's body to arrive. */
  readonly bodyMs: number
  /** For the handler to answer. */
  readonly handlerMs: number
  /** For a connection without a request. */
  readonly idleMs: number
}
const defaultLimits: ChannelLimits = { connections: 256, streamsPerConnection: 256, handlers: 1024, handshakeMs: 5_000, bodyMs: 10_000, handlerMs: 30_000, idleMs: 300_000 }
const maxHeaderBytes = 8 * 1024

export type ChannelServer = {
  readonly address: Address
  /** Stops accepting, lets requests under way end until `deadline` aborts, then cuts what is left. */
  stop(deadline: AbortSignal): Promise<void>
}

/**
 * Serves the routes over HTTP/2 with mutual TLS 1.3. A client without a certificate of the deployment's CA never gets past the
 * handshake; one whose certificate names no role that the route allows gets 403.
 */
export async function serveChannel(options: ServeOptions): Promise<ChannelServer> {
  const limits = { ...defaultLimits, ...options.limits }
  const routes = tableOf(options.routes)
  const server = createSecureServer({
    ...options.tls,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2'],
    // A resumed session would skip the certificate; a handshake costs 1.5 ms and connections are kept.
    secureOptions: crypto.SSL_OP_NO_TICKET,
    handshakeTimeout: limits.handshakeMs,
    maxSessionMemory: 32,
    maxHeaderListPairs: 32,
    streamResetBurst: 1_000,
    streamResetRate: 100,
    settings: { maxConcurrentStreams: limits.streamsPerConnection, maxHeaderListSize: maxHeaderBytes, enablePush: false, initialWindowSize: 1024 * 1024 },
  })
  server.maxConnections = limits.connections
  const sessions = new Set<ServerHttp2Session>()
  const state: ServerState = { limits, routes, log: options.log, inFlight: 0 }
  server.on('session', (session) => admit(session, sessions, state))
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => options.log.warn({ code: error.code }, 'TLS handshake refused'))
  server.on('sessionError', (error: NodeJS.ErrnoException) => options.log.warn({ code: error.code }, 'connection failed'))
  // HTTP/1 clients fail in ALPN; whatever else speaks no HTTP/2 is cut.
  server.on('unknownProtocol', (socket) => socket.destroy())
  const address = await bind(server, options.listen)
  return { address, stop: (deadline) => stop(server, sessions, deadline) }
}

type ServerState = { readonly limits: ChannelLimits; readonly routes: ReadonlyMap<string, Route>; readonly log: Logger; inFlight: number }

function tableOf(routes: readonly Route[]): ReadonlyMap<string, Route> {
  const table = new Map(routes.map((route) => [`${route.method} ${route.path}`, route]))
  if (table.size !== routes.length) throw new TypeError('two routes with one method and path')
  const open = routes.find((route) => route.roles.length === 0)
  if (open !== undefined) throw new TypeError(`${open.path}: a route must say which roles may call it`)
  return table
}

function admit(session: ServerHttp2Session, sessions: Set<ServerHttp2Session>, state: ServerState): void {
  const peer = peerOf(session)
  sessions.add(session)
  session.on('close', () => sessions.delete(session))
  session.setTimeout(state.limits.idleMs, () => session.close())
  session.on('stream', (stream, headers) => void answer({ stream, headers, peer, state }))
}

const peerOf = (session: ServerHttp2Session): Identity | undefined => {
  const socket = session.socket
  // `requestCert` with `rejectUnauthorized` has already refused strangers; `authorized` is asked again because all rests on it.
  return socket instanceof TLSSocket && socket.authorized ? identityOf(socket.getPeerX509Certificate()?.subjectAltName) : undefined
}

type Arrival = { readonly stream: ServerHttp2Stream; readonly headers: IncomingHttpHeaders; readonly peer: Identity | undefined; readonly state: ServerState }

async function answer({ stream, headers, peer, state }: Arrival): Promise<void> {
  const requestId = requestIdOf(headers)
  // Resets and half-sent requests are the peer's affair, and 'close' follows; unheard they would end the process.
  stream.on('error', (error: NodeJS.ErrnoException) => state.log.debug({ code: error.code, request_id: requestId }, 'stream failed'))
  state.inFlight += 1
  try {
    send(stream, requestId, await replyTo({ stream, headers, peer, state }, requestId))
  } catch (error) {
    state.log.error({ err: error, request_id: requestId, path: headers[':path'] }, 'handler failed')
    send(stream, requestId, problem(500, 'internal', requestId))
  } finally {
    state.inFlight -= 1
  }
}

async function replyTo({ stream, headers, peer, state }: Arrival, requestId: string): Promise<ChannelReply> {
  const refuse = (status: number, code: string) => problem(status, code, requestId)
  if (state.inFlight > state.limits.handlers) return refuse(503, 'overloaded')
  if (peer === undefined) return refuse(403, 'peer_unknown')
  // `maxHeaderListSize` is advice to the peer; nothing below enforces it.
  if (sizeOf(headers) > maxHeaderBytes) return refuse(431, 'headers_too_large')
  const [method, path] = [headers[':method'] ?? '', headers[':path'] ?? '']
  const route = state.routes.get(`${method} ${path}`)
  if (route === undefined) return [...state.routes.values()].some((other) => other.path === path) ? refuse(405, 'method_not_allowed') : refuse(404, 'route_unknown')
  if (!route.roles.includes(peer.role)) return refuse(403, 'role_not_allowed')
  if (method === 'POST' && headers['content-type'] !== 'application/json') return refuse(415, 'content_type_unsupported')
  const body = await readBody(stream, { maxBytes: route.maxBytes, timeoutMs: state.limits.bodyMs, declared: headers['content-length'] })
  if (!body.ok) return refuse(body.reason === 'too_large' ? 413 : body.reason === 'timeout' ? 408 : 400, `body_${body.reason}`)
  return withDeadline(stream, state.limits.handlerMs, () => refuse(503, 'handler_timeout'), (signal) => route.handle({ peer, body: body.bytes, requestId, signal }))
}

/** Runs a handler until it answers, or answers for it. The handler's signal aborts when nobody waits for it any more. */
async function withDeadline(stream: ServerHttp2Stream, ms: number, late: () => ChannelReply, work: (signal: AbortSignal) => Promise<ChannelReply>): Promise<ChannelReply> {
  const end = new AbortController()
  const { promise, resolve } = Promise.withResolvers<ChannelReply>()
  const gone = () => end.abort()
  const timer = setTimeout(() => {
    resolve(late())
    gone()
  }, ms)
  stream.once('close', gone)
  try {
    return await Promise.race([work(end.signal), promise])
  } finally {
    clearTimeout(timer)
    stream.off('close', gone)
  }
}

function send(stream: ServerHttp2Stream, requestId: string, reply: ChannelReply): void {
  if (stream.destroyed || stream.closed) return
  stream.respond({ ':status': reply.status, 'content-type': reply.type ?? 'application/json', 'cache-control': 'no-store', 'x-request-id': requestId })
  stream.end(reply.body)
  // Whatever of the request is still to come is not wanted.
  if (!stream.readableEnded) stream.close(http2.NGHTTP2_NO_ERROR)
}

const problem = (status: number, code: string, requestId: string): ChannelReply => ({
  status,
  type: 'application/problem+json',
  body: JSON.stringify({ type: 'about:blank', title: code.replaceAll('_', ' '), status, code, request_id: requestId }),
})

const sizeOf = (headers: IncomingHttpHeaders): number => Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + String(value).length, 0)

const requestIdOf = (headers: IncomingHttpHeaders): string => {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[A-Za-z0-9_-]{8,64}$/.test(given) ? given : randomUUID()
}

async function stop(server: Http2SecureServer, sessions: ReadonlySet<ServerHttp2Session>, deadline: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  for (const session of sessions) session.close()
  const cut = () => sessions.forEach((session) => session.destroy())
  deadline.addEventListener('abort', cut)
  if (deadline.aborted) cut()
  await promise
  deadline.removeEventListener('abort', cut)
}
