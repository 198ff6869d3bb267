import type { Approval } from '@symbolon/protocol/approval.ts'
import type { Change } from '@symbolon/protocol/book.ts'
import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { ErrorCode } from '@symbolon/protocol/errors.ts'
import type { ChangeResponse } from '@symbolon/protocol/http.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import type { Ruled } from '@symbolon/policy/judgement.ts'
import { approvalsOf } from '@symbolon/roster/next.ts'
import type { BookState } from '@symbolon/roster/book.ts'
import { decodeRoster, rosterDigest } from '@symbolon/roster/roster.ts'
import type { AuditEvent } from '@symbolon/front/event.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { count, refusalOf } from '@symbolon/front/judging.ts'
import type { ChangeStore, StoredChange } from './change-store.ts'
import type { ChangeWire } from './change-wire.ts'
import type { Serving } from './serving.ts'
import { bodyOf, encodeOutcome, outcomeOf, proposalOf, storedProposal, type Proposal } from './stored-change.ts'

/* Changes on their way: judged early, kept while they wait, handed to the signers when nothing is missing. Only they decide. */

export interface ChangeParts {
  readonly store: ChangeStore
  readonly wire: ChangeWire
  /** What is certified, as far as this process has heard. */
  state(): BookState
  /** Hears at once of what was just certified. */
  follow(): Promise<void>
  /** Seconds. */
  clock(): number
}

export type Standing = Omit<ChangeResponse, 'request_id'>
type Stood = { readonly ok: true; readonly standing: Standing; readonly headers: Readonly<Record<string, string>> } | Failure

/** Seconds after which a submission that nobody ended is taken up again. */
const claimSeconds = 60
/** Of signers: what more approvals would mend. Everything else is the end of a change. */
const mendable: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['approval_required', 'approval_expired', 'approval_invalid'])

/** Straight down: what costs nothing first, then whose wish it is, then it is kept, then the signers say what they think of it. */
export async function propose(change: Change, event: AuditEvent, serving: Serving, parts: ChangeParts): Promise<Stood> {
  const proposal = proposalOf(change)
  if (proposal === undefined) return fail('intent_malformed', { detail: 'A change is asked for by an intent of kind roster.' })
  const { digest, intent } = proposal
  event.learn({ intent: digest, evidence_kind: change.evidence.map(({ kind }) => kind).join(' ') })
  const misfit = misfitOf(proposal, parts.state())
  if (misfit === 'accepted') return stood(accepted(proposal), {})
  if (misfit !== undefined) return misfit
  const ruled = await ruleOn(proposal, serving)
  if (!ruled.ok) return ruled
  event.learn({ principal: ruled.value.principal.id, decision: 'granted' })
  const counted = await count(ruled.value.principal.id, serving.minting)
  if (!counted.ok) return counted
  const added = await parts.store.add({ digest, version: intent.version, proposer: ruled.value.principal.id, iat: intent.iat, exp: intent.exp, body: bodyOf(change) }, parts.clock())
  if (added === 'full') return fail('limited', { detail: 'Too many changes wait for approvals. Let some be decided first.', headers: counted.headers })
  for (const each of countable(change.approvals, ruled.value)) await parts.store.keep(digest, each)
  // Asked even if approvals are missing: signers tell of everything else that is wrong before anybody approves in vain.
  if ((added === 'added' || isEnough(ruled.value, serving)) && (await submit(digest, parts)) === 'accepted') return stood(accepted(proposal), counted.headers)
  const result = await standingIn(digest, serving, parts)
  if (added !== 'added' || !result.ok || result.standing.state !== 'refused') return { ...result, headers: counted.headers }
  await parts.store.remove(digest)
  const { reasons = [], signers = [] } = result.standing
  return fail(refusalCode(reasons), { detail: reasons[0]?.message ?? 'The signers refuse.', reasons, words: signers, headers: counted.headers })
}

