import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { isRecordIntent, type RecordIntent } from '@symbolon/protocol/intent.ts'
import type { Part } from '@symbolon/protocol/mint.ts'
import type { ProvenReceipt } from '@symbolon/protocol/open.ts'
import { encodeRecord, type SignedRecord } from '@symbolon/protocol/record.ts'
import type { ChangeSecretRequest } from '@symbolon/protocol/vault-http.ts'
import type { GrantedRecord, Refused } from '@symbolon/policy/judgement.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { count, judge, refusalOf, sign, type Call } from '@symbolon/front/judging.ts'
import { catchUp } from './catch-up.ts'
import { checkBrought } from './ciphertext.ts'
import type { Ciphertext, StoredSecret, Verified } from './store.ts'
import { intentOf, type Vaulting } from './vaulting.ts'

export interface ChangeCall extends Call {
  readonly request: ChangeSecretRequest
}

export interface Changed {
  readonly ok: true
  readonly record: SignedRecord
  readonly receipts: readonly ProvenReceipt[]
  /** Fewer than t signers have receipted it. */
  readonly pending: boolean
  readonly signers: readonly Part[]
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The one way to a secret's next record. Judged first, by what the intent itself names as its predecessor: a denial tells nothing of what is
 * stored. Then everything that could make the new state unreadable; then the signers; then one statement decides who of several writers won.
 */
export async function changeSecret(call: ChangeCall, parts: Vaulting): Promise<Changed | Failure> {
  const { request, timer, event } = call
  const intent = intentOf(request.intent)
  if (intent !== undefined && !isRecordIntent(intent)) return fail('intent_malformed', { detail: 'The intent must be one that changes a secret.' })
  const before = intent !== undefined ? await timer.measure('store', () => standing(intent, parts)) : nothing
  const shown = { ...call, request: { ...request, records: before.predecessor } }
  const judged = await timer.measure('policy', () => judge(shown, parts))
  if (judged.verdict === 'refused') return refusedChange(judged, before.newest, parts)
  if (judged.verdict !== 'granted') return refusalOf(judged)
  if (judged.grants !== 'record') throw new TypeError('an intent that changes a secret is granted a record')
  event.learn({ scope: judged.decision.scope.join(' ') })
  event.note({ path: judged.intent.path, act: judged.intent.kind, seq: judged.record.seq, ...(judged.intent.kind === 'secret.write' ? { version: judged.intent.version } : {}) })
  const brought = broughtBy(request, judged.intent, parts)
  if (!brought.ok) return brought
  const made = before.newest === undefined ? undefined : parts.records.held(before.newest)
  if (before.newest !== undefined && made === undefined) return altered(judged.intent, parts)
  // Sent again, because the answer was lost.
  if (made?.record.intent === toBase64url(judged.digest)) return again(made, judged, parts)
  if ((made?.digest ?? null) !== judged.intent.previous) return stale()
  return commit(shown, judged, brought.value, parts)
}

interface Standing {
  readonly newest?: StoredSecret | undefined
  /** The record that the intent follows, if there is such a one. */
  readonly predecessor: readonly SignedRecord[]
}
const nothing: Standing = { predecessor: [] }

async function standing({ path, previous }: RecordIntent, { store }: Vaulting): Promise<Standing> {
  const newest = (await store.newest([path])).get(path)
  if (previous === null) return { newest, predecessor: [] }
  const named = newest?.digest === previous ? newest.signed : await store.recordAt(path, previous)
  return { newest, predecessor: named === undefined ? [] : [named] }
}

const stale = (more: Partial<Failure> = {}): Failure => fail('record_stale', { detail: 'The secret has a newer record than the one that the change follows. Read it, and repeat the change on top of it.', ...more })

/** A record is looked at once the policy has said yes. One that does not hold was altered here, or is unknown here: then the caller is behind. */
async function refusedChange(judged: Refused, newest: StoredSecret | undefined, parts: Vaulting): Promise<Failure> {
  const { intent, reasons } = judged
  if (!['record_invalid', 'check_and_set_failed'].includes(reasons[0].code) || intent === undefined || !isRecordIntent(intent)) return refusalOf(judged)
  if (newest !== undefined && parts.records.held(newest) === undefined) return altered(intent, parts)
  return intent.previous === (newest?.digest ?? null) ? refusalOf(judged) : stale()
}

function broughtBy({ head, body }: ChangeSecretRequest, intent: RecordIntent, { vault }: Vaulting): { readonly ok: true; readonly value: Ciphertext | undefined } | Failure {
  if (intent.kind === 'secret.write') return checkBrought({ head, body }, intent, vault)
  return head === undefined && body === undefined ? { ok: true, value: undefined } : fail('malformed', { detail: 'Only a write brings a ciphertext.' })
}

/** Somebody edited the row. What the signers know takes its place; the caller begins anew from there. */
async function altered({ path }: RecordIntent, parts: Vaulting): Promise<Failure> {
  parts.log.error({ path }, 'the record that lies here is not one that the quorum signed for this secret')
  return (await catchUp(path, parts)) ? stale() : fail('store_damaged', { detail: 'The vault’s record of this secret was altered, and the signers could not be asked for theirs.' })
}

async function again(made: Verified, judged: GrantedRecord, parts: Vaulting): Promise<Changed | Failure> {
  const counted = await count(judged.principal.id, parts)
  if (!counted.ok) return counted
  return { ok: true, record: made.signed, ...(await parts.receipts.gather(made)), signers: [], headers: counted.headers }
}

/** @param call with the predecessor, which travels to the signers */
async function commit(call: Call, judged: GrantedRecord, ciphertext: Ciphertext | undefined, parts: Vaulting): Promise<Changed | Failure> {
  const { timer } = call
  const { path } = judged.intent
  const signed = await sign(call, judged, parts)
  if (!signed.ok) {
    // The signers know of a record that was lost here. They are asked for it, so that the caller finds it.
    if (signed.code === 'record_stale') await catchUp(path, parts)
    return signed
  }
  const made: Verified = { record: judged.record, digest: judged.recordDigest, signed: { record: toBase64url(encodeRecord(judged.record)), signature: toBase64url(signed.signature) } }
  if (!(await timer.measure('store', () => parts.store.advance(made, ciphertext)))) return stale({ headers: signed.headers })
  const gathered = await timer.measure('quorum', () => parts.receipts.gather(made))
  return { ok: true, record: made.signed, ...gathered, signers: signed.signers, headers: signed.headers }
}
