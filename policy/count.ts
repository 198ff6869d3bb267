import type { Approval } from '@symbolon/protocol/approval.ts'
import type { IntentDigest } from '@symbolon/protocol/intent.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { verifyApproval } from '@symbolon/evidence/approval.ts'
import type { Principal } from '@symbolon/evidence/established.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import type { Roster } from '@symbolon/roster/roster.ts'

export interface Counted {
  readonly approvers: readonly string[]
  readonly denied: readonly string[]
  readonly dismissed: readonly Reason[]
}

interface Ground {
  /** Of the intent that they must be about. */
  readonly digest: IntentDigest
  readonly requester: Principal
  readonly roster: Roster
  readonly stops: Stops
  /** An approval counts while it lives, by the clock of whoever counts. */
  readonly clock: number
}

/**
 * Which people said yes, which no: each once however often they did, a no above a yes. Neither the requester counts, nor who owns
 * the requester. One that does not verify is passed over, not held against the rest: anybody on the way could have added it.
 */
export function countApprovals(approvals: readonly Approval[], { digest, requester, roster, stops, clock }: Ground): Counted {
  const said = { approve: new Set<string>(), deny: new Set<string>() }
  const dismissed: Reason[] = []
  for (const approval of approvals) {
    const verified = verifyApproval(approval, { digest, roster, stops, at: clock })
    const reason = verified.ok ? partial(verified.approver, requester) : verified.reason
    if (reason !== undefined) dismissed.push(reason)
    else if (verified.ok) said[verified.decision].add(verified.approver)
  }
  return { approvers: [...said.approve].filter((id) => !said.deny.has(id)).sort(), denied: [...said.deny].sort(), dismissed }
}

const partial = (approver: string, { id, owner }: Principal): Reason | undefined =>
  approver === id || approver === owner ? reasonOf('approval_invalid', 'Nobody approves a request of their own.', { rule: 'approval.approver', fact: approver, remedy: 'Somebody else must approve.' }) : undefined
