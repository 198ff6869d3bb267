import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { idTokenEvidence } from '@symbolon/protocol/evidence.ts'
import { rosterId } from '@symbolon/protocol/fields.ts'
import { encodeIntent, intentDigest, secretScopes, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { parseToken, type TokenClaims } from '@symbolon/protocol/token.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { refusalOf } from '@symbolon/front/judging.ts'
import type { Reply } from '@symbolon/front/route.ts'
import { callerOf, endOf, isGood, refusedHeaders, type Caller, type Here } from './facade-caller.ts'
import { answerOf, nothing, timeOf } from './facade-shape.ts'

/* `auth/…`: from an ID token to one of ours, and what can be asked of that. */

const loginBody = z.object({ role: rosterId, jwt: idTokenEvidence.shape.token })
const scopes = [...new Set(Object.values(secretScopes))].toSorted()
const window = 60

/**
 * An ID token of an issuer of class `bearer`, for a token that such clients can carry. `role` is the id of a trust in the roster. It gets all
 * scopes for secrets that the policy gives it; signers judge the ID token by themselves.
 */
export async function logIn(here: Here): Promise<Reply | Failure> {
  const { request, facade } = here
  const refused = refusedHeaders(request)
  if (refused !== undefined) return refused
  const decoded = decodeAs(loginBody, request.body, limits.apiBodyBytes)
  if (!decoded.ok) return fail('malformed', { detail: 'missing role or jwt: the body must be {"role": "<trust>", "jwt": "<ID token>"}.' })
  const { role, jwt } = decoded.value
  request.event.note({ role })
  const evidence = [{ kind: 'id_token' as const, token: jwt }]
  const allowed = await allowedScopes(role, evidence, here)
  if (!allowed.ok) return allowed
  const intent = encodeIntent(wishOf(role, allowed.scopes, here))
  const minted = await request.timer.measure('quorum', () => facade.api.mint({ intent: toBase64url(intent), evidence }, { address: request.address, requestId: request.requestId }))
  if (!minted.ok) return minted
  const claims = parseToken(minted.value.token)?.claims
  if (claims?.jti !== toBase64url(intentDigest(intent)) || claims.aud !== facade.audience) return fail('quorum_faulty', { detail: 'The api gave another token than the one that was asked for.' })
  request.event.learn({ principal: claims.sub, decision: 'granted', intent: claims.jti, scope: claims.scope, aud: claims.aud })
  return answerOf(request.requestId, { auth: authOf(minted.value.token, claims, here.vaulting.clock()) })
}

const wishOf = (role: string, scope: readonly string[], { facade: { issuer, lineage, audience }, vaulting: { clock } }: Here): TokenIntent => {
  const iat = clock()
  return { v: 1, kind: 'token', nonce: toBase64url(randomBytes(16)), iat, exp: iat + window, iss: issuer, lineage, sub: role, client: role, aud: audience, scope: [...scope] }
}

type Scopes = { readonly ok: true; readonly scopes: readonly string[] } | Failure

/** All of them at once is what most trusts have; else each is asked about alone. Nothing is spent by asking. */
async function allowedScopes(role: string, evidence: readonly { kind: 'id_token'; token: string }[], here: Here): Promise<Scopes> {
  const { request, vaulting: { judges, clock } } = here
  const ask = (scope: readonly string[]) => judges.explain({ intent: encodeIntent({ ...wishOf(role, scope, here), dry: true }), evidence, approvals: [], asserted: { address: request.address } }, clock())
  const all = await request.timer.measure('policy', () => ask(scopes))
  if (all.verdict === 'granted') return { ok: true, scopes }
  if (all.verdict === 'unavailable' || all.principal === undefined) return refusalOf(all)
  request.event.learn({ principal: all.principal.id })
  const each = await request.timer.measure('policy', () => Promise.all(scopes.map((scope) => ask([scope]))))
  const some = scopes.filter((_, at) => each[at]?.verdict === 'granted')
  return some.length > 0 ? { ok: true, scopes: some } : refusalOf(all)
}

const authOf = (token: string, { sub, scope, exp, jti, client_id, aud }: TokenClaims, now: number) => ({
  client_token: token,
  accessor: jti,
  policies: scope.split(' '),
  token_policies: scope.split(' '),
  metadata: { role: sub, client: client_id, audience: aud },
  lease_duration: Math.max(0, exp - now),
  renewable: false,
  entity_id: sub,
  token_type: 'service',
  orphan: true,
  mfa_requirement: null,
  num_uses: 0,
})

const shown = async (here: Here): Promise<{ readonly ok: true; readonly value: Caller } | Failure> => {
  const caller = callerOf(here)
  if (!caller.ok) return caller
  return (await isGood(caller.value)) ?? caller
}

export async function lookUpSelf(here: Here): Promise<Reply | Failure> {
  const caller = await shown(here)
  if (!caller.ok) return caller
  const { token, claims: { sub, scope, iat, exp, jti, client_id, aud } } = caller.value
  const data = {
    accessor: jti,
    creation_time: iat,
    creation_ttl: exp - iat,
    display_name: sub,
    entity_id: sub,
    expire_time: timeOf(exp),
    explicit_max_ttl: exp - iat,
    id: token,
    issue_time: timeOf(iat),
    meta: { role: sub, client: client_id, audience: aud },
    num_uses: 0,
    orphan: true,
    path: 'auth/jwt/login',
    policies: scope.split(' '),
    renewable: false,
    ttl: Math.max(0, exp - here.vaulting.clock()),
    type: 'service',
  }
  return answerOf(here.request.requestId, { data })
}

/** Tokens live for minutes and end by themselves: a new login gives a new one. */
export async function renewSelf(here: Here): Promise<Reply | Failure> {
  const caller = await shown(here)
  return caller.ok ? fail('malformed', { detail: 'lease is not renewable' }) : caller
}

/** By the token itself, to every signer. */
export async function revokeSelf(here: Here): Promise<Reply | Failure> {
  const caller = await shown(here)
  if (!caller.ok) return caller
  const { intent, evidence } = endOf(caller.value)
  const stopped = await here.request.timer.measure('quorum', () => here.facade.api.stop({ intent, evidence }, { address: here.request.address, requestId: here.request.requestId }))
  return stopped.ok ? nothing() : stopped
}
