import type { Readiness } from '@symbolon/runtime/health.ts'
import type { Metrics } from '@symbolon/runtime/metrics.ts'
import { fail, problem, type Failure } from './failure.ts'
import { json, type FrontRoute, type Reply } from './route.ts'

export interface HealthParts {
  readiness(): Promise<Readiness>
  /** What it means to be ready: 'A token could be minted now.' */
  readonly ready: string
  readonly metrics: Metrics
}

/** `/livez`, `/readyz` and `/metrics`. */
export function healthRoutes({ readiness, ready, metrics }: HealthParts): readonly FrontRoute[] {
  const open = { kind: 'public', why: 'It says which parts run, so that whoever is refused can see why.' } as const
  const common = { method: 'GET', errors: problem, costly: false } as const
  return [
    { ...common, path: '/livez', auth: open, summary: 'The process runs.', codes: [], gives: { type: 'application/json', summary: 'It does.' }, handle: async () => json({ live: true }) },
    { ...common, path: '/readyz', auth: open, summary: ready, codes: ['not_ready'], gives: { type: 'application/json', summary: 'It could.' }, handle: () => readyz(readiness) },
    { ...common, path: '/metrics', auth: { kind: 'address' }, summary: 'Figures for Prometheus.', codes: ['not_found'], gives: { type: metrics.contentType, summary: 'Text exposition format.' }, handle: async () => ({ ok: true, status: 200, body: await metrics.text(), type: metrics.contentType }) },
  ]
}

async function readyz(ask: HealthParts['readiness']): Promise<Reply | Failure> {
  const { ready, failing } = await ask()
  return ready ? json({ ready, failing }) : fail('not_ready', { detail: `${failing.map(({ check, reason }) => `${check}: ${reason}`).join('; ')}.`, failing })
}
