import { receiptsHold } from '@symbolon/envelope/receipts.ts'
import { seal, type Sealed } from '@symbolon/envelope/seal.ts'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { RecordIntent } from '@symbolon/protocol/intent.ts'
import type { Json } from '@symbolon/protocol/json.ts'
import { fieldsOf, labelOf, type Combine, type SecretPath } from '@symbolon/protocol/label.ts'
import { recordsResponse, receiptsResponse, changeSecretResponse, type ChangeSecretResponse } from '@symbolon/protocol/vault-http.ts'
import type { Settings, VaultRecord } from '@symbolon/protocol/record.ts'
import type { SecretValue, ValueOf } from '@symbolon/protocol/secret.ts'
import { failed, ok, type Outcome, type SymbolonError } from './errors.ts'
import type { Asking, Question, VaultCalls } from './vault-calls.ts'
import { differsFrom } from './vault-differs.ts'
import { believeRecord, neverSeen, sealFailure, type KnownRecord } from './vault-trust.ts'

/* Changes: the newest record is fetched and verified, the next one is asked for, and what comes back must be what was asked for. */

export interface Changed {
  readonly record: VaultRecord
  /** Of the record. */
  readonly digest: Base64url
  /** Fewer than t signers have receipted the record: a quorum of others could still build on the one before. */
  readonly pending: boolean
  /** Whose receipts hold. */
  readonly receipts: readonly number[]
}

/** What a change asks for on top of what is there; the place in the sequence is added. A failure ends it. */
export type Plan = (before: VaultRecord | undefined) => Promise<Outcome<Planned>>
type PlaceFields = 'path' | 'previous' | 'seq'
type ChangeQuestion = Extract<Question, { readonly kind: RecordIntent['kind'] }>
type Unplaced = ChangeQuestion extends infer Q ? (Q extends ChangeQuestion ? Omit<Q, PlaceFields> : never) : never
export interface Planned {
  readonly question: Unplaced
  readonly sealed?: Sealed
}

/** Signers refuse what is not on top of the newest record, so only one of several writers gets through: the others begin again on top of it. */
const attempts = 5
const sends = 3
const receiptPauses = [100, 300, 900] as const

/** Newest records, verified, in order; undefined where there is none that may be listed. */
export async function recordsOf(paths: readonly SecretPath[], calls: VaultCalls): Promise<Outcome<readonly (KnownRecord | undefined)[]>> {
  const trusted = await calls.trust()
  if (!trusted.ok) return trusted
  const asking = await calls.ask({ kind: 'secret.list', paths: [...paths] })
  if (!asking.ok) return asking
  const answer = await calls.post('/v1/secrets/records', asking.value.body, recordsResponse)
  if (!answer.ok) return answer
  if (answer.value.records.length !== paths.length) return failed('answer_untrue', { detail: 'answer_differs' })
  const known: (KnownRecord | undefined)[] = []
  for (const [at, path] of paths.entries()) {
    const signed = answer.value.records[at] ?? null
    const one = signed === null ? neverSeen(path, trusted.value.keys.lineage, calls.memory) : believeRecord(signed, path, trusted.value.keys, calls.memory)
    if (!one.ok) return one
    known.push(one.value)
  }
  return ok(known)
}

export async function change(path: SecretPath, plan: Plan, calls: VaultCalls): Promise<Outcome<Changed>> {
  let before: KnownRecord | undefined
  let fresh = false
  // A number that another writer began and never finished is passed over.
  let passed = 0
  for (let attempt = 1; ; attempt++) {
    if (!fresh) {
      const found = await recordsOf([path], calls)
      if (!found.ok) return found
      before = found.value[0]
      fresh = true
      passed = 0
    }
    const made = await once(path, plan, { before, seq: (before?.record.seq ?? 0) + 1 + passed }, calls)
    if (made.ok || attempt >= attempts) return made
    if (made.error.code === 'sequence_taken') passed++
    else if (made.error.code === 'record_stale') fresh = false
    else return made
    await calls.sleep(20 * 2 ** attempt * (0.5 + Math.random()))
  }
}

interface Place {
  readonly before: KnownRecord | undefined
  readonly seq: number
}

async function once(path: SecretPath, plan: Plan, { before, seq }: Place, calls: VaultCalls): Promise<Outcome<Changed>> {
  const planned = await plan(before?.record)
  if (!planned.ok) return planned
  const { question, sealed } = planned.value
  const asking = await calls.ask({ ...question, path, previous: before?.digest ?? null, seq } as ChangeQuestion)
  if (!asking.ok) return asking
  const body = { ...asking.value.body, ...(sealed === undefined ? {} : { head: sealed.head, body: toBase64url(sealed.body) }) }
  const { answer, resent } = await sendAgain(body, calls)
  if (answer.ok) return settle(answer.value, asking.value, calls)
  return resent ? ownOrElse(path, asking.value, answer.error, calls) : answer
}

/** The intent is its own idempotency key: the same bytes yield the same record, however often they arrive. */
async function sendAgain(body: unknown, calls: VaultCalls): Promise<{ readonly answer: Outcome<ChangeSecretResponse>; readonly resent: boolean }> {
  for (let send = 1; ; send++) {
    const answer = await calls.post('/v1/secrets/change', body, changeSecretResponse)
    if (answer.ok || answer.error.code !== 'unreachable' || send >= sends) return { answer, resent: send > 1 }
    await calls.sleep(200 * send)
  }
}

