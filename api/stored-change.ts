import { z } from 'zod'
import { approval, type Approval } from '@symbolon/protocol/approval.ts'
import { change as changeShape, type Change } from '@symbolon/protocol/book.ts'
import { bytesOf, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { word, type Word } from '@symbolon/protocol/change.ts'
import { errorCodes, type ErrorCode } from '@symbolon/protocol/errors.ts'
import { decodeIntent, intentDigest, type RosterIntent } from '@symbolon/protocol/intent.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { reason, type Reason } from '@symbolon/protocol/reason.ts'
import type { StoredChange } from './change-store.ts'

/* What was stored, read again as strictly as if it came from outside: whoever can write to the database is outside. */

export interface Proposal {
  readonly digest: Base64url
  readonly intent: RosterIntent
  readonly change: Change
}

/** @returns undefined for anything but a change that asks for a roster version */
export function proposalOf(change: Change): Proposal | undefined {
  const bytes = bytesOf(change.intent)
  const intent = decodeIntent(bytes)
  return intent.ok && intent.value.kind === 'roster' ? { digest: toBase64url(intentDigest(bytes)), intent: intent.value, change } : undefined
}

/** With the approvals that have not expired. @returns undefined if the row is not what was stored under its digest */
export function storedProposal(row: StoredChange, now: number): Proposal | undefined {
  const decoded = decodeAs(changeShape, utf8(row.body), limits.changeBytes)
  const proposal = decoded.ok ? proposalOf(decoded.value) : undefined
  if (proposal === undefined || proposal.digest !== row.digest) return undefined
  const approvals = row.approvals.flatMap((body) => approvalIn(body)).filter((each) => each.intent === row.digest && each.exp > now)
  return { ...proposal, change: { ...proposal.change, approvals: approvals.slice(0, limits.approvals) } }
}

const approvalIn = (body: string): Approval[] => {
  const decoded = decodeAs(approval, utf8(body), limits.jwsBytes)
  return decoded.ok ? [decoded.value] : []
}

/** What a row says of how it ended, or what it waits for. For people; nothing follows from it. */
const outcome = z.strictObject({ reasons: z.array(reason).max(400), words: z.array(word).max(limits.signers), code: z.enum(errorCodes).optional() })
export interface Outcome {
  readonly reasons: readonly Reason[]
  readonly words: readonly Word[]
  readonly code?: ErrorCode | undefined
}
export const encodeOutcome = (value: Outcome): string => JSON.stringify(value)
export function outcomeOf({ outcome: text }: StoredChange): Outcome {
  const decoded = text === undefined ? undefined : decodeAs(outcome, utf8(text), 1024 * 1024)
  return decoded?.ok === true ? decoded.value : { reasons: [], words: [] }
}

/** For the database: approvals stand in rows of their own. */
export const bodyOf = (change: Change): string => JSON.stringify({ ...change, approvals: [] })
