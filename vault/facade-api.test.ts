import { createServer, type IncomingMessage } from 'node:http'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { openFacadeApi, type FacadeApi } from './facade-api.ts'

/* An api that says what a test wants; what is made of it is what matters here. */

const digest = toBase64url(new Uint8Array(32))
const token = { token: 'a.b.c', token_type: 'Bearer', expires_in: 900, expires_at: '2027-01-15T08:00:00Z', scope: 'secret:read', jti: digest, request_id: 'r', signers: [] }
const about = { address: '192.0.2.7', requestId: 'request-1' }
const asked = { intent: digest, evidence: [{ kind: 'id_token' as const, token: 'CANARY.CANARY.CANARY' }] }

let says: { status: number; body: string }
let heard: IncomingMessage[]
let lines: string[]
let api: FacadeApi
let close: () => Promise<void>
beforeEach(async () => {
  heard = []
  lines = []
  const server = createServer((incoming, outgoing) => {
    heard.push(incoming)
    incoming.resume().on('end', () => void outgoing.writeHead(says.status, { 'content-type': 'application/json', connection: 'close' }).end(says.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  api = openFacadeApi({ url: `http://127.0.0.1:${port}/`, timeoutMs: 2_000, log: openLog({ process: 'vault', level: 'debug', to: { write: (line: string) => void lines.push(line) } }) })
  close = () => new Promise((resolve) => void server.close(() => resolve()))
})
afterEach(async () => {
  await api.close()
  await close()
})

describe('the api', () => {
  test('is asked for a token as by any client, and told whose request it is', async () => {
    says = { status: 200, body: JSON.stringify(token) }
    expect(await api.mint(asked, about)).toEqual({ ok: true, value: token })
    expect([heard[0]?.url, heard[0]?.headers['x-forwarded-for'], heard[0]?.headers['x-request-id']]).toEqual(['/v1/tokens', '192.0.2.7', 'request-1'])
  })

  test('says no: the code stays', async () => {
    says = { status: 403, body: JSON.stringify({ type: 'urn:symbolon:problem:policy_denied', title: 'No', status: 403, detail: 'Not allowed.', instance: '/v1/stops', code: 'policy_denied', request_id: 'r' }) }
    expect(await api.stop({ ...asked, evidence: [{ kind: 'facade', token: 'a.b.c' }] }, about)).toEqual({ ok: false, code: 'policy_denied', detail: 'Not allowed.' })
  })

  test.each([
    ['words', 200, 'CANARY'],
    ['something else', 200, '{"token": 1}'],
    ['an error of no kind of ours', 502, '<html>CANARY</html>'],
    ['a code that there is not', 403, '{"type":"x","title":"x","status":403,"code":"CANARY","instance":"x","request_id":"r"}'],
    ['a redirect', 302, ''],
    ['more than anybody reads', 200, `"${'x'.repeat(400_000)}"`],
  ])('answers %s: not ready, and nothing is quoted', async (_name, status, body) => {
    says = { status, body }
    const got = await api.mint(asked, about)
    expect(got).toMatchObject({ ok: false, code: 'not_ready' })
    expect(JSON.stringify(got) + lines.join('\n')).not.toContain('CANARY')
  })

  test('is away: not ready, and the log holds no evidence', async () => {
    await close()
    close = async () => undefined
    expect(await api.mint(asked, about)).toMatchObject({ ok: false, code: 'not_ready' })
    expect(lines.join()).toContain('ECONNREFUSED')
    expect(lines.join()).not.toContain('CANARY')
  })
})
