import { receiptsHold, type Receipts } from '@symbolon/envelope/receipts.ts'
import { seal, type Sealed } from '@symbolon/envelope/seal.ts'
import { equalBytes, toBase64url } from '@symbolon/protocol/bytes.ts'
import type { RecordIntent } from '@symbolon/protocol/intent.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { labelOf, type SecretPath } from '@symbolon/protocol/label.ts'
import type { Part } from '@symbolon/protocol/mint.ts'
import type { OpenedRecord, Settings } from '@symbolon/protocol/record.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { changeSecretResponse, receiptsResponse, type ChangeSecretResponse } from '@symbolon/protocol/vault-http.ts'
import { build, type Built } from '../intents.ts'
import { failed, ok, type Result } from '../result.ts'
import { consoleClient } from '../session.ts'
import { trouble, type Trouble } from '../trouble.ts'
import { newest } from './browse.ts'
import { byGrantElseTouch, evidenceFor, type By } from './evidence.ts'
import { notTrusted, sealTrouble } from './trouble.ts'
import { believeRecord, combineOf, type Vault } from './vault.ts'

/* A secret's next record: asked for on top of the one that the person looked at, and believed once it is signed and names what was asked. */

export type Wish =
  | { readonly act: 'secret.write'; readonly value: SecretValue }
  | { readonly act: 'secret.delete' | 'secret.undelete' | 'secret.destroy'; readonly versions: readonly number[] }
  /** The secret, with all that is known of it. */
  | { readonly act: 'secret.destroy'; readonly all: true }
  | { readonly act: 'secret.meta'; readonly settings: Settings; readonly custom: Readonly<Record<string, string>>; readonly tags: readonly string[] }

export interface Changed {
  readonly known: OpenedRecord
  /** Until t signers have receipted it, it is pending. */
  readonly receipts: Receipts
  readonly signers: readonly Part[]
}

/** A failure, and what the secret has become meanwhile, where that is why. */
export interface Unchanged {
  readonly trouble: Trouble
  readonly meanwhile?: OpenedRecord
}

export interface Base {
  readonly path: SecretPath
  /** What the person looked at; undefined: there was nothing. */
  readonly known: OpenedRecord | undefined
}

/** Another writer may take a sequence number, or be first without being in the way. */
const mostTries = 5

export async function change({ path, known }: Base, wish: Wish, vault: Vault): Promise<Result<Changed, Unchanged>> {
  let [on, seq, by]: [OpenedRecord | undefined, number, By] = [known, nextSeq(known), 'grant']
  for (let tries = 1; ; tries += 1) {
    const tried = await attempt({ path, on, seq, by, wish }, vault)
    if (tried.ok) return tried
    const { code } = tried.error
    if (tries === mostTries) return failed({ trouble: tried.error })
    if (code === 'touch_required' && by === 'grant') by = 'touch'
    else if (code === 'sequence_taken') seq += 1
    else if (code === 'record_stale' || code === 'check_and_set_failed') {
      const found = await newest(path, vault)
      if (!found.ok) return failed({ trouble: found.error })
      const meanwhile = found.value
      if (meanwhile === undefined || meanwhile.digest === on?.digest) return failed({ trouble: tried.error })
      if (isInTheWay(wish, known, meanwhile)) return failed({ trouble: conflict, meanwhile })
      on = meanwhile
      seq = nextSeq(on)
    } else return failed({ trouble: tried.error })
  }
}

const conflict = trouble('check_and_set_failed', 'Somebody changed this secret meanwhile; nothing of yours was written', 'What you entered is still here. Look at the newest version, then decide whether yours shall follow it.')

const nextSeq = (known: OpenedRecord | undefined): number => (known?.record.seq ?? 0) + 1

/** Does what happened meanwhile make this another wish than the person had? */
export function isInTheWay(wish: Wish, before: OpenedRecord | undefined, { record, digest }: OpenedRecord): boolean {
  if (before === undefined || before.record.removed) return !record.removed
  if (record.removed || record.created !== before.record.created) return true
  if (wish.act === 'secret.write') return record.current !== before.record.current
  if (wish.act === 'secret.meta') return !equalBytes(besides(record), besides(before.record))
  return 'all' in wish && digest !== before.digest
}
const besides = ({ settings, custom, tags }: OpenedRecord['record']): Uint8Array => canonical({ settings, custom, tags })

interface Attempt {
  readonly path: SecretPath
  readonly on: OpenedRecord | undefined
  readonly seq: number
  readonly by: By
  readonly wish: Wish
}

