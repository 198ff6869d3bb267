import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { noStops } from '@symbolon/evidence/stops.ts'
import { at, bundleWith, intentOf, makeWorld, request } from '@symbolon/policy/judge.testkit.ts'
import type { WorkerAnswer, WorkerCall } from '@symbolon/policy/worker.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { openPool, type Pool } from '@symbolon/runtime/workers.ts'

/* Nothing inside an evaluation can stop it; the pool can, with the thread. */

const misbehaving = new Uint8Array(readFileSync(new URL('../../policy/testdata/misbehaving.wasm', import.meta.url)))
const endless = { allow_scopes: ['read:logs'], max_ttl_seconds: 3600 }
const world = makeWorld({ bundle: bundleWith({ roles: { endless } }, misbehaving) })

let pool: Pool<WorkerCall, WorkerAnswer>
beforeAll(async () => {
  const log = openLog({ process: 'test', level: 'error', to: { write: () => {} } })
  pool = await openPool({ module: new URL(import.meta.resolve('@symbolon/policy/worker.ts')), size: 1, init: { roster: world.roster, bundle: world.bundle, stops: noStops }, timeoutMs: 2_000, maxWaitMs: 60_000, log })
})
afterAll(() => pool.close())

test('P-1 a policy that does not come to an end yields no judgement, and the next request finds a new thread', async () => {
  const batch = { judge: [request(world, intentOf(world))], clock: at }
  expect(await pool.call(batch)).toMatchObject({ ok: false, reason: 'timeout' })
  // Judged without reaching the policy, by the thread that replaced the first.
  const other = { judge: [request(world, intentOf(world, { lineage: world.roster.policy }))], clock: at }
  expect(await pool.call(other)).toMatchObject({ ok: true, value: { judged: [{ verdict: 'refused', reasons: [{ code: 'wrong_deployment' }] }] } })
})
