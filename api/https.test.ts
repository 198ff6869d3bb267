import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SecretFile } from '@symbolon/runtime/secret-file.ts'
import { testCa } from '@symbolon/runtime/certificates.testkit.ts'
import { asked, startApi, type TestApi } from './api.testkit.ts'
import { config } from './config.ts'

const [serverCa, clientCa, strangerCa] = [testCa('server CA'), testCa('client CA'), testCa('stranger CA')]
const folder = mkdtempSync(join(tmpdir(), 'symbolon-api-'))
const write = (name: string, bytes: Buffer) => {
  const path = join(folder, name)
  writeFileSync(path, bytes, { mode: 0o600 })
  return path
}
const own = serverCa.issue({ dns: ['localhost'] })
const files = { key: new SecretFile(write('key.pem', own.key)), certificate: write('cert.pem', own.cert), client_ca: write('ca.pem', clientCa.ca) }
const listening = (client_certificates: 'optional' | 'required') => ({ listen: { host: '127.0.0.1', port: 0 }, tls: { ...files, client_certificates } })

const apis: Record<string, TestApi> = {}
beforeAll(async () => {
  apis['optional'] = await startApi({ listen: listening('optional') })
  apis['required'] = await startApi({ listen: listening('required') })
})
afterAll(async () => {
  for (const api of Object.values(apis)) await api.close()
  rmSync(folder, { recursive: true })
})

/** A status, or the code of what ended the connection. */
async function mintWith(api: TestApi | undefined, client: { key?: Buffer; cert?: Buffer } = {}): Promise<number | string> {
  if (api === undefined) throw new Error('not started')
  const { promise, resolve } = Promise.withResolvers<number | string>()
  const outgoing = request(`${api.url}/v1/tokens`, { method: 'POST', agent: false, ca: serverCa.ca, key: client.key, cert: client.cert, headers: { 'content-type': 'application/json' } }, (response) => {
    response.resume().on('end', () => resolve(response.statusCode ?? 0))
  })
  outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name)).end(JSON.stringify(asked(api.world)))
  return promise
}

describe('https and client certificates', () => {
  test('optional: without one', async () => expect(await mintWith(apis['optional'])).toBe(200))
  test('optional: a known one stands in the record', async () => {
    expect(await mintWith(apis['optional'], clientCa.issue({ dns: ['job'] }))).toBe(200)
    expect(apis['optional']?.events.at(-1)?.certificate).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/)
  })
  test('optional: a stranger’s ends the connection', async () => expect(await mintWith(apis['optional'], strangerCa.issue({ dns: ['job'] }))).toMatch(/^(ECONNRESET|EPIPE)$/))
  test('required: a known one', async () => expect(await mintWith(apis['required'], clientCa.issue({ dns: ['job'] }))).toBe(200))
  test('required: without one there is no connection', async () => expect(await mintWith(apis['required'])).toMatch(/^(ERR_SSL|ECONNRESET|EPIPE)/))
  test('required: an expired one neither', async () => expect(await mintWith(apis['required'], clientCa.issue({ dns: ['job'] }, { to: Date.now() - 1 }))).toMatch(/^(ERR_SSL|ECONNRESET|EPIPE)/))
})

describe('U-5 configuration', () => {
  const tls = { key: join(folder, 'key.pem'), certificate: join(folder, 'cert.pem') }
  const channel = { ...tls, ca: join(folder, 'ca.pem') }
  const complete = {
    name: 'api', pid_file: '/tmp/api.pid', listen: { host: '127.0.0.1', port: 7000 }, channel, coordinator: { address: { host: '127.0.0.1', port: 7001 }, identity: 'symbolon:coordinator/1' },
    roster: '/r', keyset: '/k', policy: '/p', book: '/x/book.json', issuer_keys: '/i', store_marker: '/m', database: { url: 'postgres://api@/symbolon?host=/tmp', schema: 'api' },
  }
  const problemsOf = (value: unknown) => {
    const result = config.safeParse(value)
    return result.success ? [] : result.error.issues.map((issue) => [issue.path.join('/'), issue.code === 'unrecognized_keys' ? issue.keys.join() : issue.message])
  }

  test('a complete one is taken', () => expect(problemsOf(complete)).toEqual([]))
  test.each(Object.keys(complete).filter((name) => name !== 'listen'))('without %s it is refused', (name) => {
    expect(problemsOf(Object.fromEntries(Object.entries(complete).filter(([key]) => key !== name))).map(([path]) => path)).toContain(name)
  })
  test.each(['0.0.0.0', '192.0.2.1', 'api.example', '::'])('http on %s is refused', (host) => expect(problemsOf({ ...complete, listen: { host, port: 7000 } })).toEqual([['tls', 'without certificates the api listens on loopback only']]))
  test('https anywhere is taken', () => expect(problemsOf({ ...complete, listen: { host: '0.0.0.0', port: 7000 }, tls })).toEqual([]))
  test('client certificates without their CA are refused', () => expect(problemsOf({ ...complete, tls: { ...tls, client_certificates: 'required' } })).toEqual([['tls', 'client_ca and client_certificates come together']]))
  test('H-1 limits that are no numbers are refused', () => expect(problemsOf({ ...complete, limits: { per_address: '10', per_identity: 0 } }).map(([path]) => path)).toEqual(['limits/per_address', 'limits/per_identity']))
  test('an unknown setting is refused', () => expect(problemsOf({ ...complete, allow_all: true })).toEqual([['', 'allow_all']]))
})
