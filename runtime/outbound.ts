import { lookup } from 'node:dns/promises'
import { isIP, type BlockList } from 'node:net'
import { Agent, request, type Dispatcher } from 'undici'
import { readBody } from './channel-body.ts'
import { addressList, judgeAddress } from './outbound-address.ts'
import { systemCode } from './secret-file.ts'

/**
 * Why a document could not be had. `url_refused`: scheme, credentials or form. `address_refused`: the host resolves to an address
 * that is neither public nor named by the row. `redirect_refused`: to another host, or too often.
 */
export type OutboundFailure = {
  readonly ok: false
  readonly reason: 'url_refused' | 'address_refused' | 'unresolved' | 'unreachable' | 'untrusted' | 'timeout' | 'status' | 'redirect_refused' | 'content_type' | 'too_large'
  /** A code or number for the log; never text that the other side chose. */
  readonly detail: string
}
export type OutboundDocument = { readonly ok: true; readonly body: Buffer; readonly headers: Readonly<Record<string, string>> }
export type OutboundResult = OutboundDocument | OutboundFailure

export type OutboundOptions = {
  /** Addresses and prefixes (`10.1.0.0/16`) that may be asked although they are not public. For these, plain http is allowed too. */
  readonly allowedAddresses: readonly string[]
  /** PEM of the CA that must have signed the host's certificate, instead of the public ones. */
  readonly ca?: string | Buffer
  /** For all of it: resolving, connecting, redirects, the body. */
  readonly timeoutMs: number
  readonly maxBytes: number
  /** Media types that are taken, without parameters. */
  readonly contentTypes: readonly string[]
  /** Names to addresses; the system's resolver unless a test gives another. */
  readonly resolve?: (host: string) => Promise<readonly string[]>
}

const maxRedirects = 3

/**
 * Fetches one public document (issuer metadata, a JWKS). Sends no credentials and has no way to. The host is resolved once, every
 * address it has is checked, and the connection goes to a checked one: a name that changes its mind in between gains nothing.
 */
export async function fetchDocument(url: string, options: OutboundOptions): Promise<OutboundResult> {
  const allowed = addressList(options.allowedAddresses)
  if (allowed === undefined) return fail('url_refused', 'allowed_addresses_malformed')
  const deadline = AbortSignal.timeout(options.timeoutMs)
  let next = url
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const step = await fetchOnce(next, { ...options, allowed, deadline })
    if (!('location' in step)) return step
    const target = URL.canParse(step.location, next) ? new URL(step.location, next) : undefined
    // Scheme, host and port: whoever answers for another of these was not the one that the row names.
    if (target?.origin !== new URL(url).origin) return fail('redirect_refused', 'another_host')
    next = target.href
  }
  return fail('redirect_refused', 'too_many')
}

type Redirect = { readonly location: string }
type Prepared = OutboundOptions & { readonly allowed: BlockList; readonly deadline: AbortSignal }

const fail = (reason: OutboundFailure['reason'], detail: string): OutboundFailure => ({ ok: false, reason, detail })

async function fetchOnce(url: string, options: Prepared): Promise<OutboundResult | Redirect> {
  const target = URL.canParse(url) ? new URL(url) : undefined
  if (target === undefined || !['https:', 'http:'].includes(target.protocol)) return fail('url_refused', 'scheme')
  if (target.username !== '' || target.password !== '') return fail('url_refused', 'credentials')
  const found = await checkedAddress(target, options)
  if (!found.ok) return found
  const agent = pinnedAgent(target, found.address, options)
  try {
    return await ask(target, agent, options)
  } catch (error) {
    if (options.deadline.aborted) return fail('timeout', `over_${options.timeoutMs}_ms`)
    const code = systemCode(error instanceof Error && error.cause !== undefined ? error.cause : error)
    return fail(/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(code) ? 'untrusted' : 'unreachable', code)
  } finally {
    await agent.destroy()
  }
}

async function checkedAddress(target: URL, options: Prepared): Promise<{ ok: true; address: string } | OutboundFailure> {
  const host = target.hostname.replace(/^\[|\]$/g, '')
  let addresses: readonly string[]
  try {
    addresses = isIP(host) === 0 ? await withDeadline((options.resolve ?? resolveHost)(host), options.deadline) : [host]
  } catch (error) {
    return options.deadline.aborted ? fail('timeout', 'while_resolving') : fail('unresolved', systemCode(error))
  }
  const [address] = addresses
  if (address === undefined) return fail('unresolved', 'no_address')
  // All, not the first: which one a list begins with is the other side's choice.
  const verdicts = new Set(addresses.map((each) => judgeAddress(each, options.allowed)))
  if (verdicts.has('refused')) return fail('address_refused', 'not_public')
  return target.protocol === 'http:' && verdicts.has('public') ? fail('url_refused', 'scheme') : { ok: true, address }
}

const resolveHost = async (host: string): Promise<readonly string[]> => (await lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address)

function withDeadline<T>(work: Promise<T>, deadline: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const late = () => reject(new RangeError('deadline'))
  deadline.addEventListener('abort', late, { once: true })
  return Promise.race([work, promise]).finally(() => deadline.removeEventListener('abort', late))
}

/** One connection, to the address that was checked, whatever the name would resolve to now. */
const pinnedAgent = (target: URL, address: string, options: Prepared): Agent =>
  new Agent({
    connections: 1,
    maxHeaderSize: 16 * 1024,
    connect: {
      timeout: options.timeoutMs,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(isIP(target.hostname) === 0 ? { servername: target.hostname } : {}),
      lookup: (_host, { all }, callback) => (all === true ? callback(null, [{ address, family: isIP(address) }]) : callback(null, address, isIP(address))),
    },
  })

async function ask(target: URL, agent: Agent, options: Prepared): Promise<OutboundResult | Redirect> {
  const response = await request(target, {
    dispatcher: agent,
    signal: options.deadline,
    headers: { accept: options.contentTypes.join(', '), 'accept-encoding': 'identity', 'user-agent': 'symbolon' },
  })
  const { location } = response.headers
  if (response.statusCode >= 300 && response.statusCode < 400 && typeof location === 'string') return { location }
  return take(response, options)
}

async function take({ statusCode, headers, body }: Dispatcher.ResponseData, options: Prepared): Promise<OutboundResult> {
  // Unread, and then cut, the body may complain once more to whoever listens.
  body.on('error', () => undefined)
  if (statusCode !== 200) return fail('status', `${statusCode}`)
  const type = String(headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (!options.contentTypes.includes(type)) return fail('content_type', 'not_taken')
  // A compressed body's size says nothing about what it becomes.
  if (headers['content-encoding'] !== undefined && headers['content-encoding'] !== 'identity') return fail('content_type', 'encoded')
  const declared = headers['content-length']
  const read = await readBody(body, { maxBytes: options.maxBytes, timeoutMs: options.timeoutMs, declared: typeof declared === 'string' ? declared : undefined })
  if (read.ok) return { ok: true, body: read.bytes, headers: Object.fromEntries(Object.entries(headers).filter((pair): pair is [string, string] => typeof pair[1] === 'string')) }
  if (read.reason === 'too_large') return fail('too_large', `over_${options.maxBytes}_bytes`)
  return options.deadline.aborted || read.reason === 'timeout' ? fail('timeout', 'body') : fail('unreachable', `body_${read.reason}`)
}
