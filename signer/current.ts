import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import type { JudgeAll } from './judging.ts'

export interface Versions {
  readonly epoch: number
  readonly roster: number
  readonly policy: Base64url
}

/** What is in force at this signer: parts of one version, which are only ever exchanged together. */
export interface Current {
  readonly versions: Versions
  /** The effective one: the version's document with the certified entries of its rows. */
  readonly roster: Roster
  readonly judge: JudgeAll
}
