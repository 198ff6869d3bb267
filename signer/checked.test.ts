import { expect, test } from 'vitest'
import { openArena } from '@symbolon/core/arena.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { check, dealVault, seal, text } from '@symbolon/core/tdh2.testkit.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { openChecked } from './checked.ts'

const vault = dealVault(sodiumSuite(openArena(64 * 1024)), 2, [1, 2, 3])
const label = text('label')
const proven = check(vault, label, seal(vault, label, new Uint8Array(32)))
const named = (name: string) => name as Base64url

test('a proof that held is checked once', () => {
  const checked = openChecked()
  expect(checked.of(named('a'), () => proven)).toBe(proven)
  expect(checked.of(named('a'), () => { throw new Error('checked again') })).toBe(proven)
})

test('TST-40 what did not hold is not remembered', () => {
  const checked = openChecked()
  let asked = 0
  for (const _ of [1, 2]) expect(checked.of(named('a'), () => { asked += 1; return undefined })).toBeUndefined()
  expect(asked).toBe(2)
})

test('TST-38 memory is bounded: what was longest not asked for is forgotten', () => {
  const checked = openChecked(2)
  const asked: string[] = []
  const ask = (name: string) => checked.of(named(name), () => { asked.push(name); return proven })
  for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) ask(name)
  expect(asked).toEqual(['a', 'b', 'c', 'b'])
})
