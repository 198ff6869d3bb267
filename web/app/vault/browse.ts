import { verifyRecord } from '@symbolon/envelope/keys.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { OpenedRecord, SignedRecord } from '@symbolon/protocol/record.ts'
import { historyResponse, listResponse, recordsResponse, type ListResponse } from '@symbolon/protocol/vault-http.ts'
import { build } from '../intents.ts'
import { failed, ok, type Result } from '../result.ts'
import { consoleClient } from '../session.ts'
import type { Trouble } from '../trouble.ts'
import { byGrantElseTouch, evidenceFor, type By } from './evidence.ts'
import { notTrusted } from './trouble.ts'
import { believeRecord, type Vault } from './vault.ts'

/* Names and records. What is there is the vault's word: it can leave something out. What is shown of a secret is the signers'. */

export interface Wanted {
  readonly prefix: string
  /** All below, not only what lies in it. */
  readonly recursive: boolean
  readonly search?: string
  readonly cursor?: string
}

export interface Listed {
  /** Prefixes, without a slash at the end. */
  readonly folders: readonly string[]
  readonly rows: readonly OpenedRecord[]
  /** Why others are not shown, one for each. */
  readonly left: readonly Trouble[]
  readonly cursor?: string
}

type Listing = { readonly prefix: string; readonly recursive?: true } | { readonly paths: SecretPath[] }

/** A `secret.list`, asked by the grant, or by a touch where policy wants one. */
async function asked(wish: Listing, by: By, vault: Vault) {
  const built = build({ kind: 'secret.list', sub: vault.session.sub, client: consoleClient, ...wish }, vault.deployment)
  const evidence = await evidenceFor(built, by, vault)
  return evidence.ok ? ok({ intent: built.bytes, evidence: [evidence.value] }) : evidence
}

export async function list({ prefix, recursive, search, cursor }: Wanted, vault: Vault): Promise<Result<Listed, Trouble>> {
  const answer = await byGrantElseTouch(async (by) => {
    const request = await asked({ prefix, ...(recursive ? { recursive } : {}) }, by, vault)
    return request.ok ? vault.post('/v1/secrets/list', { ...request.value, search, cursor }, listResponse) : request
  })
  return answer.ok ? ok(believeRows(answer.value, prefix, vault)) : answer
}

/** Only rows whose record verifies, and that lie where they were looked for. */
export function believeRows({ entries, cursor }: ListResponse, prefix: string, vault: Pick<Vault, 'keys' | 'memory'>): Listed {
  const [folders, rows, left]: [string[], OpenedRecord[], Trouble[]] = [[], [], []]
  for (const entry of entries) {
    const place = 'folder' in entry ? entry.folder : entry.path
    if (!place.startsWith(`${prefix}/`)) left.push(notTrusted.rows_differ)
    else if ('folder' in entry) folders.push(place.replace(/\/$/, ''))
    else {
      const believed = believeRecord(entry.record, entry.path, vault)
      if (!believed.ok) left.push(believed.error)
      else if (!believed.value.record.removed) rows.push(believed.value)
    }
  }
  return { folders, rows, left, ...(cursor === undefined ? {} : { cursor }) }
}

/** The newest record of one secret; undefined: there is none, or none that this person may see. */
export async function newest(path: SecretPath, vault: Vault): Promise<Result<OpenedRecord | undefined, Trouble>> {
  const answer = await byGrantElseTouch(async (by) => {
    const request = await asked({ paths: [path] }, by, vault)
    return request.ok ? vault.post('/v1/secrets/records', request.value, recordsResponse) : request
  })
  if (!answer.ok) return answer
  const [signed = null] = answer.value.records
  if (signed !== null) return believeRecord(signed, path, vault)
  // Even of what was removed a record is left.
  return vault.memory.seen(path) === undefined ? ok(undefined) : failed(notTrusted.record_withheld)
}

export interface History {
  /** Newest first, each the predecessor of the one before it. */
  readonly records: readonly OpenedRecord[]
  readonly cursor?: string
}

/** @param after the last that was read, with the cursor that came with it */
export async function history(path: SecretPath, vault: Vault, after?: { readonly last: OpenedRecord; readonly cursor: string }): Promise<Result<History, Trouble>> {
  const answer = await byGrantElseTouch(async (by) => {
    const request = await asked({ paths: [path] }, by, vault)
    return request.ok ? vault.post('/v1/secrets/history', { ...request.value, cursor: after?.cursor }, historyResponse) : request
  })
  if (!answer.ok) return answer
  const records = believeHistory(answer.value.records, path, vault, after?.last)
  const { cursor } = answer.value
  return records.ok ? ok({ records: records.value, ...(cursor === undefined ? {} : { cursor }) }) : records
}

/** A chain: each names the digest of the one that it followed. */
export function believeHistory(signed: readonly SignedRecord[], path: string, vault: Pick<Vault, 'keys' | 'memory'>, after?: OpenedRecord): Result<readonly OpenedRecord[], Trouble> {
  const records: OpenedRecord[] = []
  for (const each of signed) {
    const before = records.at(-1) ?? after
    const opened = before === undefined ? believeRecord(each, path, vault) : older(each, path, vault)
    if (!opened.ok) return opened
    if (before !== undefined && before.record.previous !== opened.value.digest) return failed(notTrusted.history_broken)
    records.push(opened.value)
  }
  return ok(records)
}

function older(signed: SignedRecord, path: string, { keys }: Pick<Vault, 'keys'>): Result<OpenedRecord, Trouble> {
  const opened = verifyRecord(signed, keys)
  if (opened === undefined) return failed(notTrusted.record_unsigned)
  return opened.record.path === path ? ok(opened) : failed(notTrusted.record_foreign)
}
