import type { ChannelReply, Route } from './channel-server.ts'
import type { Metrics } from './metrics.ts'

/** One thing that must hold for the process to be of use. `reason` is a stable code. */
export type HealthCheck = () => Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>
export type Readiness = { readonly ready: boolean; readonly failing: readonly { readonly check: string; readonly reason: string }[] }

/** Asks all checks at once; one that does not answer in time is failing, one that throws too. */
export async function readiness(checks: Readonly<Record<string, HealthCheck>>, timeoutMs: number): Promise<Readiness> {
  const ask = async ([check, run]: [string, HealthCheck]) => {
    const late = Promise.withResolvers<{ ok: false; reason: string }>()
    const timer = setTimeout(() => late.resolve({ ok: false, reason: 'timeout' }), timeoutMs)
    try {
      return { check, ...(await Promise.race([run(), late.promise])) }
    } catch {
      return { check, ok: false as const, reason: 'threw' }
    } finally {
      clearTimeout(timer)
    }
  }
  const answers = await Promise.all(Object.entries(checks).map(ask))
  const failing = answers.flatMap((answer) => (answer.ok ? [] : [{ check: answer.check, reason: answer.reason }]))
  return { ready: failing.length === 0, failing }
}

/** `/livez`, `/readyz` and `/metrics` as channel routes, for processes that speak nothing else. */
export function healthRoutes(options: { readonly roles: readonly string[]; readonly checks: Readonly<Record<string, HealthCheck>>; readonly metrics: Metrics }): readonly Route[] {
  const route = (path: string, answer: () => Promise<ChannelReply>): Route => ({ method: 'GET', path, roles: options.roles, maxBytes: 0, handle: answer })
  return [
    route('/livez', async () => ({ status: 200, body: '{"live":true}' })),
    route('/readyz', async () => {
      const state = await readiness(options.checks, 2_000)
      return { status: state.ready ? 200 : 503, body: JSON.stringify(state) }
    }),
    route('/metrics', async () => ({ status: 200, type: options.metrics.contentType, body: await options.metrics.text() })),
  ]
}