/** A yes or a no of somebody whose word counts; whoever else sends one is told why not, and nothing is kept. */
export async function approve(digest: Base64url, approval: Approval, event: AuditEvent, serving: Serving, parts: ChangeParts): Promise<Stood> {
  event.learn({ intent: digest, evidence_kind: 'passkey' })
  if (approval.intent !== digest) return fail('approval_invalid', { detail: 'The approval is for another change.' })
  const found = await load(digest, parts)
  if (!found.ok) return found
  const { proposal, row } = found
  const standing = misfitOf(proposal, parts.state())
  if (standing === 'accepted') return stood(accepted(proposal), {})
  if (standing !== undefined) return standing
  if (row.state === 'refused') return standingIn(digest, serving, parts)
  const others = proposal.change.approvals.filter(({ approver }) => approver !== approval.approver)
  const ruled = await ruleOn({ ...proposal, change: { ...proposal.change, approvals: [approval, ...others] } }, serving)
  if (!ruled.ok) return ruled
  if (countable([approval], ruled.value).length === 0 || !isGuardian(approval.approver, serving)) return notCounted(approval, ruled.value, serving)
  event.learn({ principal: approval.approver, decision: 'granted' })
  const counted = await count(approval.approver, serving.minting)
  if (!counted.ok) return counted
  await parts.store.keep(digest, approval)
  if (approval.decision === 'deny') await parts.store.refuse(digest, encodeOutcome({ reasons: [reasonOf('approval_denied', `${approval.approver} said no.`, { rule: 'roster.guardians', fact: approval.approver })], words: [] }))
  else if (isEnough(ruled.value, serving) && (await submit(digest, parts)) === 'accepted') return stood(accepted(proposal), counted.headers)
  return { ...(await standingIn(digest, serving, parts)), headers: counted.headers }
}

/** Takes up what could not be submitted, or was left in the middle. */
export async function resubmit(parts: ChangeParts): Promise<void> {
  for (const digest of await parts.store.due(parts.clock())) await submit(digest, parts)
}

/** One caller hands it to the signers; all others see how it ends. */
async function submit(digest: Base64url, parts: ChangeParts): Promise<'accepted' | undefined> {
  const { store, wire } = parts
  const now = parts.clock()
  if (!(await store.claim(digest, now, now + claimSeconds))) return undefined
  const found = await load(digest, parts)
  if (!found.ok) return void (await store.giveBack(digest, undefined, false))
  const answer = await wire.change({ v: 1, what: 'change', change: found.proposal.change })
  if (!answer.ok) return void (await store.giveBack(digest, encodeOutcome({ reasons: [], words: [], code: answer.code }), true))
  const { value } = answer
  switch (value.state) {
    case 'accepted':
      await store.accept(digest)
      await parts.follow()
      return 'accepted'
    case 'refused': {
      const outcome = encodeOutcome({ reasons: value.reasons, words: value.words })
      return void (await (value.reasons.every(({ code }) => mendable.has(code)) ? store.giveBack(digest, undefined, false) : store.refuse(digest, outcome)))
    }
    case 'not_now':
      return void (await store.giveBack(digest, encodeOutcome({ reasons: [], words: value.words, code: value.code }), true))
  }
}

type Loaded = { readonly ok: true; readonly row: StoredChange; readonly proposal: Proposal } | Failure

async function load(digest: Base64url, { store, clock }: Pick<ChangeParts, 'store' | 'clock'>): Promise<Loaded> {
  const row = await store.find(digest)
  const proposal = row === undefined ? undefined : storedProposal(row, clock())
  return row === undefined || proposal === undefined || proposal.intent.exp <= clock() ? fail('change_unknown') : { ok: true, row, proposal }
}

