import { randomBytes } from 'node:crypto'
import { fromBase64url, taggedHash, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { deviceAuthorizationForm, deviceTimes } from '@symbolon/protocol/device.ts'
import { decodeGrant, differsFromRequest, grantRequest, normalUserCode, userCode, type GrantRequest } from '@symbolon/protocol/grant.ts'
import { decodeIntent, type GrantIntent } from '@symbolon/protocol/intent.ts'
import { canonical, checkShape, decodeCanonical } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { DeviceStore } from './device-store.ts'

/*
 * The device grant (RFC 8628). The api only carries: the user code follows from the client's request and so from its key, which the console
 * checks; what comes back is a grant to that key, which the client checks and every signer judges.
 */

export interface DeviceParts {
  readonly devices: DeviceStore
  readonly roster: Roster
  readonly lineage: Base64url
  /** Where people type the code; undefined where no console runs. */
  readonly consoleUrl: string | undefined
  /** Seconds. */
  clock(): number
}

type Read<T> = { readonly ok: true; readonly value: T } | Failure

/** RFC 8628, section 3.1. A request that waits already is refused: its codes are known to whoever asked first. */
export async function beginDevice(form: Readonly<Record<string, string>>, { devices, roster, consoleUrl, clock }: DeviceParts): Promise<Read<Readonly<Record<string, string | number>>>> {
  if (consoleUrl === undefined) return fail('not_found', { detail: 'No console runs here, so nobody could decide.' })
  const shape = checkShape(deviceAuthorizationForm, form)
  if (!shape.ok) return fail('malformed', { detail: 'client_id and grant_request are needed.', problems: shape.problems })
  const request = readRequest(shape.value.grant_request)
  if (!request.ok) return request
  const refused = unfit(request.value, shape.value.client_id, roster, clock())
  if (refused !== undefined) return refused
  const code = userCode(request.value)
  const secret = toBase64url(randomBytes(32))
  const now = clock()
  const added = await devices.add({ id: idOf(secret), userCode: code, request: canonical(request.value), until: now + deviceTimes.codeLife, interval: deviceTimes.interval, now })
  if (!added) return fail('malformed', { detail: 'This request waits already. Make another one, with a fresh nonce.' })
  const uri = `${consoleUrl.replace(/\/$/, '')}/device`
  return { ok: true, value: { device_code: secret, user_code: code, verification_uri: uri, verification_uri_complete: `${uri}#code=${code}`, expires_in: deviceTimes.codeLife, interval: deviceTimes.interval } }
}

function readRequest(text: string): Read<GrantRequest> {
  const bytes = fromBase64url(text)
  const decoded = bytes === undefined ? undefined : decodeCanonical(grantRequest, bytes, limits.intentBytes)
  return decoded?.ok === true ? decoded : fail('malformed', { detail: 'grant_request is not a canonical request for a grant.', ...(decoded?.ok === false ? { problems: decoded.problems } : {}) })
}

function unfit(request: GrantRequest, clientId: string, roster: Roster, now: number): Failure | undefined {
  if (request.client !== clientId) return fail('client_unknown', { detail: 'client_id is not the request’s client.' })
  if (!roster.clients.some(({ id }) => id === clientId)) return fail('client_unknown')
  return request.end <= now || request.end > now + roster.grants.max + limits.clockSkew ? fail('grant_expired', { detail: `A grant ends within ${roster.grants.max} seconds from now.` }) : undefined
}

/** What waits under a code that a person typed. Unknown, ended and decided look the same. */
export async function lookUp(typed: string, { devices, clock }: DeviceParts): Promise<Read<{ readonly code: string; readonly request: GrantRequest; readonly bytes: Base64url; readonly expiresIn: number }>> {
  const code = normalUserCode(typed)
  const found = code === undefined ? undefined : await devices.find(code, clock())
  if (code === undefined || found === undefined || found.state !== 'pending') return fail('expired_token', { detail: 'No request waits under this code.' })
  const request = decodeCanonical(grantRequest, found.request, limits.intentBytes)
  if (!request.ok || userCode(request.value) !== code) return fail('expired_token', { detail: 'No request waits under this code.' })
  return { ok: true, value: { code, request: request.value, bytes: toBase64url(found.request), expiresIn: found.until - clock() } }
}

/** The person's yes. It must be a grant of this very request; whether the touch is true, the client's first mint shows. */
export async function approveDevice({ user_code, grant }: { readonly user_code: string; readonly grant: string }, parts: DeviceParts): Promise<Read<GrantIntent>> {
  const found = await lookUp(user_code, parts)
  if (!found.ok) return found
  const intent = intentIn(grant)
  if (intent === undefined) return fail('grant_invalid', { detail: 'This is not a grant.' })
  const { roster, lineage, devices, clock } = parts
  if (intent.iss !== roster.deployment.issuer || intent.lineage !== lineage) return fail('wrong_deployment')
  const differs = differsFromRequest(intent, found.value.request)
  if (differs.length > 0) return fail('grant_invalid', { detail: `The grant is not the one that was asked for: ${differs.join(', ')}.` })
  if (!roster.people.some(({ id }) => id === intent.sub)) return fail('subject_mismatch', { detail: 'The roster has no such person.' })
  const decided = await devices.decide(found.value.code, { state: 'approved', grant }, clock())
  return decided ? { ok: true, value: intent } : fail('expired_token', { detail: 'It was decided already.' })
}

export async function denyDevice(typed: string, parts: DeviceParts): Promise<Read<GrantRequest>> {
  const found = await lookUp(typed, parts)
  if (!found.ok) return found
  const decided = await parts.devices.decide(found.value.code, { state: 'denied' }, parts.clock())
  return decided ? { ok: true, value: found.value.request } : fail('expired_token', { detail: 'It was decided already.' })
}

export interface Delivered {
  readonly grant: string
  readonly intent: GrantIntent
}

/**
 * RFC 8628, section 3.4. Only the key that the request names may ask: a device code that leaked is worth nothing.
 * @param jkt thumbprint of the key of a DPoP proof that was checked
 */
export async function collect({ deviceCode, clientId, jkt }: { readonly deviceCode: string; readonly clientId: string | undefined; readonly jkt: Base64url }, { devices, clock }: DeviceParts): Promise<Read<Delivered>> {
  const id = idOf(deviceCode)
  const found = await devices.ask(id)
  const request = found === undefined ? undefined : decodeCanonical(grantRequest, found.request, limits.intentBytes)
  if (found === undefined || request?.ok !== true || request.value.key !== jkt || (clientId !== undefined && clientId !== request.value.client)) return fail('grant_invalid', { detail: 'There is no such device code for this key.' })
  const now = clock()
  if (found.until <= now || found.state === 'delivered') return fail('expired_token')
  const early = now - found.asked < found.interval
  await devices.pace(id, { asked: now, interval: early ? found.interval + deviceTimes.slower : found.interval })
  if (early) return fail('slow_down')
  if (found.state === 'denied') return fail('approval_denied', { detail: 'The person said no.' })
  if (found.state === 'pending') return fail('authorization_pending')
  const grant = await devices.deliver(id)
  const intent = grant === undefined ? undefined : intentIn(grant)
  return grant === undefined || intent === undefined ? fail('expired_token') : { ok: true, value: { grant, intent } }
}

function intentIn(grant: string): GrantIntent | undefined {
  const opened = decodeGrant(grant)
  const bytes = opened === undefined ? undefined : fromBase64url(opened.intent)
  const decoded = bytes === undefined ? undefined : decodeIntent(bytes)
  return decoded?.ok === true && decoded.value.kind === 'grant' ? decoded.value : undefined
}

/** The code itself is kept nowhere. */
const idOf = (deviceCode: string): Uint8Array => taggedHash('device-code/v1', new TextEncoder().encode(deviceCode))
