import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { AcceptReply, AdoptReply, Book } from '@symbolon/protocol/book.ts'
import { isRecordIntent } from '@symbolon/protocol/intent.ts'
import type { OpenAnswer } from '@symbolon/protocol/open.ts'
import type { Answer, RequestHash } from '@symbolon/protocol/sign.ts'
import type { Granted, Refused, StopFact } from '@symbolon/policy/judgement.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import { Counter, type Metrics } from '@symbolon/runtime/metrics.ts'
import type { ReceiptResult } from './receipts.ts'

/**
 * What somebody should look at. `commitment_reused`: the same promise twice, which only a broken or hostile coordinator asks for.
 * `commitment_unknown`: one of an earlier boot, or of nobody. `list_invalid`: no honest coordinator sends it.
 *
 * About another signer: `two_boots`: two copies of it live, or its clock was set back over a restart. `peer_journal_lost`: it has shown a longer
 * journal. `peer_unproven`: it names a roster version that it has no certificate of. `roster_forked`: it holds another certified document of the
 * same version, so some signer accepted twice. `head_invalid`: what it says of itself is not proven, or its clock or this one is wrong.
 * About this one: `book_failed`: its book could not be written. `judges_failed`: it cannot judge by the version in force, and is silent. `journal_behind`: its journal has lost entries that a peer has seen. `peers_unsaved`: what it remembers of the others cannot be written.
 *
 * About a secret: `record_forked`: the quorum has signed two records of it under one sequence number, so some signer promised twice, or forgot.
 *
 * About a passkey: `counter_behind`: its counter did not go up, so there may be two of it (WebAuthn, section 6.1.1). It refuses nothing.
 */
export const alarms = [
  'commitment_reused',
  'commitment_unknown',
  'list_invalid',
  'journal_failed',
  'clock_behind',
  'two_boots',
  'peer_journal_lost',
  'peer_unproven',
  'roster_forked',
  'head_invalid',
  'journal_behind',
  'peers_unsaved',
  'book_failed',
  'judges_failed',
  'counter_behind',
  'record_forked',
] as const
export type Alarm = (typeof alarms)[number]

/** Who asks, as the channel knows it: the peer's certificate and the request's id. */
export interface Asked {
  readonly by: string
  readonly requestId: string
}

/** Who brought a part of a book: a caller, with the request's id; the peer that was asked for it; or the operator, in a file. */
export type Brought = Asked | { readonly by: string; readonly requestId?: never }

export interface Decision extends Asked {
  readonly request: RequestHash
  readonly attempt: string | undefined
  readonly judgement: Granted | Refused | undefined
  readonly answer: Answer | OpenAnswer
}

export interface Acceptance extends Asked {
  readonly what: 'change' | 'entry'
  readonly reply: AcceptReply
}

export interface Receipting extends Asked {
  /** Absent where the record could not be read. */
  readonly path?: string
  readonly seq?: number
  readonly record?: string
  readonly result: ReceiptResult
}

/** What this signer tells its operator: one event for each item that it answered, an alarm where somebody misbehaves. */
export interface Audit {
  decision(of: Decision): void
  /** It was shown a finished record. */
  receipt(of: Receipting): void
  /** It was asked for the newest records that it knows. */
  known(of: Asked & { readonly asked: number; readonly found: number }): void
  /** It was asked for its word on a next version or an entry. */
  accept(of: Acceptance): void
  /** A part of a book came in, from a coordinator or a peer. */
  adoption(of: Brought & { readonly part: Book; readonly reply: AdoptReply }): void
  /** From now on this is stopped here. */
  stop(of: Brought & { readonly intent: string; readonly fact: StopFact }): void
  alarm(kind: Alarm, facts: Readonly<Record<string, string | number>>): void
  /** An alarm with the error behind it. */
  failed(kind: Alarm, error: unknown): void
  /** Whether another signer was heard, and if not, why: told when it changes. */
  peer(peer: number, outcome: string): void
}

