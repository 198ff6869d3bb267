import type { ErrorCode } from '@symbolon/protocol/errors.ts'
import type { Part } from '@symbolon/protocol/mint.ts'

/** What every process knows of a request at its end. No evidence, no proof. */
interface CommonFacts {
  /** The decision that it was: `mint`, `approval`. */
  readonly event: string
  readonly request_id: string
  readonly trace_id: string
  /** Lineage of the deployment. */
  readonly deployment: string
  readonly address: string
  /** SHA-256 of the client certificate of the connection, where there is one. */
  readonly certificate?: string
  readonly roster: number
  readonly policy: string
  readonly principal: string
  readonly evidence_kind: string
  readonly decision: 'granted' | 'refused' | 'unavailable' | 'unread'
  readonly intent: string
  readonly scope: string
  readonly aud: string
  readonly code: ErrorCode | 'ok'
  readonly rule?: string
  readonly signers?: readonly Part[]
  readonly status: number
  readonly ms: number
}

/** What only one process knows: hashes, names and numbers. Never a token or a secret. */
export type OwnFacts = Readonly<Record<string, string | number | boolean | readonly string[]>>
export type EventFacts = CommonFacts & Readonly<Record<string, unknown>>

type Given = Pick<CommonFacts, 'event' | 'request_id' | 'trace_id' | 'deployment' | 'address' | 'roster' | 'policy'> & Partial<CommonFacts>
type Learned = Partial<Omit<CommonFacts, 'event' | 'request_id' | 'status' | 'ms'>>

/** One record per decision: made when the request arrives, filled as facts become known, written once on every path. */
export interface AuditEvent {
  learn(facts: Learned): void
  /** Facts of this process's own; they never take the place of a common one. */
  note(facts: OwnFacts): void
  /** @throws if it was written already: two records of one decision would be a lie */
  write(outcome: Pick<CommonFacts, 'status' | 'code'>): void
}

export type EventSink = (facts: EventFacts) => void

export function openEvent(given: Given, sink: EventSink, clock: () => number = () => performance.now()): AuditEvent {
  const start = clock()
  // Every promised field has a value from the beginning, so that none can be missing on a path that ends early.
  let facts: Omit<CommonFacts, 'status' | 'ms' | 'code'> = { principal: 'unknown', evidence_kind: 'none', decision: 'unread', intent: 'unknown', scope: '', aud: '', ...given }
  let own: OwnFacts = {}
  let written = false
  return {
    learn(more) {
      facts = { ...facts, ...more }
    },
    note(more) {
      own = { ...own, ...more }
    },
    write({ status, code }) {
      if (written) throw new TypeError('an event is written once')
      written = true
      sink({ ...own, ...facts, status, code, ms: Math.round((clock() - start) * 10) / 10 })
    },
  }
}
