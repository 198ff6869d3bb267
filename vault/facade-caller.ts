import { randomBytes } from 'node:crypto'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { verifyEd25519 } from '@symbolon/protocol/ed25519.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, intentDigest, type Intent, type SecretIntent } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { parseToken, type TokenClaims } from '@symbolon/protocol/token.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { callOf, refusalOf, rule, type Call } from '@symbolon/front/judging.ts'
import type { FrontRequest } from '@symbolon/front/route.ts'
import type { Facade } from './facade.ts'
import type { Vaulting } from './vaulting.ts'

/** Everything that a question of such a client is answered with. */
export interface Caller {
  readonly request: FrontRequest
  readonly facade: Facade
  readonly vaulting: Vaulting
  readonly token: string
  /** Signed by the quorum; whether they still hold is for judgement to say. */
  readonly claims: TokenClaims
}
export type Here = Pick<Caller, 'request' | 'facade' | 'vaulting'>

/** Who asks, by what the request shows. */
export function callerOf(here: Here): { readonly ok: true; readonly value: Caller } | Failure {
  const { request } = here
  const refused = refusedHeaders(request)
  if (refused !== undefined) return refused
  const shown = [...request.header('x-vault-token'), ...request.header('authorization').flatMap((value) => /^Bearer +([^ ]+) *$/i.exec(value)?.[1] ?? 'malformed')]
  const [token, ...more] = new Set(shown.filter((value) => value !== ''))
  if (token === undefined) return fail('unauthenticated', { detail: 'The request shows no token: send one in X-Vault-Token.' })
  if (more.length > 0) return fail('unauthenticated', { detail: 'The request shows more than one token.' })
  const parsed = token.length <= limits.jwsBytes ? parseToken(token) : undefined
  return parsed === undefined || !isOurs(parsed, here.facade) ? fail('token_invalid', { detail: 'This is not a token of this deployment.' }) : { ok: true, value: { ...here, token, claims: parsed.claims } }
}

/** Early, so that nobody without a token makes this process encrypt, or stands in the way of those who write a secret. */
function isOurs({ header, jws }: NonNullable<ReturnType<typeof parseToken>>, { tokenKeys }: Facade): boolean {
  const key = tokenKeys.get(header.kid)
  return key !== undefined && verifyEd25519(key, jws.signingInput, jws.signature)
}

/** What would change the meaning of the answer is never passed over. */
export function refusedHeaders(request: FrontRequest): Failure | undefined {
  const namespace = request.header('x-vault-namespace').map((value) => value.replaceAll(/^\/+|\/+$/g, '')).find((value) => value !== '' && value !== 'root')
  if (namespace !== undefined) return fail('malformed', { detail: 'There are no namespaces of this kind here: leave X-Vault-Namespace out. A namespace of the roster is a mount.' })
  return request.header('x-vault-wrap-ttl').some((value) => value !== '' && value !== '0') ? fail('malformed', { detail: 'Answers are not wrapped here: leave X-Vault-Wrap-TTL out.' }) : undefined
}

/** Shorter than clients may take: it is used at once. */
const window = 60

type FieldsOf<I> = I extends unknown ? Omit<I, 'v' | 'nonce' | 'iat' | 'exp' | 'iss' | 'lineage' | 'sub' | 'client' | 'as'> : never
export type Question = FieldsOf<SecretIntent>

export interface Asking {
  readonly intent: Base64url
  readonly digest: Base64url
  readonly evidence: Evidence[]
}

function built({ token }: Caller, intent: Intent): Asking {
  const bytes = encodeIntent(intent)
  return { intent: toBase64url(bytes), digest: toBase64url(intentDigest(bytes)), evidence: [{ kind: 'facade', token }] }
}

const commonOf = ({ facade: { issuer, lineage }, vaulting: { clock }, claims: { sub } }: Caller) => {
  const iat = clock()
  return { v: 1, nonce: toBase64url(randomBytes(16)), iat, exp: iat + window, iss: issuer, lineage, sub } as const
}

/** What the token's owner is taken to mean. */
export const asked = (caller: Caller, question: Question): Asking => built(caller, { ...commonOf(caller), client: caller.claims.client_id, ...question })

/** Its own end, and nothing else. */
export const endOf = (caller: Caller): Asking => built(caller, { ...commonOf(caller), kind: 'revoke', what: 'token', id: caller.claims.jti })

export const callFor = <M extends object>({ request }: Caller, { intent, evidence }: Asking, more: M): Omit<Call, 'request'> & { readonly request: Pick<Asking, 'intent' | 'evidence'> & M } => callOf(request, { intent, evidence, ...more })

/** Why the policy would not allow it; undefined: it would. Nothing that is stored is looked at. */
export async function whyNot(caller: Caller, question: Question): Promise<Failure | undefined> {
  const { request, vaulting: { judges, clock } } = caller
  const { intent, evidence } = asked(caller, { ...question, dry: true })
  const judged = await request.timer.measure('policy', () => judges.explain({ intent: Buffer.from(intent, 'base64url'), evidence, approvals: [], asserted: { address: request.address } }, clock()))
  if (judged.verdict === 'granted') return undefined
  if (judged.verdict === 'refused' && judged.principal !== undefined) request.event.learn({ principal: judged.principal.id })
  request.event.learn({ decision: judged.verdict })
  return refusalOf(judged)
}

/** Is the token good, whatever it may be used for? It must be good for its own end. */
export async function isGood(caller: Caller): Promise<Failure | undefined> {
  const { request, vaulting } = caller
  const { intent, evidence } = endOf(caller)
  const ruled = await request.timer.measure('authenticate', () => rule({ intent, evidence }, request.event, vaulting))
  return ruled.ok ? undefined : ruled
}
