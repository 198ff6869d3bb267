import { randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer as createPlain, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTls } from 'node:https'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import { defaultClaims, headerType, jwksPath, jwksType, kubernetesAccount, optionalClaims, times, type Platform } from './platforms.ts'

/* An issuer of ID tokens as CI platforms run one. Real keys, real HTTP, real protocols; only its users are made up. */

export type Algorithm = 'RS256' | 'ES256' | 'EdDSA'
export interface IssuerConfig {
  readonly platform: Platform
  readonly algorithm: Algorithm
  /** What a job shows to get an ID token; what a test shows to control the issuer. */
  readonly jobToken: string
  readonly controlToken: string
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Claims to add to, or (null) take from, the platform's own. */
  readonly claims?: Readonly<Record<string, unknown>>
}

export interface MintRequest {
  readonly audience: string | readonly string[]
  readonly claims?: Readonly<Record<string, unknown>>
  readonly header?: Readonly<Record<string, unknown>>
  /** Sign with a key of this `kid` that the JWKS does not list. */
  readonly unlisted?: boolean
}

interface Key {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}
interface Reply {
  readonly status: number
  readonly body: unknown
  readonly type?: string
}

export async function serveIssuer(config: IssuerConfig): Promise<Server> {
  const issuer = new TestIssuer(config, await makeKey(config.algorithm))
  const listener: RequestListener = (request, response) => {
    const answered = issuer.answer(request).then(({ status, body, type = 'application/json' }) => response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body)))
    // A test issuer has no log: whatever goes wrong inside it is the answer.
    answered.catch((error: unknown) => response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error)))
  }
  const server = config.tls === undefined ? createPlain(listener) : createTls({ ...config.tls, minVersion: 'TLSv1.3' }, listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  issuer.url = `${config.tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`
  return server
}

async function makeKey(algorithm: Algorithm): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
  const kid = randomUUID()
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: algorithm } }
}

class TestIssuer {
  url = ''
  readonly #config: IssuerConfig
  #keys: Key[]
  #jwksStatus = 200
  #jwksRequests = 0

  constructor(config: IssuerConfig, key: Key) {
    this.#config = config
    this.#keys = [key]
  }

  async answer(request: IncomingMessage): Promise<Reply> {
    const url = new URL(request.url ?? '/', this.url)
    const { platform } = this.#config
    const route = `${request.method} ${url.pathname}`
    if (route === 'GET /.well-known/openid-configuration') return this.#discovery()
    if (route === `GET ${jwksPath(platform)}`) return this.#jwks()
    if (url.pathname.startsWith('/control/')) return this.#control(request, url.pathname.slice('/control/'.length))
    return this.#platformRoute(request, route, url)
  }

