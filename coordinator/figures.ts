import type { MintItem, MintOutcome } from '@symbolon/protocol/mint.ts'
import type { OpenOutcome, OpenWish } from '@symbolon/protocol/open.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import { Counter, Histogram, type Metrics } from '@symbolon/runtime/metrics.ts'
import type { Fault } from './evidence-of-fault.ts'
import type { Alarm } from './repute.ts'

/** What operators see: counters, and a line for whatever was not simply signed. */
export interface Figures {
  minted(item: MintItem, outcome: MintOutcome, ms: number): void
  opened(wish: OpenWish, outcome: OpenOutcome, ms: number): void
  alarm(signer: number, alarm: Alarm): void
  fault(fault: Fault): void
}

export function openFigures({ registry }: Metrics, log: Logger): Figures {
  const buckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5]
  const minted = new Histogram({ name: 'symbolon_mint_seconds', help: 'What was to be signed, by purpose and outcome, log row included.', labelNames: ['purpose', 'outcome'], buckets, registers: [registry] })
  const opened = new Histogram({ name: 'symbolon_open_seconds', help: 'Wishes to open secrets, by outcome, log row included.', labelNames: ['outcome'], buckets, registers: [registry] })
  const secrets = new Counter({ name: 'symbolon_opened_secrets_total', help: 'Secrets that t signers opened.', registers: [registry] })
  const parts = new Counter({ name: 'symbolon_parts_total', help: 'What signers did, by purpose, signer and state.', labelNames: ['purpose', 'signer', 'state'], registers: [registry] })
  const alarms = new Counter({ name: 'symbolon_alarms_total', help: 'Alarms by signer and kind.', labelNames: ['signer', 'kind'], registers: [registry] })
  const faults = new Counter({ name: 'symbolon_faults_total', help: 'Proven or observed faults by signer and kind.', labelNames: ['signer', 'kind'], registers: [registry] })
  const note = (purpose: string, requestId: string, outcome: MintOutcome | OpenOutcome) => {
    for (const { signer, state } of outcome.parts) if (state !== 'unused') parts.inc({ purpose, signer: `${signer}`, state })
    const facts = { request_id: requestId, purpose, outcome: outcome.outcome, ...('code' in outcome ? { code: outcome.code } : {}), parts: outcome.parts }
    const done = outcome.outcome === 'signed' || outcome.outcome === 'opened'
    if (done) log.debug(facts, outcome.outcome)
    else log.info(facts, purpose === 'open' ? 'not opened' : 'not signed')
  }
  return {
    minted({ purpose, request_id }, outcome, ms) {
      minted.observe({ purpose, outcome: outcome.outcome }, ms / 1000)
      note(purpose, request_id, outcome)
    },
    opened({ request_id, heads }, outcome, ms) {
      opened.observe({ outcome: outcome.outcome }, ms / 1000)
      if (outcome.outcome === 'opened') secrets.inc(heads.length)
      note('open', request_id, outcome)
    },
    alarm(signer, kind) {
      alarms.inc({ signer: `${signer}`, kind })
      log.error({ signer, alarm: kind }, kind === 'two_live_boots' ? 'two copies of a signer are alive' : 'a signer does not know its own commitments')
    },
    fault({ signer, kind, accusation }) {
      faults.inc({ signer: `${signer}`, kind })
      log.error({ signer, fault: kind, checkable: accusation !== undefined, attempt: accusation?.request.attempt }, 'signer at fault, left out')
    },
  }
}
