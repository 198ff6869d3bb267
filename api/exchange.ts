import { z } from 'zod'
import { fromBase64url, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { evidence as evidenceShape, type Evidence } from '@symbolon/protocol/evidence.ts'
import type { TokenRequest } from '@symbolon/protocol/http.ts'
import { decodeTokenIntent, encodeIntent, tokenIntent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { checkShape } from '@symbolon/protocol/json.ts'
import { parseJws } from '@symbolon/protocol/jws.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { SubjectOf } from './subject.ts'
import { intentOf, type Here } from './intents.ts'

export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const tokenType = (name: string) => `urn:ietf:params:oauth:token-type:${name}`
export const accessTokenType = tokenType('access_token')
const subjectTypes = { [tokenType('id_token')]: 'id_token', [tokenType('jwt')]: 'jwt', [accessTokenType]: 'access_token' } as const

/** The parameters of RFC 8693, section 2.1, that mean something here, and `intent` and `proof` of ours. */
export const exchangeForm = z.object({
  grant_type: z.string().max(128),
  subject_token: z.string().min(1).max(16_384),
  subject_token_type: z.string().max(128),
  requested_token_type: z.string().max(128).optional(),
  resource: z.string().max(512).optional(),
  audience: z.string().max(512).optional(),
  scope: z.string().max(4_096).optional(),
  client_id: z.string().max(64).optional(),
  actor_token: z.string().max(16_384).optional(),
  /** Base64url of the intent's canonical bytes. Without it the api builds one, which only class `bearer` can prove. */
  intent: z.string().max(6_000).optional(),
  /** For subject_token_type access_token: the proof by its `cnf` key. */
  proof: z.string().max(16_384).optional(),
})
export type ExchangeForm = z.infer<typeof exchangeForm>

type Read<T> = { readonly ok: true; readonly value: T } | Failure

/** RFC 8693, section 2.1. */
export function readExchange(fields: Readonly<Record<string, string>>): Read<ExchangeForm> {
  const shape = checkShape(exchangeForm, fields)
  if (!shape.ok) return fail('malformed', { detail: `These parameters are missing or not readable: ${shape.problems.map(({ pointer }) => pointer.slice(1)).join(', ')}.`, problems: shape.problems })
  return { ok: true, value: shape.value }
}

/** What the exchange comes to: the very request that `POST /v1/tokens` takes. */
export interface Exchange {
  readonly request: TokenRequest
  /** Thumbprint that the token will be bound to. */
  readonly jkt: Base64url | undefined
}

export interface ExchangeContext {
  readonly here: Here
  /** Thumbprint of the key of a DPoP proof that was checked, if there was one. */
  readonly dpop: Base64url | undefined
  readonly now: number
  readonly subjectOf: SubjectOf
}

export function exchangeOf(form: ExchangeForm, context: ExchangeContext): Read<Exchange> {
  if (form.requested_token_type !== undefined && form.requested_token_type !== accessTokenType) return fail('malformed', { detail: 'Only access tokens are issued.' })
  if (form.actor_token !== undefined) return fail('malformed', { detail: 'Actor tokens are not taken.' })
  const evidence = evidenceOf(form)
  if (!evidence.ok) return evidence
  const intent = form.intent === undefined ? builtIntent(form, evidence.value, context) : givenIntent(form, form.intent)
  if (!intent.ok) return intent
  const jkt = intent.value.fields.cnf?.jkt
  if (jkt !== context.dpop) return fail('invalid_dpop_proof', { detail: jkt === undefined ? 'The intent names no key, the DPoP proof does: let cnf.jkt be its thumbprint.' : 'The intent’s cnf.jkt needs a DPoP proof by that very key.' })
  return { ok: true, value: { request: { intent: intent.value.text, evidence: [evidence.value] }, jkt } }
}

/** The subject token's type is what the token says of itself; the parameter must agree (RFC 8725, section 3.11). */
function evidenceOf({ subject_token, subject_token_type, proof }: ExchangeForm): Read<Evidence> {
  const declared = Object.hasOwn(subjectTypes, subject_token_type) ? subjectTypes[subject_token_type] : undefined
  if (declared === undefined) return fail('evidence_kind_unsupported', { detail: 'subject_token_type must be id_token, jwt or access_token.' })
  const jws = parseJws(subject_token)
  if (jws === undefined) return fail('evidence_malformed', { detail: 'The subject token is not a signed JWT.' })
  const typ = jws.header['typ']
  const real = typ === 'at+jwt' ? 'access_token' : typ === 'symbolon-proof+jwt' ? 'jwt' : 'id_token'
  if (declared !== real && !(declared === 'jwt' && real === 'id_token')) return fail('evidence_malformed', { detail: `The subject token is not what subject_token_type says.` })
  if (real === 'access_token' && proof === undefined) return fail('token_not_bound', { detail: 'An access token is taken with a proof by the key that its cnf names.' })
  const item = { access_token: { kind: 'token', token: subject_token, proof }, jwt: { kind: 'key', proof: subject_token }, id_token: { kind: 'id_token', token: subject_token } }[real]
  const shape = checkShape(evidenceShape, item)
  return shape.ok ? { ok: true, value: shape.value } : fail('evidence_malformed')
}

interface IntentText {
  readonly fields: TokenIntent
  readonly text: Base64url
}

function givenIntent(form: ExchangeForm, text: string): Read<IntentText> {
  const bytes = fromBase64url(text)
  const decoded = bytes === undefined ? undefined : decodeTokenIntent(bytes)
  if (bytes === undefined || decoded === undefined) return fail('intent_malformed', { detail: 'The intent is not base64url.' })
  if (!decoded.ok) return fail(decoded.reason === 'not_canonical' ? 'intent_not_canonical' : 'intent_malformed', { problems: decoded.problems })
  const differs = disagreement(form, decoded.value)
  return differs === undefined ? { ok: true, value: { fields: decoded.value, text: toBase64url(bytes) } } : differs
}

/** Standard parameters are welcome beside the intent, and must say the same. */
function disagreement({ scope, audience, resource, client_id }: ExchangeForm, intent: TokenIntent): Failure | undefined {
  if (scope !== undefined && scopesOf(scope).join(' ') !== intent.scope.join(' ')) return fail('scope_not_allowed', { detail: 'scope is not the intent’s.' })
  if ((audience ?? resource ?? intent.aud) !== intent.aud || (resource ?? intent.aud) !== intent.aud) return fail('audience_not_allowed', { detail: 'audience or resource is not the intent’s aud.' })
  return client_id === undefined || client_id === intent.client ? undefined : fail('client_unknown', { detail: 'client_id is not the intent’s client.' })
}

const scopesOf = (scope: string): string[] => [...new Set(scope.split(' ').filter((name) => name !== ''))].toSorted()

/** Nothing that the caller proves names this intent, so only evidence that names none can stand behind it: class `bearer`. */
function builtIntent(form: ExchangeForm, evidence: Evidence, { here, dpop, now, subjectOf }: ExchangeContext): Read<IntentText> {
  if (evidence.kind !== 'id_token') return fail('malformed', { detail: 'Without `intent` only an ID token is taken: a proof names the intent that it is for.' })
  if (form.scope === undefined) return fail('malformed', { detail: 'scope is missing.' })
  if (form.audience !== undefined && form.resource !== undefined && form.audience !== form.resource) return fail('audience_not_allowed', { detail: 'audience and resource differ.' })
  const sub = subjectOf(evidence.token)
  const aud = form.audience ?? form.resource
  const shape = checkShape(tokenIntent, intentOf({ sub, scope: scopesOf(form.scope), ...(form.client_id === undefined ? {} : { client: form.client_id }), ...(aud === undefined ? {} : { aud }), ...(dpop === undefined ? {} : { cnf: { jkt: dpop } }) }, here, now))
  if (!shape.ok) return fail('malformed', { detail: `These do not make an intent: ${shape.problems.map(({ pointer }) => pointer).join(', ')}.` })
  return { ok: true, value: { fields: shape.value, text: toBase64url(encodeIntent(shape.value)) } }
}
