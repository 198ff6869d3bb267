import { sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { IntentKind } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { parseProof } from '@symbolon/protocol/proof.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Ceiling } from '@symbolon/protocol/ceiling.ts'
import { parseToken, type TokenClaims } from '@symbolon/protocol/token.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { narrow } from './ceiling.ts'
import { refuse, type EvidenceInput, type EvidenceResult, type IssuerJwk } from './established.ts'
import { principalOf } from './principal.ts'
import { checkProof } from './proof.ts'
import type { Keyring } from './signature.ts'

type TokenJudge = (item: { readonly token: string; readonly proof: string }, input: EvidenceInput) => EvidenceResult

/** What a token may stand for. Never a grant, a roster change, a ceremony or an approval: a new kind must be decided here. */
const covers: Readonly<Record<IntentKind, boolean>> = { token: true, grant: false, roster: false, revoke: true, lock: false, read: true }

/** Evidence `token`: a live token made for this deployment itself, and a proof by the key that its `cnf` names. */
export function openTokenJudge(roster: Roster, keyring: Keyring): TokenJudge {
  const groups = new Map<string, IssuerJwk>(roster.groups.filter((row) => row.purpose === 'token').map((row) => [row.kid, { kty: 'OKP', crv: 'Ed25519', x: row.key }]))
  const { issuer } = roster.deployment

  return (item, { intent, digest }) => {
    if (!covers[intent.kind]) return refuse('evidence_kind_unsupported', 'A token is no evidence for this kind of intent.', { rule: 'token.kind', fact: intent.kind })
    const token = parseToken(item.token)
    if (token === undefined) return refuse('token_invalid', 'This is not a token of this deployment.', { rule: 'token' })
    const { header, claims, jws } = token
    const wrong = wrongClaim(claims, issuer, intent.iat)
    if (wrong !== undefined) return wrong
    const jwk = groups.get(header.kid)
    if (jwk === undefined) return refuse('token_invalid', 'No token key in the roster has this kid.', { rule: 'token.kid', fact: header.kid })
    const proof = parseProof(item.proof)
    if (proof === undefined) return refuse('evidence_malformed', 'The proof is not one.', { rule: 'proof' })
    const key = proof.header.jwk
    if (key === undefined || proof.header.kid !== undefined || thumbprint(key) !== claims.cnf?.jkt) return refuse('proof_invalid', 'The proof does not carry the key that the token is bound to.', { rule: 'token.cnf' })
    if (!keyring.verifies({ alg: 'EdDSA', jwk }, jws.signingInput, jws.signature)) return refuse('token_invalid', 'The token’s signature does not verify.', { rule: 'token.signature' })
    const unproven = checkProof(proof, key, { intent, digest, issuer, of: toBase64url(sha256(utf8(item.token))) }, keyring)
    if (unproven !== undefined) return { ok: false, reasons: [unproven] }
    return establish(claims, roster, intent.iat)
  }
}

function wrongClaim(claims: TokenClaims, issuer: string, at: number): EvidenceResult | undefined {
  if (claims.iss !== issuer) return refuse('token_invalid', 'The token was issued by another deployment.', { rule: 'token.iss' })
  if (claims.aud !== issuer) return refuse('token_invalid', 'The token was made for another audience.', { rule: 'token.aud', fact: claims.aud, remedy: `Mint one for the audience ${issuer}.` })
  if (claims.cnf === undefined) return refuse('token_not_bound', 'The token is not bound to a key.', { rule: 'token.cnf' })
  if (claims.exp <= at) return refuse('token_expired', 'The token has expired.', { rule: 'token.exp', fact: `${claims.exp}` })
  if (claims.nbf > at + limits.clockSkew) return refuse('token_invalid', 'The token is not valid yet.', { rule: 'token.nbf', fact: `${claims.nbf}` })
  return undefined
}

function establish(claims: TokenClaims, roster: Roster, at: number): EvidenceResult {
  const { origin } = claims['urn:symbolon:v1']
  const found = principalOf(roster, claims.sub)
  if (found === undefined) return refuse('token_invalid', 'The token’s subject is no longer in the roster.', { rule: 'token.sub', fact: claims.sub })
  const row = roster.issuers.find(({ id }) => id === found.issuer)
  // The issuer's class may have been narrowed since: then what was made from it before is worth as little as what it gives now.
  if (origin.class === 'bearer' && row?.class !== 'bearer') return refuse('token_invalid', 'The token goes back to a kind of evidence that is no longer accepted.', { rule: 'token.origin', fact: 'bearer' })
  const rowCeiling: Ceiling = origin.class === 'bearer' ? (row?.ceiling ?? {}) : {}
  const own: Ceiling = { scope: claims.scope.split(' '), end: claims.exp }
  const ceiling = narrow(narrow(origin.ceiling ?? {}, rowCeiling), own)
  return {
    ok: true,
    value: {
      principal: found.principal,
      evidence: { kind: 'token', ...(origin.class === undefined ? {} : { class: origin.class }), age: Math.max(0, at - claims.iat) },
      origin: { ...origin, ceiling },
      ceiling,
      ...(claims.act === undefined ? {} : { act: claims.act }),
      singleUse: [],
    },
  }
}
