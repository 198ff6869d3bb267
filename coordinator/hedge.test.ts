import { expect, test } from 'vitest'
import { openHedgeBudget } from './hedge.ts'

const spendAll = (budget: ReturnType<typeof openHedgeBudget>) => {
  let count = 0
  while (budget.spend()) count += 1
  return count
}

test('a reserve for the moment when a signer falls silent, then one hedge for ten attempts', () => {
  const budget = openHedgeBudget()
  expect(spendAll(budget)).toBe(64)
  for (let attempt = 0; attempt < 9; attempt++) budget.earn()
  expect(budget.spend()).toBe(false)
  for (let attempt = 0; attempt < 41; attempt++) budget.earn()
  expect([4, 5]).toContain(spendAll(budget))
})

test('what is not needed is not saved up beyond the reserve', () => {
  const budget = openHedgeBudget()
  for (let attempt = 0; attempt < 10_000; attempt++) budget.earn()
  expect(spendAll(budget)).toBe(64)
})
