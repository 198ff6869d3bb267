import { sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { ErrorCode } from '@symbolon/protocol/errors.ts'
import type { Part } from '@symbolon/protocol/mint.ts'

/** What is known of one request at its end. The token's hash, never the token; no evidence, no proof. */
export interface EventFacts {
  readonly event: 'mint' | 'explain' | 'exchange' | 'intent' | 'device' | 'read' | 'change' | 'approval' | 'entry' | 'stop'
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
  readonly token_hash?: string
  readonly signers?: readonly Part[]
  readonly status: number
  readonly ms: number
}

type Given = Pick<EventFacts, 'event' | 'request_id' | 'trace_id' | 'deployment' | 'address' | 'roster' | 'policy'> & Partial<EventFacts>
type Learned = Partial<Omit<EventFacts, keyof Pick<EventFacts, 'event' | 'request_id' | 'status' | 'ms'>>>

/** One record per decision: made when the request arrives, filled as facts become known, written once on every path. */
export interface AuditEvent {
  learn(facts: Learned): void
  /** @throws if it was written already: two records of one decision would be a lie */
  write(outcome: Pick<EventFacts, 'status' | 'code'>): void
}

export type EventSink = (facts: EventFacts) => void

export function openEvent(given: Given, sink: EventSink, clock: () => number = () => performance.now()): AuditEvent {
  const start = clock()
  // Every promised field has a value from the beginning, so that none can be missing on a path that ends early.
  let facts: Omit<EventFacts, 'status' | 'ms' | 'code'> = { principal: 'unknown', evidence_kind: 'none', decision: 'unread', intent: 'unknown', scope: '', aud: '', ...given }
  let written = false
  return {
    learn(more) {
      facts = { ...facts, ...more }
    },
    write({ status, code }) {
      if (written) throw new TypeError('an event is written once')
      written = true
      sink({ ...facts, status, code, ms: Math.round((clock() - start) * 10) / 10 })
    },
  }
}

export const tokenHash = (token: string): string => toBase64url(sha256(utf8(token)))
