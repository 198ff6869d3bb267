import { approvalChallenge, type Approval } from '@symbolon/protocol/approval.ts'
import { fromBase64url, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Change } from '@symbolon/protocol/book.ts'
import type { Draft } from '@symbolon/protocol/draft.ts'
import type { ChangeResponse, ChangesResponse } from '@symbolon/protocol/http.ts'
import { decodeIntent, intentDigest, type RosterIntent } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { diffRosters, type DiffLine } from '@symbolon/roster/diff.ts'
import { approvalsOf, type Approvals } from '@symbolon/roster/next.ts'
import { decodeRoster, encodeRoster, problemsOf, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import type { Answer, Api } from './api.ts'
import { build, now, type Built } from './intents.ts'
import { touchPasskey } from './passkey.ts'
import { isGuardian, passkeysFor, type RosterView } from './people.ts'
import { failed, ok, type Result } from './result.ts'
import { grantEvidence, passkeyEvidence, type Session } from './session.ts'
import { trouble, type Trouble } from './trouble.ts'

/* Changes of the roster: made here, or read from the api and computed again. What is shown follows from what was signed, never from the api's words. */

type Listed = ChangesResponse['changes'][number]

/** A change that waits, as this page has computed it from the bytes that its proposer signed. */
export interface SeenChange {
  /** Of the intent: what an approval names. */
  readonly digest: Base64url
  readonly intent: RosterIntent
  readonly next: Roster
  readonly diff: readonly DiffLine[]
  /** Guardians of the version in force, by the approvals that came along. Whether those are genuine, signers see. */
  readonly approvals: Approvals
  readonly denied: readonly string[]
  /** Another version came into force since: it can never be accepted. */
  readonly overtaken: boolean
  /** What the api says of its state. */
  readonly told: Pick<Listed, 'state' | 'reasons' | 'waits_for' | 'signers'>
}

/** One of them, or why it is not shown. */
export type Judged = Result<SeenChange, Trouble>

export async function readChanges(api: Api, session: Session, view: RosterView): Promise<Result<readonly Judged[], Trouble>> {
  const asked = build({ kind: 'read', sub: session.sub, what: 'changes' }, view.deployment)
  const answer = await api.changes({ intent: asked.bytes, evidence: [await grantEvidence(session, asked)] })
  return answer.ok ? ok(answer.value.changes.map((listed) => judgeChange(listed, view))) : answer
}

const distrust = (title: string): Judged => failed(trouble('change_untrusted', title, 'Do not touch anything for it; tell whoever runs this deployment.'))

/** Is this what its intent says, and does the intent bear the name under which it is listed? */
export function judgeChange({ change, state, reasons, waits_for, signers, ...said }: Listed, view: RosterView): Judged {
  const bytes = fromBase64url(change.intent)
  const decoded = bytes === undefined ? undefined : decodeIntent(bytes)
  if (bytes === undefined || decoded?.ok !== true || decoded.value.kind !== 'roster') return distrust('The api shows a change that nobody signed as such')
  const intent = decoded.value
  const digest = toBase64url(intentDigest(bytes))
  if (digest !== said.digest) return distrust('The api shows a change under the name of another')
  if (intent.iss !== view.deployment.issuer || intent.lineage !== view.deployment.lineage) return distrust('This change was signed for another deployment')
  const document = decodeRoster(fromBase64url(change.document) ?? new Uint8Array())
  if (!document.ok || rosterDigest(document.value) !== intent.to || document.value.version !== intent.version) return distrust('The api shows another document than the proposer signed')
  const next = document.value
  const { approvers, denied } = voicesIn(change, digest)
  const overtaken = next.version <= view.document.version || !intent.from.includes(view.digest)
  return ok({
    digest,
    intent,
    next,
    diff: overtaken ? [] : diffRosters(view.document, next, view.entries),
    approvals: approvalsOf(view.document, { proposer: { id: intent.sub }, approvers }),
    denied: denied.filter((id) => isGuardian(view.document, id)),
    overtaken,
    told: { state, reasons, waits_for, signers },
  })
}

/** Of two words of one person the newer one counts. */
function voicesIn({ approvals }: Pick<Change, 'approvals'>, digest: Base64url): { readonly approvers: readonly string[]; readonly denied: readonly string[] } {
  const last = new Map<string, Approval>()
  for (const approval of approvals) if (approval.intent === digest && (last.get(approval.approver)?.iat ?? 0) <= approval.iat) last.set(approval.approver, approval)
  const by = (decision: Approval['decision']) => [...last.values()].filter((approval) => approval.decision === decision).map(({ approver }) => approver)
  return { approvers: by('approve'), denied: by('deny') }
}

/* Making one */

/** What a person is about to sign. */
export interface Prepared {
  readonly asked: Built<RosterIntent>
  readonly next: Roster
  readonly diff: readonly DiffLine[]
  readonly approvals: Approvals
  readonly more: Pick<Change, 'registrations' | 'bundle'>
}

const problem = (title: string, remedy: string): Result<never, Trouble> => failed(trouble('change_unsound', title, remedy))

/** The next version as one change, with the intent that its proposer signs. */
export function prepare(next: Roster, view: RosterView, sub: string, more: Prepared['more'] = { registrations: [] }): Result<Prepared, Trouble> {
  const window = view.document.guardians?.window ?? limits.intentWindow
  const diff = diffRosters(view.document, next, view.entries)
  if (diff.every(({ path }) => follows.test(path))) return problem('Nothing would change', 'Change something first.')
  const asked = build({ kind: 'roster', sub, version: next.version, from: [view.digest], to: rosterDigest(next) }, view.deployment, window)
  return ok({ asked, next, diff, approvals: approvalsOf(view.document, { proposer: { id: sub }, approvers: [] }), more })
}

/** What differs between any two versions. */
const follows = /^(version|previous|lineage)(\/|$)/

/** A version that somebody wrote elsewhere. It speaks for nothing; what is signed is built here. */
export function prepareDraft(draft: Draft, view: RosterView, sub: string): Result<Prepared, Trouble> {
  const document = decodeRoster(fromBase64url(draft.document) ?? new Uint8Array())
  if (!document.ok) return problem('This draft is no roster', 'Make it again with `symbolon roster propose`.')
  const next = document.value
  const [unsound] = problemsOf(next)
  if (unsound !== undefined) return problem(unsound, 'Make it again with `symbolon roster propose`.')
  if (next.lineage !== view.deployment.lineage) return problem('This draft is for another deployment', 'Open it on the console of that one.')
  if (next.version !== view.document.version + 1 || next.previous?.join() !== view.digest) return problem(`This draft does not follow version ${view.document.version}, which is in force`, 'Make it again with `symbolon roster propose`.')
  if (next.policy !== view.document.policy && draft.bundle === undefined) return problem('This draft names another policy and brings none', 'Make it again with `symbolon roster propose policy`.')
  return prepare(next, view, sub, { registrations: [], ...(draft.bundle === undefined ? {} : { bundle: draft.bundle }) })
}

/** One touch over exactly the intent's digest, then it goes to the api. */
export async function propose({ asked, next, more }: Prepared, view: RosterView, api: Api): Answer<ChangeResponse> {
  const { sub } = asked.intent
  const alone = view.document.guardians?.people.every((id) => id === sub) === true
  const touched = await touchPasskey(asked.digest, sub, view.deployment, passkeysFor(view, sub, alone ? 'approve' : 'sign_in'))
  if (!touched.ok) return touched
  return api.propose({ change: { v: 1, document: toBase64url(encodeRoster(next)), intent: asked.bytes, evidence: [passkeyEvidence(touched.value)], approvals: [], split: [], ...more } })
}

/* Deciding on one */

/** One touch over the approval, which names the digest of the change's intent. */
export async function decide({ digest, intent }: Pick<SeenChange, 'digest' | 'intent'>, decision: Approval['decision'], { view, api, sub }: { readonly view: RosterView; readonly api: Api; readonly sub: string }): Answer<ChangeResponse> {
  const statement = { v: 1, intent: digest, approver: sub, decision, iat: now(), exp: intent.exp } as const
  if (statement.exp <= statement.iat) return failed(trouble('change_expired', 'This change waits no longer', 'Propose it again.'))
  const touched = await touchPasskey(approvalChallenge(statement), sub, view.deployment, passkeysFor(view, sub, 'approve'))
  return touched.ok ? api.approve({ digest, approval: { ...statement, assertion: touched.value } }) : touched
}

/** May this person decide on it: a guardian by the version in force, and not its proposer? */
export const mayDecide = ({ intent, overtaken, told }: SeenChange, view: RosterView, sub: string): boolean => !overtaken && told.state === 'pending' && intent.exp > now() && sub !== intent.sub && isGuardian(view.document, sub)
