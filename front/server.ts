import { readFileSync } from 'node:fs'
import { createServer as createHttp, type Server } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { connectionBounds, listenOn, type Listening } from '@symbolon/runtime/http-listen.ts'
import { answer, originOf, refuseUnrouted, type Ground } from './answer.ts'
import type { PublicEnd } from './config.ts'
import type { Holder } from './holder.ts'
import { takeLists } from './list-method.ts'
import { mayChange, preflight, readable } from './origin.ts'
import { restOf, type FrontRoute } from './route.ts'
import type { Serving } from './serving.ts'

/** The routes as an application: what no row of the table names does not exist. */
export function appOf<S extends Serving>(routes: readonly FrontRoute<S>[], ground: Ground, servings: Pick<Holder<S>, 'current' | 'use'>): Hono<{ Bindings: HttpBindings }> {
  const undeclared = routes.find((route) => route.auth === undefined)
  if (undeclared !== undefined) throw new TypeError(`${undeclared.method} ${undeclared.path} does not say what it asks for`)
  const app = new Hono<{ Bindings: HttpBindings }>()
  for (const route of routes) app.on(route.method, [route.path], ({ env }) => servings.use((serving) => answer(route, env.incoming, ground, serving)))
  app.notFound(({ env, req }) => unrouted(req.path, req.method, env.incoming, { routes, origins: servings.current().origins }))
  app.onError((error, { env }) => {
    ground.log.error({ err: error }, 'request failed outside its route')
    return refuseUnrouted(env.incoming, 'internal', {})
  })
  return app
}

function unrouted(path: string, method: string, incoming: HttpBindings['incoming'], { routes, origins }: { routes: readonly FrontRoute[]; origins: Serving['origins'] }): Response {
  const here = routes.filter((route) => restOf(route, path) !== undefined)
  if (here.length === 0) return refuseUnrouted(incoming, 'not_found', {})
  const origin = originOf(incoming)
  if (method === 'OPTIONS' && origin.origin !== undefined && mayChange(origin, origins)) return new Response(null, { status: 204, headers: { ...preflight, ...readable(origin, origins, false) } })
  return refuseUnrouted(incoming, 'method_not_allowed', { allow: [...here.map((route) => route.method), ...(here.some((route) => route.method === 'GET') ? ['HEAD'] : [])].join(', ') })
}

export async function listen(app: Hono<{ Bindings: HttpBindings }>, config: PublicEnd): Promise<Listening> {
  const tls = config.tls === undefined ? undefined : materialOf(config.tls)
  const server = createAdaptorServer({ fetch: app.fetch, ...(tls === undefined ? { createServer: createHttp, serverOptions: connectionBounds } : { createServer: createHttps, serverOptions: { ...connectionBounds, ...tls } }) }) as Server
  tls?.key.fill(0)
  takeLists(server, { secure: tls !== undefined, refuse: refuseUnread })
  if (config.tls?.client_ca !== undefined) server.on('secureConnection', cutStranger)
  return listenOn(server, config.listen)
}

const materialOf = ({ key, certificate, client_ca, client_certificates }: NonNullable<PublicEnd['tls']>) => ({
  key: key.read(),
  cert: readFileSync(certificate),
  minVersion: 'TLSv1.2' as const,
  ...(client_ca === undefined ? {} : { ca: readFileSync(client_ca), requestCert: true, rejectUnauthorized: client_certificates === 'required' }),
})

/** Where certificates are optional, one that the CA did not sign is worse than none: its holder believes to be known. */
function cutStranger(socket: Socket): void {
  if (!(socket instanceof TLSSocket) || socket.authorized) return
  if (socket.getPeerX509Certificate() !== undefined) socket.destroy()
}

/** What is no HTTP: lengths that contradict each other, broken headers, and clients that are too slow. Nothing of it is quoted. */
function refuseUnread(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable) return void socket.destroy()
  const [status, title] = error.code === 'HPE_HEADER_OVERFLOW' ? [431, 'Request Header Fields Too Large'] : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? [408, 'Request Timeout'] : [400, 'Bad Request']
  const body = JSON.stringify({ type: 'urn:symbolon:problem:malformed', title, status, code: 'malformed' })
  socket.end(`HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`)
}
