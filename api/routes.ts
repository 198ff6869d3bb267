import { z } from 'zod'
import { explainResponse, intentRequest, intentResponse, statusResponse, tokenRequest, tokenResponse, type ExplainResponse, type TokenResponse } from '@symbolon/protocol/http.ts'
import { refusalCodes } from '@symbolon/protocol/errors.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { explanationOf } from '@symbolon/policy/explain.ts'
import { keysetChain, type KeysetChain } from '@symbolon/roster/keyset-chain.ts'
import { signedKeyset } from '@symbolon/roster/keyset.ts'
import type { Metrics } from '@symbolon/runtime/metrics.ts'
import { fail, problem, type Failure } from '@symbolon/front/failure.ts'
import { healthRoutes } from '@symbolon/front/health-routes.ts'
import { callOf, count, refusalOf } from '@symbolon/front/judging.ts'
import { json, readJson, type FrontRequest, type Reply } from '@symbolon/front/route.ts'
import { checkDpop } from './dpop.ts'
import { deviceCodeGrant } from '@symbolon/protocol/device.ts'
import { collectGrant, deviceRoutes, type DeviceRouteParts } from './device-routes.ts'
import { accessTokenType, exchangeForm, exchangeOf, readExchange, tokenExchange } from './exchange.ts'
import { formFields } from './form.ts'
import { describeIntent, intentOf } from './intents.ts'
import { endpoint } from './metadata.ts'
import { oauth } from './oauth-error.ts'
import { judgeToken, mint, type Minted } from './mint.ts'
import type { Overview } from './overview.ts'
import { changeRoutes } from './change-routes.ts'
import type { ReadParts } from './reading.ts'
import type { ApiRoute, Serving } from './serving.ts'
import type { ProofStore } from './store.ts'

/** What every roster version is answered with. */
export interface Parts {
  readonly proofs: ProofStore
  readonly device: DeviceRouteParts
  readonly changes: Omit<ReadParts, 'overview'>
  readonly overview: Overview
  readonly metrics: Metrics
}

const reading = ['malformed', 'too_large', 'unsupported_media_type', 'origin_not_allowed', 'limited', 'not_ready'] as const
const judging = [...reading, 'unauthenticated', ...refusalCodes, 'issuer_keys_unavailable', 'busy', 'timed_out'] as const
const signing = ['bytes_differ', 'roster_behind', 'policy_behind', 'quorum_unavailable', 'quorum_faulty'] as const

/** Every route of the api, each with what it asks for. */
export function routesOf(parts: Parts): readonly ApiRoute[] {
  return [...minting(parts), ...deviceRoutes(parts.device), ...changeRoutes({ ...parts.changes, overview: parts.overview }), ...discovery(parts), status(parts), ...healthRoutes({ readiness: () => parts.overview.readiness(), ready: 'A token could be minted now.', metrics: parts.metrics })]
}

function minting(parts: Parts): readonly ApiRoute[] {
  const body = { type: 'application/json', maxBytes: limits.apiBodyBytes } as const
  const gives = { type: 'application/json' } as const
  return [
    {
      method: 'POST', path: '/v1/tokens', auth: { kind: 'evidence' }, summary: 'Mint a token for an intent.', errors: problem, codes: [...judging, ...signing],
      takes: { ...body, schema: tokenRequest }, gives: { ...gives, schema: tokenResponse, summary: 'The token, verified.' }, costly: true, event: 'mint',
      handle: async (request, { minting: mintParts }) => {
        const read = readJson(tokenRequest, request.body, { shows: ['evidence'] })
        if (!read.ok) return read
        const minted = await mint(callOf(request, read.value), mintParts)
        return minted.ok ? json(tokenReply(minted, request.requestId, mintParts.clock()), { headers: minted.headers }) : minted
      },
    },
    {
      method: 'POST', path: '/v1/explain', auth: { kind: 'evidence' }, summary: 'Say what a mint of this intent would come to, and why, without asking the signers.', errors: problem, codes: judging,
      takes: { ...body, schema: tokenRequest }, gives: { ...gives, schema: explainResponse, summary: 'The judgement about the caller’s own evidence.' }, costly: true, event: 'explain',
      handle: explain,
    },
    {
      method: 'POST', path: '/v1/intents', auth: { kind: 'public', why: 'It puts the caller’s own fields in canonical form; nothing is looked up, spent or stored.' }, summary: 'Build an intent from plain fields.', errors: problem, codes: reading,
      takes: { ...body, schema: intentRequest }, gives: { ...gives, schema: intentResponse, summary: 'The intent. Compare every field before proving anything about it.' }, costly: true,
      handle: async ({ body: bytes }, { deployment, minting: { clock } }) => {
        const read = readJson(intentRequest, bytes)
        return read.ok ? json(describeIntent(intentOf(read.value, deployment, clock()))) : read
      },
    },
    {
      method: 'POST', path: '/oauth/token', auth: { kind: 'subject_token' }, summary: 'Token exchange (RFC 8693) and device codes (RFC 8628), with DPoP (RFC 9449).', errors: oauth, codes: [...judging, ...signing, 'unsupported_grant_type', 'invalid_dpop_proof', 'authorization_pending', 'slow_down', 'expired_token'],
      takes: { type: 'application/x-www-form-urlencoded', maxBytes: limits.apiBodyBytes, schema: tokenForm }, gives: { ...gives, summary: 'RFC 8693, section 2.2.1.' }, costly: true, event: 'exchange',
      handle: (request, serving) => oauthToken(request, serving, parts),
    },
  ]
}

