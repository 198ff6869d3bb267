import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { noStops } from '@symbolon/evidence/stops.ts'
import type { Judgement } from '@symbolon/policy/judgement.ts'
import { intentOf, makeWorld, request } from '@symbolon/policy/judge.testkit.ts'
import type { WorkerAnswer, WorkerCall } from '@symbolon/policy/worker.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import type { CallResult } from '@symbolon/runtime/workers.ts'
import { judgesOver, openJudges } from './judges.ts'

const world = makeWorld()
const now = () => Math.floor(Date.now() / 1000)
const asked = (reason = 'a') => request(world, intentOf(world, { iat: now(), exp: now() + 300, reason }))
const lacking = { verdict: 'unavailable', code: 'issuer_keys_unavailable', missing: { issuer: 'forge', kid: 'f2' } } as const
const nothing = { judged: [], explained: [], listed: [], ruled: [] }
const busy = { verdict: 'unavailable', code: 'busy' } as const

describe('judging over a pool', () => {
  const over = (...answers: ((batch: WorkerCall) => CallResult<WorkerAnswer>)[]) => {
    const batches: WorkerCall[] = []
    const fetched: unknown[] = []
    const judges = judgesOver({
      workers: 1,
      call: async (batch) => {
        batches.push(batch)
        return (answers[batches.length - 1] ?? answers.at(-1) ?? (() => ({ ok: true, value: nothing })))(batch)
      },
      fetchKey: async (missing) => void fetched.push(missing),
    })
    return { judges, batches, fetched }
  }
  const same = (judgement: Judgement) => ({ judge = [] }: WorkerCall) => ({ ok: true, value: { ...nothing, judged: judge.map(() => judgement) } }) as const

  test('what lacks an issuer’s key is judged once more after one fetch', async () => {
    const { judges, batches, fetched } = over(same(lacking), same(busy))
    expect(await judges.judge(asked(), now())).toEqual(busy)
    expect([batches.length, fetched]).toEqual([2, [{ issuer: 'forge', kid: 'f2' }]])
  })

  test('and only once: whoever still lacks it is told', async () => {
    const { judges, batches, fetched } = over(same(lacking))
    expect(await judges.judge(asked(), now())).toEqual(lacking)
    expect([batches.length, fetched.length]).toEqual([2, 1])
  })

  test.each([
    ['timeout', 'timed_out'],
    ['crashed', 'timed_out'],
    ['overloaded', 'busy'],
    ['closed', 'busy'],
  ] as const)('U-4 a pool that says %s gives no judgement: %s', async (reason, code) => {
    const { judges } = over(() => ({ ok: false, reason, detail: 'x' }))
    expect(await judges.judge(asked(), now())).toEqual({ verdict: 'unavailable', code })
  })

  test('while the worker is busy, requests gather', async () => {
    const { judges, batches } = over(same(busy))
    await Promise.all(Array.from({ length: 130 }, () => judges.judge(asked(), now())))
    expect(batches.map(({ judge }) => judge?.length)).toEqual([64, 64, 2])
  })
})

test('real threads judge, each request by itself, in order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'symbolon-judges-'))
  const judges = await openJudges({ ...world, stops: noStops, folder, workers: 2, timeoutMs: 10_000, log: openLog({ process: 'test', level: 'error' }) })
  try {
    const wishes = Array.from({ length: 40 }, (_, at) => ({ scope: [at % 2 === 0 ? 'read:logs' : 'write:prod'], reason: `r${at}` }))
    const answers = await Promise.all(wishes.map((wish) => judges.judge(request(world, intentOf(world, { iat: now(), exp: now() + 300, ...wish })), now())))
    expect(answers.map((answer) => (answer.verdict === 'unavailable' ? answer.code : [answer.verdict, answer.intent?.kind === 'token' ? answer.intent.reason : undefined]))).toEqual(wishes.map(({ reason }, at) => [at % 2 === 0 ? 'granted' : 'refused', reason]))
  } finally {
    await judges.close()
    rmSync(folder, { recursive: true })
  }
})
