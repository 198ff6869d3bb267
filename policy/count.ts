import type { Approval } from '@symbolon/protocol/approval.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'

export interface Counted {
  readonly approvers: readonly string[]
  readonly denied: readonly string[]
  readonly dismissed: readonly Reason[]
}

/** No approval can be verified yet, so none counts. */
export const countApprovals = (approvals: readonly Approval[]): Counted => ({
  approvers: [],
  denied: [],
  dismissed: approvals.map(({ approver }) => reasonOf('approval_invalid', 'Approvals cannot be verified here yet.', { rule: 'approval', fact: approver })),
})
