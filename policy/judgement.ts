import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import type { Approval } from '@symbolon/protocol/approval.ts'
import type { Asserted, Evidence } from '@symbolon/protocol/evidence.ts'
import type { Intent, IntentDigest, TokenIntent } from '@symbolon/protocol/intent.ts'
import type { Decision, Reason } from '@symbolon/protocol/reason.ts'
import type { TokenClaims } from '@symbolon/protocol/token.ts'
import type { IssuerKeys, MissingKey, Principal, SingleUse } from '@symbolon/evidence/established.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import type { Bundle } from './bundle.ts'

/** What is asked, as it came from the wire. Only `intent`, `evidence` and `approvals` can shape the bytes. */
export interface JudgeRequest {
  /** Canonical bytes of the intent. */
  readonly intent: Uint8Array
  readonly evidence: readonly Evidence[]
  readonly approvals: readonly Approval[]
  /** What only the api saw: it can turn a yes into a no, nothing else. */
  readonly asserted: Asserted
}

/** Plain data: it crosses between threads. */
export type Judgement = Granted | Refused | Unavailable

export interface Granted {
  readonly verdict: 'granted'
  readonly digest: IntentDigest
  readonly intent: TokenIntent
  readonly principal: Principal
  readonly decision: Decision
  readonly claims: TokenClaims
  /** ASCII of the JWS signing input: what the signers sign. */
  readonly signingInput: string
  /** SHA-256 of it. */
  readonly bytesHash: Base64url
  /** What this request spends; to be bound to the digest before anything is signed. */
  readonly singleUse: readonly SingleUse[]
}

/** A judgement on the request. What is absent was not reached. */
export interface Refused {
  readonly verdict: 'refused'
  readonly digest?: IntentDigest
  readonly intent?: Intent
  readonly principal?: Principal
  readonly decision?: Decision
  readonly reasons: Reasons
}
export type Reasons = readonly [Reason, ...Reason[]]

/** No judgement: the machine lacks something. `missing` is to be fetched, then judged again. */
export interface Unavailable {
  readonly verdict: 'unavailable'
  readonly code: NotNowCode
  readonly missing?: MissingKey
}

export interface Judge {
  /**
   * Synchronous, without I/O. Never throws on input.
   * @param clock seconds, the machine's own; it only says whether the intent may be answered now, never what the answer is
   */
  judge(request: JudgeRequest, clock: number): Judgement
}

export interface JudgeOptions {
  readonly roster: Roster
  /** Must be the one that the roster names. */
  readonly bundle: Bundle
  /** Asked once per judgement, for the newest snapshot. */
  issuerKeys(): IssuerKeys
}
