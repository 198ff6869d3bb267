import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { approvalChallenge, type Approval, type ApprovalStatement } from '@symbolon/protocol/approval.ts'
import type { IntentDigest } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { openAssertionCheck } from './assertion.ts'
import { openKeyring } from './signature.ts'
import { noStops, openStopCheck, type Stops } from './stops.ts'

export interface ApprovalOf {
  readonly digest: IntentDigest
  /** NumericDate at which the approval must live. */
  readonly at: number
}

export type ApprovalResult =
  | { readonly ok: true; readonly approver: string; readonly decision: Approval['decision'] }
  | { readonly ok: false; readonly reason: Reason }

/**
 * Is this the word of that person about that very intent, still alive? By the roster as it is now: who was removed, or whose passkey was, approves
 * nothing any more. Whether it counts towards a rule (a guardian, not the proposer, not twice) is the rule's to say.
 */
export function openApprovalCheck(roster: Roster, stops: Stops = noStops): (approval: Approval, of: ApprovalOf) => ApprovalResult {
  const check = openAssertionCheck(roster)
  const stopped = openStopCheck(stops)
  const keyring = openKeyring()

  return (approval, { digest, at }) => {
    const { assertion, ...statement } = approval
    const wrong = wrongStatement(statement, toBase64url(digest), roster, at) ?? stopped.locked(statement.approver, at)
    if (wrong !== undefined) return { ok: false, reason: wrong }
    const found = check(assertion, { challenge: approvalChallenge(statement), person: statement.approver, use: 'approve' }, keyring.verifiesAssertion)
    return found.ok ? { ok: true, approver: statement.approver, decision: statement.decision } : { ok: false, reason: found.reason }
  }
}

/** The same, for one. */
export const verifyApproval = (approval: Approval, { roster, stops, ...of }: ApprovalOf & { readonly roster: Roster; readonly stops?: Stops }): ApprovalResult => openApprovalCheck(roster, stops)(approval, of)

function wrongStatement({ intent, iat, exp }: ApprovalStatement, digest: string, { guardians }: Roster, at: number): Reason | undefined {
  if (intent !== digest) return reasonOf('approval_invalid', 'The approval is for another intent.', { rule: 'approval.intent' })
  if (exp <= iat || exp - iat > (guardians?.window ?? defaultWindow)) return reasonOf('approval_invalid', 'The approval lives longer than the roster’s guardians may wait.', { rule: 'approval.exp', fact: `${exp - iat} s` })
  if (iat > at + limits.clockSkew) return reasonOf('approval_invalid', 'The approval is from the future.', { rule: 'approval.iat', fact: `${iat}` })
  if (exp <= at) return reasonOf('approval_expired', 'The approval has expired.', { rule: 'approval.exp', fact: `${exp}` })
  return undefined
}

/** Seconds, where there are no guardians to say otherwise. */
const defaultWindow = 3600