/** @param always what every event names: the signer, the versions in force */
export function openAudit({ log, metrics, always }: { readonly log: Logger; readonly metrics: Metrics; readonly always: () => Readonly<Record<string, string | number>> }): Audit {
  const registers = [metrics.registry]
  const answers = new Counter({ name: 'signer_answers_total', help: 'Items answered, by result and first code', labelNames: ['result', 'code'], registers })
  const accepts = new Counter({ name: 'signer_accepts_total', help: 'Words asked for on changes and entries, by result and first code', labelNames: ['what', 'result', 'code'], registers })
  const opened = new Counter({ name: 'signer_openings_total', help: 'Versions of secrets that it gave its part of', registers })
  const receipted = new Counter({ name: 'signer_receipts_total', help: 'Finished records that it was shown, by what became of them', labelNames: ['result'], registers })
  const alarmed = new Counter({ name: 'signer_alarms_total', help: 'Alarms raised', labelNames: ['alarm'], registers })
  const raise = (kind: Alarm, facts: Readonly<Record<string, unknown>>) => {
    alarmed.inc({ alarm: kind })
    log.error({ event: 'alarm', alarm: kind, ...always(), ...facts })
  }
  return {
    decision({ by, requestId, request, attempt, judgement, answer }) {
      const codes = codesOf(answer)
      const secrets = secretsOf(judgement)
      answers.inc({ result: answer.result, code: codes[0] ?? 'none' })
      if (answer.result === 'opened') opened.inc(secrets?.length ?? 0)
      log.info({
        event: 'decision',
        ...always(),
        by,
        request_id: requestId,
        attempt,
        request: toBase64url(request),
        intent: judgement?.digest === undefined ? undefined : toBase64url(judgement.digest),
        kind: judgement?.intent?.kind,
        secrets,
        principal: judgement?.principal?.id,
        bytes_hash: judgement?.verdict === 'granted' ? judgement.bytesHash : undefined,
        result: answer.result,
        codes,
        // What the requester is not told.
        hidden: judgement?.verdict === 'refused' ? judgement.hidden?.map(({ code }) => code) : undefined,
      })
    },
    receipt({ by, requestId, path, seq, record, result }) {
      receipted.inc({ result })
      log.info({ event: 'receipt', ...always(), by, request_id: requestId, path, seq, record, result })
    },
    known: ({ by, requestId, asked, found }) => log.info({ event: 'known', ...always(), by, request_id: requestId, asked, found }),
    accept({ by, requestId, what, reply }) {
      const codes = reply.result === 'refused' ? reply.reasons.map(({ code }) => code) : reply.result === 'not_now' ? [reply.code] : []
      accepts.inc({ what, result: reply.result, code: codes[0] ?? 'none' })
      log.info({ event: 'accept', ...always(), by, request_id: requestId, what, result: reply.result, codes, ...(reply.result === 'accepted' ? { slot: reply.slot, subject: reply.subject } : {}) })
    },
    adoption({ by, requestId, part: { versions, entries, stops }, reply }) {
      log.info({ event: 'adopt', ...always(), by, request_id: requestId, versions: versions.map(({ certificate: { subject } }) => subject), entries: entries.map(({ certificate: { subject } }) => subject), stops: stops.length, result: reply.result, codes: reply.result === 'refused' ? reply.reasons.map(({ code }) => code) : [] })
    },
    stop: ({ by, requestId, intent, fact }) => log.info({ event: 'stop', ...always(), by, request_id: requestId, intent, ...fact }),
    alarm: raise,
    failed: (kind, error) => raise(kind, { err: error }),
    peer: (peer, outcome) => log[outcome === 'heard' ? 'info' : 'warn']({ event: 'peer', peer, outcome, ...always() }, 'peer'),
  }
}

function codesOf(answer: Answer | OpenAnswer): readonly string[] {
  switch (answer.result) {
    case 'signed':
    case 'opened':
      return []
    case 'refused':
      return answer.refusal.reasons.map(({ code }) => code)
    case 'not_now':
      return [answer.code]
  }
}

/** Which secrets a decision is about: names, versions and sequence numbers, never what is in them. */
function secretsOf(judgement: Granted | Refused | undefined): readonly Readonly<Record<string, string | number>>[] | undefined {
  if (judgement?.verdict === 'granted' && judgement.grants === 'reading') return judgement.openings.map(({ path, seq, label }) => ({ path, version: label.version, seq }))
  const intent = judgement?.intent
  if (intent?.kind === 'secret.read') return intent.labels.map(({ path, version }) => ({ path, version }))
  return intent !== undefined && isRecordIntent(intent) ? [{ path: intent.path, seq: intent.seq }] : undefined
}
