import { connect as connectHttp2, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2'
import { createServer, connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { connectChannel, type ConnectOptions } from './channel-client.ts'
import { serveChannel, type ChannelReply, type ChannelRequest, type Route, type ServeOptions } from './channel-server.ts'
import { openLog } from './log.ts'
import { testCa } from './certificates.testkit.ts'

const ca = testCa()
const signer = ca.issue('symbolon:signer/1')
const coordinator = ca.issue('symbolon:coordinator/1')
const log = openLog({ process: 'test', level: 'error', to: { write: () => undefined } })
const within = { timeoutMs: 2_000, maxBytes: 10_000 }

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const { close } of open.splice(0).reverse()) await close()
})

const echo = async ({ peer, body }: ChannelRequest): Promise<ChannelReply> => ({ status: 200, body: `${peer.role}/${peer.id}:${body.toString()}` })
const route = (change: Partial<Route> = {}): Route => ({ method: 'POST', path: '/v1/sign', roles: ['coordinator'], maxBytes: 1_000, handle: echo, ...change })

async function serve(routes: readonly Route[] = [route()], change: Partial<ServeOptions> = {}) {
  const server = await serveChannel({ tls: signer, listen: { host: '127.0.0.1', port: 0 }, routes, log, ...change })
  open.push({ close: () => server.stop(AbortSignal.timeout(100)) })
  return server
}
function connect(address: ConnectOptions['address'], change: Partial<ConnectOptions> = {}) {
  const channel = connectChannel({ tls: coordinator, address, expect: 'symbolon:signer/1', ...change })
  open.push(channel)
  return channel
}
/** A plain TCP server: what lies between, or what is no server of ours. */
async function listen(take: (socket: Socket) => unknown) {
  const server = createServer((socket) => take(socket.on('error', () => socket.destroy())))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push({ close: () => server.close() })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  return { host: '127.0.0.1', port: bound.port }
}
const code = (answer: { ok: boolean; body?: Buffer; status?: number }) => (answer.body === undefined ? answer : [answer.status, JSON.parse(answer.body.toString()).code])

describe('who may call', () => {
  test('the peer is named by its certificate', async () => {
    const answer = await connect((await serve()).address).post('/v1/sign', '{"peer":"somebody"}', within)
    expect(answer).toMatchObject({ ok: true, status: 200, body: Buffer.from('coordinator/1:{"peer":"somebody"}') })
  })

  test.each([
    ['a role that the route does not allow', ca.issue('symbolon:api/1'), 'role_not_allowed'],
    ['no URI name', ca.issue({ dns: ['localhost'] }), 'peer_unknown'],
    ['two URI names', ca.issue({ uris: ['symbolon:coordinator/1', 'symbolon:signer/1'] }), 'peer_unknown'],
    ['a URI of another scheme', ca.issue({ uris: ['spiffe://x/coordinator/1'] }), 'peer_unknown'],
    ['a DNS name that imitates one', ca.issue({ dns: ['x, URI:symbolon:coordinator/1'] }), 'peer_unknown'],
    ['a role in other letters', ca.issue('symbolon:Coordinator/1'), 'peer_unknown'],
  ])('a certificate with %s is refused', async (_name, tls, expected) => {
    expect(code(await connect((await serve()).address, { tls }).post('/v1/sign', '{}', within))).toEqual([403, expected])
  })

  test('a client of another CA, or out of its time, gets no connection', async () => {
    const { address } = await serve()
    const stranger = { ...testCa().issue('symbolon:coordinator/1'), ca: ca.ca }
    const expired = ca.issue('symbolon:coordinator/1', { to: Date.now() - 1_000 })
    for (const tls of [stranger, expired]) expect(await connect(address, { tls }).post('/v1/sign', '{}', within)).toMatchObject({ ok: false, reason: 'unreachable' })
  })

  test('a client without a certificate, or with TLS 1.2, gets no connection', async () => {
    const { address } = await serve()
    const session = connectHttp2(`https://127.0.0.1:${address.port}`, { ca: ca.ca })
    session.on('error', () => undefined)
    // TLS 1.3 tells the client only after the handshake; what counts is that no request is answered.
    expect(await ask(session, {}, '{}')).toMatch(/^reset/)
    const old = connectTls({ ...coordinator, host: '127.0.0.1', port: address.port, maxVersion: 'TLSv1.2' })
    await expect(once(old, 'secureConnect')).rejects.toMatchObject({ code: expect.stringMatching(/PROTOCOL_VERSION/) })
  })

  test.each([
    ['another identity of the same deployment', 'symbolon:signer/2', coordinator],
    ['a server of another CA', 'symbolon:signer/1', testCa().issue('symbolon:coordinator/1')],
  ])('the client refuses %s and sends nothing', async (_name, expect_, tls) => {
    const seen: string[] = []
    const { address } = await serve([route({ handle: async (request) => (seen.push(request.requestId), echo(request)) })])
    expect(await connect(address, { tls, expect: expect_ }).post('/v1/sign', '{}', within)).toMatchObject({ ok: false, reason: 'wrong_peer' })
    expect(seen).toEqual([])
  })
})

