import { constants as crypto } from 'node:crypto'
import { connect as connectHttp2, constants as http2, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2'
import { isIP } from 'node:net'
import { createSecureContext, type PeerCertificate, type SecureContext } from 'node:tls'
import { readBody } from './channel-body.ts'
import type { Address } from './config.ts'
import { formatIdentity, identityOf } from './identity.ts'

export type ChannelFailure = {
  readonly ok: false
  /**
   * `unreachable`: no connection, or it broke before the answer (which the peer may still have acted on). `wrong_peer`: whoever
   * listens there is not the one expected, or not of this deployment. `aborted`: by the caller.
   */
  readonly reason: 'unreachable' | 'timeout' | 'too_large' | 'wrong_peer' | 'aborted'
  /** A code for the log. */
  readonly detail: string
}
export type ChannelAnswer = { readonly ok: true; readonly status: number; readonly body: Buffer } | ChannelFailure

export type RequestOptions = {
  readonly timeoutMs: number
  /** Largest answer, in bytes. */
  readonly maxBytes: number
  readonly requestId?: string
  readonly signal?: AbortSignal
}

export type ConnectOptions = {
  /** Read once, here: the caller may wipe the key as soon as `connectChannel` has returned. */
  readonly tls: { readonly key: Buffer; readonly cert: Buffer; readonly ca: Buffer }
  readonly address: Address
  /** The one peer that is believed: `symbolon:signer/1`. */
  readonly expect: string
  readonly connectMs?: number
}

/** One peer. The connection is made by the first request, kept, shared by all, and made anew when it broke. */
export type Channel = {
  readonly expect: string
  get(path: string, options: RequestOptions): Promise<ChannelAnswer>
  post(path: string, body: Uint8Array | string, options: RequestOptions): Promise<ChannelAnswer>
  close(): void
}

export function connectChannel(options: ConnectOptions): Channel {
  const context = createSecureContext({ ...options.tls, minVersion: 'TLSv1.3', secureOptions: crypto.SSL_OP_NO_TICKET })
  let current: { readonly opening: Promise<Session>; result?: Session } | undefined
  let closed = false

  // One synchronous step, so that requests that arrive together share one connection.
  const open = (): Promise<Session> => {
    if (closed) return Promise.resolve(failure('unreachable', 'channel_closed'))
    if (current === undefined || isSpent(current.result)) current = begin()
    return current.opening
  }
  const begin = () => {
    const fresh: NonNullable<typeof current> = { opening: openSession(options, context).then((result) => (fresh.result = result)) }
    return fresh
  }
  const send = async (method: string, path: string, body: Uint8Array | string | undefined, wanted: RequestOptions): Promise<ChannelAnswer> => {
    if (wanted.signal?.aborted === true) return failure('aborted', 'before_sending')
    const deadline = performance.now() + wanted.timeoutMs
    const opened = await withTimeout(open(), wanted)
    if (!opened.ok) return opened
    const stream = startStream(opened.session, { method, path, requestId: wanted.requestId, hasBody: body !== undefined })
    if (stream === undefined) return failure('unreachable', 'session_ended')
    stream.end(body)
    const answer = await receive(stream, { ...wanted, timeoutMs: Math.max(0, deadline - performance.now()) })
    if (!answer.ok && answer.reason === 'timeout') probe(opened.session)
    return answer
  }
  return {
    expect: options.expect,
    get: (path, wanted) => send('GET', path, undefined, wanted),
    post: (path, body, wanted) => send('POST', path, body, wanted),
    close: () => {
      closed = true
      void current?.opening.then((opened) => opened.ok && opened.session.close())
    },
  }
}

type Session = { readonly ok: true; readonly session: ClientHttp2Session } | ChannelFailure

const failure = (reason: ChannelFailure['reason'], detail: string): ChannelFailure => ({ ok: false, reason, detail })
const isUsable = (session: ClientHttp2Session) => !session.closed && !session.destroyed
// Undefined while it is being opened.
const isSpent = (result: Session | undefined) => result !== undefined && !(result.ok && isUsable(result.session))
const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : error.name)

class WrongPeer extends Error {
  readonly code = 'IDENTITY_DIFFERS'
}

