import { verify, type KeyObject } from 'node:crypto'
import type { Approval } from '@symbolon/protocol/approval.ts'
import { bytesOf, fromBase64url, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Asserted, Evidence } from '@symbolon/protocol/evidence.ts'
import type { RefusalCode } from '@symbolon/protocol/errors.ts'
import type { MintItem, MintOutcome, Part } from '@symbolon/protocol/mint.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import type { Explained, GrantedSigned, Judgement, Refused, Ruled, Unavailable } from '@symbolon/policy/judgement.ts'
import type { AuditEvent } from './event.ts'
import { fail, type Failure } from './failure.ts'
import type { Judges } from './judges.ts'
import { limitHeaders, type Limiter } from './limiter.ts'
import type { Quorum, QuorumAnswer } from './quorum.ts'
import type { FrontRequest } from './route.ts'
import type { Timer } from './timing.ts'

/* The way of every request that signers answer: judge early, so that a no is fast and explained; count, now that the principal is known; ask the quorum. */

/** What judging early needs. */
export interface Judging {
  readonly judges: Judges
  /** Per principal. */
  readonly identities: Limiter
  /** Seconds. */
  clock(): number
  /** Told when somebody asks who is not known here: the roster may have grown since this process last looked. */
  stranger?(): void
}

/** Why somebody is not known, as far as a newer roster could change it. */
const strange: ReadonlySet<string> = new Set(['passkey_unknown', 'key_unknown', 'issuer_unknown', 'trust_none'] satisfies RefusalCode[])

/** What a signature of the quorum needs. */
export interface Signing {
  readonly identities: Limiter
  readonly quorum: Quorum
  /** The public key of the group that signs: nothing leaves that it does not verify. */
  readonly groupKey: KeyObject
  /** What people call the signers. */
  readonly names: ReadonlyMap<number, string>
  /** What the judgement went by: signers of another version do not sign. */
  readonly roster: number
  readonly policy: MintItem['policy']
}

/** Only what is here travels to the signers. */
export interface Asked {
  readonly intent: Base64url
  readonly evidence: readonly Evidence[]
  readonly approvals?: readonly Approval[] | undefined
  /** That the intent speaks of. */
  readonly records?: readonly SignedRecord[] | undefined
}

/** One request, read but not believed. */
export interface Call {
  readonly request: Asked
  readonly asserted: Asserted
  readonly requestId: string
  readonly event: AuditEvent
  readonly timer: Timer
}

export const callOf = <R extends Asked>({ address, requestId, event, timer }: FrontRequest, request: R) => ({ request, asserted: { address }, requestId, event, timer }) satisfies Call

/** Judges, dry or not, and notes what the judgement found out, yes or no. */
export async function judge(call: Pick<Call, 'request' | 'asserted' | 'event'>, parts: Pick<Judging, 'judges' | 'clock' | 'stranger'>, how?: 'judge'): Promise<Judgement>
export async function judge(call: Pick<Call, 'request' | 'asserted' | 'event'>, parts: Pick<Judging, 'judges' | 'clock' | 'stranger'>, how: 'explain'): Promise<Explained>
export async function judge({ request, asserted, event }: Pick<Call, 'request' | 'asserted' | 'event'>, { judges, clock, stranger }: Pick<Judging, 'judges' | 'clock' | 'stranger'>, how: 'judge' | 'explain' = 'judge'): Promise<Judgement | Explained> {
  const { intent, evidence, approvals = [], records = [] } = request
  const judged = await judges[how]({ intent: bytesOf(intent), evidence, approvals, asserted, ...(records.length === 0 ? {} : { records }) }, clock())
  event.learn({ decision: judged.verdict, evidence_kind: kindsOf(evidence) })
  if (judged.verdict === 'unavailable') return judged
  if (judged.principal !== undefined) event.learn({ principal: judged.principal.id })
  if (judged.digest !== undefined) event.learn({ intent: toBase64url(judged.digest) })
  if (judged.verdict === 'refused' && judged.reasons[0].rule !== undefined) event.learn({ rule: judged.reasons[0].rule })
  if (judged.verdict === 'refused' && strange.has(judged.reasons[0].code)) stranger?.()
  return judged
}

/** For intents that nothing is signed for. */
export async function rule({ intent, evidence }: Asked, event: AuditEvent, { judges, clock }: Pick<Judging, 'judges' | 'clock'>): Promise<{ readonly ok: true; readonly value: Ruled } | Failure> {
  event.learn({ evidence_kind: kindsOf(evidence) })
  const ruling = await judges.rule({ intent: bytesOf(intent), evidence, approvals: [] }, clock())
  if (ruling.verdict !== 'granted') return refusalOf(ruling)
  event.learn({ principal: ruling.principal.id, intent: toBase64url(ruling.digest), decision: 'granted' })
  return { ok: true, value: ruling }
}

const kindsOf = (evidence: readonly Evidence[]): string => evidence.map(({ kind }) => kind).join(' ')

