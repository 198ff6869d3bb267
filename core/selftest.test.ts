import { expect, test } from 'vitest'
import { openArena } from './arena.ts'
import { SelfTestError, selfTest } from './selftest.ts'
import { requireNative, sodiumSuite } from './sodium.ts'
import type { Suite } from './suite.ts'

const arena = openArena(4 * 4096)
const suite = sodiumSuite(arena)

const withRandom = (random: (out: Uint8Array) => void): Suite => ({ ...suite, group: { ...suite.group, random } })
const codeOf = (tested: Suite) => {
  try {
    selfTest(tested)
  } catch (error) {
    if (error instanceof SelfTestError) return error.code
    throw error
  }
  return 'passed'
}

test('TST-13 a working generator passes, and nothing is left in memory', () => {
  const before = arena.free
  expect(codeOf(suite)).toBe('passed')
  expect(arena.free).toBe(before)
})

test.each([
  ['constant', () => (out: Uint8Array) => void out.fill(7)],
  ['zero', () => (out: Uint8Array) => void out.fill(0)],
  ['absent', () => () => {}],
  ['cycling', () => cycling(5)],
])('TST-13 a %s generator stops the process', (_, make) => expect(codeOf(withRandom(make()))).toBe('generator_repeats'))

test('TST-13 nonces that repeat over a working generator stop the process', () => {
  const stuck: Suite = { ...suite, h3: (out, _random, secret) => suite.h3(out, new Uint8Array(32), secret) }
  expect(codeOf(stuck)).toBe('nonces_repeat')
})

test('the native build computes', () => expect(() => requireNative()).not.toThrow())

function cycling(period: number): (out: Uint8Array) => void {
  let turn = 0
  return (out) => void out.fill(1 + (turn++ % period))
}
