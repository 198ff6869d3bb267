import { verifyRecord } from '@symbolon/envelope/keys.ts'
import { ciphertextDigest } from '@symbolon/protocol/ciphertext.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import { readable, type VaultRecord } from '@symbolon/protocol/record.ts'
import { exportResponse, type ExportResponse } from '@symbolon/protocol/vault-http.ts'
import { failed, ok, type Outcome, type SymbolonError } from './errors.ts'
import type { VaultCalls } from './vault-calls.ts'
import { pages } from './vault-list.ts'
import { readSecrets } from './vault-read.ts'
import { writeSecret } from './vault-write.ts'

/*
 * After a rotation of the `vault` key: what is still closed to an older one is read and written anew, as a new version with the same value. It can
 * be ended at any time and begun again: what is done is closed to the newest key, and so passed over. Older versions stay as they are; they are
 * read for as long as signers keep the older key.
 */

export interface ReencryptProgress {
  readonly path: SecretPath
  /** `kept`: it is closed to the newest key already, or has nothing to read. `overtaken`: somebody wrote meanwhile, to the newest key. */
  readonly what: 'renewed' | 'kept' | 'overtaken' | 'failed'
  readonly error?: SymbolonError
  readonly renewed: number
  readonly failed: number
  readonly seen: number
}

export interface Reencrypted {
  readonly renewed: number
  readonly kept: number
  readonly overtaken: number
  readonly failures: readonly { readonly path: SecretPath; readonly error: SymbolonError }[]
}

export interface ReencryptOptions {
  readonly prefix: string
  /** Paths up to and with this one are passed over, in the order that the vault lists them. */
  readonly after?: string | undefined
  /** Ends it between two secrets. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ReencryptProgress) => void) | undefined
}

type Step = { readonly what: Exclude<ReencryptProgress['what'], 'failed'> } | { readonly what: 'failed'; readonly error: SymbolonError }

/** One secret that fails does not end it: it is named in the result. */
export async function reencrypt({ prefix, after, signal, onProgress }: ReencryptOptions, calls: VaultCalls): Promise<Outcome<Reencrypted>> {
  const counts = { renewed: 0, kept: 0, overtaken: 0 }
  const failures: { path: SecretPath; error: SymbolonError }[] = []
  let seen = 0
  for await (const page of pages<ExportResponse>('/v1/secrets/export', { kind: 'secret.list', prefix, recursive: true }, {}, exportResponse, calls)) {
    if (!page.ok) return page
    for (const secret of page.value.secrets) {
      if (signal?.aborted === true) return ok({ ...counts, failures })
      const record = await recordOf(secret, calls)
      if (!record.ok) return record
      const { path } = record.value
      if (after !== undefined && path <= after) continue
      const newest = readable(record.value, 'latest', calls.clock())
      // A large secret comes in parts, one version or more in each: the one that counts is in one of them.
      const found = newest === undefined ? undefined : secret.versions.find(({ head }) => ciphertextDigest(head) === newest.ciphertext)
      if (newest !== undefined && found === undefined && hasMore(secret, newest.version)) continue
      seen += 1
      const step = await renew(path, newest?.version, found?.head.group, calls)
      if (step.what === 'failed') failures.push({ path, error: step.error })
      else counts[step.what] += 1
      onProgress?.({ path, ...step, renewed: counts.renewed, failed: failures.length, seen })
    }
  }
  return ok({ ...counts, failures })
}

async function recordOf({ record }: ExportResponse['secrets'][number], calls: VaultCalls): Promise<Outcome<VaultRecord>> {
  const trusted = await calls.trust()
  if (!trusted.ok) return trusted
  const opened = verifyRecord(record, trusted.value.keys)
  return opened === undefined ? failed('answer_untrue', { detail: 'record_unsigned' }) : ok(opened.record)
}

/** Versions come in ascending order, part after part. */
const hasMore = ({ versions }: ExportResponse['secrets'][number], wanted: number): boolean => versions.some(({ head }) => head.label.version < wanted)

/** @param group of the newest version's head, which the export showed: believed, since its digest is the one in the record */
async function renew(path: SecretPath, version: number | undefined, group: string | undefined, calls: VaultCalls): Promise<Step> {
  const trusted = await calls.trust()
  if (!trusted.ok) return { what: 'failed', error: trusted.error }
  if (version === undefined || group === trusted.value.keys.newest.kid) return { what: 'kept' }
  const read = await readSecrets([{ path, version }], calls)
  if (!read.ok) return { what: 'failed', error: read.error }
  const [opened] = read.value
  if (opened === undefined) return { what: 'kept' }
  const written = await writeSecret(path, opened.value, { cas: version }, calls)
  if (written.ok) return { what: 'renewed' }
  return written.error.code === 'check_and_set_failed' ? { what: 'overtaken' } : { what: 'failed', error: written.error }
}