async function attempt(tried: Attempt, vault: Vault): Promise<Result<Changed, Trouble>> {
  const asked = await compose(tried, vault)
  if (!asked.ok) return asked
  const { built, sealed } = asked.value
  const evidence = await evidenceFor(built, tried.by, vault)
  if (!evidence.ok) return evidence
  const request = { intent: built.bytes, evidence: [evidence.value], ...(sealed === undefined ? {} : { head: sealed.head, body: toBase64url(sealed.body) }) }
  const send = () => vault.post('/v1/secrets/change', request, changeSecretResponse)
  const first = await send()
  // Whether it arrived is unknown. The same intent yields the same record, however often it is sent.
  const answer = !first.ok && first.error.code === 'vault_unreachable' ? await send() : first
  return answer.ok ? judge(answer.value, asked.value, vault) : answer
}

interface Composed {
  readonly built: Built<RecordIntent>
  readonly sealed?: Sealed
}

async function compose({ path, on, seq, wish }: Attempt, vault: Vault): Promise<Result<Composed, Trouble>> {
  const common = { sub: vault.session.sub, client: consoleClient, path, previous: on?.digest ?? null, seq }
  if (wish.act === 'secret.write') {
    const follows = on?.record.current ?? 0
    const closed = await close(path, follows + 1, wish.value, vault)
    if (!closed.ok) return closed
    const { head, digest, size } = closed.value
    const { version, type, combine } = head.label
    return ok({ sealed: closed.value, built: build({ kind: wish.act, ...common, version, type, combine, ciphertext: digest, size, cas: follows }, vault.deployment) })
  }
  if (wish.act === 'secret.meta') return ok({ built: build({ kind: wish.act, ...common, settings: wish.settings, custom: { ...wish.custom }, tags: [...wish.tags] }, vault.deployment) })
  if ('all' in wish) return ok({ built: build({ kind: wish.act, ...common, all: true }, vault.deployment) })
  return ok({ built: build({ kind: wish.act, ...common, versions: wish.versions.toSorted((a, b) => a - b) }, vault.deployment) })
}

async function close(path: SecretPath, version: number, value: SecretValue, vault: Vault): Promise<Result<Sealed, Trouble>> {
  const combine = combineOf(path, vault)
  if (combine === undefined) return failed(trouble('namespace_unknown', 'The roster has no such namespace', 'Use a namespace of the roster; a guardian can add one.'))
  const sealed = await seal({ value, label: labelOf(path, { combine, version, type: value.type }), keys: vault.keys })
  return sealed.ok ? sealed : failed(sealTrouble(sealed.error))
}

/** Signed by the quorum, and made for this very intent: what it says follows from that. The ciphertext is compared besides. */
function judge({ record: signed, receipts, signers }: ChangeSecretResponse, { built, sealed }: Composed, vault: Vault): Result<Changed, Trouble> {
  const { path, seq, previous } = built.intent
  const believed = believeRecord(signed, path, vault)
  if (!believed.ok) return believed
  const { record, digest } = believed.value
  const isAsked = record.intent === built.digestText && record.seq === seq && record.previous === previous && record.act === built.intent.kind
  const isOurs = sealed === undefined || record.versions.some(({ version, ciphertext }) => version === sealed.head.label.version && ciphertext === sealed.digest)
  return isAsked && isOurs ? ok({ known: believed.value, receipts: receiptsHold(receipts, { digest, seq }, vault.keys), signers }) : failed(notTrusted.record_differs)
}

/** Of a change that is pending: the signers are asked again. */
export async function askReceipts({ record, digest }: OpenedRecord, vault: Vault): Promise<Result<Receipts, Trouble>> {
  const answer = await byGrantElseTouch(async (by) => {
    const built = build({ kind: 'secret.list', sub: vault.session.sub, client: consoleClient, paths: [record.path] }, vault.deployment)
    const evidence = await evidenceFor(built, by, vault)
    return evidence.ok ? vault.post('/v1/secrets/receipts', { intent: built.bytes, evidence: [evidence.value] }, receiptsResponse) : evidence
  })
  if (!answer.ok) return answer
  const believed = believeRecord(answer.value.record, record.path, vault)
  if (!believed.ok) return believed
  return believed.value.digest === digest ? ok(receiptsHold(answer.value.receipts, { digest, seq: record.seq }, vault.keys)) : failed(notTrusted.receipts_differ)
}