function openSession({ address, expect, connectMs = 3_000 }: ConnectOptions, secureContext: SecureContext): Promise<Session> {
  const { promise, resolve } = Promise.withResolvers<Session>()
  const session = connectHttp2(`https://${isIP(address.host) === 6 ? `[${address.host}]` : address.host}:${address.port}`, {
    secureContext,
    minVersion: 'TLSv1.3',
    ALPNProtocols: ['h2'],
    // The identity takes the place of the host name: it does not change when a signer moves, and no other peer has it.
    checkServerIdentity: (_host: string, certificate: PeerCertificate) => (isExpected(certificate, expect) ? undefined : new WrongPeer()),
    settings: { enablePush: false, maxHeaderListSize: 8 * 1024, initialWindowSize: 1024 * 1024 },
  })
  const timer = setTimeout(() => session.destroy(Object.assign(new Error('slow'), { code: 'CONNECT_TIMEOUT' })), connectMs)
  session.once('connect', () => {
    clearTimeout(timer)
    // Kept connections keep no process alive.
    session.unref()
    resolve({ ok: true, session })
  })
  // Stays for the session's whole life: a later failure shows in the streams, and unheard it would end the process.
  session.on('error', (error: Error) => resolve(failure(isTrustFailure(codeOf(error)) ? 'wrong_peer' : 'unreachable', codeOf(error))))
  session.once('close', () => {
    clearTimeout(timer)
    resolve(failure('unreachable', 'closed'))
  })
  return promise
}

const isExpected = (certificate: PeerCertificate, expect: string): boolean => {
  const identity = identityOf(certificate.subjectaltname)
  return identity !== undefined && formatIdentity(identity) === expect
}

// What OpenSSL calls a chain that does not end in our CA, or one out of its time.
const trustFailures = new Set(['IDENTITY_DIFFERS', 'SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_SIGNATURE_FAILURE', 'INVALID_CA', 'INVALID_PURPOSE', 'CERT_UNTRUSTED'])
const isTrustFailure = (code: string) => trustFailures.has(code)

type Sending = { readonly method: string; readonly path: string; readonly requestId: string | undefined; readonly hasBody: boolean }

function startStream(session: ClientHttp2Session, { method, path, requestId, hasBody }: Sending): ClientHttp2Stream | undefined {
  if (!isUsable(session)) return undefined
  return session.request(
    { ':method': method, ':path': path, ...(hasBody ? { 'content-type': 'application/json' } : {}), ...(requestId === undefined ? {} : { 'x-request-id': requestId }) },
    { endStream: false },
  )
}

async function receive(stream: ClientHttp2Stream, { timeoutMs, maxBytes, signal }: RequestOptions): Promise<ChannelAnswer> {
  const { promise, resolve } = Promise.withResolvers<ChannelAnswer>()
  const abort = () => resolve(failure('aborted', 'by_caller'))
  const timer = setTimeout(() => resolve(failure('timeout', 'no_answer')), timeoutMs)
  signal?.addEventListener('abort', abort)
  let responded = false
  // Once the answer has begun, its body's reader decides: 'close' may come before that reader's promise has been heard.
  stream.on('error', (error) => responded || resolve(failure('unreachable', codeOf(error))))
  stream.once('close', () => responded || resolve(failure('unreachable', 'stream_closed')))
  stream.once('response', (headers) => {
    responded = true
    // The one timer above covers the body too.
    void readBody(stream, { maxBytes, timeoutMs: timeoutMs + 1_000, declared: headers['content-length'] }).then((body) => {
      if (body.ok) return resolve({ ok: true, status: headers[':status'] ?? 0, body: body.bytes })
      return resolve(body.reason === 'too_large' ? failure('too_large', `over_${maxBytes}_bytes`) : failure('unreachable', `body_${body.reason}`))
    })
  })
  const answer = await promise
  clearTimeout(timer)
  signal?.removeEventListener('abort', abort)
  if (!answer.ok) stream.close(http2.NGHTTP2_CANCEL)
  return answer
}

async function withTimeout(opening: Promise<Session>, { timeoutMs, signal }: RequestOptions): Promise<Session> {
  const { promise, resolve } = Promise.withResolvers<Session>()
  const abort = () => resolve(failure('aborted', 'while_connecting'))
  const timer = setTimeout(() => resolve(failure('timeout', 'while_connecting')), timeoutMs)
  signal?.addEventListener('abort', abort)
  try {
    return await Promise.race([opening, promise])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

// A peer behind a cut cable sends no reset; without this, every later request would wait on the dead connection.
function probe(session: ClientHttp2Session): void {
  if (!isUsable(session)) return
  const timer = setTimeout(() => session.destroy(), 1_000)
  session.ping(() => clearTimeout(timer))
}
