import type { MintOutcome } from '@symbolon/protocol/mint.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import { Counter, Histogram, type Metrics } from '@symbolon/runtime/metrics.ts'
import type { Fault } from './evidence-of-fault.ts'
import type { Alarm } from './peer.ts'

/** What operators see: counters, and a line for whatever was not simply signed. */
export interface Figures {
  minted(requestId: string, outcome: MintOutcome, ms: number): void
  alarm(signer: number, alarm: Alarm): void
  fault(fault: Fault): void
}

export function openFigures({ registry }: Metrics, log: Logger): Figures {
  const minted = new Histogram({ name: 'symbolon_mint_seconds', help: 'Tokens by outcome, log row included.', labelNames: ['outcome'], buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5], registers: [registry] })
  const parts = new Counter({ name: 'symbolon_parts_total', help: 'What signers did, by signer and state.', labelNames: ['signer', 'state'], registers: [registry] })
  const alarms = new Counter({ name: 'symbolon_alarms_total', help: 'Alarms by signer and kind.', labelNames: ['signer', 'kind'], registers: [registry] })
  const faults = new Counter({ name: 'symbolon_faults_total', help: 'Proven or observed faults by signer and kind.', labelNames: ['signer', 'kind'], registers: [registry] })
  return {
    minted(requestId, outcome, ms) {
      minted.observe({ outcome: outcome.outcome }, ms / 1000)
      for (const { signer, state } of outcome.parts) if (state !== 'unused') parts.inc({ signer: `${signer}`, state })
      const facts = { request_id: requestId, outcome: outcome.outcome, ...('code' in outcome ? { code: outcome.code } : {}), parts: outcome.parts }
      if (outcome.outcome === 'signed') log.debug(facts, 'minted')
      else log.info(facts, 'not minted')
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
