import { sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { refuse, type EvidenceInput, type EvidenceResult } from './established.ts'
import { openTokenCheck, standingOf, stoppedBy, type TokenGround } from './live-token.ts'
import { checkBoundProof } from './proof.ts'

type TokenJudge = (item: { readonly token: string; readonly proof: string }, input: EvidenceInput) => EvidenceResult

/** Evidence `token`: a live token made for this deployment itself, and a proof by the key that its `cnf` names. */
export function openTokenJudge(ground: TokenGround): TokenJudge {
  const { roster, stopped, keyring } = ground
  const check = openTokenCheck(ground)
  const { issuer } = roster.deployment

  return (item, { intent, digest }) => {
    const live = check(item.token, { audience: issuer, at: intent.iat, also: ({ cnf }) => (cnf === undefined ? refuse('token_not_bound', 'The token is not bound to a key.', { rule: 'token.cnf' }) : undefined) })
    if (!live.ok) return live
    const { claims } = live
    if (claims.cnf === undefined) throw new TypeError('a token without a key was let through')
    const unproven = checkBoundProof(item.proof, { jkt: claims.cnf.jkt, rule: 'token.cnf' }, { intent, digest, issuer, of: toBase64url(sha256(utf8(item.token))) }, keyring)
    const refusal = unproven ?? stoppedBy(claims, stopped, intent.iat)
    return refusal === undefined ? standingOf(claims, 'token', roster, intent.iat) : { ok: false, reasons: [refusal] }
  }
}
