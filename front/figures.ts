import { Counter, Histogram, type Metrics } from '@symbolon/runtime/metrics.ts'
import type { Ground } from './answer.ts'
import type { EventSink } from './event.ts'

/** Counts what is answered and decided. @param write where the record of a decision goes */
export function figures({ registry }: Metrics, write: EventSink): Pick<Ground, 'sink' | 'observe'> {
  const requests = new Histogram({ name: 'symbolon_http_seconds', help: 'Requests by route and status.', labelNames: ['route', 'status'], buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 15], registers: [registry] })
  const decisions = new Counter({ name: 'symbolon_decisions_total', help: 'Decisions by kind and code.', labelNames: ['event', 'code'], registers: [registry] })
  return {
    observe: (route, status, ms) => requests.observe({ route, status: `${status}` }, ms / 1000),
    sink(facts) {
      decisions.inc({ event: facts.event, code: facts.code })
      write(facts)
    },
  }
}