describe('the route table', () => {
  test('U-1 a route that nobody declared does not exist, under no method or spelling', async () => {
    const channel = connect((await serve()).address)
    for (const path of ['/', '/v1/sign/', '/v1/sign?x=1', '/v1//sign', '/v1/SIGN', '/v1/%73ign']) expect(code(await channel.post(path, '{}', within))).toEqual([404, 'route_unknown'])
    expect(code(await channel.get('/v1/sign', within))).toEqual([405, 'method_not_allowed'])
  })

  test('U-1 a route without roles, or declared twice, is a bug', async () => {
    await expect(serve([route({ roles: [] })])).rejects.toThrow(TypeError)
    await expect(serve([route(), route()])).rejects.toThrow(TypeError)
  })

  test('a taken port is refused by code', async () => {
    const { address } = await serve()
    await expect(serve([route()], { listen: address })).rejects.toMatchObject({ code: 'cannot_listen' })
  })

  test('D-5 a handler that throws gives 500 without a word of why, and the next request is served', async () => {
    const handle = async ({ body }: ChannelRequest): Promise<ChannelReply> => {
      if (body.length === 0) throw new Error('canary')
      return { status: 200, body: 'fine' }
    }
    const channel = connect((await serve([route({ handle })])).address)
    const answer = await channel.post('/v1/sign', '', within)
    expect(code(answer)).toEqual([500, 'internal'])
    expect(answer.ok && answer.body.toString()).not.toContain('canary')
    expect(await channel.post('/v1/sign', 'x', within)).toMatchObject({ status: 200 })
  })

  test('a request id is kept if it is well formed, else replaced', async () => {
    const channel = connect((await serve([route({ handle: async ({ requestId }) => ({ status: 200, body: requestId }) })])).address)
    const idFor = async (requestId: string) => {
      const answer = await channel.post('/v1/sign', '', { ...within, requestId })
      return answer.ok ? answer.body.toString() : ''
    }
    expect(await idFor('abcd_1234')).toBe('abcd_1234')
    expect(await idFor('a b" injected')).toMatch(/^[0-9a-f-]{36}$/)
  })
})

/** A client that may break the rules that ours keeps. */
async function raw(address: { port: number }) {
  const session = connectHttp2(`https://127.0.0.1:${address.port}`, { ...coordinator, checkServerIdentity: () => undefined })
  session.on('error', () => undefined)
  open.push({ close: () => session.destroy() })
  await once(session, 'connect')
  return session
}
async function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string | Buffer, end = true) {
  const stream = session.request({ ':method': 'POST', ':path': '/v1/sign', 'content-type': 'application/json', ...headers }, { endStream: false })
  stream.on('error', () => undefined)
  const { promise, resolve } = Promise.withResolvers<number | string>()
  stream.on('response', (got) => resolve(got[':status'] ?? 0))
  stream.on('close', () => resolve(`reset ${stream.rstCode}`))
  if (body !== undefined) stream.write(body)
  if (end) stream.end()
  stream.resume()
  return promise
}

