import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import { explainResponse, intentResponse, statusResponse, tokenResponse, type ExplainResponse, type StatusResponse, type TokenRequest, type TokenResponse } from '@symbolon/protocol/http.ts'
import type { TokenClaims } from '@symbolon/protocol/token.ts'
import type { z } from 'zod'
import { readAnswer } from './answer.ts'
import type { Credential } from './credential.ts'
import { judgeKeysets, keysetAnswer, type Deployment, type KeysetMemory, type Pin } from './deployment.ts'
import { failed, ok, type Outcome } from './errors.ts'
import { awaitDeviceGrant, beginDeviceGrant, type DeviceAuthorization, type DevicePolling } from './device.ts'
import type { OpenedGrant } from './grant.ts'
import { peopleCalls, type People } from './people.ts'
import type { GrantRequest } from '@symbolon/protocol/grant.ts'
import { acceptIntent, buildIntent, type BuiltIntent, type Wish } from './intent.ts'
import { openTransport, type Answer, type Call, type TransportOptions } from './transport.ts'
import { trustKeyset, verifyToken } from './verify.ts'

export interface ClientOptions extends TransportOptions {
  /** Fingerprint of the first keyset, or `unpinned`, said aloud. */
  readonly pin: Pin
  /** Only where the keyset's issuer is: for an address that came from somebody else's text. */
  readonly atIssuer?: boolean | undefined
  /** Seconds since 1970; the machine's clock unless given. */
  readonly clock?: (() => number) | undefined
  /** What this machine remembers of earlier keysets, so that an older one is noticed. */
  readonly memory?: KeysetMemory | undefined
}

export interface Minted {
  readonly token: string
  /** Verified against the keyset, and equal to what was wished. */
  readonly claims: TokenClaims
  readonly response: Omit<TokenResponse, 'token'>
  readonly serverTiming?: string | undefined
}

/** What a request would be, for `--print-request`: evidence stays out unless it is sent. */
export interface Prepared {
  readonly deployment: Deployment
  readonly built: BuiltIntent
}

export interface Client extends People {
  readonly addr: string
  /** The keyset, judged against the pin; fetched once. */
  deployment(): Promise<Outcome<Deployment>>
  prepare(wish: Wish): Promise<Outcome<Prepared>>
  mint(wish: Wish, credential: Credential): Promise<Outcome<Minted>>
  mintPrepared(prepared: Prepared, credential: Credential): Promise<Outcome<Minted>>
  explain(wish: Wish, credential: Credential): Promise<Outcome<ExplainResponse>>
  /** Lets the server build the intent, and compares every field of what comes back. */
  buildRemotely(wish: Wish): Promise<Outcome<Prepared>>
  status(): Promise<Outcome<StatusResponse>>
  /** Asks for a device grant; the code to show is this request's own. */
  beginDevice(request: GrantRequest): Promise<Outcome<DeviceAuthorization>>
  /** Waits for the person's decision. */
  awaitDevice(polling: Pick<DevicePolling, 'request' | 'key' | 'device' | 'sleep'>): Promise<Outcome<OpenedGrant>>
  verify(token: string, audience?: string): Promise<Outcome<TokenClaims>>
  close(): Promise<void>
}

const nowInSeconds = (): number => Math.floor(Date.now() / 1000)

