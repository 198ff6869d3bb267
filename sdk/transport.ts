import { Agent, request } from 'undici'
import { SymbolonError, failed, ok, type Outcome } from './errors.ts'

export interface TransportOptions {
  /** Base URL of the api: https, or http on loopback. */
  readonly addr: string
  /** PEM of the CAs to trust instead of the system's. */
  readonly ca?: string | undefined
  /** PEM of a client certificate and its key. */
  readonly clientCertificate?: { readonly key: Buffer; readonly cert: string } | undefined
  readonly timeoutMs?: number | undefined
}

export interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The answer may be as large as a roster. */
  readonly large?: boolean
}
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}
export interface Transport {
  readonly addr: string
  send(call: Call): Promise<Outcome<Answer>>
  close(): Promise<void>
}

/** Bytes; a keyset of a hundred signers is a tenth of it. */
const maxAnswer = 1024 * 1024
/** A roster document with its history, and pending changes. */
const maxLarge = 64 * maxAnswer

export function openTransport(options: TransportOptions): Outcome<Transport> {
  const addr = baseUrl(options.addr)
  if (!addr.ok) return addr
  const timeout = options.timeoutMs ?? 30_000
  const agentFor = (maxResponseSize: number) => new Agent({
    connect: { ...(options.ca === undefined ? {} : { ca: options.ca }), ...options.clientCertificate, timeout: Math.min(timeout, 5_000) },
    headersTimeout: timeout,
    bodyTimeout: timeout,
    keepAliveTimeout: 30_000,
    maxResponseSize,
  })
  const agents = { usual: agentFor(maxAnswer), large: agentFor(maxLarge) }
  return ok({
    addr: addr.value,
    send: (call) => send(call.large === true ? agents.large : agents.usual, addr.value, call, timeout),
    close: async () => void (await Promise.all([agents.usual.close(), agents.large.close()])),
  })
}

function baseUrl(addr: string): Outcome<string> {
  const url = URL.canParse(addr) ? new URL(addr) : undefined
  if (url === undefined || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') return failed('address_invalid')
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  // In clear, anybody on the way could read and use what is minted.
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) return failed('address_invalid')
  return ok(url.href.replace(/\/$/, ''))
}

async function send(agent: Agent, addr: string, { method, path, headers = {}, body }: Call, timeout: number): Promise<Outcome<Answer>> {
  try {
    // Redirects are not followed: what is sent is meant for this host alone.
    const response = await request(`${addr}${path}`, { dispatcher: agent, method, headers: { accept: 'application/json', ...headers }, signal: AbortSignal.timeout(timeout), ...(body === undefined ? {} : { body }) })
    return ok({ status: response.statusCode, headers: response.headers, body: Buffer.from(await response.body.arrayBuffer()) })
  } catch (error) {
    // The error itself stays here: undici's may carry what was sent.
    return { ok: false, error: networkError(error) }
  }
}

const trustCodes = /^(CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|ERR_TLS_CERT|INVALID_CA|HOSTNAME_MISMATCH)/

function networkError(error: unknown): SymbolonError {
  const code = codeOf(error)
  return new SymbolonError(trustCodes.test(code) ? 'tls_untrusted' : 'unreachable', { detail: code })
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.name
}
