import { taggedHash, toBase64url } from '@symbolon/protocol/bytes.ts'
import type { SecretReadIntent } from '@symbolon/protocol/intent.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { labelOf } from '@symbolon/protocol/label.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { readable, type OpenedRecord, type SignedRecord } from '@symbolon/protocol/record.ts'
import type { Deployment } from './deployment.ts'
import type { GrantedReading, Opening, Reasons, Refused } from './judgement.ts'
import { notFound } from './not-found.ts'
import type { Base, Weighed } from './weighed.ts'

type Found = { readonly ok: true; readonly openings: readonly Opening[] } | { readonly ok: false; readonly reasons: Reasons }

/** Which ciphertext of each label may be opened: all of them, or none. */
export function readingOf({ intent, records, established }: Weighed<SecretReadIntent>, base: Base, here: Deployment): GrantedReading | Refused {
  const facade = established.evidence.kind === 'facade'
  const found = openingsOf(intent, records, here, facade)
  if (!found.ok) return { verdict: 'refused', digest: base.digest, intent, principal: base.principal, reasons: found.reasons }
  const { openings } = found
  return { ...base, grants: 'reading', intent, openings, bytesHash: toBase64url(taggedHash('openings/v1', canonical(openings))) }
}

function openingsOf(intent: SecretReadIntent, records: readonly SignedRecord[], here: Deployment, facade: boolean): Found {
  // Whoever keeps the records sends as many as there are: where one is missing, there is none.
  if (records.length !== intent.labels.length) return no(notFound)
  const openings: Opening[] = []
  const seen = new Map<string, OpenedRecord['digest']>()
  for (const [at, { path, version }] of intent.labels.entries()) {
    const signed = records[at]
    const opened = signed === undefined ? undefined : here.openRecord(signed)
    if (opened?.record.path !== path || (seen.get(path) ?? opened.digest) !== opened.digest) return no(reasonOf('record_invalid', 'A record that came along is not the quorum’s for this secret.', { rule: 'records', fact: `${at}` }))
    seen.set(path, opened.digest)
    const { record, digest } = opened
    const kept = readable(record, version, intent.iat)
    if (kept === undefined) return no(notFound)
    if (facade && kept.combine !== 'vault') return no(reasonOf('facade_not_allowed', 'The vault process does not combine this version.', { rule: 'record.combine', fact: path }))
    openings.push({ path, seq: record.seq, record: digest, label: labelOf(path, kept), ciphertext: kept.ciphertext })
  }
  return { ok: true, openings }
}

const no = (reason: Reason): Found => ({ ok: false, reasons: [reason] })
