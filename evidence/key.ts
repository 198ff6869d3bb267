import { parseProof } from '@symbolon/protocol/proof.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { uncovered } from './covers.ts'
import { refuse, type EvidenceInput, type EvidenceResult, type Principal } from './established.ts'
import { bootstrapId, bootstrapPrincipal, serviceOf } from './principal.ts'
import { checkProof } from './proof.ts'
import type { Keyring } from './signature.ts'

type KeyJudge = (item: { readonly proof: string }, input: EvidenceInput) => EvidenceResult

interface Row {
  readonly principal: Principal
  readonly jwk: ProofJwk
}

/** Evidence `key`: a proof by a key of a service row, current or previous, named by `kid`; in version 1 also by the bootstrap key. */
export function openKeyJudge(roster: Roster, keyring: Keyring): KeyJudge {
  const services = roster.services.flatMap((service) => service.keys.map(({ id, jwk }): [string, Row] => [id, { principal: serviceOf(service), jwk }]))
  const { bootstrap } = roster
  // Last, so that no service's key is ever taken for it; and never another's, so that its name dies with version 1.
  const rows = new Map<string, Row>(services.filter(([id]) => id !== bootstrapId))
  if (bootstrap !== undefined) rows.set(bootstrapId, { principal: bootstrapPrincipal, jwk: bootstrap })
  const { issuer } = roster.deployment

  return (item, { intent, digest }) => {
    const proof = parseProof(item.proof)
    if (proof === undefined) return refuse('evidence_malformed', 'The proof is not one.', { rule: 'proof' })
    const { kid, jwk } = proof.header
    if (kid === undefined || jwk !== undefined) return refuse('proof_invalid', 'The proof of a registered key names it by kid, and carries no key.', { rule: 'proof.kid' })
    const row = rows.get(kid)
    if (row === undefined) return refuse('key_unknown', 'No row in the roster has this key.', { rule: 'proof.kid', fact: kid })
    const wrong = uncovered(row.principal.kind === 'bootstrap' ? 'bootstrap' : 'key', intent.kind) ?? checkProof(proof, row.jwk, { intent, digest, issuer }, keyring)
    if (wrong !== undefined) return { ok: false, reasons: [wrong] }
    return { ok: true, value: { principal: row.principal, evidence: { kind: 'key', age: 0 }, origin: { kind: 'key' }, singleUse: [] } }
  }
}
