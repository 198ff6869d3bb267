import { z } from 'zod'
import { taggedHash, type Digest } from './bytes.ts'
import { digestText, rosterId, seconds } from './fields.ts'
import { canonical } from './json.ts'
import { limits } from './limits.ts'
import { assertion } from './webauthn.ts'

/* An approval: a person's yes or no to one intent, kept as a signature that anyone can verify. */

export const approvalStatement = z.strictObject({
  v: z.literal(1),
  /** Digest of the intent. */
  intent: digestText,
  /** Roster id of the person. */
  approver: rosterId,
  decision: z.enum(['approve', 'deny']),
  iat: seconds,
  exp: seconds,
})
export type ApprovalStatement = z.infer<typeof approvalStatement>

export const approval = z.strictObject({ ...approvalStatement.shape, assertion })
export type Approval = z.infer<typeof approval>
export const approvalList = z.array(approval).max(limits.approvals)

/** The WebAuthn challenge of an approval: never that of a sign-in, which is an intent's digest. */
export const approvalChallenge = ({ v, intent, approver, decision, iat, exp }: ApprovalStatement): Digest => taggedHash('approval/v1', canonical({ v, intent, approver, decision, iat, exp }))