export function refusalOf(judged: Refused | Unavailable): Failure {
  if (judged.verdict === 'unavailable') return fail(judged.code)
  const [first] = judged.reasons
  return fail(first.code, { detail: first.message, reasons: judged.reasons, ...(judged.decision === undefined ? {} : { decision: judged.decision }) })
}

export async function count(principal: string, { identities }: Pick<Judging, 'identities'>): Promise<{ readonly ok: true; readonly headers: Record<string, string> } | Failure> {
  const allowance = await identities.take(principal)
  const headers = limitHeaders([{ limiter: identities, allowance }])
  if (allowance.ok) return { ok: true, headers }
  return allowance.reason === 'broken' ? fail('not_ready', { detail: 'The store of the rate limits does not answer.' }) : fail('limited', { detail: `This identity may ask ${identities.quota} times a minute.`, retryAfter: allowance.resetSeconds, headers })
}

export interface Signed {
  readonly ok: true
  readonly signature: Uint8Array
  readonly signers: readonly Part[]
  readonly headers: Readonly<Record<string, string>>
}

export interface Given<O> {
  readonly ok: true
  readonly outcome: O
  readonly headers: Readonly<Record<string, string>>
}

/** Counts the principal, asks the quorum, whose yes alone gives anything, and tells its noes apart. */
export async function ask<O extends { readonly outcome: string }>({ timer }: Pick<Call, 'timer'>, principal: string, question: () => Promise<QuorumAnswer<O | Declined>>, { identities, names }: Pick<Signing, 'identities' | 'names'>): Promise<Given<O> | Failure> {
  const counted = await timer.measure('authenticate', () => count(principal, { identities }))
  if (!counted.ok) return counted
  const answer = await timer.measure('quorum', question)
  if (!answer.ok) return fail(answer.code, { detail: answer.detail, headers: counted.headers })
  const { outcome, timings } = answer
  if (timings !== undefined) timer.add('log', timings.log_us / 1000)
  return isDeclined(outcome) ? { ...failureOf(outcome, names), headers: counted.headers } : { ok: true, outcome, headers: counted.headers }
}

/** Asks for a signature, and verifies what came back before anyone sees it. */
export async function sign(call: Call, judged: GrantedSigned, parts: Signing): Promise<Signed | Failure> {
  const given = await ask<SignedOutcome>(call, judged.principal.id, () => parts.quorum.sign(itemOf(call, judged, parts)), parts)
  if (!given.ok) return given
  const { parts: signers } = given.outcome
  const signature = fromBase64url(given.outcome.signature)
  if (signature === undefined || !verify(null, utf8(judged.message), parts.groupKey, signature)) return fail('quorum_faulty', { detail: 'The coordinator gave a signature that does not verify.', signers })
  call.event.learn({ signers })
  return { ok: true, signature, signers, headers: given.headers }
}

const itemOf = ({ request: { intent, evidence, approvals = [], records = [] }, asserted, requestId }: Call, { grants, message }: GrantedSigned, { roster, policy }: Signing): MintItem => ({
  request_id: requestId,
  purpose: grants,
  roster,
  policy,
  intent,
  evidence: [...evidence],
  approvals: [...approvals],
  asserted,
  records: [...records],
  bytes: message,
})

/** How a quorum says no, whatever it was asked for. */
type Declined = Exclude<MintOutcome, SignedOutcome>
type SignedOutcome = Extract<MintOutcome, { outcome: 'signed' }>

const isDeclined = (outcome: { readonly outcome: string }): outcome is Declined => ['refused', 'unreachable', 'faulty'].includes(outcome.outcome)

/** Refused, unreachable and faulty are different things to be told, and to do something about. */
function failureOf(outcome: Declined, names: Signing['names']): Failure {
  switch (outcome.outcome) {
    case 'refused': {
      const reasons = distinct(outcome.refusals.flatMap((refusal) => refusal.reasons))
      return fail(reasons[0]?.code ?? 'policy_denied', { detail: `${outcome.refusals.length} signers refused.`, reasons, refusals: outcome.refusals, signers: outcome.parts })
    }
    case 'unreachable':
      return fail(outcome.code, { detail: missing(outcome.parts, names), signers: outcome.parts, ...(outcome.retry_after === undefined ? {} : { retryAfter: outcome.retry_after }) })
    case 'faulty':
      return fail('quorum_faulty', { signers: outcome.parts })
  }
}

const missing = (parts: readonly Part[], names: Signing['names']): string => {
  const without = parts.filter(({ state }) => !['signed', 'opened', 'unused'].includes(state)).map(({ signer, state, code }) => `${names.get(signer) ?? `signer ${signer}`} ${code ?? state}`)
  return without.length === 0 ? 'Too few signers answer.' : `Too few signers answer: ${without.join(', ')}.`
}

/** Signers that judge alike say the same; each thing is told once, in the order in which it was first said. */
function distinct<T>(items: readonly T[]): T[] {
  const seen = new Map(items.map((item) => [JSON.stringify(item), item]))
  return [...seen.values()]
}
