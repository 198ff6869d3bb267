import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { userCode, type GrantRequest } from '@symbolon/protocol/grant.ts'
import { parseJws } from '@symbolon/protocol/jws.ts'
import { publicJwk } from './credential.ts'
import { awaitDeviceGrant, beginDeviceGrant, type DeviceAuthorization } from './device.ts'
import type { Deployment } from './deployment.ts'
import { testDeployment } from './deployment.testkit.ts'
import { failed, ok, type Outcome } from './errors.ts'
import { touchedGrant } from './grant.testkit.ts'
import { newGrantRequest } from './grant.ts'
import type { Answer, Call, Transport } from './transport.ts'

const start = 1_800_000_000
const { keyset, pin } = testDeployment({ issuer: 'https://mint.test' })
const deployment: Deployment = { keyset, lineage: pin, pinned: true }
const key = generateKeyPairSync('ed25519').privateKey
const request: GrantRequest = (() => {
  const made = newGrantRequest({ key, client: 'symbolon-cli', ceiling: {}, end: start + 3_600 })
  if (!made.ok) throw made.error
  return made.value
})()
const device: DeviceAuthorization = { device_code: 'd', user_code: userCode(request), verification_uri: 'https://console.test/device', expires_in: 600, interval: 5 }

type Said = { readonly status: number; readonly body: unknown } | 'nothing'
const answered = (said: Said): Outcome<Answer> => (said === 'nothing' ? failed('unreachable') : ok({ status: said.status, headers: {}, body: Buffer.from(JSON.stringify(said.body)) }))
const no = (error: string): Said => ({ status: 400, body: { error } })
const granted: Said = { status: 200, body: { access_token: touchedGrant(request, deployment, { now: start }), issued_token_type: 'urn:symbolon:params:oauth:token-type:grant', token_type: 'DPoP' } }

/** A server that says these one after another, and the last for ever; time passes only while the client sleeps. */
async function poll(...says: [Said, ...Said[]]) {
  const calls: Call[] = []
  const waits: number[] = []
  let now = start
  const transport: Transport = { addr: 'https://mint.test', close: async () => undefined, send: async (call) => (calls.push(call), answered(says[Math.min(calls.length, says.length) - 1] ?? says[0])) }
  const outcome = await awaitDeviceGrant(transport, { request, key, deployment, device, clock: () => now, sleep: async (ms) => ((now += ms / 1_000), waits.push(ms / 1_000)) })
  return { said: outcome.ok ? outcome.value.intent.sub : outcome.error.code, calls, waits }
}

describe('waiting for a decision (RFC 8628, section 3.5)', () => {
  test('never asks sooner than the server allows, not even at first', async () => {
    expect(await poll(no('authorization_pending'), no('authorization_pending'), granted)).toMatchObject({ said: 'ann', waits: [5, 5, 5] })
  })
  test('slow_down makes it slower for good', async () => expect((await poll(no('slow_down'), no('authorization_pending'), no('slow_down'), granted)).waits).toEqual([5, 10, 10, 15]))
  test('a server that does not answer is asked more and more slowly', async () => expect((await poll('nothing', 'nothing', 'nothing', granted)).waits).toEqual([5, 10, 20, 40]))
  test('ends with the code', async () => expect(await poll(no('authorization_pending'))).toMatchObject({ said: 'expired_token', waits: { length: 120 } }))
  test.each([
    ['access_denied', 'grant_denied'],
    ['expired_token', 'expired_token'],
    ['invalid_dpop_proof', 'invalid_dpop_proof'],
    ['something_else', 'malformed'],
  ])('%s ends it', async (error, code) => expect(await poll(no(error), granted)).toMatchObject({ said: code, waits: [5] }))

  test('B-1 each question carries a fresh DPoP proof by the request’s key, for this endpoint', async () => {
    const { calls } = await poll(no('authorization_pending'), granted)
    const proofs = calls.map(({ headers }) => parseJws(headers?.['dpop'] ?? ''))
    const jwk = publicJwk(key)
    for (const proof of proofs) expect(proof).toMatchObject({ header: { typ: 'dpop+jwt', alg: 'EdDSA', jwk: jwk.ok ? jwk.value : {} }, payload: { htm: 'POST', htu: 'https://mint.test/oauth/token' } })
    expect(new Set(proofs.map((proof) => proof?.payload['jti'])).size).toBe(2)
  })

  test.each([
    ['another kind of token', { access_token: 'a', issued_token_type: 'urn:ietf:params:oauth:token-type:access_token', token_type: 'DPoP' }, 'answer_malformed'],
    ['no grant', { access_token: 'e30', issued_token_type: 'urn:symbolon:params:oauth:token-type:grant', token_type: 'DPoP' }, 'grant_differs'],
  ])('%s is not taken', async (_name, body, code) => expect((await poll({ status: 200, body })).said).toBe(code))
})

describe('C2-2 the code that is shown', () => {
  const begin = async (body: unknown) => {
    const begun = await beginDeviceGrant({ addr: '', close: async () => undefined, send: async () => answered({ status: 200, body }) }, request)
    return begun.ok ? begun.value.user_code : begun.error.code
  }
  test('is this request’s own', async () => expect(await begin(device)).toBe(userCode(request)))
  test('another one is refused', async () => expect(await begin({ ...device, user_code: 'BCDF-GHJK' })).toBe('grant_differs'))
  test.each([{}, { ...device, interval: 0 }, { ...device, expires_in: -1 }])('%o is no answer', async (body) => expect(await begin(body)).toBe('answer_malformed'))
})