const tokenReply = ({ token, claims, signers }: Minted, requestId: string, now: number): TokenResponse => ({
  token,
  token_type: claims.cnf === undefined ? 'Bearer' : 'DPoP',
  expires_in: claims.exp - now,
  expires_at: new Date(claims.exp * 1000).toISOString(),
  scope: claims.scope,
  jti: claims.jti,
  request_id: requestId,
  signers: [...signers],
})

async function explain(request: FrontRequest, { minting: parts }: Serving): Promise<Reply | Failure> {
  const read = readJson(tokenRequest, request.body, { shows: ['evidence'] })
  if (!read.ok) return read
  const judged = await request.timer.measure('policy', () => judgeToken(callOf(request, read.value), parts, 'explain'))
  // What is not dry is turned down, not explained: it should not have been shown to anybody who only explains.
  if (judged.verdict === 'unavailable' || (judged.verdict === 'refused' && judged.reasons[0].code === 'intent_dry')) return refusalOf(judged)
  const counted = judged.principal === undefined ? undefined : await count(judged.principal.id, parts)
  if (counted?.ok === false) return counted
  const answer: ExplainResponse = {
    ...explanationOf(judged),
    roster: parts.roster,
    policy: parts.policy,
    request_id: request.requestId,
  }
  return json(answer, counted === undefined ? {} : { headers: counted.headers })
}

/** What `/oauth/token` takes: either grant type's parameters. */
const tokenForm = exchangeForm.partial().extend({ grant_type: exchangeForm.shape.grant_type, device_code: z.string().min(1).max(256).optional() })

/** RFC 6749, section 4.5: the grant type says what everything else means, so it is looked at first. */
async function oauthToken(request: FrontRequest, serving: Serving, parts: Parts): Promise<Reply | Failure> {
  const fields = formFields(request.body, Object.keys(tokenForm.shape))
  if (!fields.ok) return fields
  const { grant_type, device_code, client_id } = fields.value
  if (grant_type === deviceCodeGrant) return device_code === undefined ? fail('malformed', { detail: 'device_code is missing.' }) : collectGrant(request, { device_code, client_id }, { serving, parts: parts.device })
  return grant_type === undefined || grant_type === tokenExchange ? exchange(request, fields.value, serving, parts) : fail('unsupported_grant_type')
}

/** DPoP first: a client whose proof is turned down sends the same subject token again, so nothing may be spent before. */
async function exchange(request: FrontRequest, fields: Readonly<Record<string, string>>, { deployment, minting: parts, subjectOf }: Serving, { proofs }: Pick<Parts, 'proofs'>): Promise<Reply | Failure> {
  const read = readExchange(fields)
  if (!read.ok) return read
  const now = parts.clock()
  const dpop = request.header('dpop')
  const key = dpop.length === 0 ? undefined : await request.timer.measure('authenticate', () => checkDpop({ proofs: dpop, method: 'POST', url: endpoint(deployment.roster, '/oauth/token'), now }, proofs))
  if (key?.ok === false) return key
  const asked = exchangeOf(read.value, { here: deployment, dpop: key?.jkt, now, subjectOf })
  if (!asked.ok) return asked
  const minted = await mint(callOf(request, asked.value.request), parts)
  if (!minted.ok) return minted
  const { token, claims } = minted
  return json({ access_token: token, issued_token_type: accessTokenType, token_type: claims.cnf === undefined ? 'Bearer' : 'DPoP', expires_in: claims.exp - parts.clock(), scope: claims.scope }, { headers: minted.headers })
}

/** One keyset is shown alone: clients of any age read that. */
const shownChain = ({ keysets }: KeysetChain) => (keysets.length === 1 ? keysets[0] : { keysets })

const published = 'It is published so that anyone can verify tokens.'

function discovery({ overview }: Parts): readonly ApiRoute[] {
  const fixed = (path: string, summary: string, document: keyof Serving['published']): ApiRoute => ({
    method: 'GET', path, auth: { kind: 'public', why: published }, summary, errors: problem, codes: [], gives: { type: 'application/json', summary }, costly: false, maxAge: 300,
    handle: async (_request, serving) => ({ ok: true, status: 200, body: serving.published[document] }),
  })
  return [
    fixed('/.well-known/jwks.json', 'The keys that verify tokens (RFC 7517).', 'jwks'),
    fixed('/.well-known/oauth-authorization-server', 'Metadata (RFC 8414).', 'authorizationServer'),
    fixed('/.well-known/openid-configuration', 'Metadata (OpenID Connect Discovery).', 'openidConfiguration'),
    {
      method: 'GET', path: '/v1/keyset', auth: { kind: 'public', why: published }, summary: 'The keysets with the signers’ signatures, from the one that you pinned to the newest. Believe what follows from your pin.', errors: problem, codes: [],
      gives: { type: 'application/json', schema: z.union([keysetChain, signedKeyset]), summary: 'The chain of signed keysets.' }, costly: false, maxAge: 5, handle: async () => json(shownChain(await overview.keyset())),
    },
  ]
}

const status = ({ overview }: Parts): ApiRoute => ({
  method: 'GET', path: '/v1/status', auth: { kind: 'public', why: 'It says which parts run, so that whoever is refused can see why.' }, summary: 'Issuer, threshold and signers.', errors: problem, codes: [],
  gives: { type: 'application/json', schema: statusResponse, summary: 'The state, at most a second old.' }, costly: false, handle: async () => json(await overview.status()),
})
