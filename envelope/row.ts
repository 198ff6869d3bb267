import { fail, ok, type Result } from '@symbolon/core/errors.ts'
import { verifyCiphertext, type CheckedCiphertext } from '@symbolon/core/tdh2.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest, type CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { labelBytes, type SecretPath } from '@symbolon/protocol/label.ts'
import { readable, type RecordVersion, type SignedRecord, type VaultRecord } from '@symbolon/protocol/record.ts'
import type { RowError } from './errors.ts'
import { isBodyOf, labelOfVersion, sameLabel, tdh2Of } from './head.ts'
import { verifyRecord, type SecretKeys, type VaultGroup } from './keys.ts'

/* What a vault gives for one label, judged before anything is opened: the record says what must be there, and the quorum signed the record. */

export interface Row {
  readonly record: SignedRecord
  readonly head: CiphertextHead
  readonly body: Uint8Array
}

export interface CheckedRow {
  readonly path: SecretPath
  readonly record: VaultRecord
  /** Of the record. */
  readonly digest: Base64url
  readonly version: RecordVersion
  readonly head: CiphertextHead
  readonly body: Uint8Array
  /** Of the head. */
  readonly ciphertext: Base64url
  readonly group: VaultGroup
  readonly checked: CheckedCiphertext
}

export interface Wanted {
  readonly path: SecretPath
  readonly version: number | 'latest'
}

/** @param now NumericDate: a version may have had its time */
export function checkRow(row: Row, { path, version: wanted }: Wanted, keys: SecretKeys, now: number): Result<CheckedRow, RowError> {
  const opened = verifyRecord(row.record, keys)
  if (opened === undefined) return fail({ code: 'record_unsigned', path })
  if (opened.record.path !== path) return fail({ code: 'record_foreign', path })
  const version = readable(opened.record, wanted, now)
  if (version === undefined) return fail({ code: 'version_unreadable', path, version: wanted })
  const cipher = checkCiphertext(row, path, version, keys)
  return cipher.ok ? ok({ ...cipher.value, path, record: opened.record, digest: opened.digest, version, head: row.head, body: row.body }) : cipher
}

/** Is this the ciphertext that the record names for that version, whatever became of the version since? */
function checkCiphertext({ head, body }: Pick<Row, 'head' | 'body'>, path: SecretPath, version: RecordVersion, { suite, groups }: SecretKeys): Result<Pick<CheckedRow, 'ciphertext' | 'group' | 'checked'>, RowError> {
  const ciphertext = ciphertextDigest(head)
  if (ciphertext !== version.ciphertext) return fail({ code: 'ciphertext_differs', path })
  const label = labelOfVersion(path, version)
  if (!sameLabel(head, label)) return fail({ code: 'label_differs', path })
  if (!isBodyOf(body, head) || head.size !== version.size) return fail({ code: 'body_differs', path })
  const group = groups.get(head.group)
  if (group === undefined || group.epoch !== head.epoch) return fail({ code: 'group_unknown', path, group: head.group })
  const checked = verifyCiphertext(suite, group.keys.group.key, labelBytes(label), tdh2Of(head))
  return checked.ok ? ok({ ciphertext, group, checked: checked.value }) : fail({ code: 'ciphertext_unproven', path })
}
