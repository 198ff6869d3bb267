import { z } from 'zod'
import { bytesOf, fromUtf8, tagged, taggedHash, toBase64url, type Base64url } from './bytes.ts'
import { verifyEd25519, type Ed25519Jwk } from './ed25519.ts'
import { base64urlOf, base64urlUpTo, digestText, line, rosterId, seconds } from './fields.ts'
import { canonical, decodeCanonical, type Decoded } from './json.ts'
import { combine, secretPath, secretType } from './label.ts'
import { limits } from './limits.ts'

/*
 * A record: the whole state of one secret, without its values, signed by the quorum with the `record` group key. One encoder, one decoder.
 * Which record follows another is for policy/next-record.ts to say.
 */

/** Who changes a secret, and how: the kinds of intent that yield a record. */
export const recordActs = ['secret.write', 'secret.delete', 'secret.undelete', 'secret.destroy', 'secret.meta'] as const
export const recordAct = z.enum(recordActs)
export type RecordAct = z.infer<typeof recordAct>

export const versionNumber = z.int().min(1).max(1_000_000_000)

/** What a secret's versions are kept by. */
export const settings = z.strictObject({
  /** The oldest beyond these are forgotten. */
  max_versions: z.int().min(1).max(limits.secretVersions),
  /** A write must say which version it follows. */
  cas_required: z.boolean(),
  /** Seconds after which a new version counts as deleted; 0: never. */
  delete_version_after: z.int().min(0).max(10 * 366 * 86_400),
})
export type Settings = z.infer<typeof settings>
export const defaultSettings: Settings = { max_versions: 10, cas_required: false, delete_version_after: 0 }

const unique = (list: readonly string[]) => new Set(list).size === list.length
/** Shown to whoever may list: nothing secret belongs here. */
export const custom = z.record(line(64), z.string().max(512).regex(/^[\x20-\x7e]*$/, 'must be printable ASCII')).refine((values) => Object.keys(values).length <= 32, 'at most 32 members')
export const tags = z.array(line(64)).max(32).refine(unique, 'must be without duplicates')

export const recordVersion = z.strictObject({
  version: versionNumber,
  /** A deleted version can come back, a destroyed one cannot. */
  state: z.enum(['live', 'deleted', 'destroyed']),
  type: secretType,
  combine,
  /** Digest of the ciphertext's head. */
  ciphertext: digestText,
  /** Of the ciphertext's body, in bytes. */
  size: z.int().min(0).max(limits.secretBodyBytes),
  at: seconds,
  /** Roster id. */
  by: rosterId,
  /** From then on it counts as deleted. */
  until: seconds.optional(),
  /** When it was deleted or destroyed. */
  ended: seconds.optional(),
})
export type RecordVersion = z.infer<typeof recordVersion>

export const vaultRecord = z.strictObject({
  v: z.literal(1),
  lineage: digestText,
  path: secretPath,
  /** Each record of a secret has a higher one than its predecessor; not always the next. */
  seq: z.int().min(1).max(1_000_000_000),
  /** Digest of the predecessor; null for the first. */
  previous: digestText.nullable(),
  /** Number of the newest version that ever was, also where all was removed: no number is given twice. */
  current: z.int().min(0).max(1_000_000_000),
  /** Ascending; what is older was forgotten. */
  versions: z.array(recordVersion).max(limits.secretVersions),
  settings,
  custom,
  tags,
  /** True: versions and metadata were removed as a whole, and a write begins anew. */
  removed: z.boolean(),
  /** When the secret began, or began anew. */
  created: seconds,
  /** Who made this record, when, by which kind of intent, and which one. */
  by: rosterId,
  at: seconds,
  act: recordAct,
  intent: digestText,
})
export type VaultRecord = z.infer<typeof vaultRecord>

export const encodeRecord = (value: VaultRecord): Uint8Array => canonical(vaultRecord.parse(value))
export const decodeRecord = (bytes: Uint8Array): Decoded<VaultRecord> => decodeCanonical(vaultRecord, bytes, limits.recordBytes)
export const recordDigest = (bytes: Uint8Array): Base64url => toBase64url(taggedHash('record-digest/v1', bytes))

export const recordTag = 'symbolon/record/v1\u0000'
/** What the signers sign: no parser of ours takes it for a token, nor a token for it. */
export const recordMessage = (bytes: Uint8Array): Uint8Array => tagged('record/v1', bytes)
/** The same as text: a tag, a zero, and canonical JSON are all ASCII. */
export const recordMessageText = (bytes: Uint8Array): string => fromUtf8(recordMessage(bytes)) ?? ''

/** A record as it travels and rests: its canonical bytes, and the quorum's signature. */
export const signedRecord = z.strictObject({ record: base64urlUpTo(limits.recordBytes), signature: base64urlOf(64) })
export type SignedRecord = z.infer<typeof signedRecord>
export const recordList = z.array(signedRecord).max(limits.labels)

export interface OpenedRecord {
  readonly record: VaultRecord
  readonly digest: Base64url
}

/** @returns undefined for what is not a record of this deployment that its quorum signed */
export const openRecord = (signed: SignedRecord, { key, lineage }: { readonly key: Ed25519Jwk; readonly lineage: string }): OpenedRecord | undefined =>
  openRecordBy(signed, lineage, (message, signature) => verifyEd25519(key, message, signature))

/** The same, for whoever keeps keys ready. @param verifies is this the signature of a key for records? */
export function openRecordBy(signed: SignedRecord, lineage: string, verifies: (message: Uint8Array, signature: Uint8Array) => boolean): OpenedRecord | undefined {
  const bytes = bytesOf(signed.record)
  const decoded = decodeRecord(bytes)
  if (!decoded.ok || decoded.value.lineage !== lineage) return undefined
  return verifies(recordMessage(bytes), bytesOf(signed.signature)) ? { record: decoded.value, digest: recordDigest(bytes) } : undefined
}

/** A version that can be read at `now` (NumericDate), by number or the newest; undefined: there is none. */
export function readable(record: VaultRecord, wanted: number | 'latest', now: number): RecordVersion | undefined {
  const number = wanted === 'latest' ? record.current : wanted
  const found = record.versions.find(({ version }) => version === number)
  return found?.state === 'live' && (found.until === undefined || now < found.until) ? found : undefined
}
