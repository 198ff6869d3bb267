import { blameOfOpen, type KeysError, type OpenError, type SealError } from '@symbolon/envelope/errors.ts'
import { verifyRecord, type SecretKeys } from '@symbolon/envelope/keys.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { SignedRecord, VaultRecord } from '@symbolon/protocol/record.ts'
import { failed, ok, type Outcome } from './errors.ts'
import type { RecordMemory } from './record-memory.ts'

/* What of a vault's answers is believed: what the quorum signed, and nothing older than this machine has seen. */

export interface KnownRecord {
  readonly record: VaultRecord
  readonly digest: Base64url
}

/** @param remember absent: it is compared with what was seen, and not remembered */
export function believeRecord(signed: SignedRecord, path: SecretPath, keys: SecretKeys, memory: RecordMemory | undefined, remember = true): Outcome<KnownRecord> {
  const opened = verifyRecord(signed, keys)
  if (opened === undefined) return failed('answer_untrue', { detail: `record_unsigned: ${path}` })
  if (opened.record.path !== path) return failed('answer_untrue', { detail: `record_foreign: ${path}` })
  return notOlder(opened, keys.lineage, memory, remember)
}

/** Compares a verified record with the newest that was seen of its secret. */
export function notOlder(known: KnownRecord, lineage: Base64url, memory: RecordMemory | undefined, remember = true): Outcome<KnownRecord> {
  const { path, seq } = known.record
  const before = memory?.seen(lineage, path) ?? ok(undefined)
  if (!before.ok) return before
  const seen = before.value
  if (seen !== undefined && seq < seen.seq) return failed('record_rolled_back', { detail: `${path}: shown ${seq}, seen ${seen.seq}` })
  if (seen !== undefined && seq === seen.seq && known.digest !== seen.digest) return failed('record_forked', { detail: `${path}: ${seq}` })
  if (remember && seen?.seq !== seq) memory?.saw(lineage, path, { seq, digest: known.digest })
  return ok(known)
}

/** Of what was removed a record stays, so one that was seen is never gone. */
export function neverSeen(path: SecretPath, lineage: Base64url, memory: RecordMemory | undefined): Outcome<undefined> {
  const before = memory?.seen(lineage, path) ?? ok(undefined)
  if (!before.ok) return before
  return before.value === undefined ? ok(undefined) : failed('record_rolled_back', { detail: `${path}: shown none, seen ${before.value.seq}` })
}

const whoSays = { vault: 'answer_untrue', vault_or_coordinator: 'partials_missing', signers: 'partials_invalid', writer: 'secret_unsound' } as const

/** An error of the envelope as one of the SDK's. */
export function openFailure(error: OpenError): { readonly ok: false; readonly error: ReturnType<typeof failed>['error'] } {
  const { who, culprits } = blameOfOpen(error)
  const where = 'path' in error ? `: ${error.path}` : ''
  const unreadable = 'unreadable' in error && error.unreadable.length > 0 ? `; unreadable: ${error.unreadable.join(', ')}` : ''
  return failed(whoSays[who], { detail: `${error.code}${where}${unreadable}`, ...(culprits.length === 0 ? {} : { culprits }) })
}

export const sealFailure = (error: SealError) => failed('value_invalid', { detail: error.code === 'value_too_large' ? `${error.bytes} bytes of at most ${error.limit}` : error.field })

export const keysFailure = (error: KeysError) => failed('keyset_unsound', { detail: error.code === 'keys_missing' ? `no group key for ${error.purpose}` : `${error.group}: ${error.why}` })
