import { fromBase64url } from '@symbolon/protocol/bytes.ts'
import { deviceDecided, deviceLookupResponse } from '@symbolon/protocol/device.ts'
import { encodeGrant, grantRequest, normalUserCode, userCode, type GrantRequest } from '@symbolon/protocol/grant.ts'
import { decodeCanonical } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Answer, Api } from './api.ts'
import type { Deployment } from './deployment.ts'
import { build, now } from './intents.ts'
import { touchPasskey } from './passkey.ts'
import { failed, ok, type Result } from './result.ts'
import { trouble, type Trouble } from './trouble.ts'

/* Granting what a client elsewhere asks for: a terminal on this machine, or one that shows a code. */

/** What a terminal opened the console with. */
export interface Asked {
  readonly request: GrantRequest
  /** Where the terminal listens. */
  readonly callback: string
}

const unreadable = trouble('request_unreadable', 'This is not a request for a grant', 'Go back to the terminal and run `symbolon login` again.')
const ended = trouble('request_ended', 'This request has ended', 'Run `symbolon login` again.')

/** @param fragment what stands behind `#` */
export function readAsked(fragment: string): Result<Asked, Trouble> {
  const given = new URLSearchParams(fragment)
  const request = readRequest(given.get('request') ?? '')
  if (!request.ok) return request
  const callback = given.get('callback') ?? ''
  return isLoopback(callback) ? ok({ request: request.value, callback }) : failed(trouble('callback_elsewhere', 'The grant would not go to a terminal on this machine', 'Do not touch anything. Run `symbolon login` yourself.'))
}

function readRequest(text: string): Result<GrantRequest, Trouble> {
  const bytes = fromBase64url(text)
  const decoded = bytes === undefined ? undefined : decodeCanonical(grantRequest, bytes, limits.intentBytes)
  if (decoded?.ok !== true) return failed(unreadable)
  return decoded.value.end > now() ? ok(decoded.value) : failed(ended)
}

/** RFC 8252, section 7.3: the loopback address itself, never a name that somebody could resolve elsewhere. */
function isLoopback(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, port, username, password, search, hash } = new URL(text)
  return protocol === 'http:' && hostname === '127.0.0.1' && port !== '' && `${username}${password}${search}${hash}` === ''
}

/** One touch over exactly this request, in this person's name. @returns the grant, one line */
export async function sign(request: GrantRequest, sub: string, deployment: Deployment): Promise<Result<string, Trouble>> {
  const { client, key, ceiling, end, nonce } = request
  const built = build({ kind: 'grant', sub, client, key, ceiling, end }, deployment, limits.intentWindow, nonce)
  const touched = await touchPasskey(built.digest, sub, deployment)
  return touched.ok ? ok(encodeGrant({ intent: built.bytes, assertion: touched.value })) : touched
}

/** What waits under a code. The code follows from the request: if the api shows another one, it is found out here. */
export async function lookUp(typed: string, api: Api): Promise<Result<{ readonly code: string; readonly request: GrantRequest }, Trouble>> {
  const code = normalUserCode(typed)
  if (code === undefined) return failed(trouble('code_malformed', 'A code has eight letters', 'Type the code that the other machine shows.'))
  const answer = await api.post('/v1/device/lookup', { user_code: code }, deviceLookupResponse)
  if (!answer.ok) return answer
  const request = readRequest(answer.value.grant_request)
  if (!request.ok) return request
  return userCode(request.value) === code ? ok({ code, request: request.value }) : failed(trouble('code_of_another', 'The api shows a request that does not belong to this code', 'Do not touch anything; tell whoever runs this deployment.'))
}

export const approve = (code: string, grant: string, api: Api): Answer<{ state: string }> => api.post('/v1/device/approve', { user_code: code, grant }, deviceDecided)
export const deny = (code: string, api: Api): Answer<{ state: string }> => api.post('/v1/device/deny', { user_code: code }, deviceDecided)
