import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { decodeTokenIntent, encodeIntent, intentDigest, type TokenIntent } from '@symbolon/protocol/intent.ts'
import type { TokenClaims } from '@symbolon/protocol/token.ts'
import { testDeployment } from '@symbolon/sdk/deployment.testkit.ts'

/* A hostile api, as a client meets it. `real` is the deployment that the client pinned, `evil` the attacker's own. */

export const now = () => Math.floor(Date.now() / 1000)
export const real = testDeployment()
export const evil = testDeployment()
/** The worker's, whose keys the client holds. */
export const { privateKey } = generateKeyPairSync('ed25519')
export const secret = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))

export interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}
export type Answer = (asked: Seen) => Reply | undefined

/** What each test leaves to be closed. */
export const cleanups: (() => unknown)[] = []

export interface Api {
  readonly addr: string
  readonly seen: Seen[]
}

/** An api that answers as a test wants, and where the test wants nothing, as an honest one does. */
export async function serve(answer: Answer = () => undefined): Promise<Api> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString())).on('end', () => {
      const asked = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body }
      seen.push(asked)
      send(response, answer(asked) ?? honest(asked))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('a TCP server has a port')
  return { addr: `http://127.0.0.1:${bound.port}`, seen }
}

const send = (response: ServerResponse, { status, headers = {}, body }: Reply) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(typeof body === 'string' ? body : JSON.stringify(body))

function honest({ path, body }: Seen): Reply {
  if (path === '/v1/keyset') return { status: 200, body: real.signed(now()) }
  if (path === '/v1/tokens') return { status: 200, body: tokenBody(claimsOf(body)) }
  return { status: 404, body: { type: 'about:blank', title: 'No', status: 404, code: 'not_found', request_id: 'req-00001' } }
}

export const tokenBody = (claims: TokenClaims, token = real.mint(claims)) => ({ token, token_type: 'Bearer', expires_in: claims.exp - now(), expires_at: new Date(claims.exp * 1000).toISOString(), scope: claims.scope, jti: claims.jti, request_id: 'req-00001', signers: [{ signer: 1, state: 'signed' }] })

export function intentIn(body: string): TokenIntent {
  const decoded = decodeTokenIntent(fromBase64url((JSON.parse(body) as { intent: string }).intent) ?? new Uint8Array())
  if (!decoded.ok) throw new Error(decoded.reason)
  return decoded.value
}

export function claimsOf(body: string): TokenClaims {
  const intent = intentIn(body)
  return { iss: intent.iss, sub: intent.sub, aud: intent.aud, client_id: intent.client, scope: intent.scope.join(' '), iat: intent.iat, nbf: intent.iat, exp: intent.iat + 900, jti: toBase64url(intentDigest(encodeIntent(intent))), 'urn:symbolon:v1': { policy: real.policy, origin: { kind: 'key' } } }
}

export const keysetAs = (body: unknown): Answer => ({ path }) => (path === '/v1/keyset' ? { status: 200, body } : undefined)
export const tokenAs = (body: (asked: Seen) => unknown): Answer => (asked) => (asked.path === '/v1/tokens' ? { status: 200, body: body(asked) } : undefined)
