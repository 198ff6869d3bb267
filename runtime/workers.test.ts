import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { batcher } from './batcher.ts'
import { openLog } from './log.ts'
import { openPool, type Pool, type PoolOptions } from './workers.ts'

const lines: string[] = []
const log = openLog({ process: 'test', level: 'error', to: { write: (line: string) => void lines.push(line) } })
const module = new URL('./workers.testkit.ts', import.meta.url)
const pools: Pool<unknown, unknown>[] = []
afterEach(async () => {
  lines.splice(0)
  for (const pool of pools.splice(0)) await pool.close()
})
const open = async (change: Partial<PoolOptions> = {}) => {
  const pool = await openPool<unknown, unknown>({ module, size: 1, init: { base: 10 }, timeoutMs: 2_000, log, ...change })
  pools.push(pool)
  return pool
}

describe('the worker pool', () => {
  test('answers batches, on several threads at once', async () => {
    const pool = await open({ size: 2 })
    expect(await pool.call({ act: 'add', values: [1, 2] })).toEqual({ ok: true, value: [11, 12] })
    const [, ...threads] = await Promise.all([pool.call({ act: 'sleep', ms: 50 }), pool.call({ act: 'thread' }), pool.call({ act: 'thread' })])
    expect(new Set(threads.map((answer) => answer.ok && answer.value)).size).toBe(1)
  })

  test('P-1 a worker in an endless loop is a timeout, and is replaced', async () => {
    const pool = await open({ timeoutMs: 150, maxWaitMs: 15_000 })
    const [spun, waited] = await Promise.all([pool.call({ act: 'spin' }), pool.call({ act: 'add', values: [1] })])
    expect(spun).toEqual({ ok: false, reason: 'timeout', detail: 'call' })
    expect(waited).toEqual({ ok: true, value: [11] })
  })

  test.each([
    ['throws', 'throw', 'RangeError'],
    ['exits', 'exit', 'exited'],
    ['leaves a rejection', 'reject_later', 'RangeError'],
    ['eats its memory', 'grow', 'ERR_WORKER_OUT_OF_MEMORY'],
  ])('P-1 a worker that %s has crashed, and is replaced', async (_name, act, detail) => {
    const pool = await open({ memoryMb: 24, timeoutMs: 15_000 })
    expect(await pool.call({ act })).toEqual({ ok: false, reason: 'crashed', detail })
    expect(await pool.call({ act: 'add', values: [1] })).toEqual({ ok: true, value: [11] })
    expect(lines.join()).not.toContain('canary')
  })

  test('a crash of one worker does not touch the batch of another', async () => {
    const pool = await open({ size: 2 })
    const [slow, crashed] = await Promise.all([pool.call({ act: 'sleep', ms: 100 }), pool.call({ act: 'throw' })])
    expect(slow.ok).toBe(true)
    expect(crashed.ok).toBe(false)
  })

  test('S-3 state reaches every worker before broadcast resolves, and a replacement gets the last of each key', async () => {
    const pool = await open({ size: 2 })
    await pool.broadcast('roster', 1)
    await pool.broadcast('policy', 'a')
    await pool.broadcast('roster', 2)
    const states = await Promise.all([pool.call({ act: 'state' }), pool.call({ act: 'state' })])
    expect(states).toEqual([{ ok: true, value: [1, 'a', 2] }, { ok: true, value: [1, 'a', 2] }])
    await Promise.all([pool.call({ act: 'throw' }), pool.call({ act: 'throw' })])
    expect(await pool.call({ act: 'state' })).toEqual({ ok: true, value: [2, 'a'] })
  })

  test('a worker that cannot take new state answers no more', async () => {
    const pool = await open({ size: 2, maxWaitMs: 300 })
    await pool.broadcast('roster', 'poison')
    expect(await pool.call({ act: 'state' })).toEqual({ ok: false, reason: 'overloaded', detail: 'waited_too_long' })
    // One line for each that died; were failed replacements replaced in turn, they would multiply.
    expect(lines.splice(0).filter((line) => line.includes('worker replaced'))).toHaveLength(2)
    await pool.broadcast('roster', 'good')
    await expect.poll(() => pool.call({ act: 'state' })).toEqual({ ok: true, value: ['good'] })
  })

  test('a module that does not open refuses the start', async () => {
    await expect(open({ init: { base: 1, fail: true } })).rejects.toMatchObject({ code: 'workers_cannot_open' })
    await expect(open({ module: new URL('./absent.ts', import.meta.url) })).rejects.toMatchObject({ code: 'workers_cannot_open' })
  })

  test('the queue is bounded, and a closed pool answers nobody', async () => {
    const pool = await open({ maxQueued: 1 })
    const first = pool.call({ act: 'sleep', ms: 20_000 })
    const second = pool.call({ act: 'state' })
    expect(await pool.call({ act: 'state' })).toMatchObject({ ok: false, reason: 'overloaded' })
    await pool.close()
    expect(await first).toMatchObject({ ok: false, reason: 'crashed', detail: 'pool_closed' })
    expect(await second).toMatchObject({ ok: false, reason: 'closed' })
    expect(await pool.call({ act: 'state' })).toMatchObject({ ok: false, reason: 'closed' })
  })
})