  #discovery(): Reply {
    return { status: 200, body: { issuer: this.url, jwks_uri: `${this.url}${jwksPath(this.#config.platform)}`, response_types_supported: ['id_token'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: [this.#config.algorithm] } }
  }

  #jwks(): Reply {
    this.#jwksRequests += 1
    if (this.#jwksStatus !== 200) return { status: this.#jwksStatus, body: {} }
    return { status: 200, type: jwksType(this.#config.platform), body: { keys: this.#keys.map(({ jwk }) => jwk) } }
  }

  /** What only the test may do. */
  async #control(request: IncomingMessage, what: string): Promise<Reply> {
    if (!shows(request, 'Bearer', this.#config.controlToken)) return { status: 401, body: {} }
    const body = await readJson(request)
    switch (what) {
      case 'mint':
        return { status: 200, body: { token: await this.#mint(body as unknown as MintRequest) } }
      case 'rotate':
        this.#keys = [await makeKey(this.#config.algorithm), ...(body['keep'] === true ? this.#keys : [])]
        return { status: 200, body: { kid: this.#keys[0]?.kid } }
      case 'jwks':
        if (typeof body['status'] === 'number') this.#jwksStatus = body['status']
        return { status: 200, body: { requests: this.#jwksRequests, kids: this.#keys.map(({ kid }) => kid) } }
      default:
        return { status: 404, body: {} }
    }
  }

  /** What a job may do, as each platform has it. GitLab's jobs cannot ask: their tokens are made before they start. */
  #platformRoute(request: IncomingMessage, route: string, url: URL): Promise<Reply> {
    switch (this.#config.platform) {
      case 'github':
        return route === 'GET /request' ? this.#github(request, url) : notFound()
      case 'buildkite':
        return /^POST \/v3\/jobs\/[\w-]+\/oidc\/tokens$/.test(route) ? this.#buildkite(request) : notFound()
      case 'kubernetes':
        return this.#kubernetes(request, route)
      case 'gitlab':
        return notFound()
    }
  }

  /** ACTIONS_ID_TOKEN_REQUEST_URL with `&audience=`, and ACTIONS_ID_TOKEN_REQUEST_TOKEN. */
  async #github(request: IncomingMessage, url: URL): Promise<Reply> {
    if (!shows(request, 'Bearer', this.#config.jobToken)) return { status: 401, body: { message: 'Requires authentication' } }
    const value = await this.#mint({ audience: url.searchParams.get('audience') ?? 'https://github.com/acme' })
    return { status: 200, body: { count: value.length, value } }
  }

  /** What `buildkite-agent oidc request-token` calls. */
  async #buildkite(request: IncomingMessage): Promise<Reply> {
    if (!shows(request, 'Token', this.#config.jobToken)) return { status: 401, body: { message: 'Invalid access token' } }
    const { audience, claims } = await readJson(request)
    const wanted = Array.isArray(claims) ? claims.map(String) : []
    const extra = Object.fromEntries(Object.entries(optionalClaims).filter(([name]) => wanted.includes(name)))
    return { status: 200, body: { token: await this.#mint({ audience: typeof audience === 'string' ? audience : 'https://buildkite.com/acme', claims: extra }) } }
  }

  /** TokenRequest, authentication.k8s.io/v1. The audiences come as a list, and stay one in the token. */
  async #kubernetes(request: IncomingMessage, route: string): Promise<Reply> {
    const { namespace, name } = kubernetesAccount
    if (route !== `POST /api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`) return kubernetesError(404, 'NotFound')
    if (!shows(request, 'Bearer', this.#config.jobToken)) return kubernetesError(401, 'Unauthorized')
    const { kind, spec } = await readJson(request)
    const { audiences, expirationSeconds = times.kubernetes.lifetime } = (spec ?? {}) as { audiences?: string[]; expirationSeconds?: number }
    if (kind !== 'TokenRequest' || expirationSeconds < 600) return kubernetesError(422, 'Invalid')
    const token = await this.#mint({ audience: audiences ?? [this.url] })
    const status = { token, expirationTimestamp: new Date(Date.now() + times.kubernetes.lifetime * 1000).toISOString() }
    return { status: 201, body: { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata: { name, namespace }, spec: { audiences, expirationSeconds }, status } }
  }

  async #mint({ audience, claims = {}, header = {}, unlisted = false }: MintRequest): Promise<string> {
    const { platform, algorithm } = this.#config
    const key = unlisted ? await makeKey(algorithm) : this.#keys[0]
    if (key === undefined) throw new Error('no key')
    const now = Math.floor(Date.now() / 1000)
    const { lifetime, before } = times[platform]
    const standard = { iss: this.url, aud: audience, iat: now, nbf: now - before, exp: now + lifetime, jti: randomUUID() }
    const all = Object.entries({ ...defaultClaims[platform], ...standard, ...this.#config.claims, ...claims }).filter(([, value]) => value !== null)
    return new SignJWT(Object.fromEntries(all)).setProtectedHeader({ ...headerType(platform), kid: key.kid, ...header, alg: algorithm }).sign(key.privateKey)
  }
}

const notFound = (): Promise<Reply> => Promise.resolve({ status: 404, body: {} })
const kubernetesError = (code: number, reason: string): Reply => ({ status: code, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code } })

function shows({ headers }: IncomingMessage, scheme: string, wanted: string): boolean {
  const [name = '', shown = '', ...more] = (headers.authorization ?? '').split(' ')
  return name.toLowerCase() === scheme.toLowerCase() && more.length === 0 && shown.length === wanted.length && timingSafeEqual(Buffer.from(shown), Buffer.from(wanted))
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const text = Buffer.concat(parts).toString()
  return (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
}
