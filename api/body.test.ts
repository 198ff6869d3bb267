import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '@symbolon/protocol/limits.ts'
import { asked, post, startApi, type TestApi } from './api.testkit.ts'

/* H-1: what a body's length claims to be, over a bare socket. */

let api: TestApi
let judged = 0
beforeAll(async () => {
  api = await startApi({ judges: (honest) => ({ ...honest, judge: (...given) => ((judged += 1), honest.judge(...given)) }) })
})
afterAll(() => api.close())

/** Writes the parts as they are and reads until the server closes. */
async function raw(...parts: string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ''
  const socket = connect(api.port, '127.0.0.1', () => parts.forEach((part) => socket.write(part)))
  socket.on('data', (chunk) => (text += chunk.toString())).on('error', () => resolve(text)).on('close', () => resolve(text))
  return promise
}

const head = (...lines: string[]) => ['POST /v1/tokens HTTP/1.1', 'Host: api', 'Content-Type: application/json', 'Connection: close', ...lines, '', ''].join('\r\n')
const statusOf = (text: string) => Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(text)?.[1])
const chunk = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const large = 'x'.repeat(limits.apiBodyBytes + 1)

describe('H-1 a body over the limit is refused before anything judges it', () => {
  test('declared', async () => {
    judged = 0
    const answer = await raw(head(`Content-Length: ${large.length}`), large)
    expect([statusOf(answer), answer.includes('"code":"too_large"'), judged]).toEqual([413, true, 0])
  })

  test('declared, and never sent: refused at once', async () => {
    expect(statusOf(await raw(head('Content-Length: 99999999')))).toBe(413)
  })

  test('chunked, without a length', async () => {
    judged = 0
    expect([statusOf(await raw(head('Transfer-Encoding: chunked'), chunk(large), '0\r\n\r\n')), judged]).toEqual([413, 0])
  })

  test('chunked without an end: refused at the limit, not at the end', async () => {
    expect(statusOf(await raw(head('Transfer-Encoding: chunked'), chunk(large)))).toBe(413)
  })
})

describe('H-1 a length that lies', () => {
  test('given twice', async () => expect(statusOf(await raw(head('Content-Length: 2', 'Content-Length: 3'), '{}'))).toBe(400))
  test('beside chunks', async () => expect(statusOf(await raw(head('Content-Length: 2', 'Transfer-Encoding: chunked'), chunk('{}'), '0\r\n\r\n'))).toBe(400))
  test.each(['-1', '+2', '0x2', '2, 2', '1e3', 'two', '99999999999999999999'])('as %s', async (length) => expect([400, 413]).toContain(statusOf(await raw(head(`Content-Length: ${length}`), '{}'))))

  test('shorter than the body: the rest is no second request', async () => {
    const body = JSON.stringify(asked(api.world))
    const answer = await raw(head(`Content-Length: ${body.length}`), body, 'POST /v1/tokens HTTP/1.1\r\n\r\n')
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1)
  })

  test('absent: there is no body, so nothing was shown', async () => expect(statusOf(await raw(head()))).toBe(401))
})

test('a body at the limit is read', async () => {
  const request = JSON.stringify(asked(api.world))
  expect((await post(api, '/v1/tokens', request.padEnd(limits.apiBodyBytes, ' '))).status).toBe(200)
})

test('no HTTP at all gets a problem that quotes nothing', async () => {
  const answer = await raw('SECRET-CANARY nonsense\r\n\r\n')
  expect(statusOf(answer)).toBe(400)
  expect(answer).not.toContain('CANARY')
})