describe('the batcher', () => {
  const recorder = (limits: { maxItems: number; maxRunning?: number; maxWaiting?: number; stalledMs?: number; maxUnderWay?: number }) => {
    const batches: (readonly number[])[] = []
    const gates: (() => void)[] = []
    const run = async (items: readonly number[]) => {
      batches.push(items)
      await new Promise<void>((resolve) => gates.push(resolve))
      return items.map((item) => item * 2)
    }
    return { batches, gates, add: batcher<number, number>({ run, ...limits }) }
  }
  // What an answer sets off goes out in the turn after it.
  const turn = async () => {
    for (const _ of [1, 2]) await new Promise((resolve) => setImmediate(resolve))
  }

  test('what comes in one turn goes together, by whatever way it came', async () => {
    const { batches, gates, add } = recorder({ maxItems: 8 })
    const all = [add(1), Promise.resolve().then(() => add(2)), new Promise<void>((resolve) => process.nextTick(resolve)).then(() => add(3))]
    await turn()
    expect(batches.map((batch) => batch.toSorted())).toEqual([[1, 2, 3]])
    gates[0]?.()
    expect(await Promise.all(all)).toEqual([2, 4, 6])
  })

  test('a batch that stalls gives up its place, and takes it once only; so many, and no more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { batches, gates, add } = recorder({ maxItems: 1, stalledMs: 50, maxUnderWay: 2 })
    const all = [add(1), add(2), add(3), add(4)]
    await turn()
    expect(batches).toEqual([[1]])
    vi.advanceTimersByTime(50)
    await turn()
    expect(batches).toEqual([[1], [2]])
    vi.advanceTimersByTime(50)
    await turn()
    expect(batches).toEqual([[1], [2]])
    gates[0]?.()
    await turn()
    expect(batches).toEqual([[1], [2], [3]])
    gates[1]?.()
    await turn()
    expect(batches).toEqual([[1], [2], [3]])
    gates[2]?.()
    await turn()
    gates[3]?.()
    expect(await Promise.all(all)).toEqual([2, 4, 6, 8])
  })

  test('sends at once when idle, gathers while busy, never over the limit', async () => {
    const { batches, gates, add } = recorder({ maxItems: 2 })
    const first = add(1)
    await turn()
    const rest = [add(2), add(3), add(4)]
    await turn()
    expect(batches).toEqual([[1]])
    for (let open = 0; open < 3; open += 1) {
      gates[open]?.()
      await turn()
    }
    expect(batches).toEqual([[1], [2, 3], [4]])
    expect(await Promise.all([first, ...rest])).toEqual([2, 4, 6, 8])
  })

  test('runs as many batches at once as it is told', async () => {
    const { batches, gates, add } = recorder({ maxItems: 1, maxRunning: 2 })
    const all = [add(1), add(2), add(3)]
    await turn()
    expect(batches).toEqual([[1], [2]])
    gates.forEach((open) => open())
    await turn()
    gates.forEach((open) => open())
    expect(await Promise.all(all)).toEqual([2, 4, 6])
  })

  test('what is over its bound is refused', async () => {
    const { gates, add } = recorder({ maxItems: 1, maxWaiting: 1 })
    const first = add(1)
    await turn()
    const second = add(2)
    expect(await add(3)).toEqual({ ok: false, reason: 'overloaded' })
    gates[0]?.()
    await turn()
    gates[1]?.()
    expect(await Promise.all([first, second])).toEqual([2, 4])
  })

  test('a batch that throws, or answers short, rejects its own items only', async () => {
    const add = batcher<number, number>({ run: async (items) => (items[0] === 0 ? [] : items), maxItems: 1 })
    const [bad, good] = [add(0), add(1)]
    await expect(bad).rejects.toThrow(TypeError)
    expect(await good).toBe(1)
  })
})
