import { once } from 'node:events'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import type { Server } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { addressList, judgeAddress } from './outbound-address.ts'
import { fetchDocument, type OutboundOptions } from './outbound.ts'
import { testCa } from './certificates.testkit.ts'

const ca = testCa()
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function start(server: Server & { closeAllConnections(): void }) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  servers.push(server)
  server.on('close', () => server.closeAllConnections())
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('no port')
  return bound.port
}
const json = (body = '{"keys":[]}'): RequestListener => (_request, response) => response.setHeader('content-type', 'application/json; charset=utf-8').end(body)
const https = async (listener: RequestListener = json(), dns = ['issuer.test']) => start(createHttps(ca.issue({ dns }), listener))
const http = async (listener: RequestListener = json()) => start(createHttp(listener))

const loopback = ['127.0.0.0/8']
const get = (url: string, change: Partial<OutboundOptions> = {}) =>
  fetchDocument(url, { allowedAddresses: loopback, ca: ca.ca, timeoutMs: 2_000, maxBytes: 1_000, contentTypes: ['application/json'], resolve: async () => ['127.0.0.1'], ...change })

describe('S-1 addresses', () => {
  const none = addressList([])
  const judge = (address: string, list = none) => (list === undefined ? undefined : judgeAddress(address, list))

  test.each([
    '127.0.0.1', '127.255.255.254', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.100.100.200', '0.0.0.0', '192.0.0.192', '198.18.0.1', '224.0.0.1', '255.255.255.255',
    '::', '::1', '::ffff:127.0.0.1', '::ffff:a00:1', '::ffff:169.254.169.254', '0:0:0:0:0:ffff:7f00:1', '::127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '2001:0:4136:e378::', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1', '2001:db8::1',
    'localhost', '', '127.1', '0x7f000001', '2130706433',
  ])('%s is refused', (address) => expect(judge(address)).toBe('refused'))

  test.each(['1.1.1.1', '172.15.0.1', '172.32.0.1', '192.167.1.1', '100.63.255.255', '::ffff:1.1.1.1', '2606:4700::1111'])('%s is public', (address) => expect(judge(address)).toBe('public'))

  test('a row names addresses and prefixes, and only those', () => {
    const list = addressList(['10.1.0.0/16', '127.0.0.1', 'fd00::/8'])
    expect(['10.1.2.3', '127.0.0.1', '::ffff:10.1.2.3', 'fd12::1'].map((address) => judge(address, list))).toEqual(['named', 'named', 'named', 'named'])
    expect(['10.2.0.1', '127.0.0.2', 'fc00::1'].map((address) => judge(address, list))).toEqual(['refused', 'refused', 'refused'])
  })

  test.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/08', '10.0.0', 'fe80::1%eth0', 'host', '10.0.0.0/8/8', ''])('the entry %j is malformed', (entry) => expect(addressList([entry])).toBeUndefined())
})

