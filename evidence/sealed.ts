import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { parseProof } from '@symbolon/protocol/proof.ts'
import { sealedDigest } from '@symbolon/protocol/sealed.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { soundTrusts } from '@symbolon/roster/trust-lint.ts'
import { refuse, type EvidenceInput, type EvidenceResult } from './established.ts'
import type { IdTokenJudge } from './id-token.ts'
import { checkBoundProof } from './proof.ts'
import type { Keyring } from './signature.ts'
import { trustOf } from './trust.ts'

type SealedJudge = (item: Extract<Evidence, { kind: 'sealed_id_token' }>, input: EvidenceInput) => EvidenceResult

interface SealedParts {
  readonly roster: Roster
  readonly idToken: IdTokenJudge
  readonly keyring: Keyring
  /** Nobody here can open the item, and nothing that is signed rests on the answer. */
  readonly presumes: boolean
}

/**
 * An ID token of class `static`, sealed to each signer: judged as each opened it for itself, together with a proof by the key that shows it. The
 * first key shown owns the token from then on.
 */
export function openSealedJudge({ roster, idToken, keyring, presumes }: SealedParts): SealedJudge {
  return (item, input) => {
    const { intent, digest, opened } = input
    const owner = keyOf(item.proof)
    if (owner === undefined) return refuse('evidence_malformed', 'The proof is not one, or carries no key.', { rule: 'proof' })
    const unproven = checkBoundProof(item.proof, { jkt: owner, rule: 'sealed.proof' }, { intent, digest, issuer: roster.deployment.issuer, of: sealedDigest(item.sealed) }, keyring)
    if (unproven !== undefined) return { ok: false, reasons: [unproven] }
    if (opened !== undefined) return idToken({ token: opened, owner }, input)
    return presumes ? presume(roster, intent.sub) : refuse('sealed_unreadable', 'The ID token was not opened.', { rule: 'sealed' })
  }
}

function keyOf(proof: string): Base64url | undefined {
  const jwk = parseProof(proof)?.header.jwk
  return jwk === undefined ? undefined : thumbprint(jwk)
}

/** Whoever the intent names, if an issuer of class `static` could vouch for them. The signers, who can open it, find out. */
function presume(roster: Roster, sub: string): EvidenceResult {
  const trust = soundTrusts(roster).find(({ id }) => id === sub)
  const row = roster.issuers.find(({ id, class: kind }) => id === trust?.issuer && kind === 'static')
  if (trust === undefined || row === undefined) return refuse('id_token_class', 'No issuer of class static vouches for whom the intent names.', { rule: 'intent.sub', fact: sub, remedy: 'Ask the issuer for an audience that is bound to this intent.' })
  const ceiling = row.ceiling ?? {}
  return {
    ok: true,
    value: { principal: trustOf(trust, {}), evidence: { kind: 'id_token', class: 'static', age: 0 }, origin: { kind: 'id_token', class: 'static', ceiling }, ceiling, singleUse: [] },
  }
}
