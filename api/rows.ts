import { entryDigest, type Entry, type Stop } from '@symbolon/protocol/book.ts'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Word } from '@symbolon/protocol/change.ts'
import type { Reason } from '@symbolon/protocol/reason.ts'
import { isRooted } from '@symbolon/roster/effective.ts'
import type { AuditEvent } from '@symbolon/front/event.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { count, rule } from '@symbolon/front/judging.ts'
import type { ChangeParts } from './changes.ts'
import type { Serving } from './serving.ts'

/* What a row does to itself, and what stops somebody: straight to the signers, for nothing of it waits for anybody. */

type Said = { readonly ok: true; readonly digest: Base64url; readonly words: readonly Word[]; readonly headers: Readonly<Record<string, string>> } | Failure

/** An enrolment or a rotation. Only what costs nothing is looked at here; counted by the row that it is for. */
export async function enter(entry: Entry, event: AuditEvent, serving: Serving, { wire, follow, state }: ChangeParts): Promise<Said> {
  const { statement } = entry
  const digest = entryDigest(statement)
  event.learn({ intent: digest, principal: statement.row, evidence_kind: statement.kind })
  if (statement.lineage !== serving.deployment.lineage) return fail('wrong_deployment', { detail: 'The entry was made for another deployment.' })
  if (!isRooted(state().document, statement)) return statement.kind === 'enrolment' ? fail('invitation_invalid') : fail('key_unknown', { detail: 'The roster has no such row with that key as its newest.' })
  const counted = await count(statement.row, serving.minting)
  if (!counted.ok) return counted
  const answer = await wire.change({ v: 1, what: 'entry', entry })
  if (!answer.ok) return fail(answer.code, { headers: counted.headers })
  const { value } = answer
  if (value.state === 'not_now') return fail(value.code, { words: value.words, headers: counted.headers })
  if (value.state === 'refused') return refusedBy(value.reasons, value.words, counted.headers)
  event.learn({ decision: 'granted' })
  await follow()
  return { ok: true, digest, words: value.words, headers: counted.headers }
}

/** A revocation or a lock, to every signer. With t that keep it, one that is honest does. */
export async function stopIt(stop: Stop, event: AuditEvent, serving: Serving, { wire, follow }: ChangeParts): Promise<Said> {
  const { minting, deployment } = serving
  const ruled = await rule(stop, event, minting)
  if (!ruled.ok) return ruled
  const { value: ruling } = ruled
  if (ruling.stop === undefined) return fail('intent_malformed', { detail: 'Only intents of kind revoke and lock stop anything.' })
  const digest = toBase64url(ruling.digest)
  const counted = await count(ruling.principal.id, minting)
  if (!counted.ok) return counted
  const answer = await wire.stop(stop)
  if (!answer.ok) return fail(answer.code, { headers: counted.headers })
  const { words, reasons } = answer.value
  const kept = words.filter(({ state }) => state === 'kept').length
  if (kept > 0) await follow()
  if (kept >= deployment.group.t) return { ok: true, digest, words, headers: counted.headers }
  if (words.filter(({ state }) => state === 'refused').length > words.length - deployment.group.t) return refusedBy(reasons, words, counted.headers)
  return fail('quorum_unavailable', { detail: `${kept} of ${deployment.group.t} signers keep it. Send it again.`, words, headers: counted.headers })
}

function refusedBy(reasons: readonly Reason[], words: readonly Word[], headers: Readonly<Record<string, string>>): Failure {
  const [first] = reasons
  return fail(first?.code ?? 'policy_denied', { ...(first === undefined ? {} : { detail: first.message, reasons }), words, headers })
}
