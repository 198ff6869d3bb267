import { bytesOf, equalBytes } from '@symbolon/protocol/bytes.ts'
import { certificateBytes, type Certificate, type CertificateStatement, type CertifiedGroup } from '@symbolon/protocol/ceremony.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { keysetOf, keysetSignatureHolds, type SignedKeyset } from './keyset.ts'
import { planDigest, type Plan } from './plan.ts'
import { encodeRoster, type Group, type Roster, type SignerRow } from './roster.ts'

/* Version 1 is a function of the plan and the ceremony's certificate; nobody writes it. */

export type GenesisCode =
  | 'plan_differs'
  | 'groups_differ'
  | 'roster_differs'
  | 'certificate_incomplete'
  | 'certificate_signature_invalid'
  | 'keyset_differs'
  | 'keyset_incomplete'
  | 'keyset_signature_invalid'
/** `detail` names a signer, a purpose or a digest; nothing secret. */
export type GenesisResult = { readonly ok: true } | { readonly ok: false; readonly code: GenesisCode; readonly detail: string }

const refuse = (code: GenesisCode, detail: string): GenesisResult => ({ ok: false, code, detail })

export const versionOne = (plan: Plan, { groups }: CertificateStatement): Roster => ({ ...plan.template, groups: groups.map(rosterGroup) })

const rosterGroup = (certified: CertifiedGroup): Group => ({ ...certified, kid: thumbprint({ kty: 'OKP', crv: 'Ed25519', x: certified.key }), alg: 'EdDSA' })

/**
 * What a signer asks before it believes its own files: the groups were certified by every member, version 1 is what plan and
 * certificate make, and the first keyset, which clients pin, was signed by every member. Without a plan (a client with the files
 * of another) the template is vouched for by the keyset's digest alone.
 */
export function verifyGenesis(files: { plan?: Plan; roster: Roster; certificate: Certificate; keyset: SignedKeyset }): GenesisResult {
  const { plan, roster, certificate, keyset } = files
  const { statement } = certificate
  if (plan !== undefined && planDigest(plan) !== statement.plan) return refuse('plan_differs', statement.plan)
  const certified = verifyCertificate(certificate, roster.signers)
  if (!certified.ok) return certified
  if (!equalBytes(canonical(roster.groups), canonical(statement.groups.map(rosterGroup)))) return refuse('groups_differ', 'roster and certificate')
  if (plan !== undefined && !equalBytes(encodeRoster(versionOne(plan, statement)), encodeRoster(roster))) return refuse('roster_differs', 'version 1 is not what plan and certificate make')
  return verifyFirstKeyset(keyset, roster)
}

/** Every member signed, each once, by the identity key that the plan names (SEC-16). */
function verifyCertificate({ statement, signatures }: Certificate, signers: readonly SignerRow[]): GenesisResult {
  const bytes = certificateBytes(statement)
  const problem = everySigner(signatures, signers, (row, { signature }) => verifyP256(row.identity, bytes, bytesOf(signature)))
  return problem === undefined ? { ok: true } : refuse(problem.missing ? 'certificate_incomplete' : 'certificate_signature_invalid', `signer ${problem.signer}`)
}

function verifyFirstKeyset({ keyset, signatures }: SignedKeyset, roster: Roster): GenesisResult {
  if (!equalBytes(canonical(keyset), canonical(keysetOf(roster)))) return refuse('keyset_differs', 'not this roster’s keyset')
  const problem = everySigner(signatures, roster.signers, (_row, signature) => keysetSignatureHolds(keyset, signature))
  return problem === undefined ? { ok: true } : refuse(problem.missing ? 'keyset_incomplete' : 'keyset_signature_invalid', `signer ${problem.signer}`)
}

/** The first signer whose word is missing or wrong. Each must be there exactly once: a second row of one signer is nobody's word. */
function everySigner<S extends { readonly signer: number }>(signatures: readonly S[], signers: readonly SignerRow[], verify: (row: SignerRow, signature: S) => boolean): { signer: number; missing: boolean } | undefined {
  const stranger = signatures.find(({ signer }, at) => !signers.some(({ id }) => id === signer) || signatures.findIndex((other) => other.signer === signer) !== at)
  if (stranger !== undefined) return { signer: stranger.signer, missing: false }
  for (const row of signers) {
    const signature = signatures.find(({ signer }) => signer === row.id)
    if (signature === undefined) return { signer: row.id, missing: true }
    if (!verify(row, signature)) return { signer: row.id, missing: false }
  }
  return undefined
}