/** What was sent twice may have been done the first time: then the newest record is this intent's. */
async function ownOrElse(path: SecretPath, asking: Asking, error: SymbolonError, calls: VaultCalls): Promise<Outcome<Changed>> {
  if (error.kind !== 'conflict') return { ok: false, error }
  const found = await recordsOf([path], calls)
  const own = found.ok && found.value[0]?.record.intent === asking.built.digestText ? found.value[0] : undefined
  return own === undefined ? { ok: false, error } : awaitReceipts(path, own, calls)
}

async function settle({ record, receipts }: ChangeSecretResponse, { built }: Asking, calls: VaultCalls): Promise<Outcome<Changed>> {
  const trusted = await calls.trust()
  if (!trusted.ok) return trusted
  const intent = built.intent as RecordIntent
  const known = believeRecord(record, intent.path, trusted.value.keys, calls.memory)
  if (!known.ok) return known
  const differs = differsFrom(known.value.record, intent, built.digestText)
  if (differs.length > 0) return failed('record_differs', { detail: `${intent.path}: ${differs.join(', ')}` })
  const held = receiptsHold(receipts, { digest: known.value.digest, seq: known.value.record.seq }, trusted.value.keys)
  return held.finished ? ok(changed(known.value, held.signers, false)) : awaitReceipts(intent.path, known.value, calls)
}

const changed = ({ record, digest }: KnownRecord, receipts: readonly number[], pending: boolean): Changed => ({ record, digest, pending, receipts })

/** Asks a few times more; then it is for the caller to say that it is pending. */
export async function awaitReceipts(path: SecretPath, own: KnownRecord, calls: VaultCalls, pauses: readonly number[] = receiptPauses): Promise<Outcome<Changed>> {
  let last: readonly number[] = []
  for (const pause of [0, ...pauses]) {
    if (pause > 0) await calls.sleep(pause)
    const held = await receiptsOf(path, own, calls)
    // The change is made; that nobody answers about it now takes nothing from it.
    if (!held.ok) continue
    last = held.value.receipts
    if (!held.value.pending) return held
  }
  return ok(changed(own, last, true))
}

async function receiptsOf(path: SecretPath, own: KnownRecord, calls: VaultCalls): Promise<Outcome<Changed>> {
  const trusted = await calls.trust()
  if (!trusted.ok) return trusted
  const asking = await calls.ask({ kind: 'secret.list', paths: [path] })
  if (!asking.ok) return asking
  const answer = await calls.post('/v1/secrets/receipts', asking.value.body, receiptsResponse)
  if (!answer.ok) return answer
  const { finished, signers } = receiptsHold(answer.value.receipts, { digest: own.digest, seq: own.record.seq }, trusted.value.keys)
  return ok(changed(own, signers, !finished))
}

export interface WriteOptions {
  /** The version that it must follow, 0 for none: a write on top of another is refused. */
  readonly cas?: number | undefined
}

/** A new version. */
export const writeSecret = (path: SecretPath, value: SecretValue, { cas }: WriteOptions, calls: VaultCalls): Promise<Outcome<Changed>> =>
  change(path, async (before) => planWrite(path, value, cas, before, calls), calls)

async function planWrite(path: SecretPath, value: SecretValue, cas: number | undefined, before: VaultRecord | undefined, calls: VaultCalls): Promise<Outcome<Planned>> {
  const trusted = await calls.trust()
  if (!trusted.ok) return trusted
  // Whoever shows another keyset could read what is closed to it.
  if (!trusted.value.pinned) return failed('keyset_unpinned')
  const { current, versions } = before ?? { current: 0, versions: [] }
  if (cas !== undefined && cas !== current && !(cas === 0 && versions.length === 0)) return failed('check_and_set_failed', { detail: `${path}: the newest version is ${current}` })
  const mode = combineOf(path, trusted.value.keyset)
  if (mode === undefined) return failed('namespace_unknown', { detail: fieldsOf(path).namespace })
  const version = current + 1
  const sealed = await seal({ value, label: labelOf(path, { combine: mode, version, type: value.type }), keys: trusted.value.keys })
  if (!sealed.ok) return sealFailure(sealed.error)
  const question = { kind: 'secret.write', version, type: value.type, combine: mode, ciphertext: sealed.value.digest, size: sealed.value.size, ...(cas === undefined ? {} : { cas }) } as const
  return ok({ question, sealed: sealed.value })
}

const combineOf = (path: SecretPath, { namespaces }: { readonly namespaces?: readonly { readonly id: string; readonly combine: Combine }[] | undefined }): Combine | undefined =>
  namespaces?.find(({ id }) => id === fieldsOf(path).namespace)?.combine

/** RFC 7396 on the first level: null takes a member out. */
export const merged = (data: Readonly<Record<string, unknown>>, patch: Readonly<Record<string, Json>>): ValueOf<'string'>['data'] =>
  // JSON either way; only one of the two types says that it may be written to.
  Object.fromEntries(Object.entries({ ...data, ...patch }).filter(([, value]) => value !== null)) as ValueOf<'string'>['data']

export interface Beside {
  readonly settings?: Settings | undefined
  readonly custom?: Readonly<Record<string, string>> | undefined
  readonly tags?: readonly string[] | undefined
}