/** What needs no cryptography: is it for the version that comes next, and is the document the one that the intent names? */
function misfitOf({ intent, change }: Proposal, state: BookState): 'accepted' | Failure | undefined {
  if (state.versions.some(({ digest }) => digest === intent.to)) return 'accepted'
  if (intent.version <= state.version()) return fail('change_conflict', { detail: `Version ${state.version()} is in force. Propose it anew, on top of that.` })
  const next = decodeRoster(bytesOf(change.document))
  if (!next.ok) return fail('change_unsound', { detail: 'The next version is not a roster document.', problems: next.problems })
  return rosterDigest(next.value) === intent.to && next.value.version === intent.version ? undefined : fail('change_unsound', { detail: 'The intent names another document.' })
}

async function ruleOn({ change }: Proposal, { minting }: Serving): Promise<{ readonly ok: true; readonly value: Ruled } | Failure> {
  const ruling = await minting.judges.rule({ intent: bytesOf(change.intent), evidence: change.evidence, approvals: change.approvals }, minting.clock())
  return ruling.verdict === 'granted' ? { ok: true, value: ruling } : refusalOf(ruling)
}

/** Those that the judge counts, either way. */
const countable = (approvals: readonly Approval[], { approvers, denied }: Ruled): Approval[] => approvals.filter(({ approver, decision }) => (decision === 'approve' ? approvers : denied).includes(approver))
const isGuardian = (id: string, { deployment }: Serving): boolean => deployment.roster.guardians?.people.includes(id) === true
const votesOf = (ruled: Ruled, { deployment }: Serving) => approvalsOf(deployment.roster, { proposer: { id: ruled.principal.id }, approvers: ruled.approvers })
const isEnough = (ruled: Ruled, serving: Serving): boolean => {
  const { approved, needed } = votesOf(ruled, serving)
  return approved.length >= needed
}

function notCounted({ approver }: Approval, { dismissed, principal }: Ruled, serving: Serving): Failure {
  if (approver === principal.id) return fail('approval_invalid', { detail: 'Whoever proposes a change does not approve it.' })
  if (!isGuardian(approver, serving)) return fail('not_a_guardian', { detail: `${approver} is not a guardian.` })
  const [first] = dismissed
  return first === undefined ? fail('approval_invalid') : fail(first.code, { detail: first.message, reasons: dismissed })
}

const refusalCode = (reasons: readonly Reason[]): ErrorCode => reasons[0]?.code ?? 'change_unsound'

const stood = (standing: Standing, headers: Readonly<Record<string, string>>): Stood => ({ ok: true, standing, headers })
const accepted = ({ digest, intent }: Proposal): Standing => ({ digest, version: intent.version, state: 'accepted', needed: 0, approvers: [], denied: [] })

async function standingIn(digest: Base64url, serving: Serving, parts: ChangeParts): Promise<Stood> {
  const found = await load(digest, parts)
  return found.ok ? stood(await standingOf(found, serving, parts.state()), {}) : found
}

/** Whether it was accepted is the book's to say, and who approved is the signatures'; of the row, only why it was refused is repeated. */
export async function standingOf({ row, proposal }: { readonly row: StoredChange; readonly proposal: Proposal }, serving: Serving, state: BookState): Promise<Standing> {
  const misfit = misfitOf(proposal, state)
  if (misfit === 'accepted') return accepted(proposal)
  const { digest, intent } = proposal
  const ruled = misfit === undefined ? await ruleOn(proposal, serving) : misfit
  const base = { digest, version: intent.version, needed: 0, approvers: [], denied: [] }
  if (!ruled.ok) return { ...base, state: 'refused', reasons: [...(ruled.reasons ?? [reasonOf('change_conflict', ruled.detail ?? 'It is not for the version that comes next.')])] }
  const { needed, approved } = votesOf(ruled.value, serving)
  const { reasons, words, code } = outcomeOf(row)
  const told = { ...base, needed, approvers: [...approved], denied: ruled.value.denied.filter((id) => isGuardian(id, serving)), ...(words.length === 0 ? {} : { signers: [...words] }) }
  if (row.state === 'refused') return { ...told, state: 'refused', reasons: [...reasons] }
  return { ...told, state: 'pending', ...(code === undefined ? {} : { waits_for: code }) }
}
