import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeWorld } from '@symbolon/policy/judge.testkit.ts'
import { testCa } from '@symbolon/runtime/certificates.testkit.ts'
import { SecretFile } from '@symbolon/runtime/secret-file.ts'
import { problem } from './failure.ts'
import { deploymentOf, memoryLimiter, send, startFront } from './front.testkit.ts'
import { json, type FrontRoute } from './route.ts'
import { servingOf } from './serving.ts'

const serving = servingOf({ deployment: deploymentOf(makeWorld()), addresses: memoryLimiter('address'), heavy: memoryLimiter('heavy') })
const common = { auth: { kind: 'public', why: 'It is a test.' }, summary: 'Shows what it is given.', errors: problem, codes: [], gives: { type: 'application/json', summary: 'What it was given.' }, costly: false } as const
let release: (() => void) | undefined
const routes: readonly FrontRoute[] = [
  ...(['GET', 'LIST', 'POST'] as const).map((method): FrontRoute => ({ ...common, method, path: '/v1/*', ...(method === 'POST' ? { takes: { type: 'application/json', unlabelled: true, maxBytes: 64, schema: problem.schema } } : {}), handle: async ({ rest, address, header }) => json({ method, rest, address, token: header('x-vault-token') }) })),
  { ...common, method: 'GET', path: '/slow', handle: async () => (await new Promise<void>((resolve) => (release = resolve)), json({ method: 'slow' })) },
]

let front: Awaited<ReturnType<typeof startFront>>
beforeEach(async () => void (front = await startFront(routes, serving)))
afterEach(() => front.close())

const list = (rest = 'secret/metadata/', more = '') => `LIST /v1/${rest} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: t\r\n${more}\r\n`
const get = 'GET /v1/a HTTP/1.1\r\nHost: x\r\n\r\n'

interface Talk {
  readonly socket: Socket
  readonly said: () => string
  /** What it says until it closes. */
  readonly all: Promise<string>
}
function talk(): Talk {
  const socket = connect(front.port, '127.0.0.1').setNoDelay(true)
  let text = ''
  socket.on('data', (chunk: Buffer) => void (text += chunk.toString()))
  socket.on('error', () => undefined)
  return { socket, said: () => text, all: once(socket, 'close').then(() => text) }
}
async function said(...packets: readonly string[]): Promise<string> {
  const { socket, all } = talk()
  for (const packet of packets) {
    socket.write(packet)
    await sleep(40)
  }
  return all
}
const statuses = (text: string): number[] => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status))
const answers = (text: string): string[] => [...text.matchAll(/"method":"(\w+)"/g)].map(([, method]) => method ?? '')

describe('LIST', () => {
  test('is answered by its own route, from the address that asked, and closes', async () => {
    const text = await said(list('secret/metadata/app', 'Content-Length: 0\r\n'))
    expect(statuses(text)).toEqual([200])
    expect(text.toLowerCase()).toContain('\r\nconnection: close\r\n')
    expect(JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))).toEqual({ method: 'LIST', rest: 'secret/metadata/app', address: '127.0.0.1', token: ['t'] })
  })

  test('comes in any number of packets behind its first line’s beginning', async () => {
    const whole = list('secret/metadata/app')
    for (const cut of [6, 9, 30, whole.length - 3, whole.length - 1]) expect(answers(await said(whole.slice(0, cut), whole.slice(cut))), `${cut}`).toEqual(['LIST'])
  })

  test('comes after other requests on a connection that was kept', async () => {
    const text = await said(get, get, list())
    expect([statuses(text), answers(text)]).toEqual([[200, 200, 200], ['GET', 'GET', 'LIST']])
  })

  test('is a method that the routes without it do not have', async () => expect(statuses(await said(list().replace('/v1/', '/slow?')))).toEqual([405]))

  test('a GET stays one, whatever its headers say', async () => {
    for (const name of ['x-http-method-override', 'x-symbolon-method', 'x-method']) expect((await send(`${front.url}/v1/a`, { headers: { [name]: 'LIST' } })).body, name).toMatchObject({ method: 'GET' })
  })
})

