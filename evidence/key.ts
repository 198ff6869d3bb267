import { parseProof } from '@symbolon/protocol/proof.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import type { Roster, Service } from '@symbolon/roster/roster.ts'
import { refuse, type EvidenceInput, type EvidenceResult } from './established.ts'
import { serviceOf } from './principal.ts'
import { checkProof } from './proof.ts'
import type { Keyring } from './signature.ts'

type KeyJudge = (item: { readonly proof: string }, input: EvidenceInput) => EvidenceResult

/** Evidence `key`: a proof by a key of a service row, current or previous, named by `kid`. */
export function openKeyJudge(roster: Roster, keyring: Keyring): KeyJudge {
  const rows = new Map<string, { service: Service; jwk: ProofJwk }>(roster.services.flatMap((service) => service.keys.map(({ id, jwk }) => [id, { service, jwk }])))
  const { issuer } = roster.deployment

  return (item, { intent, digest }) => {
    const proof = parseProof(item.proof)
    if (proof === undefined) return refuse('evidence_malformed', 'The proof is not one.', { rule: 'proof' })
    const { kid, jwk } = proof.header
    if (kid === undefined || jwk !== undefined) return refuse('proof_invalid', 'The proof of a registered key names it by kid, and carries no key.', { rule: 'proof.kid' })
    const row = rows.get(kid)
    if (row === undefined) return refuse('key_unknown', 'No service in the roster has this key.', { rule: 'proof.kid', fact: kid })
    const wrong = checkProof(proof, row.jwk, { intent, digest, issuer }, keyring)
    if (wrong !== undefined) return { ok: false, reasons: [wrong] }
    return {
      ok: true,
      value: { principal: serviceOf(row.service), evidence: { kind: 'key', age: 0 }, origin: { kind: 'key' }, singleUse: [] },
    }
  }
}
