import type { RefusalCode } from '@symbolon/protocol/errors.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { reasonOf, type Decision, type Reason } from '@symbolon/protocol/reason.ts'
import type { Established } from '@symbolon/evidence/established.ts'
import type { Caps } from './deployment.ts'
import type { Reasons } from './judgement.ts'
import type { Question } from './question.ts'

/* From the policy's decision to what it comes to: everything between that may still refuse, and nothing that widens. */

/** `ttl`: seconds; 0 where nothing is made that lives on. */
export type Settled = { readonly ok: true; readonly ttl: number } | { readonly ok: false; readonly reasons: Reasons }

/** What one signed refusal holds. */
const mostReasons = 64

interface Asked {
  readonly decision: Decision
  readonly question: Question
  readonly established: Established
  readonly caps: Caps
}

export function settle(asked: Asked): Settled {
  const denied = asked.decision.allow ? [] : reasonsOf(asked.decision)
  const [first, ...more] = [...denied, ...(asked.decision.allow ? [...needs(asked), ...beyondCaps(asked), ...beyondCeiling(asked)] : [])].slice(0, mostReasons)
  if (first !== undefined) return { ok: false, reasons: [first, ...more] }
  return asked.question.kind === 'token' ? lifetime(asked, asked.question.ttl) : { ok: true, ttl: 0 }
}

/** The codes that a policy may give its denials; any other code of its own is shown as `policy_denied`. */
const codes = new Set<string>(['scope_not_allowed', 'audience_not_allowed', 'ttl_too_long', 'policy_denied', 'approval_required', 'touch_required'] satisfies RefusalCode[])
const isCode = (code: string): code is RefusalCode => codes.has(code)

function reasonsOf(decision: Decision): Reason[] {
  const reasons = decision.reasons.map(({ code, message, ...more }) => ({ ...more, code: isCode(code) ? code : 'policy_denied', message: message || 'The policy does not allow this.' }) satisfies Reason)
  return reasons.length > 0 ? reasons : [reasonOf('policy_denied', 'The policy does not allow this.')]
}

/** A touch is a passkey's for this very intent: what a grant or a token hands on is none. No approval of a token can be given, so what needs one is refused. */
function needs({ decision: { approvals, touch }, established: { evidence } }: Asked): Reason[] {
  const wanted = approvals.map(({ group, count }) => `${count} of ${group}`).join(', ')
  return [
    ...(approvals.length === 0 ? [] : [reasonOf('approval_required', 'This needs approvals.', { rule: 'symbolon.approvals', fact: `none given; needed: ${wanted.slice(0, 300)}`, remedy: 'Ask for a scope that needs none.' })]),
    ...(touch && evidence.kind !== 'passkey' ? [reasonOf('touch_required', 'This needs a touch of a passkey for this very request.', { rule: 'symbolon.approvals', fact: `evidence: ${evidence.kind}`, remedy: 'Ask with a passkey itself, or for a scope that needs no touch.' })] : []),
  ]
}

/** The roster's own limits, whatever a policy says; and the scope granted must be the scope asked for, no more and no less. */
function beyondCaps({ decision, question, caps }: Asked): Reason[] {
  const granted = new Set(decision.scope)
  const foreign = question.scope.filter((name) => !caps.scopes.includes(name))
  return [
    ...(granted.size === question.scope.length && question.scope.every((name) => granted.has(name)) ? [] : [reasonOf('policy_denied', 'The policy did not decide on exactly the scope asked for.', { rule: 'decision.scope' })]),
    ...foreign.map((name) => reasonOf('scope_not_allowed', 'The roster does not list this scope.', { rule: 'roster.scopes', fact: name, remedy: 'Ask for a scope of the roster.' })),
    ...(caps.audiences.includes(question.aud) ? [] : [reasonOf('audience_not_allowed', 'The roster does not list this audience.', { rule: 'roster.audiences', fact: question.aud, remedy: 'Ask for an audience of the roster.' })]),
    ...(question.kind === 'token' && question.aud === caps.facade && question.cnf !== undefined ? [reasonOf('audience_not_allowed', 'A token for the façade is bound to no key.', { rule: 'roster.vault', fact: question.aud, remedy: 'Leave out cnf; with a key, ask the vault itself.' })] : []),
  ]
}

function beyondCeiling({ question, established: { ceiling } }: Asked): Reason[] {
  const less = 'Ask for less, or sign in with stronger evidence.'
  const aud = ceiling?.aud === undefined || ceiling.aud.includes(question.aud) ? [] : [reasonOf('ceiling_exceeded', 'The evidence does not reach this audience.', { rule: 'evidence.ceiling.aud', fact: question.aud, remedy: less })]
  const beyond = ceiling?.scope === undefined ? [] : question.scope.filter((name) => !ceiling.scope?.includes(name))
  // A token that would outlive its evidence is refused by its lifetime; nothing else may be asked for after the end either.
  const late = question.kind === 'token' || (ceiling?.end ?? Infinity) > question.iat ? [] : [reasonOf('ceiling_exceeded', 'The evidence had ended when this was asked.', { rule: 'evidence.ceiling.end', fact: `${ceiling?.end}`, remedy: 'Bring newer evidence.' })]
  return [...aud, ...beyond.map((name) => reasonOf('ceiling_exceeded', 'The evidence does not reach this scope.', { rule: 'evidence.ceiling.scope', fact: name, remedy: less })), ...late]
}

/** No ttl means the smaller of default and maximum; a larger one than the maximum is refused, never cut. */
function lifetime({ decision, question: { aud, iat }, established: { ceiling }, caps }: Asked, wanted: number | undefined): Settled {
  const allowed = Math.min(decision.max_ttl, caps.max_ttl, aud === caps.facade ? limits.facadeTtl : limits.tokenTtl)
  const reach = Math.min(ceiling?.max_ttl ?? Infinity, (ceiling?.end ?? Infinity) - iat)
  const most = Math.max(0, Math.min(allowed, reach))
  const ttl = wanted ?? Math.min(caps.default_ttl, most)
  if (ttl >= 1 && ttl <= most) return { ok: true, ttl }
  const fact = wanted === undefined ? 'no lifetime asked for' : `asked for ${wanted} s`
  const less = most > 0 ? `Ask for ${most} s or less.` : undefined
  if (ttl > allowed || allowed < 1) return { ok: false, reasons: [reasonOf('ttl_too_long', `Policy and roster allow ${allowed} s.`, { rule: 'decision.max_ttl', fact, remedy: less ?? 'Ask for a scope that may be had for longer.' })] }
  return { ok: false, reasons: [reasonOf('ceiling_exceeded', `The evidence reaches ${most} s from the issue time.`, { rule: 'evidence.ceiling', fact, remedy: less ?? 'Bring newer evidence.' })] }
}
