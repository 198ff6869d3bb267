import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import type { historyRequest, recordsRequest } from '@symbolon/protocol/vault-http.ts'
import type { z } from 'zod'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import type { Call } from '@symbolon/front/judging.ts'
import type { Question } from './cursor.ts'
import { admit, heldOr, type Admitted } from './list.ts'
import { receiptAgain } from './receipts.ts'
import type { Verified } from './store.ts'
import type { Vaulting } from './vaulting.ts'

export interface Found<T> {
  readonly ok: true
  readonly value: T
  readonly headers: Readonly<Record<string, string>>
}

/** The newest record of each path, null where there is none. Of what was removed the record stays: a write follows it. */
export async function readRecords(call: Call & { readonly request: z.infer<typeof recordsRequest> }, parts: Vaulting): Promise<Found<readonly (SignedRecord | null)[]> | Failure> {
  const admitted = await ofPaths(call, parts)
  if (!admitted.ok) return admitted
  const held = await call.timer.measure('store', () => newestOf(admitted.paths, parts))
  return held.ok ? { ok: true, value: held.value.map((each) => each?.signed ?? null), headers: admitted.headers } : { ...held, headers: admitted.headers }
}

/** Every record of one secret that there was, newest first. */
export async function readHistory(call: Call & { readonly request: z.infer<typeof historyRequest> }, parts: Vaulting): Promise<Found<{ readonly records: readonly SignedRecord[]; readonly cursor?: string }> | Failure> {
  const { request, timer } = call
  const admitted = await ofPaths(call, parts)
  if (!admitted.ok) return admitted
  const [path, ...more] = admitted.paths
  if (path === undefined || more.length > 0) return fail('intent_malformed', { detail: 'A history is of one path.' })
  const question: Question = { kind: 'history', principal: admitted.principal, prefix: path }
  const place = request.cursor === undefined ? `${newest}` : parts.cursors.open(question, request.cursor)
  if (place === undefined) return fail('malformed', { detail: 'The cursor is not one of this history.' })
  const { records, next } = await timer.measure('store', () => page(path, { below: Number(place), limit: request.limit ?? usual }, parts))
  return { ok: true, value: { records, ...(next === undefined ? {} : { cursor: parts.cursors.seal(question, `${next}`) }) }, headers: admitted.headers }
}

const usual = 100
/** Above every sequence number. */
const newest = 1_000_000_001

/** A page's records that hold, and the sequence number below which the next page lies. */
export async function page(path: SecretPath, range: { readonly below: number; readonly limit: number }, { store, records, log }: Vaulting): Promise<{ readonly records: readonly SignedRecord[]; readonly next?: number }> {
  const rows = await store.history(path, { ...range, limit: range.limit + 1 })
  const shown = rows.slice(0, range.limit)
  const sound = shown.filter(({ seq, signed }) => {
    const opened = records.open(signed)
    const holds = opened?.record.path === path && opened.record.seq === seq
    if (!holds) log.error({ path, seq }, 'a former record that lies here is not one that the quorum signed for this secret')
    return holds
  })
  const last = shown.at(-1)
  return { records: sound.map(({ signed }) => signed), ...(rows.length > shown.length && last !== undefined ? { next: last.seq } : {}) }
}

type OfPaths = (Extract<Admitted, { ok: true }> & { readonly paths: readonly SecretPath[] }) | Failure

export async function ofPaths(call: Call, parts: Vaulting): Promise<OfPaths> {
  const admitted = await admit(call, parts)
  if (!admitted.ok) return admitted
  return admitted.intent.paths === undefined ? fail('intent_malformed', { detail: 'The intent must name paths.' }) : { ...admitted, paths: admitted.intent.paths }
}

/** One that was altered spoils the answer: to leave it out would say that there is none. */
export async function newestOf(paths: readonly SecretPath[], parts: Vaulting): Promise<{ readonly ok: true; readonly value: readonly (Verified | undefined)[] } | Failure> {
  const rows = await parts.store.newest(paths)
  const value: (Verified | undefined)[] = []
  for (const path of paths) {
    const row = rows.get(path)
    const held = row === undefined ? undefined : heldOr(row, parts)
    if (row !== undefined && held === undefined) return fail('store_damaged', { detail: 'A record that the vault holds is not one that the quorum signed for this secret.' })
    if (row?.pending === true && held !== undefined) receiptAgain(held, parts)
    value.push(held)
  }
  return { ok: true, value }
}
