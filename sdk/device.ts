import { randomUUID, sign, type KeyObject } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { utf8 } from '@symbolon/protocol/bytes.ts'
import { deviceCodeGrant, deviceTimes, grantTokenType } from '@symbolon/protocol/device.ts'
import { userCode, type GrantRequest } from '@symbolon/protocol/grant.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { assembleJws, jwsSigningInput } from '@symbolon/protocol/jws.ts'
import { proofAlgorithm } from '@symbolon/protocol/proof.ts'
import { publicJwk } from './credential.ts'
import type { Deployment } from './deployment.ts'
import { failed, ok, type Outcome } from './errors.ts'
import { encodeGrantRequest, judgeGrant, type OpenedGrant } from './grant.ts'
import type { Answer, Transport } from './transport.ts'

/* The device grant (RFC 8628), for machines without a browser: a person types a short code into the console on another one. */

const authorization = z.object({
  device_code: z.string().min(1).max(1_024),
  user_code: z.string().max(32),
  verification_uri: z.string().max(512),
  /** Seconds. */
  expires_in: z.int().min(1).max(86_400),
  interval: z.int().min(1).max(300).default(5),
})
export type DeviceAuthorization = z.infer<typeof authorization>

const oauthError = z.object({ error: z.string().max(64), error_description: z.string().max(1_000).optional() })
const tokenAnswer = z.object({ access_token: z.string().min(1).max(16_384), issued_token_type: z.literal(grantTokenType), token_type: z.literal('DPoP') })

const form = (path: string, fields: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) =>
  ({ method: 'POST', path, headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(fields).toString() }) as const

/** The code follows from the request, so a server that shows another one is found out here, before anybody types it. */
export async function beginDeviceGrant(transport: Transport, request: GrantRequest): Promise<Outcome<DeviceAuthorization>> {
  const answer = await transport.send(form('/oauth/device_authorization', { client_id: request.client, grant_request: encodeGrantRequest(request) }))
  if (!answer.ok) return answer
  if (answer.value.status !== 200) return refusalIn(answer.value)
  const decoded = decodeAs(authorization, answer.value.body, 16_384)
  if (!decoded.ok) return failed('answer_malformed', { detail: decoded.reason })
  return decoded.value.user_code === userCode(request) ? ok(decoded.value) : failed('grant_differs', { detail: 'the user code is not this request’s' })
}

export interface DevicePolling {
  readonly request: GrantRequest
  readonly key: KeyObject
  readonly deployment: Deployment
  readonly device: DeviceAuthorization
  /** Seconds since 1970. */
  clock(): number
  readonly sleep?: ((ms: number) => Promise<unknown>) | undefined
}

/** Asks until the person has decided, never faster than the server allows. A server that does not answer is asked more and more slowly. */
export async function awaitDeviceGrant(transport: Transport, { request, key, deployment, device, clock, sleep = pause }: DevicePolling): Promise<Outcome<OpenedGrant>> {
  const until = clock() + device.expires_in
  for (let interval = device.interval; ; ) {
    await sleep(interval * 1_000)
    if (clock() >= until) return failed('expired_token')
    const answer = await pollOnce(transport, { request, key, deployment, device, now: clock() })
    if (!answer.ok && answer.error.code !== 'unreachable') return answer
    if (!answer.ok) {
      interval = Math.min(interval * 2, 60)
      continue
    }
    if (answer.value.status === 200) return grantIn(answer.value, request, deployment, clock())
    const refused = refusalIn(answer.value)
    if (refused.error.code === 'slow_down') interval += deviceTimes.slower
    else if (refused.error.code !== 'authorization_pending') return refused
  }
}

type Poll = Pick<DevicePolling, 'request' | 'key' | 'deployment' | 'device'> & { readonly now: number }

async function pollOnce(transport: Transport, { request, key, deployment, device, now }: Poll): Promise<Outcome<Answer>> {
  const proof = dpopProof(key, `${deployment.keyset.issuer.replace(/\/$/, '')}/oauth/token`, now)
  if (!proof.ok) return proof
  const fields = { grant_type: deviceCodeGrant, device_code: device.device_code, client_id: request.client }
  return transport.send(form('/oauth/token', fields, { dpop: proof.value }))
}

/** RFC 9449, section 4.2, for a POST. */
function dpopProof(key: KeyObject, htu: string, iat: number): Outcome<string> {
  const jwk = publicJwk(key)
  if (!jwk.ok) return jwk
  const alg = proofAlgorithm(jwk.value)
  const input = jwsSigningInput({ typ: 'dpop+jwt', alg, jwk: jwk.value }, { jti: randomUUID(), htm: 'POST', htu, iat })
  return ok(assembleJws(input, alg === 'EdDSA' ? sign(null, utf8(input), key) : sign('sha256', utf8(input), { key, dsaEncoding: 'ieee-p1363' })))
}

function grantIn({ body }: Answer, request: GrantRequest, deployment: Deployment, now: number): Outcome<OpenedGrant> {
  const decoded = decodeAs(tokenAnswer, body, 65_536)
  return decoded.ok ? judgeGrant(decoded.value.access_token, request, deployment, now) : failed('answer_malformed', { detail: decoded.reason })
}

const known = ['authorization_pending', 'slow_down', 'expired_token', 'invalid_dpop_proof', 'limited'] as const

function refusalIn({ status, body }: Answer): ReturnType<typeof failed> {
  const decoded = decodeAs(oauthError, body, 65_536)
  if (!decoded.ok) return failed('answer_malformed', { status, detail: `status ${status}` })
  const { error, error_description: detail } = decoded.value
  if (error === 'access_denied') return failed('grant_denied', { status })
  return failed(known.find((code) => code === error) ?? (status >= 500 || status === 429 ? 'not_ready' : 'malformed'), { status, detail: detail ?? error })
}
