import { deviceApproval, deviceAuthorizationForm, deviceAuthorizationResponse, deviceDecided, deviceLookup, deviceLookupResponse, deviceTimes, grantTokenType } from '@symbolon/protocol/device.ts'
import { fail, problem, type Failure } from '@symbolon/front/failure.ts'
import { limitHeaders, type Limiter } from '@symbolon/front/limiter.ts'
import { json, readJson, type FrontRequest, type Reply } from '@symbolon/front/route.ts'
import { checkDpop } from './dpop.ts'
import { approveDevice, beginDevice, collect, denyDevice, lookUp, type DeviceParts } from './device.ts'
import type { DeviceStore } from './device-store.ts'
import { formFields } from './form.ts'
import { endpoint } from './metadata.ts'
import { oauth } from './oauth-error.ts'
import type { ApiRoute, Serving } from './serving.ts'
import type { ProofStore } from './store.ts'

export interface DeviceRouteParts {
  readonly devices: DeviceStore
  /** Where people type the code; undefined where no console runs. */
  readonly consoleUrl: string | undefined
  readonly proofs: ProofStore
  /** Codes that one address may try in a minute (RFC 8628, section 5.1): with 34 bits and a few live codes, guessing is hopeless. */
  readonly attempts: Limiter
}

const reading = ['malformed', 'too_large', 'unsupported_media_type', 'origin_not_allowed', 'limited', 'not_ready'] as const
const body = { type: 'application/json', maxBytes: 32_768 } as const
const gives = { type: 'application/json' } as const

/** The device grant's own routes; the client collects at `/oauth/token`. */
export function deviceRoutes(parts: DeviceRouteParts): readonly ApiRoute[] {
  const decided = (state: 'approved' | 'denied', requestId: string) => json({ state, request_id: requestId })
  return [
    {
      method: 'POST', path: '/oauth/device_authorization', auth: { kind: 'public', why: 'It keeps a request that a person must grant, for ten minutes.' }, summary: 'Begin a device grant (RFC 8628).', errors: oauth, codes: [...reading, 'client_unknown', 'grant_expired', 'not_found'],
      takes: { type: 'application/x-www-form-urlencoded', maxBytes: 8_192, schema: deviceAuthorizationForm }, gives: { ...gives, schema: deviceAuthorizationResponse, summary: 'RFC 8628, section 3.2.' }, costly: true,
      handle: (request, serving) => attempt(request, parts, async () => {
        const fields = formFields(request.body, Object.keys(deviceAuthorizationForm.shape))
        const begun = fields.ok ? await beginDevice(fields.value, at(serving, parts)) : fields
        return begun.ok ? json(begun.value) : begun
      }),
    },
    {
      method: 'POST', path: '/v1/device/lookup', auth: { kind: 'public', why: 'Whoever has the code sees what it asks for; that grants nothing.' }, summary: 'What waits under a user code.', errors: problem, codes: [...reading, 'expired_token'],
      takes: { ...body, schema: deviceLookup }, gives: { ...gives, schema: deviceLookupResponse, summary: 'The request. Compute the code from it again.' }, costly: true,
      handle: (request, serving) => attempt(request, parts, async () => {
        const read = readJson(deviceLookup, request.body)
        const found = read.ok ? await lookUp(read.value.user_code, at(serving, parts)) : read
        return found.ok ? json({ grant_request: found.value.bytes, expires_in: found.value.expiresIn, request_id: request.requestId }) : found
      }),
    },
    {
      method: 'POST', path: '/v1/device/approve', auth: { kind: 'public', why: 'The grant in it is a person’s signature over the whole request; the client and every signer check it.' }, summary: 'Hand over the grant for a user code.', errors: problem, codes: [...reading, 'expired_token', 'grant_invalid', 'wrong_deployment', 'subject_mismatch'],
      takes: { ...body, schema: deviceApproval }, gives: { ...gives, schema: deviceDecided, summary: 'It waits for the client.' }, costly: true, event: 'device',
      handle: (request, serving) => attempt(request, parts, async () => {
        const read = readJson(deviceApproval, request.body)
        const approved = read.ok ? await approveDevice(read.value, at(serving, parts)) : read
        if (approved.ok) request.event.learn({ principal: approved.value.sub, decision: 'granted' })
        return approved.ok ? decided('approved', request.requestId) : approved
      }),
    },
    {
      method: 'POST', path: '/v1/device/deny', auth: { kind: 'public', why: 'It ends a request before anything was granted.' }, summary: 'Say no to a user code.', errors: problem, codes: [...reading, 'expired_token'],
      takes: { ...body, schema: deviceLookup }, gives: { ...gives, schema: deviceDecided, summary: 'The client is told.' }, costly: true, event: 'device',
      handle: (request, serving) => attempt(request, parts, async () => {
        const read = readJson(deviceLookup, request.body)
        const denied = read.ok ? await denyDevice(read.value.user_code, at(serving, parts)) : read
        return denied.ok ? decided('denied', request.requestId) : denied
      }),
    },
  ]
}

const at = ({ deployment: { roster, lineage }, minting: { clock } }: Serving, { devices, consoleUrl }: DeviceRouteParts): DeviceParts => ({ devices, consoleUrl, roster, lineage, clock })

async function attempt(request: FrontRequest, { attempts }: DeviceRouteParts, handle: () => Promise<Reply | Failure>): Promise<Reply | Failure> {
  const allowance = await attempts.take(request.address)
  if (allowance.ok) return handle()
  return allowance.reason === 'broken' ? fail('not_ready', { detail: 'The store of the rate limits does not answer.' }) : fail('limited', { detail: `An address may try ${attempts.quota} codes a minute.`, retryAfter: allowance.resetSeconds, headers: limitHeaders([{ limiter: attempts, allowance }]) })
}

/** `/oauth/token` with a device code (RFC 8628, section 3.4): what comes out is the grant, for the one key that it names. */
export async function collectGrant(request: FrontRequest, form: { readonly device_code: string; readonly client_id?: string | undefined }, { serving, parts }: { readonly serving: Serving; readonly parts: DeviceRouteParts }): Promise<Reply | Failure> {
  const now = serving.minting.clock()
  const key = await request.timer.measure('authenticate', () => checkDpop({ proofs: request.header('dpop'), method: 'POST', url: endpoint(serving.deployment.roster, '/oauth/token'), now }, parts.proofs))
  if (!key.ok) return key
  const collected = await collect({ deviceCode: form.device_code, clientId: form.client_id, jkt: key.jkt }, at(serving, parts))
  if (!collected.ok) return collected.code === 'slow_down' ? { ...collected, retryAfter: deviceTimes.interval + deviceTimes.slower } : collected
  const { grant, intent } = collected.value
  request.event.learn({ principal: intent.sub, decision: 'granted' })
  return json({ access_token: grant, issued_token_type: grantTokenType, token_type: 'DPoP', expires_in: intent.end - now })
}
