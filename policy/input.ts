import type { Asserted } from '@symbolon/protocol/evidence.ts'
import type { TokenIntent } from '@symbolon/protocol/intent.ts'
import type { Established, Principal } from '@symbolon/evidence/established.ts'
import type { Deployment } from './deployment.ts'

/** What a policy sees: facts, each from the one place that vouches for it. It is serialised once, by code, never joined from text. */
export interface PolicyInput {
  /** The issue time, not a clock: every signer sees the same. */
  readonly now: number
  /** The requester's word. */
  readonly intent: Omit<TokenIntent, 'v' | 'nonce' | 'iss' | 'lineage' | 'dry'>
  /** The roster's word, and in `claims` the issuer's. */
  readonly principal: Principal
  readonly evidence: Established['evidence']
  readonly approvals: readonly never[]
  /** The api's word; empty for the decision that shapes the bytes. */
  readonly asserted: Asserted
  readonly deployment: Deployment['limits']
}

export function policyInput(asked: { readonly intent: TokenIntent; readonly established: Established; readonly asserted: Asserted; readonly limits: Deployment['limits'] }): PolicyInput {
  // Nor `dry`: a policy cannot tell who asks from who means it.
  const { v: _v, nonce: _nonce, iss: _iss, lineage: _lineage, dry: _dry, ...intent } = asked.intent
  const { principal, evidence } = asked.established
  return { now: intent.iat, intent, principal, evidence, approvals: [], asserted: asked.asserted, deployment: asked.limits }
}
