import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AdoptReply } from '@symbolon/protocol/book.ts'
import type { Adopt } from './book.ts'
import { takeDrop } from './drop.ts'

let folder: string
const said: unknown[] = []
const log = { warn: (facts: unknown) => void said.push(facts), error: (facts: unknown) => void said.push(facts) }
const shown: Parameters<Adopt>[0][] = []
const adopting = (reply: AdoptReply): Adopt => async (part) => {
  shown.push(part)
  return reply
}
const adopted = adopting({ v: 1, result: 'adopted', version: 2, stops: 0 })
const part = { v: 1, versions: [], entries: [], stops: [] }
const drop = (text: string) => writeFileSync(join(folder, 'book-to-adopt.json'), text)

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signer-drop-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
  said.length = 0
  shown.length = 0
})

test('I-3 a signer that hears nobody is fed from a file, once', async () => {
  drop(JSON.stringify(part))
  await takeDrop({ folder, adopt: adopted, log })
  await takeDrop({ folder, adopt: adopted, log })
  expect(shown).toEqual([part])
  expect(readdirSync(folder)).toEqual(['book-to-adopt.json.taken'])
  expect(said).toEqual([expect.objectContaining({ event: 'book_dropped', result: 'adopted', version: 2 })])
})

test('what is no book is set aside unread', async () => {
  drop('{"v":1}')
  await takeDrop({ folder, adopt: adopted, log })
  expect(shown).toEqual([])
  expect(readdirSync(folder)).toEqual(['book-to-adopt.json.refused'])
  expect(said).toEqual([expect.objectContaining({ result: 'malformed', reason: 'wrong_shape' })])
})

test('what cannot be taken in now is set aside, and said', async () => {
  drop(JSON.stringify(part))
  await takeDrop({ folder, adopt: adopting({ v: 1, result: 'not_now', code: 'ill' }), log })
  expect(existsSync(join(folder, 'book-to-adopt.json.refused'))).toBe(true)
  expect(said).toEqual([expect.objectContaining({ result: 'not_now', code: 'ill' })])
})

test('without a file nothing happens', async () => {
  await takeDrop({ folder, adopt: adopted, log })
  expect([shown, said, readdirSync(folder)]).toEqual([[], [], []])
})