describe('bodies', () => {
  test('H-1 the limit holds to the byte', async () => {
    const channel = connect((await serve()).address)
    expect(await channel.post('/v1/sign', 'x'.repeat(1_000), within)).toMatchObject({ status: 200 })
    expect(code(await channel.post('/v1/sign', 'x'.repeat(1_001), within))).toEqual([413, 'body_too_large'])
    expect(code(await channel.post('/v1/sign', Buffer.alloc(1_000_000), within))).toEqual([413, 'body_too_large'])
  })

  test('H-1 a declared length over the limit is refused before the body is awaited', async () => {
    const session = await raw((await serve()).address)
    expect(await ask(session, { 'content-length': '1001' }, undefined, false)).toBe(413)
    expect(await ask(session, { 'content-length': '99999999999999999999' }, undefined, false)).not.toBe(200)
  })

  test('H-1 a length that lies, in either direction, reaches no handler', async () => {
    let handled = 0
    const session = await raw((await serve([route({ handle: async (request) => ((handled += 1), echo(request)) })])).address)
    expect(await ask(session, { 'content-length': '5' }, 'x'.repeat(50))).toMatch(/^reset/)
    expect(await ask(session, { 'content-length': '50' }, 'xxxxx')).toMatch(/^reset/)
    expect(handled).toBe(0)
  })

  test('only JSON is taken', async () => {
    const session = await raw((await serve()).address)
    expect(await ask(session, { 'content-type': 'text/plain' }, '{}')).toBe(415)
  })

  test('TST-38 a body that trickles is cut after its time', async () => {
    const session = await raw((await serve([route()], { limits: { bodyMs: 50 } })).address)
    expect(await ask(session, {}, 'x', false)).toBe(408)
  })

  test('TST-38 a connection that never finishes its handshake, or never asks, is cut', async () => {
    const { address } = await serve([route()], { limits: { handshakeMs: 50, idleMs: 50 } })
    const silent = connectTcp(address.port, '127.0.0.1')
    silent.on('error', () => undefined)
    const idle = await raw(address)
    await Promise.all([once(silent, 'close'), once(idle, 'close')])
  })

  test('a header block over its limit is refused', async () => {
    const session = await raw((await serve()).address)
    expect(await ask(session, { 'x-long': 'y'.repeat(20_000) }, '{}')).toBe(431)
  })
})

