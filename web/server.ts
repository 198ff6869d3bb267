import { readFileSync } from 'node:fs'
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { connectionBounds, listenOn, type Listening } from '@symbolon/runtime/http-listen.ts'
import type { WebConfig } from './config.ts'
import { securityHeaders } from './headers.ts'
import type { Encoding, Served, Site } from './site.ts'

export async function listen(site: Site, { listen: at, tls, api, vault }: Pick<WebConfig, 'listen' | 'tls' | 'api' | 'vault'>): Promise<Listening> {
  const headers = securityHeaders({ api, vault, tls: tls !== undefined })
  const handle = (request: IncomingMessage, response: ServerResponse) => answer({ site, headers, request, response })
  const server = tls === undefined ? createHttp(connectionBounds, handle) : https(tls, handle)
  return listenOn(server, at)
}

function https({ key, certificate }: NonNullable<WebConfig['tls']>, handle: (request: IncomingMessage, response: ServerResponse) => void): Server {
  const secret = key.read()
  try {
    return createHttps({ ...connectionBounds, key: secret, cert: readFileSync(certificate), minVersion: 'TLSv1.2' }, handle)
  } finally {
    secret.fill(0)
  }
}

type Exchange = { readonly site: Site; readonly headers: Readonly<Record<string, string>>; readonly request: IncomingMessage; readonly response: ServerResponse }

function answer({ site, headers, request, response }: Exchange): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  // Nobody sends us anything: what comes along is not waited for.
  if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) response.setHeader('connection', 'close')
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return text(response, 405, 'Only GET and HEAD are answered here.\n')
  }
  // Compared as it stands, never decoded: a second spelling of a path is another path.
  const [path = ''] = (request.url ?? '').split('?', 1)
  const health = healthAt(path)
  if (health !== undefined) return json(response, health)
  const found = site.get(path)
  return found === undefined ? text(response, 404, 'There is nothing here.\n') : send(found, request, response)
}

/** Its files are in memory before it listens: whoever reaches it can be served. */
const healthAt = (path: string): object | undefined => (path === '/livez' ? { live: true } : path === '/readyz' ? { ready: true, failing: [] } : undefined)

function send(found: Served, request: IncomingMessage, response: ServerResponse): void {
  const encoding = encodingFor(request.headers['accept-encoding'])
  const etag = `"${found.etag}${encoding === 'identity' ? '' : `-${encoding}`}"`
  response.setHeader('etag', etag)
  response.setHeader('vary', 'Accept-Encoding')
  response.setHeader('cache-control', found.cache)
  if (request.headers['if-none-match']?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag) === true) {
    response.writeHead(304).end()
    return
  }
  const body = found.bodies[encoding]
  response.setHeader('content-type', found.type)
  response.setHeader('content-length', body.length)
  if (encoding !== 'identity') response.setHeader('content-encoding', encoding)
  response.writeHead(200).end(request.method === 'HEAD' ? undefined : body)
}

/** RFC 9110, section 12.5.3, as far as browsers go: the best that is named and not refused by `q=0`. */
export function encodingFor(accepted: string | string[] | undefined): Encoding {
  const named = (Array.isArray(accepted) ? accepted.join(',') : (accepted ?? '')).split(',').map((part) => part.trim().toLowerCase())
  const takes = (coding: string) => named.some((part) => part === coding || (part.startsWith(`${coding};`) && !/;\s*q=0(\.0*)?$/.test(part)))
  return takes('br') ? 'br' : takes('gzip') ? 'gzip' : 'identity'
}

function json(response: ServerResponse, value: object): void {
  response.setHeader('cache-control', 'no-store')
  response.setHeader('content-type', 'application/json')
  response.writeHead(200).end(JSON.stringify(value))
}

function text(response: ServerResponse, status: number, body: string): void {
  response.setHeader('cache-control', 'no-store')
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.writeHead(status).end(body)
}
