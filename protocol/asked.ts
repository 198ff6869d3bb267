import { z } from 'zod'
import { approvalList } from './approval.ts'
import { asserted, evidenceList } from './evidence.ts'
import { base64urlUpTo, digestText } from './fields.ts'
import { limits } from './limits.ts'

/** What every request to a quorum carries, whatever it asks for: members of the items of `POST /v1/mint`, `/v1/sign` and `/v1/open`. */
export const asked = {
  /** Version and policy digest that the request was built for. */
  roster: z.int().min(1),
  policy: digestText,
  intent: base64urlUpTo(limits.intentBytes),
  evidence: evidenceList,
  approvals: approvalList,
  asserted,
}
