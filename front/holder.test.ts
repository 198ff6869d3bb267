import { expect, test } from 'vitest'
import { openHolder, type Held } from './holder.ts'

const held = (value: string, closed: string[]): Held<string> => ({ value, close: async () => void closed.push(value) })
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a request keeps what was current when it began, and what was replaced is closed after its last request', async () => {
  const closed: string[] = []
  const holder = openHolder(held('one', closed))
  const gate = Promise.withResolvers<void>()
  const seen = holder.use(async (value) => (await gate.promise, [value, holder.current()]))
  const other = holder.use(async (value) => (await gate.promise, value))
  const replaced = holder.replace(held('two', closed))
  expect(await holder.use(async (value) => value)).toBe('two')
  await turn()
  expect(closed).toEqual([])
  gate.resolve()
  expect(await Promise.all([seen, other])).toEqual([['one', 'two'], 'one'])
  await replaced
  expect(closed).toEqual(['one'])
})

test('what nobody uses is closed at once, and a request that fails is a user no more', async () => {
  const closed: string[] = []
  const holder = openHolder(held('one', closed))
  await expect(holder.use(() => Promise.reject(new Error('of a request')))).rejects.toThrow('of a request')
  await holder.replace(held('two', closed))
  await holder.replace(held('three', closed))
  expect(closed).toEqual(['one', 'two'])
  await holder.close()
  expect(closed).toEqual(['one', 'two', 'three'])
})