export function openClient(options: ClientOptions): Outcome<Client> {
  const opened = openTransport(options)
  if (!opened.ok) return opened
  const transport = opened.value
  const clock = options.clock ?? nowInSeconds
  const call = <T>(what: Call, schema: z.ZodType<T>) => transport.send(what).then((answer) => (answer.ok ? readAnswer(answer.value, schema) : answer))
  const post = <T>(path: string, body: unknown, schema: z.ZodType<T>, large = false) => call({ method: 'POST', path, large, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }, schema)

  let known: Promise<Outcome<Deployment>> | undefined
  const fetchDeployment = async (): Promise<Outcome<Deployment>> => {
    const signed = await call({ method: 'GET', path: '/v1/keyset', large: true }, keysetAnswer)
    const judged = signed.ok ? judgeKeysets(signed.value, options.pin, clock(), options.memory) : signed
    if (judged.ok && options.atIssuer === true && !isAt(transport.addr, judged.value)) return failed('address_differs', { detail: `${transport.addr} is not ${judged.value.keyset.issuer}` })
    return judged
  }
  const deployment = async () => {
    known ??= fetchDeployment()
    const found = await known
    // A failure is not kept: the server may be up the next time.
    if (!found.ok) known = undefined
    return found
  }
  const prepare = async (wish: Wish): Promise<Outcome<Prepared>> => {
    const found = await deployment()
    if (!found.ok) return found
    const built = buildIntent(wish, found.value, clock())
    return built.ok ? ok({ deployment: found.value, built: built.value }) : built
  }
  const requestFor = async ({ built }: Prepared, credential: Credential): Promise<Outcome<TokenRequest>> => {
    const evidence = await credential.evidence(built, clock())
    return evidence.ok ? ok({ intent: toBase64url(built.bytes), evidence: [...evidence.value] }) : evidence
  }
  const mintPrepared = async (prepared: Prepared, credential: Credential): Promise<Outcome<Minted>> => {
    const body = await requestFor(prepared, credential)
    if (!body.ok) return body
    const answer = await transport.send({ method: 'POST', path: '/v1/tokens', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body.value) })
    if (!answer.ok) return answer
    const response = readAnswer(answer.value, tokenResponse)
    if (!response.ok) return response
    const { token, ...rest } = response.value
    const claims = await believe(token, prepared, clock())
    return claims.ok ? ok({ token, claims: claims.value, response: { ...rest, ...restated(claims.value, clock()) }, serverTiming: single(answer.value, 'server-timing') }) : claims
  }
  return ok({
    ...peopleCalls({ deployment, clock, post: (path, body, schema) => post(path, body, schema, true) }),
    addr: transport.addr,
    deployment,
    prepare,
    mintPrepared,
    mint: async (wish, credential) => {
      const prepared = await prepare(wish)
      return prepared.ok ? mintPrepared(prepared.value, credential) : prepared
    },
    explain: async (wish, credential) => {
      const prepared = await prepare({ ...wish, dry: true })
      if (!prepared.ok) return prepared
      const body = await requestFor(prepared.value, credential)
      return body.ok ? post('/v1/explain', body.value, explainResponse) : body
    },
    buildRemotely: async (wish) => {
      const found = await deployment()
      if (!found.ok) return found
      const { jkt, scope, ...fields } = wish
      const answer = await post('/v1/intents', { ...fields, scope: [...scope], ...(jkt === undefined ? {} : { cnf: { jkt } }) }, intentResponse)
      if (!answer.ok) return answer
      const built = acceptIntent(bytesOf(answer.value.intent), wish, found.value, clock())
      return built.ok ? ok({ deployment: found.value, built: built.value }) : built
    },
    beginDevice: (request) => beginDeviceGrant(transport, request),
    awaitDevice: async (polling) => {
      const found = await deployment()
      return found.ok ? awaitDeviceGrant(transport, { ...polling, deployment: found.value, clock }) : found
    },
    status: () => call({ method: 'GET', path: '/v1/status' }, statusResponse),
    verify: async (token, audience) => {
      const found = await deployment()
      return found.ok ? verifyToken(token, trustKeyset(found.value.keyset), { audience, now: clock() }) : found
    },
    close: () => transport.close(),
  })
}

/** Whoever relays a deployment shows its true keyset, and would be shown requests that the deployment takes. */
const isAt = (addr: string, { keyset }: Deployment): boolean => new URL(addr).origin === new URL(keyset.issuer).origin

/** A token is handed out only if the keyset's key signed it and it says what the intent asked for. */
async function believe(token: string, { deployment, built }: Prepared, now: number): Promise<Outcome<TokenClaims>> {
  const { intent, digestText } = built
  const verified = await verifyToken(token, trustKeyset(deployment.keyset), { audience: intent.aud, now })
  if (!verified.ok) return verified
  const { jti, scope, cnf, sub, client_id, exp, iat } = verified.value
  const differs = [
    jti === digestText ? '' : 'jti',
    scope === intent.scope.join(' ') ? '' : 'scope',
    cnf?.jkt === intent.cnf?.jkt ? '' : 'cnf',
    sub === (intent.as ?? intent.sub) ? '' : 'sub',
    client_id === intent.client ? '' : 'client_id',
    intent.ttl === undefined || exp - iat === intent.ttl ? '' : 'exp',
  ].filter((name) => name !== '')
  return differs.length === 0 ? verified : failed('token_differs', { detail: differs.join(', ') })
}

/** What the answer says of the token, by the token's own claims: only those were signed, and scripts read these fields. */
const restated = ({ cnf, exp, scope, jti }: TokenClaims, now: number) => ({
  token_type: cnf === undefined ? ('Bearer' as const) : ('DPoP' as const),
  expires_in: exp - now,
  expires_at: new Date(exp * 1000).toISOString(),
  scope,
  jti,
})

const single = ({ headers }: Answer, name: string): string | undefined => {
  const value = headers[name]
  return typeof value === 'string' ? value : undefined
}
