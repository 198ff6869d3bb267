import type { CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import type { SecretPath } from '@symbolon/protocol/label.ts'
import type { Part } from '@symbolon/protocol/mint.ts'
import type { OpenOutcome, OpenWish, SealedPartials } from '@symbolon/protocol/open.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import type { ReadRequest } from '@symbolon/protocol/vault-http.ts'
import type { GrantedReading, Refused } from '@symbolon/policy/judgement.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { ask, judge, refusalOf, type Call } from '@symbolon/front/judging.ts'
import { catchUp } from './catch-up.ts'
import { openStored } from './ciphertext.ts'
import { receiptAgain } from './receipts.ts'
import type { Ciphertext, StoredSecret } from './store.ts'
import { intentOf, type Vaulting } from './vaulting.ts'

export interface ReadCall extends Call {
  readonly request: ReadRequest
}

/** What the caller needs to open its secrets; nobody else can. */
export interface Opened {
  readonly ok: true
  /** In the intent's order. */
  readonly secrets: readonly { readonly path: SecretPath; readonly record: SignedRecord; readonly head: CiphertextHead; readonly body: Uint8Array }[]
  readonly epoch: number
  readonly opened: readonly { readonly signer: number; readonly sealed: SealedPartials }[]
  readonly signers: readonly Part[]
  readonly headers: Readonly<Record<string, string>>
}

/** The one way to secrets: judged early, then by t signers, each of which seals its part to the key that the intent names. */
export async function readSecrets(call: ReadCall, parts: Vaulting): Promise<Opened | Failure> {
  const { request, timer, event } = call
  const intent = intentOf(request.intent)
  if (intent !== undefined && intent.kind !== 'secret.read') return fail('intent_malformed', { detail: 'The intent must be of kind secret.read.' })
  const rows = await timer.measure('store', () => rowsOf(intent?.labels.map(({ path }) => path) ?? [], parts))
  const judged = await timer.measure('policy', () => judge({ ...call, request: { ...request, records: rows.map(({ signed }) => signed) } }, parts))
  if (judged.verdict === 'refused') return refusedReading(call, judged, rows, parts)
  if (judged.verdict !== 'granted') return refusalOf(judged)
  if (judged.grants !== 'reading') throw new TypeError('an intent of kind secret.read is granted a reading')
  event.learn({ scope: judged.decision.scope.join(' ') })
  event.note({ read: judged.openings.map(({ path, label }) => `${path}@${label.version}`) })
  const ciphertexts = await timer.measure('store', () => ciphertextsOf(judged, parts))
  return ciphertexts.ok ? open(call, { judged, rows, ciphertexts: ciphertexts.value }, parts) : ciphertexts
}

/** In the order of the paths; one that is not there has none. */
async function rowsOf(paths: readonly SecretPath[], { store }: Vaulting): Promise<StoredSecret[]> {
  if (paths.length === 0) return []
  const found = await store.newest(paths)
  return paths.flatMap((path) => found.get(path) ?? [])
}

/** Not there, deleted and not yours: one answer, whatever was found out. */
const notFound = (): Failure => fail('secret_not_found')

/** The policy comes first, so a record is only found unsound for somebody who may read it. The record of the decision alone tells a denial from an absence. */
function refusedReading({ event }: ReadCall, judged: Refused, rows: readonly StoredSecret[], parts: Vaulting): Failure {
  const { code } = judged.reasons[0]
  if (code === 'secret_not_found') {
    event.note({ denied: judged.hidden !== undefined, ...(judged.hidden === undefined ? {} : { why: judged.hidden[0].code }) })
    return notFound()
  }
  return code === 'record_invalid' ? damaged(rows, parts) : refusalOf(judged)
}

function damaged(rows: readonly StoredSecret[], parts: Vaulting): Failure {
  const altered = rows.filter((row) => parts.records.held(row) === undefined)
  for (const { path, seq } of altered) parts.log.error({ path, seq }, 'the record that lies here is not one that the quorum signed for this secret')
  return fail('store_damaged', { detail: 'A record that the vault holds is not one that the quorum signed for this secret.' })
}

async function ciphertextsOf({ openings }: GrantedReading, { store, log }: Vaulting): Promise<{ readonly ok: true; readonly value: readonly Ciphertext[] } | Failure> {
  const found = await store.ciphertexts(openings.map(({ ciphertext }) => ciphertext))
  const value: Ciphertext[] = []
  for (const { path, label, ciphertext } of openings) {
    const stored = found.get(ciphertext)
    const sound = stored === undefined ? undefined : openStored(stored)
    if (sound === undefined) {
      log.error({ path, version: label.version, ciphertext, lost: stored === undefined }, 'the ciphertext that a record names is lost or was altered')
      return fail('store_damaged', { detail: 'A ciphertext that the vault should hold is lost or was altered.' })
    }
    value.push(sound)
  }
  return { ok: true, value }
}

interface Found {
  readonly judged: GrantedReading
  readonly rows: readonly StoredSecret[]
  readonly ciphertexts: readonly Ciphertext[]
}

async function open(call: ReadCall, found: Found, parts: Vaulting): Promise<Opened | Failure> {
  const { judged, rows, ciphertexts } = found
  const given = await ask<Extract<OpenOutcome, { outcome: 'opened' }>>(call, judged.principal.id, () => parts.quorum.open(wishOf(call, found, parts)), parts)
  if (!given.ok) return refusedOpening(given, rows, parts)
  const { epoch, opened, parts: signers } = given.outcome
  call.event.learn({ signers })
  // What is pending is receipted again by whoever comes by; the answer does not wait for it.
  for (const row of rows) if (row.pending) touch(row, parts)
  const secrets = judged.openings.flatMap(({ path }, at) => {
    const [row, ciphertext] = [rows[at], ciphertexts[at]]
    return row === undefined || ciphertext === undefined ? [] : [{ path, record: row.signed, head: ciphertext.head, body: ciphertext.body }]
  })
  return { ok: true, secrets, epoch, opened, signers, headers: given.headers }
}

const wishOf = ({ request: { intent, evidence, approvals = [], avoid }, asserted, requestId }: ReadCall, { rows, ciphertexts }: Found, { roster, policy }: Vaulting): OpenWish => ({
  request_id: requestId,
  roster,
  policy,
  intent,
  evidence,
  approvals,
  asserted,
  records: rows.map(({ signed }) => signed),
  heads: ciphertexts.map(({ head }) => head),
  ...(avoid === undefined ? {} : { avoid }),
})

async function refusedOpening(failure: Failure, rows: readonly StoredSecret[], parts: Vaulting): Promise<Failure> {
  if (failure.code === 'secret_not_found') return notFound()
  // Signers know newer records. Where somebody wrote meanwhile they are here by now; where they were lost, they are fetched.
  if (failure.code === 'record_stale') await Promise.all(rows.map((row) => refresh(row, parts)))
  return failure
}

async function refresh({ path, digest }: StoredSecret, parts: Vaulting): Promise<void> {
  const held = (await parts.store.newest([path])).get(path)
  if (held !== undefined && held.digest === digest) await catchUp(path as SecretPath, parts)
}

function touch(row: StoredSecret, parts: Vaulting): void {
  const held = parts.records.held(row)
  if (held !== undefined) receiptAgain(held, parts)
}
