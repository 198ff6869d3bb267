import type { Asserted } from '@symbolon/protocol/evidence.ts'
import type { Established, Principal } from '@symbolon/evidence/established.ts'
import type { Caps } from './deployment.ts'
import type { Question } from './question.ts'

/** What a policy sees: facts, each from the one place that vouches for it. It is serialised once, by code, never joined from text. */
export interface PolicyInput {
  /** The issue time, not a clock: every signer sees the same. */
  readonly now: number
  /** The requester's word. */
  readonly intent: Question
  /** The roster's word, and in `claims` the issuer's. */
  readonly principal: Principal
  readonly evidence: Established['evidence']
  readonly approvals: readonly never[]
  /** The api's word; empty for the decision that shapes the bytes. */
  readonly asserted: Asserted
  /** The roster's. */
  readonly deployment: Omit<Caps, 'facade'>
}

export function policyInput(asked: { readonly question: Question; readonly established: Established; readonly asserted: Asserted; readonly caps: Caps }): PolicyInput {
  const { principal, evidence } = asked.established
  const { facade: _, ...deployment } = asked.caps
  return { now: asked.question.iat, intent: asked.question, principal, evidence, approvals: [], asserted: asked.asserted, deployment }
}
