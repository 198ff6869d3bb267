import type { Asserted } from '@symbolon/protocol/evidence.ts'
import type { IntentDigest, SecretIntent, TokenIntent } from '@symbolon/protocol/intent.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import type { Established } from '@symbolon/evidence/established.ts'
import type { GrantedByPolicy } from './judgement.ts'

/* What is weighed, and what each yes begins with: for weigh.ts and the files that it hands the kinds of intent to. */

export interface Weighed<I = TokenIntent | SecretIntent> {
  readonly intent: I
  readonly digest: IntentDigest
  readonly established: Established
  readonly asserted: Asserted
  /** The newest ones, as whoever asks has them. Nothing is looked at before policy has said yes. */
  readonly records: readonly SignedRecord[]
}

/** What every yes says besides what it comes to. */
export type Base = Pick<GrantedByPolicy, 'verdict' | 'digest' | 'principal' | 'decision' | 'singleUse' | 'passkey'>
