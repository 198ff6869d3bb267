import { describe, expect, test } from 'vitest'
import { healthRoutes, readiness } from './health.ts'
import { openMetrics } from './metrics.ts'

const good = async () => ({ ok: true }) as const
const call = async (routes: ReturnType<typeof healthRoutes>, path: string) => routes.find((route) => route.path === path)?.handle({ peer: { role: 'api', id: '1' }, body: Buffer.alloc(0), requestId: 'r', signal: new AbortController().signal })

describe('readiness', () => {
  test('names every check that fails, is late, or throws', async () => {
    const checks = {
      good,
      bad: async () => ({ ok: false, reason: 'below_quorum' }) as const,
      late: () => new Promise<never>(() => undefined),
      broken: () => Promise.reject(new Error('canary')),
    }
    expect(await readiness(checks, 20)).toEqual({ ready: false, failing: [{ check: 'bad', reason: 'below_quorum' }, { check: 'late', reason: 'timeout' }, { check: 'broken', reason: 'threw' }] })
    expect(await readiness({ good }, 20)).toEqual({ ready: true, failing: [] })
  })

  test('is 200 or 503, beside a liveness that asks nobody and the process\'s own metrics', async () => {
    const metrics = openMetrics({ process: 'signer-1' })
    const well = healthRoutes({ roles: ['api'], checks: { good }, metrics })
    const ill = healthRoutes({ roles: ['api'], checks: { bad: async () => ({ ok: false, reason: 'x' }) }, metrics })
    expect(await call(well, '/readyz')).toMatchObject({ status: 200 })
    expect(await call(ill, '/readyz')).toMatchObject({ status: 503, body: '{"ready":false,"failing":[{"check":"bad","reason":"x"}]}' })
    expect(await call(ill, '/livez')).toMatchObject({ status: 200 })
    expect((await call(well, '/metrics'))?.body).toContain('process_cpu_user_seconds_total{process="signer-1"}')
  })
})
