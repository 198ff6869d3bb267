import { expect, test } from 'vitest'
import { idOf, openMemo } from './memo.ts'

test('what was used longest ago is forgotten first', () => {
  const memo = openMemo<number>(2)
  memo.keep('a', 1)
  memo.keep('b', 2)
  expect(memo.get('a')).toBe(1)
  memo.keep('c', 3)
  expect([memo.get('a'), memo.get('b'), memo.get('c')]).toEqual([1, undefined, 3])
})

test('texts that only run together alike have different ids', () => {
  const ids = [idOf(['ab', 'c']), idOf(['a', 'bc']), idOf(['abc']), idOf(['abc', '']), idOf(['a","bc'])]
  expect(new Set(ids).size).toBe(ids.length)
  expect(idOf(['ab', 'c'])).toBe(ids[0])
})
