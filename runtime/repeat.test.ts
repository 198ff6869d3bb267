import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openLog } from './log.ts'
import { openRepeat } from './repeat.ts'

const lines: string[] = []
const log = openLog({ process: 'test', level: 'error', to: { write: (line: string) => void lines.push(line) } })
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('it comes again after each run, and at once when asked', async () => {
  let runs = 0
  const repeat = openRepeat({ everyMs: 1_000, work: async () => void (runs += 1), log, name: 'work' })
  await vi.advanceTimersByTimeAsync(2_500)
  expect(runs).toBe(2)
  await repeat.now()
  expect(runs).toBe(3)
  await vi.advanceTimersByTimeAsync(999)
  expect(runs).toBe(3)
  repeat.stop()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(runs).toBe(3)
})

test('never twice at a time; who asks during a run gets one that begins after it, shared by all who ask', async () => {
  const gates: PromiseWithResolvers<void>[] = []
  const repeat = openRepeat({ everyMs: 1_000, work: () => (gates.push(Promise.withResolvers()), gates.at(-1)?.promise ?? Promise.resolve()), log, name: 'work' })
  const ended: string[] = []
  void repeat.now().then(() => ended.push('first'))
  const others = [repeat.now(), repeat.now(), repeat.now()].map((each, at) => each.then(() => ended.push(`other ${at}`)))
  expect(gates).toHaveLength(1)
  gates[0]?.resolve()
  await vi.advanceTimersByTimeAsync(0)
  expect([gates.length, ended]).toEqual([2, ['first']])
  gates[1]?.resolve()
  await Promise.all(others)
  expect(ended).toEqual(['first', 'other 0', 'other 1', 'other 2'])
  repeat.stop()
})

test('what it throws is logged, and it goes on', async () => {
  let runs = 0
  const repeat = openRepeat({ everyMs: 1_000, work: () => ((runs += 1), Promise.reject(new Error('a bug'))), log, name: 'work' })
  await repeat.now()
  await vi.advanceTimersByTimeAsync(1_000)
  expect([runs, lines.length]).toEqual([2, 2])
  repeat.stop()
})
