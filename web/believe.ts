import { entryDigest, slotOfEntry, type CertifiedEntry } from '@symbolon/protocol/book.ts'
import { equalBytes, fromBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { RosterResponse } from '@symbolon/protocol/http.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { verifyCertificate } from '@symbolon/roster/certificate.ts'
import { effectiveRoster } from '@symbolon/roster/effective.ts'
import type { Keyset } from '@symbolon/roster/keyset.ts'
import { decodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'

/* What the console believes of the roster that an api shows: only what the signers vouch for. */

export interface Believed {
  /** The version in force. */
  readonly document: Roster
  /** What rows did to themselves since, each certified by t signers. */
  readonly entries: readonly CertifiedEntry[]
  /** Both together: who exists now. */
  readonly effective: Roster
}
export type Belief = { readonly ok: true; readonly value: Believed } | { readonly ok: false; readonly code: 'document_differs' | 'entry_uncertified' }

/** @param vouched the keyset that was followed from the pin, and the pin */
export function believeRoster({ document: text, entries }: Pick<RosterResponse, 'document' | 'entries'>, { keyset, lineage }: { readonly keyset: Pick<Keyset, 'digest'>; readonly lineage: Base64url }): Belief {
  const bytes = fromBase64url(text)
  const decoded = bytes === undefined ? undefined : decodeRoster(bytes)
  if (decoded?.ok !== true || rosterDigest(decoded.value) !== keyset.digest) return { ok: false, code: 'document_differs' }
  const document = decoded.value
  if (!entries.every((each) => isCertified(each, document, lineage))) return { ok: false, code: 'entry_uncertified' }
  return { ok: true, value: { document, entries, effective: effectiveRoster(document, entries) } }
}

function isCertified({ entry, certificate }: CertifiedEntry, document: Roster, lineage: Base64url): boolean {
  const isOfIt = certificate.subject === entryDigest(entry.statement) && equalBytes(canonical(certificate.slot), canonical(slotOfEntry(entry.statement)))
  return isOfIt && verifyCertificate(certificate, document, lineage).ok
}
