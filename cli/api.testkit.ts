import { createServer } from 'node:http'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { decodeIntent, decodeTokenIntent, intentDigest, type Intent } from '@symbolon/protocol/intent.ts'
import { testDeployment } from '@symbolon/sdk/deployment.testkit.ts'

/* An api that says what a test wants; its keyset is in order, and it mints whatever is asked for. */

export interface Reply {
  readonly status: number
  readonly body: unknown
}
export interface Asked {
  readonly path: string
  readonly body: string
  readonly headers: NodeJS.Dict<string | string[]>
}
export type Replying = (path: string, body: string, asked: Asked) => Reply | undefined

export const deployment = testDeployment()
const now = () => Math.floor(Date.now() / 1000)

export async function serveApi(reply: Replying = () => undefined): Promise<{ readonly url: string; readonly requests: Asked[]; close(): Promise<void> }> {
  const requests: Asked[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString())).on('end', () => {
      const path = request.url ?? ''
      const asked = { path, body, headers: request.headers }
      requests.push(asked)
      const { status, body: answer } = reply(path, body, asked) ?? usual(path, body)
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  const url = `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`
  return {
    url,
    requests,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}

function usual(path: string, body: string): Reply {
  if (path === '/v1/keyset') return { status: 200, body: deployment.signed(now()) }
  if (path === '/v1/explain') return { status: 200, body: { granted: false, principal: intentIn(body).sub, reasons: [{ code: 'scope_not_allowed', message: 'no' }], roster: 1, policy: 'p', request_id: 'r' } }
  if (path === '/v1/stops') return { status: 200, body: { digest: deployment.policy, signers: [], request_id: 'r' } }
  return path === '/v1/tokens' ? mintReply(body) : refusedAs(404, 'not_found')
}

export const refusedAs = (status: number, code: string, more: object = {}): Reply => ({ status, body: { type: 'about:blank', title: 'No', status, code, request_id: 'req-00001', ...more } })

const bytesIn = (body: string): Uint8Array => fromBase64url((JSON.parse(body) as { intent: string }).intent) ?? new Uint8Array()

export function intentIn(body: string): Intent {
  const decoded = decodeIntent(bytesIn(body))
  if (!decoded.ok) throw new Error(decoded.reason)
  return decoded.value
}

export function mintReply(body: string): Reply {
  const bytes = bytesIn(body)
  const decoded = decodeTokenIntent(bytes)
  if (!decoded.ok) throw new Error(decoded.reason)
  const { iss, sub, aud, client, scope, iat } = decoded.value
  const jti = toBase64url(intentDigest(bytes))
  const token = deployment.mint({ iss, sub, aud, client_id: client, scope: scope.join(' '), iat, nbf: iat, exp: iat + 900, jti, 'urn:symbolon:v1': { policy: deployment.policy, origin: { kind: 'key' } } })
  return { status: 200, body: { token, token_type: 'Bearer', expires_in: 900, expires_at: '2026-01-01T00:00:00.000Z', scope: scope.join(' '), jti, request_id: 'r', signers: [{ signer: 1, state: 'signed' }] } }
}
