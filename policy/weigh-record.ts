import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { RecordIntent } from '@symbolon/protocol/intent.ts'
import { reasonOf } from '@symbolon/protocol/reason.ts'
import { recordMessageText, type OpenedRecord, type SignedRecord } from '@symbolon/protocol/record.ts'
import { bytesHash } from '@symbolon/protocol/sign.ts'
import type { Deployment } from './deployment.ts'
import type { GrantedRecord, Reasons, Refused } from './judgement.ts'
import { nextRecord } from './next-record.ts'
import type { Base, Weighed } from './weighed.ts'

type Found = { readonly ok: true; readonly predecessor: OpenedRecord | undefined } | { readonly ok: false; readonly reasons: Reasons }

/** The record that this change comes to, and the bytes of it that are signed. */
export function recordOf({ intent, digest, records }: Weighed<RecordIntent>, base: Base, here: Deployment): GrantedRecord | Refused {
  const refused = (reasons: Reasons): Refused => ({ verdict: 'refused', digest, intent, principal: base.principal, decision: base.decision, reasons })
  const found = predecessorOf(intent, records, here)
  if (!found.ok) return refused(found.reasons)
  const next = nextRecord(intent, { predecessor: found.predecessor, digest: toBase64url(digest), lineage: here.lineage, namespaces: here.namespaces })
  if (!next.ok) return refused(next.reasons)
  const message = recordMessageText(next.bytes)
  return { ...base, grants: 'record', intent, record: next.record, recordDigest: next.digest, message, bytesHash: bytesHash(message) }
}

function predecessorOf({ path, previous }: RecordIntent, records: readonly SignedRecord[], here: Deployment): Found {
  const invalid = (message: string): Found => ({ ok: false, reasons: [reasonOf('record_invalid', message, { rule: 'records', remedy: 'Read the secret’s record again.' })] })
  const [signed, ...more] = records
  if (more.length > 0) return invalid('More than one record came along.')
  if (signed === undefined) return previous === null ? { ok: true, predecessor: undefined } : invalid('The record that this follows did not come along.')
  const predecessor = here.openRecord(signed)
  return predecessor?.record.path === path ? { ok: true, predecessor } : invalid('The record that came along is not the quorum’s for this secret.')
}
