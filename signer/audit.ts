import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { Answer, RequestHash } from '@symbolon/protocol/sign.ts'
import type { Granted, Refused } from '@symbolon/policy/judgement.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import { Counter, type Metrics } from '@symbolon/runtime/metrics.ts'

/**
 * What somebody should look at. `commitment_reused`: the same promise twice, which only a broken or hostile coordinator asks for.
 * `commitment_unknown`: one of an earlier boot, or of nobody. `list_invalid`: no honest coordinator sends it.
 *
 * About another signer: `two_boots`: two copies of it live, or its clock was set back over a restart. `peer_journal_lost`: it has shown a longer
 * journal. `peer_unproven`: it names a roster version that it has no certificate of. `roster_forked`: it holds another certified document of the
 * same version, so some signer accepted twice. `head_invalid`: what it says of itself is not proven, or its clock or this one is wrong.
 * About this one: `journal_behind`: its journal has lost entries that a peer has seen. `peers_unsaved`: what it remembers of the others cannot be written.
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
] as const
export type Alarm = (typeof alarms)[number]

export interface Decision {
  readonly by: string
  readonly requestId: string
  readonly request: RequestHash
  readonly attempt: string | undefined
  readonly judgement: Granted | Refused | undefined
  readonly answer: Answer
}

/** What this signer tells its operator: one event for each item that it answered, an alarm where somebody misbehaves. */
export interface Audit {
  decision(of: Decision): void
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
  const alarmed = new Counter({ name: 'signer_alarms_total', help: 'Alarms raised', labelNames: ['alarm'], registers })
  const raise = (kind: Alarm, facts: Readonly<Record<string, unknown>>) => {
    alarmed.inc({ alarm: kind })
    log.error({ event: 'alarm', alarm: kind, ...always(), ...facts })
  }
  return {
    decision({ by, requestId, request, attempt, judgement, answer }) {
      const codes = codesOf(answer)
      answers.inc({ result: answer.result, code: codes[0] ?? 'none' })
      log.info({
        event: 'decision',
        ...always(),
        by,
        request_id: requestId,
        attempt,
        request: toBase64url(request),
        intent: judgement?.digest === undefined ? undefined : toBase64url(judgement.digest),
        principal: judgement?.principal?.id,
        bytes_hash: judgement?.verdict === 'granted' ? judgement.bytesHash : undefined,
        result: answer.result,
        codes,
      })
    },
    alarm: raise,
    failed: (kind, error) => raise(kind, { err: error }),
    peer: (peer, outcome) => log[outcome === 'heard' ? 'info' : 'warn']({ event: 'peer', peer, outcome, ...always() }, 'peer'),
  }
}

function codesOf(answer: Answer): readonly string[] {
  switch (answer.result) {
    case 'signed':
      return []
    case 'refused':
      return answer.refusal.reasons.map(({ code }) => code)
    case 'not_now':
      return [answer.code]
  }
}
