import type { OriginKind } from '@symbolon/protocol/evidence.ts'
import type { Ceiling } from '@symbolon/protocol/ceiling.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Reason } from '@symbolon/protocol/reason.ts'
import { parseToken, type Actor, type TokenClaims } from '@symbolon/protocol/token.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { narrow } from './ceiling.ts'
import { refuse, type Authentication, type Established, type EvidenceResult, type IssuerJwk, type Principal } from './established.ts'
import { principalOf } from './principal.ts'
import type { Keyring } from './signature.ts'
import type { StopCheck } from './stops.ts'

/* What every use of a token as evidence rests on, with a proof by its key or without one: this quorum signed it, it lives, and nothing was stopped. */

export interface TokenGround {
  readonly roster: Roster
  readonly stopped: StopCheck
  readonly keyring: Keyring
}

export interface Wanted {
  readonly audience: string
  /** NumericDate at which it must live. */
  readonly at: number
  /** What this use of it asks for besides, asked before the signature costs anything. @returns why not, or undefined */
  also(claims: TokenClaims): EvidenceResult | undefined
}

export type LiveToken = { readonly ok: true; readonly claims: TokenClaims } | Extract<EvidenceResult, { ok: false }>
export type CheckToken = (text: string, wanted: Wanted) => LiveToken

/** Stops are asked for apart, by `stoppedBy`: after whatever else proves that the asker may know. */
export function openTokenCheck({ roster, keyring }: TokenGround): CheckToken {
  const groups = new Map<string, IssuerJwk>(roster.groups.filter((row) => row.purpose === 'token').map((row) => [row.kid, { kty: 'OKP', crv: 'Ed25519', x: row.key }]))
  const { issuer } = roster.deployment

  return (text, { audience, at, also }) => {
    const token = parseToken(text)
    if (token === undefined) return refuse('token_invalid', 'This is not a token of this deployment.', { rule: 'token' })
    const { header, claims, jws } = token
    const wrong = wrongClaim(claims, { issuer, audience, at }) ?? also(claims)
    if (wrong?.ok === false) return wrong
    const jwk = groups.get(header.kid)
    if (jwk === undefined) return refuse('token_invalid', 'No token key in the roster has this kid.', { rule: 'token.kid', fact: header.kid })
    if (!keyring.verifies({ alg: 'EdDSA', jwk }, jws.signingInput, jws.signature)) return refuse('token_invalid', 'The token’s signature does not verify.', { rule: 'token.signature' })
    return { ok: true, claims }
  }
}

function wrongClaim(claims: TokenClaims, { issuer, audience, at }: { readonly issuer: string; readonly audience: string; readonly at: number }): EvidenceResult | undefined {
  if (claims.iss !== issuer) return refuse('token_invalid', 'The token was issued by another deployment.', { rule: 'token.iss' })
  if (claims.aud !== audience) return refuse('token_invalid', 'The token was made for another audience.', { rule: 'token.aud', fact: claims.aud, remedy: `Mint one for the audience ${audience}.` })
  if (claims.exp <= at) return refuse('token_expired', 'The token has expired.', { rule: 'token.exp', fact: `${claims.exp}` })
  if (claims.nbf > at + limits.clockSkew) return refuse('token_invalid', 'The token is not valid yet.', { rule: 'token.nbf', fact: `${claims.nbf}` })
  return undefined
}

/** A revoked grant takes along whatever was made from it; whoever acted may have been stopped since, too. */
export function stoppedBy({ sub, jti, act, 'urn:symbolon:v1': { origin } }: TokenClaims, stopped: StopCheck, at: number): Reason | undefined {
  const grant = origin.grant === undefined ? undefined : stopped.revoked(origin.grant, sub)
  return grant ?? stopped.revoked(jti, sub) ?? actorsOf(act).map((id) => stopped.locked(id, at)).find((reason) => reason !== undefined)
}

const actorsOf = (act: Actor | undefined): string[] => (act === undefined ? [] : [act.sub, ...actorsOf(act.act)])

/** A row that took over the id of another is not the one that the token was made for. */
const kindBehind: Readonly<Record<Exclude<OriginKind, 'token'>, Principal['kind']>> = { passkey: 'person', grant: 'person', key: 'service', id_token: 'trust' }

type Standing = { readonly ok: true; readonly value: Established & { readonly ceiling: Ceiling } } | Extract<EvidenceResult, { ok: false }>

/** Who that is by today's roster, and how far the token reaches. */
export function standingOf(claims: TokenClaims, kind: 'token' | 'facade', roster: Roster, at: number): Standing {
  const { origin } = claims['urn:symbolon:v1']
  const found = principalOf(roster, claims.sub)
  if (found === undefined || (origin.kind !== 'token' && found.principal.kind !== kindBehind[origin.kind])) return refuse('token_invalid', 'The token’s subject is no longer in the roster.', { rule: 'token.sub', fact: claims.sub })
  const removed = actorsOf(claims.act).find((id) => principalOf(roster, id) === undefined)
  if (removed !== undefined) return refuse('token_invalid', 'Who acts in the token is no longer in the roster.', { rule: 'token.act', fact: removed })
  const row = roster.issuers.find(({ id }) => id === found.issuer)
  const isBound = origin.class === undefined || origin.class === 'bound'
  // The issuer's class may have been narrowed since: then what was made from it before is worth as little as what it gives now.
  if (!isBound && row?.class !== origin.class) return refuse('token_invalid', 'The token goes back to a kind of evidence that is no longer accepted.', { rule: 'token.origin', ...(origin.class === undefined ? {} : { fact: origin.class }) })
  const rowCeiling: Ceiling = isBound ? {} : (row?.ceiling ?? {})
  const own: Ceiling = { scope: claims.scope.split(' '), end: claims.exp }
  const ceiling = narrow(narrow(origin.ceiling ?? {}, rowCeiling), own)
  const auth = authenticationOf(claims)
  return {
    ok: true,
    value: {
      principal: found.principal,
      evidence: { kind, ...(origin.class === undefined ? {} : { class: origin.class }), age: Math.max(0, at - claims.iat) },
      origin: { ...origin, ceiling },
      ceiling,
      ...(claims.act === undefined ? {} : { act: claims.act }),
      ...(auth === undefined ? {} : { auth }),
      ...(origin.grant === undefined ? {} : { grant: origin.grant }),
      singleUse: [],
    },
  }
}

/** When the person behind it signed in stays; the touch was for another request. */
const authenticationOf = ({ auth_time, amr }: TokenClaims): Authentication | undefined => (auth_time === undefined ? undefined : { time: auth_time, touch: false, hardware: amr?.includes('hwk') === true })
