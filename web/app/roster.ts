import { entryDigest, slotOfEntry, type CertifiedEntry } from '@symbolon/protocol/book.ts'
import { equalBytes, fromBase64url } from '@symbolon/protocol/bytes.ts'
import type { RosterResponse } from '@symbolon/protocol/http.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { verifyCertificate } from '@symbolon/roster/certificate.ts'
import { effectiveRoster } from '@symbolon/roster/effective.ts'
import { decodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import type { Console } from './context.tsx'
import type { Deployment } from './deployment.ts'
import { build } from './intents.ts'
import { failed, ok, type Result } from './result.ts'
import { grantEvidence, type Session } from './session.ts'
import { trouble, type Trouble } from './trouble.ts'

/* Who exists, as the api shows it and the signers vouch for it. */

export interface RosterRead {
  /** The version in force, compared with the keyset. */
  readonly document: Roster
  /** What rows did to themselves since, each certified by t signers. */
  readonly entries: readonly CertifiedEntry[]
  /** Both together: who exists now. */
  readonly effective: Roster
  /** The api's own words about signers, stops and history: shown, not believed. */
  readonly answer: RosterResponse
}

/** With the grant of whoever is signed in. */
export async function readRoster(session: Session, { deployment, api, refresh }: Pick<Console, 'deployment' | 'api' | 'refresh'>): Promise<Result<RosterRead, Trouble>> {
  const asked = build({ kind: 'read', sub: session.sub, what: 'roster' }, deployment)
  const answer = await api.roster({ intent: asked.bytes, evidence: [await grantEvidence(session, asked)] })
  if (!answer.ok) return answer
  const first = believe(answer.value, deployment)
  if (first.ok) return first
  // A version came into force since this page was opened: the keyset follows it.
  const later = await refresh()
  return later.ok ? believe(answer.value, later.value) : later
}

/** Only what the signers' keyset names by its digest, and entries that t of them certified. */
export function believe(answer: RosterResponse, { keyset, lineage }: Pick<Deployment, 'keyset' | 'lineage'>): Result<RosterRead, Trouble> {
  const distrust = (title: string) => failed(trouble('roster_untrusted', title, 'Do not sign anything here; tell whoever runs this deployment.'))
  const bytes = fromBase64url(answer.document)
  const decoded = bytes === undefined ? undefined : decodeRoster(bytes)
  if (decoded?.ok !== true || rosterDigest(decoded.value) !== keyset.digest) return distrust('The api shows a roster that the signers do not vouch for')
  const document = decoded.value
  if (!answer.entries.every((each) => isCertified(each, document, lineage))) return distrust('The api shows an enrolment or key that the signers did not accept')
  return ok({ document, entries: answer.entries, effective: effectiveRoster(document, answer.entries), answer })
}

function isCertified({ entry, certificate }: CertifiedEntry, document: Roster, lineage: Deployment['lineage']): boolean {
  const isOfIt = certificate.subject === entryDigest(entry.statement) && equalBytes(canonical(certificate.slot), canonical(slotOfEntry(entry.statement)))
  return isOfIt && verifyCertificate(certificate, document, lineage).ok
}