describe('fetchDocument', () => {
  test('gets a document over https, from the pinned address, under the name', async () => {
    const port = await https()
    expect(await get(`https://issuer.test:${port}/jwks`)).toMatchObject({ ok: true, body: Buffer.from('{"keys":[]}') })
  })

  test('S-1 a name that resolves to any address that is not named or public is refused, before a connection', async () => {
    let asked = 0
    const port = await https((request, response) => ((asked += 1), json()(request, response)))
    for (const addresses of [['127.0.0.1'], ['93.184.215.14', '127.0.0.1'], ['::ffff:127.0.0.1'], ['169.254.169.254']]) {
      expect(await get(`https://issuer.test:${port}/`, { allowedAddresses: [], resolve: async () => addresses })).toMatchObject({ ok: false, reason: 'address_refused' })
    }
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]']) expect(await get(`https://${host}:${port}/`, { allowedAddresses: [] })).toMatchObject({ ok: false, reason: 'address_refused' })
    expect(asked).toBe(0)
  })

  test('S-1 the name is resolved anew for each document, and only once for one', async () => {
    const port = await https()
    const answers = [['127.0.0.1'], ['10.0.0.1'], ['127.0.0.1']]
    const resolve = async () => answers.shift() ?? []
    expect(await get(`https://issuer.test:${port}/`, { resolve })).toMatchObject({ ok: true })
    expect(await get(`https://issuer.test:${port}/`, { resolve })).toMatchObject({ ok: false, reason: 'address_refused' })
    expect(answers).toHaveLength(1)
  })

  test('S-1 plain http is for named addresses only', async () => {
    const port = await http()
    expect(await get(`http://issuer.test:${port}/`)).toMatchObject({ ok: true })
    expect(await get(`http://issuer.test:${port}/`, { resolve: async () => ['93.184.215.14'] })).toMatchObject({ ok: false, reason: 'url_refused', detail: 'scheme' })
  })

  test.each(['ftp://issuer.test/', 'file:///etc/passwd', 'data:application/json,{}', 'https://user:pass@issuer.test/', 'nonsense'])('S-1 the URL %s is refused', async (url) => {
    expect(await get(url)).toMatchObject({ ok: false, reason: 'url_refused' })
  })

  test('S-1 a malformed allow list contacts nobody', async () => {
    expect(await get('https://issuer.test/', { allowedAddresses: ['10.0.0'] })).toMatchObject({ ok: false, reason: 'url_refused', detail: 'allowed_addresses_malformed' })
  })

  test('S-1 a redirect within the host is followed, each step checked anew; to another host, port or scheme it is refused', async () => {
    const targets: Record<string, string> = { '/a': '/b', '/b': '/end', '/elsewhere': 'https://other.test/end', '/port': 'https://issuer.test:1/end', '/scheme': 'http://issuer.test/end', '/loop': '/loop', '/user': '//u:p@issuer.test/' }
    const port = await https((request, response) => {
      const location = targets[request.url ?? '']
      return location === undefined ? json()(request, response) : response.writeHead(302, { location }).end()
    })
    const base = `https://issuer.test:${port}`
    expect(await get(`${base}/a`)).toMatchObject({ ok: true })
    for (const path of ['/elsewhere', '/port', '/scheme', '/user']) expect(await get(base + path)).toMatchObject({ ok: false, reason: 'redirect_refused', detail: 'another_host' })
    expect(await get(`${base}/loop`)).toMatchObject({ ok: false, reason: 'redirect_refused', detail: 'too_many' })
    const answers = [['127.0.0.1'], ['10.0.0.1']]
    expect(await get(`${base}/a`, { resolve: async () => answers.shift() ?? [] })).toMatchObject({ ok: false, reason: 'address_refused' })
  })

  test('a certificate of another CA, or for another name, is not believed', async () => {
    const port = await https()
    expect(await get(`https://issuer.test:${port}/`, { ca: testCa().ca })).toMatchObject({ ok: false, reason: 'untrusted' })
    const { ca: _ours, ...publicOnly } = { ca: ca.ca, allowedAddresses: loopback, timeoutMs: 2_000, maxBytes: 10, contentTypes: [], resolve: async () => ['127.0.0.1'] }
    expect(await fetchDocument(`https://issuer.test:${port}/`, publicOnly)).toMatchObject({ ok: false, reason: 'untrusted' })
    expect(await get(`https://other.test:${port}/`)).toMatchObject({ ok: false, reason: 'untrusted' })
  })

  test('S-1 size is bounded, declared or not', async () => {
    const big = 'x'.repeat(1_001)
    const declared = await https(json(big))
    const chunked = await https((_request, response) => response.setHeader('content-type', 'application/json').write(big))
    for (const port of [declared, chunked]) expect(await get(`https://issuer.test:${port}/`)).toMatchObject({ ok: false, reason: 'too_large' })
  })

  test('S-1 time is bounded: no headers, no end of the body, no address', async () => {
    const mute = await https(() => undefined)
    const endless = await https((_request, response) => response.setHeader('content-type', 'application/json').write('{'))
    for (const port of [mute, endless]) expect(await get(`https://issuer.test:${port}/`, { timeoutMs: 100 })).toMatchObject({ ok: false, reason: 'timeout' })
    expect(await get('https://issuer.test/', { timeoutMs: 50, resolve: () => new Promise(() => undefined) })).toMatchObject({ ok: false, reason: 'timeout', detail: 'while_resolving' })
  })

  test('S-1 another content type, a compressed body, another status are refused', async () => {
    const html = await https((_request, response) => response.setHeader('content-type', 'text/html').end('{}'))
    const zipped = await https((_request, response) => response.setHeader('content-type', 'application/json').setHeader('content-encoding', 'gzip').end(gzipSync('{}')))
    const gone = await https((_request, response) => response.writeHead(404, { 'content-type': 'application/json' }).end('{}'))
    expect(await get(`https://issuer.test:${html}/`)).toMatchObject({ ok: false, reason: 'content_type', detail: 'not_taken' })
    expect(await get(`https://issuer.test:${zipped}/`)).toMatchObject({ ok: false, reason: 'content_type', detail: 'encoded' })
    expect(await get(`https://issuer.test:${gone}/`)).toMatchObject({ ok: false, reason: 'status', detail: '404' })
  })

  test('nobody there, and no such name, are values', async () => {
    expect(await get('https://issuer.test:1/')).toMatchObject({ ok: false, reason: 'unreachable', detail: 'ECONNREFUSED' })
    expect(await get('https://issuer.test/', { resolve: async () => [] })).toMatchObject({ ok: false, reason: 'unresolved' })
    expect(await get('https://issuer.test/', { resolve: () => Promise.reject(Object.assign(new Error(), { code: 'ENOTFOUND' })) })).toMatchObject({ ok: false, reason: 'unresolved', detail: 'ENOTFOUND' })
  })

  test('S-2 no credentials leave: not from the environment, not from a cookie that was set before', async () => {
    const seen: string[] = []
    const port = await https((request, response) => {
      seen.push(...Object.keys(request.headers))
      return request.url === '/a' ? response.writeHead(302, { location: '/b', 'set-cookie': 'a=b' }).end() : json()(request, response)
    })
    await get(`https://issuer.test:${port}/a`)
    expect([...new Set(seen)].toSorted()).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent'])
  })
})
