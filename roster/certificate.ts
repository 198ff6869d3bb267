import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import { acceptBytes, type Accept, type AcceptCertificate } from '@symbolon/protocol/book.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import { purposes } from '@symbolon/protocol/purpose.ts'
import { groupOf, type Roster, type SignerRow } from './roster.ts'

/* Certificates: t signers each said, under its identity key, of this slot I accept this one. */

/** How many signers it takes: t of the groups that sign now; the largest, should they differ. */
export const thresholdOf = (document: Pick<Roster, 'groups'>): number => Math.max(...purposes.map((purpose) => groupOf(document, purpose)?.t ?? 0), 2)

/** Is this the word of the signer that it names? Says nothing of when it was given: an accept is for good. */
export function acceptHolds({ signer, iat, signature }: Accept, { slot, subject }: Pick<AcceptCertificate, 'slot' | 'subject'>, signers: readonly SignerRow[], lineage: Base64url): boolean {
  const row = signers.find(({ id }) => id === signer)
  return row !== undefined && verifyP256(row.identity, acceptBytes({ lineage, slot, subject, iat }), bytesOf(signature))
}

/** `signers`: those whose word it is, each once, ascending. `t`: how many it takes. */
export interface CertificateResult {
  readonly ok: boolean
  readonly signers: readonly number[]
  readonly t: number
}

const triesEach = 2

/**
 * Judged by the signers of `document`, the version that stands before what is certified. What does not verify, strangers and second words of one
 * signer do not count; they do no harm either, since nothing is named by a certificate's bytes.
 */
export function verifyCertificate(certificate: AcceptCertificate, document: Pick<Roster, 'groups' | 'signers'>, lineage: Base64url): CertificateResult {
  const t = thresholdOf(document)
  const signers = new Set<number>()
  const tried = new Map<number, number>()
  for (const accept of certificate.accepts) {
    const before = tried.get(accept.signer) ?? 0
    // Each costs a signature to see through: one false word in front of a true one does no harm, a list of them would.
    if (signers.has(accept.signer) || before >= triesEach) continue
    tried.set(accept.signer, before + 1)
    if (acceptHolds(accept, certificate, document.signers, lineage)) signers.add(accept.signer)
  }
  return { ok: signers.size >= t, signers: [...signers].sort((a, b) => a - b), t }
}
