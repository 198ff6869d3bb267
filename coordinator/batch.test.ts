import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openBatches, type BatchOptions } from './batch.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'] }))
afterEach(() => void vi.useRealTimers())

/** Calls that a test answers one by one. */
function open(change: Partial<BatchOptions<string, string>> = {}) {
  const calls: { items: readonly string[]; answer(): void; fail(error: Error): void }[] = []
  const batches = openBatches<string, string>({
    call: (items) => {
      const { promise, resolve, reject } = Promise.withResolvers<string[]>()
      calls.push({ items, answer: () => resolve(items.map((item) => `${item}!`)), fail: reject })
      return promise
    },
    maxItems: 3,
    maxWeight: 100,
    weigh: (item) => item.length,
    unwanted: (item) => item.startsWith('un'),
    calls: 1,
    stalledMs: 50,
    maxCalls: 3,
    ...change,
  })
  return { batches, calls, sizes: () => calls.map(({ items }) => items.length) }
}
const turn = () => vi.advanceTimersByTimeAsync(0)

test('what comes in one turn goes in one call, in order, and each gets its own answer', async () => {
  const { batches, calls } = open()
  const answers = Promise.all(['a', 'b', 'c'].map((item) => batches.add(item)))
  await turn()
  expect(calls.map(({ items }) => items)).toEqual([['a', 'b', 'c']])
  calls[0]?.answer()
  expect(await answers).toEqual(['a!', 'b!', 'c!'].map((value) => ({ sent: true, value })))
})

test('while a call is under way, what arrives gathers, up to the limit of a call', async () => {
  const { batches, calls, sizes } = open()
  void batches.add('a')
  await turn()
  for (const item of ['b', 'c', 'd', 'e']) void batches.add(item)
  await turn()
  expect(sizes()).toEqual([1])
  expect(batches.load).toBe(5)
  calls[0]?.answer()
  await turn()
  expect(sizes()).toEqual([1, 3])
  calls[1]?.answer()
  await turn()
  expect(sizes()).toEqual([1, 3, 1])
})

test('a call that stalls does not hold up the others, of which there are only so many', async () => {
  const { batches, sizes } = open()
  for (let round = 0; round < 6; round++) {
    void batches.add('x')
    await vi.advanceTimersByTimeAsync(60)
  }
  expect(sizes()).toEqual([1, 1, 1])
})

test('a call is never heavier than allowed, but one heavy item goes alone', async () => {
  const { batches, calls, sizes } = open({ maxWeight: 10 })
  for (const item of ['123456', '123456', 'x'.repeat(50), '1']) void batches.add(item)
  for (let round = 0; round < 4; round++) {
    await turn()
    calls.at(-1)?.answer()
  }
  await turn()
  expect(sizes()).toEqual([1, 1, 1, 1])
})

test('an item that nobody waits for any more is not sent and takes no place', async () => {
  const { batches, calls } = open()
  const answers = Promise.all(['unwanted', 'a', 'unneeded', 'b', 'c'].map((item) => batches.add(item)))
  await turn()
  expect(calls.map(({ items }) => items)).toEqual([['a', 'b', 'c']])
  calls[0]?.answer()
  expect((await answers).map(({ sent }) => sent)).toEqual([false, true, false, true, true])
})

test('a bug in a call reaches everyone in it, and the next call goes on', async () => {
  const { batches, calls } = open()
  const failed = Promise.allSettled([batches.add('a'), batches.add('b')])
  await turn()
  calls[0]?.fail(new RangeError('bug'))
  expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const next = batches.add('c')
  await turn()
  calls[1]?.answer()
  expect(await next).toEqual({ sent: true, value: 'c!' })
})
