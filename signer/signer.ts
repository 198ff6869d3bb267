import type { Suite } from '@symbolon/core/suite.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Audit } from './audit.ts'
import type { Boot } from './boot.ts'
import type { Checked } from './checked.ts'
import type { Counters } from './counters.ts'
import type { Current } from './current.ts'
import type { Heads } from './heads.ts'
import type { Journal } from './journal.ts'
import type { Limits } from './limits.ts'
import type { Members } from './load.ts'
import type { Coordinator, Nonces } from './nonces.ts'

/** All that an answer depends on, whatever is asked. */
export interface Signer {
  readonly id: number
  readonly boot: Boot
  /** Of this deployment: fingerprint of its first keyset. */
  readonly lineage: Base64url
  /** What is in force; read once for each batch. */
  readonly current: () => Current
  readonly suite: Suite
  /** Its shares, by purpose. Which one is used follows from what was judged, never from what was asked. */
  readonly members: Members
  readonly limits: Limits
  readonly journal: Journal
  readonly nonces: Nonces
  /** Ciphertexts whose proof was checked. */
  readonly checked: Checked
  readonly counters: Counters
  readonly audit: Audit
  /** Whether what this signer knows is young enough to answer by. */
  readonly heads: Pick<Heads, 'problem'>
  /** NumericDate by this machine. */
  readonly now: () => number
  /** Told of each step; a caller that passes one may stop the world there. */
  readonly steps?: Steps
}

/** Between which points of an answer a machine can die. */
export interface Steps {
  judged(): Promise<void> | void
  journaled(): void
  /** A nonce was taken. */
  taken(): void
  /** Shares of signatures, or what was opened, are made and not sent. */
  signed(): void
  sealed(): void
  /** Finished records are remembered, and no receipt is sent. */
  receipted(): void
}

/** Who asks, as the channel knows it: the peer's certificate and the request's id. */
export interface Asking {
  readonly by: Coordinator
  readonly requestId: string
}
