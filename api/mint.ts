import { verify, type KeyObject } from 'node:crypto'
import { bytesOf, fromBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { Asserted } from '@symbolon/protocol/evidence.ts'
import type { TokenRequest } from '@symbolon/protocol/http.ts'
import type { MintItem, MintOutcome, Part } from '@symbolon/protocol/mint.ts'
import { assembleToken, type TokenClaims } from '@symbolon/protocol/token.ts'
import type { Granted, GrantedToken, Judgement } from '@symbolon/policy/judgement.ts'
import { tokenHash, type AuditEvent } from './event.ts'
import { fail, type Failure } from './failure.ts'
import type { Judges } from './judges.ts'
import { limitHeaders, type Limiter } from './limiter.ts'
import type { Quorum, QuorumAnswer } from './quorum.ts'
import type { Timer } from './timing.ts'

/** What minting needs of the process. */
export interface MintParts {
  readonly judges: Judges
  readonly quorum: Quorum
  /** Per principal. */
  readonly identities: Limiter
  /** The token group's public key: nothing leaves that it does not verify. */
  readonly groupKey: KeyObject
  readonly roster: number
  readonly policy: MintItem['policy']
  /** What people call the signers. */
  readonly names: ReadonlyMap<number, string>
  /** Seconds. */
  clock(): number
}

/** One request, read but not believed. */
export interface MintCall {
  readonly request: TokenRequest
  readonly asserted: Asserted
  readonly requestId: string
  readonly event: AuditEvent
  readonly timer: Timer
}

export interface Minted {
  readonly ok: true
  readonly token: string
  readonly claims: TokenClaims
  readonly signers: readonly Part[]
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The one way to a token, for `/v1/tokens` and `/oauth/token` alike: judge, so that a no is fast and explained; count, now that the
 * principal is known; ask the quorum, whose yes alone makes a token; verify what came back before anyone sees it.
 */
export async function mint(call: MintCall, parts: MintParts): Promise<Minted | Failure> {
  const judged = await call.timer.measure('policy', () => judge(call, parts))
  if (judged.verdict !== 'granted') return refusalOf(judged)
  if (judged.grants !== 'token') throw new TypeError('an intent of kind token is granted a token')
  const counted = await call.timer.measure('authenticate', () => count(judged.principal.id, parts))
  if (!counted.ok) return counted
  const answer = await call.timer.measure('quorum', () => parts.quorum.sign(itemOf(call, judged, parts)))
  if (answer.ok && answer.timings !== undefined) call.timer.add('log', answer.timings.log_us / 1000)
  const signed = signatureOf(answer, parts.names)
  if (!signed.ok) return { ...signed, headers: counted.headers }
  const signature = fromBase64url(signed.signature)
  if (signature === undefined || !verify(null, utf8(judged.message), parts.groupKey, signature)) return fail('quorum_faulty', { detail: 'The coordinator gave a signature that does not verify.', signers: signed.signers })
  const token = assembleToken(judged.message, signature)
  call.event.learn({ token_hash: tokenHash(token), signers: signed.signers })
  return { ok: true, token, claims: judged.claims, signers: signed.signers, headers: counted.headers }
}

/** Judges, dry or not, and notes what the judgement found out; shared with explain, so that both say the same. */
export async function judge({ request, asserted, event }: Pick<MintCall, 'request' | 'asserted' | 'event'>, { judges, clock }: Pick<MintParts, 'judges' | 'clock'>, how: 'judge' | 'explain' = 'judge'): Promise<Judgement> {
  const intent = bytesOf(request.intent)
  const judged = await judges[how]({ intent, evidence: request.evidence, approvals: [], asserted }, clock())
  event.learn({ decision: judged.verdict, evidence_kind: request.evidence.map(({ kind }) => kind).join(' ') })
  if (judged.verdict === 'unavailable') return judged
  if (judged.principal !== undefined) event.learn({ principal: judged.principal.id })
  if (judged.digest !== undefined) event.learn({ intent: Buffer.from(judged.digest).toString('base64url') })
  if (judged.intent?.kind === 'token') event.learn({ scope: judged.intent.scope.join(' '), aud: judged.intent.aud })
  if (judged.verdict === 'refused' && judged.reasons[0].rule !== undefined) event.learn({ rule: judged.reasons[0].rule })
  return judged
}

export function refusalOf(judged: Exclude<Judgement, Granted>): Failure {
  if (judged.verdict === 'unavailable') return fail(judged.code)
  const [first] = judged.reasons
  return fail(first.code, { detail: first.message, reasons: judged.reasons, ...(judged.decision === undefined ? {} : { decision: judged.decision }) })
}

export async function count(principal: string, { identities }: Pick<MintParts, 'identities'>): Promise<{ readonly ok: true; readonly headers: Record<string, string> } | Failure> {
  const allowance = await identities.take(principal)
  const headers = limitHeaders([{ limiter: identities, allowance }])
  if (allowance.ok) return { ok: true, headers }
  return allowance.reason === 'broken' ? fail('not_ready', { detail: 'The store of the rate limits does not answer.' }) : fail('limited', { detail: `This identity may ask ${identities.quota} times a minute.`, retryAfter: allowance.resetSeconds, headers })
}

const itemOf = ({ request, asserted, requestId }: MintCall, judged: GrantedToken, { roster, policy }: MintParts): MintItem => ({
  request_id: requestId,
  purpose: 'token',
  roster,
  policy,
  intent: request.intent,
  evidence: request.evidence,
  approvals: [],
  asserted,
  records: [],
  bytes: judged.message,
})

type Signed = { readonly ok: true; readonly signature: Extract<MintOutcome, { outcome: 'signed' }>['signature']; readonly signers: readonly Part[] }

/** Refused, unreachable and faulty are different things to be told, and to do something about. */
function signatureOf(answer: QuorumAnswer, names: MintParts['names']): Signed | Failure {
  if (!answer.ok) return fail(answer.code, { detail: answer.detail })
  const { outcome } = answer
  switch (outcome.outcome) {
    case 'signed':
      return { ok: true, signature: outcome.signature, signers: outcome.parts }
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

const missing = (parts: readonly Part[], names: MintParts['names']): string => {
  const without = parts.filter(({ state }) => state !== 'signed' && state !== 'unused').map(({ signer, state, code }) => `${names.get(signer) ?? `signer ${signer}`} ${code ?? state}`)
  return without.length === 0 ? 'Too few signers answer.' : `Too few signers answer: ${without.join(', ')}.`
}

/** Signers that judge alike say the same; each thing is told once, in the order in which it was first said. */
function distinct<T>(items: readonly T[]): T[] {
  const seen = new Map(items.map((item) => [JSON.stringify(item), item]))
  return [...seen.values()]
}