describe('what is not exactly one LIST without a body is no HTTP', () => {
  test.each([
    ['another behind it', [list() + get]],
    ['another LIST behind it', [list() + list()]],
    ['behind another in one packet', [get + list()]],
    ['in the body of another', ['POST /v1/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n' + list()]],
    ['behind a body that ends in its name', ['POST /v1/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n', list()]],
    ['a length', [list('a', 'Content-Length: 4\r\n')]],
    ['a length, then its body', [list('a', 'Content-Length: 4\r\n'), 'GET ']],
    ['two lengths', [list('a', 'Content-Length: 0\r\nContent-Length: 4\r\n')]],
    ['a length with a list', [list('a', 'Content-Length: 0, 4\r\n')]],
    ['chunks', [list('a', 'Transfer-Encoding: chunked\r\n')]],
    ['a header with a space before its colon', [list('a', 'Transfer-Encoding : chunked\r\n')]],
    ['cut within its name', ['LI', 'ST /v1/a HTTP/1.1\r\nHost: x\r\n\r\n']],
    ['begun twice', ['LI', list()]],
    ['an empty line before it', [`\r\n${list()}`]],
    ['another method', ['LISTEN /v1/a HTTP/1.1\r\nHost: x\r\n\r\n']],
    ['lower case', [list().replace('LIST', 'list')]],
    ['an absolute target', ['LIST http://x/v1/a HTTP/1.1\r\nHost: x\r\n\r\n']],
    ['a head that is too large', [list('a', `X: ${'x'.repeat(17_000)}\r\n`)]],
    ['a broken header', [list('a', 'a b c\r\n')]],
    ['bare newlines', ['LIST /v1/a HTTP/1.1\nHost: x\n\n\r\n\r\n']],
  ])('%s', async (_name, packets) => {
    const text = await said(...packets)
    expect(statuses(text).at(-1)).toBeGreaterThanOrEqual(400)
    expect(answers(text)).not.toContain('LIST')
  })

  test('while the answer to another is under way', async () => {
    const { socket, said: text, all } = talk()
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => release).toBeTypeOf('function')
    socket.write(list())
    await all
    release?.()
    expect(answers(text())).not.toContain('LIST')
  })
})

test('what comes behind a LIST that was taken is not read', async () => {
  const { socket, all } = talk()
  socket.write(list())
  socket.write(get)
  await sleep(20)
  expect(answers(await all)).not.toContain('GET')
})

describe('over TLS', () => {
  const [serverCa, clientCa] = [testCa('server CA'), testCa('client CA')]
  const folder = mkdtempSync(join(tmpdir(), 'symbolon-list-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const write = (name: string, bytes: Buffer) => {
    writeFileSync(join(folder, name), bytes, { mode: 0o600 })
    return join(folder, name)
  }

  test('it is answered likewise, and the client’s certificate stands in the record', async () => {
    const own = serverCa.issue({ dns: ['localhost'] })
    const tls = { key: new SecretFile(write('key.pem', own.key)), certificate: write('cert.pem', own.cert), client_ca: write('ca.pem', clientCa.ca), client_certificates: 'required' as const }
    const secure = await startFront(routes.map((route) => ({ ...route, event: 'listing' })), serving, { listen: { listen: { host: '127.0.0.1', port: 0 }, tls } })
    try {
      const socket = connectTls({ port: secure.port, host: '127.0.0.1', servername: 'localhost', ...clientCa.issue({ dns: ['job'] }), ca: serverCa.ca })
      let text = ''
      socket.on('data', (chunk: Buffer) => void (text += chunk.toString()))
      await once(socket, 'secureConnect')
      socket.write(get)
      await expect.poll(() => answers(text)).toEqual(['GET'])
      socket.write(list())
      await once(socket, 'close')
      expect([answers(text), statuses(text)]).toEqual([['GET', 'LIST'], [200, 200]])
      expect(secure.events.map(({ certificate }) => certificate)).toEqual([expect.stringMatching(/^([0-9A-F]{2}:){31}/), expect.stringMatching(/^([0-9A-F]{2}:){31}/)])
    } finally {
      await secure.close()
    }
  })
})