describe('load and time', () => {
  test('handlers at once are bounded; what is over is refused, not queued', async () => {
    const gate = Promise.withResolvers<void>()
    const handle = async (request: ChannelRequest) => (await gate.promise, echo(request))
    const channel = connect((await serve([route({ handle })], { limits: { handlers: 2 } })).address)
    const answers = Array.from({ length: 3 }, () => channel.post('/v1/sign', '', within))
    expect(code(await Promise.race(answers))).toEqual([503, 'overloaded'])
    gate.resolve()
    expect((await Promise.all(answers)).map((answer) => answer.ok && answer.status).toSorted()).toEqual([200, 200, 503])
  })

  test('a handler that does not answer is answered for, and told', async () => {
    const told = Promise.withResolvers<boolean>()
    const handle = ({ signal }: ChannelRequest) => new Promise<ChannelReply>(() => signal.addEventListener('abort', () => told.resolve(true)))
    const channel = connect((await serve([route({ handle })], { limits: { handlerMs: 30 } })).address)
    expect(code(await channel.post('/v1/sign', '', within))).toEqual([503, 'handler_timeout'])
    expect(await told.promise).toBe(true)
  })

  test('a client that gives up is a value, and the handler is told', async () => {
    const told = Promise.withResolvers<boolean>()
    const handle = ({ signal }: ChannelRequest) => new Promise<ChannelReply>(() => signal.addEventListener('abort', () => told.resolve(true)))
    const channel = connect((await serve([route({ handle })])).address)
    expect(await channel.post('/v1/sign', '', { ...within, timeoutMs: 50 })).toMatchObject({ ok: false, reason: 'timeout' })
    expect(await told.promise).toBe(true)
    expect(await channel.post('/v1/sign', '', { ...within, signal: AbortSignal.timeout(30) })).toMatchObject({ ok: false, reason: 'aborted' })
    expect(await channel.post('/v1/sign', '', { ...within, signal: AbortSignal.abort() })).toMatchObject({ ok: false, reason: 'aborted' })
  })

  test('an answer over the limit is a value', async () => {
    const channel = connect((await serve([route({ handle: async () => ({ status: 200, body: 'x'.repeat(10_001) }) })])).address)
    expect(await channel.post('/v1/sign', '', within)).toMatchObject({ ok: false, reason: 'too_large' })
  })

  test('stop lets a request end, and refuses new ones', async () => {
    const gate = Promise.withResolvers<void>()
    const started = Promise.withResolvers<void>()
    const handle = async (request: ChannelRequest) => (started.resolve(), await gate.promise, echo(request))
    const server = await serve([route({ handle })])
    const channel = connect(server.address)
    const answer = channel.post('/v1/sign', '', within)
    await started.promise
    const stopped = server.stop(AbortSignal.timeout(5_000))
    expect(await connect(server.address).post('/v1/sign', '', within)).toMatchObject({ ok: false, reason: 'unreachable' })
    gate.resolve()
    expect(await answer).toMatchObject({ ok: true, status: 200 })
    await stopped
  })

  test('stop cuts what outlives the deadline', async () => {
    const server = await serve([route({ handle: () => new Promise(() => undefined) })])
    const answer = connect(server.address).post('/v1/sign', '', within)
    await server.stop(AbortSignal.timeout(50))
    expect(await answer).toMatchObject({ ok: false, reason: 'unreachable' })
  })
})

describe('the kept connection', () => {
  test('is shared by all, and made anew after the peer came back', async () => {
    let connections = 0
    const first = await serve()
    const between = await listen((socket) => {
      connections += 1
      socket.pipe(connectTcp(first.address.port, '127.0.0.1').on('error', () => socket.destroy())).pipe(socket)
    })
    const channel = connect(between)
    expect((await Promise.all(Array.from({ length: 20 }, () => channel.post('/v1/sign', '', within)))).every((answer) => answer.ok)).toBe(true)
    expect(connections).toBe(1)
    await first.stop(AbortSignal.timeout(100))
    expect(await channel.post('/v1/sign', '', within)).toMatchObject({ ok: false, reason: 'unreachable' })
    await serve([route()], { listen: first.address })
    expect(await channel.post('/v1/sign', '', within)).toMatchObject({ ok: true })
    expect(connections).toBe(3)
  })

  test('a peer that takes the connection and says nothing is a timeout', async () => {
    const channel = connect(await listen(() => undefined), { connectMs: 40 })
    expect(await channel.post('/v1/sign', '', { ...within, timeoutMs: 20 })).toMatchObject({ ok: false, reason: 'timeout' })
    expect(await channel.post('/v1/sign', '', within)).toMatchObject({ ok: false, reason: 'unreachable', detail: 'CONNECT_TIMEOUT' })
  })

  test('its key may be wiped at once, also for the connections to come', async () => {
    const { address, stop } = await serve()
    const key = Buffer.from(coordinator.key)
    const channel = connect(address, { tls: { ...coordinator, key } })
    key.fill(0)
    expect(await channel.post('/v1/sign', '"one"', within)).toMatchObject({ ok: true, status: 200 })
    await stop(AbortSignal.timeout(100))
    await serve([route()], { listen: address })
    await expect.poll(async () => await channel.post('/v1/sign', '"two"', within)).toMatchObject({ ok: true, status: 200 })
  })

  test('a closed channel asks nobody', async () => {
    const channel = connect((await serve()).address)
    channel.close()
    expect(await channel.post('/v1/sign', '', within)).toMatchObject({ ok: false, reason: 'unreachable', detail: 'channel_closed' })
  })
})
