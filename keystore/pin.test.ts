import { mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pinGuard } from './pin.ts'

let root: string
let path: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'symbolon-pin-'))
  path = join(root, 'pin')
  writeFileSync(path, '123456\n')
})
afterEach(() => rmSync(root, { recursive: true }))

/** As a process that starts: nothing is known but what is on disk. */
const guard = () => pinGuard(join(root, 'keystore'), { path, read: () => readFileSync(path) })
const begin = (from = guard()) => {
  const begun = from.begin()
  return begun.ok ? { pin: Buffer.from(begun.value.pin).toString(), cautious: begun.value.cautious } : begun.error.code
}

describe('TST-51 a PIN', () => {
  test('is tried without its newline, and as often as it is accepted', () => {
    for (let i = 0; i < 3; i++) {
      const each = guard()
      expect(begin(each)).toEqual({ pin: '123456', cautious: false })
      each.end('accepted')
    }
    expect(readdirSync(join(root, 'keystore'))).toEqual([])
  })

  test('that was refused is not tried again, by this process or the next', () => {
    const first = guard()
    begin(first)
    first.end('refused')
    expect([begin(first), begin(), begin()]).toEqual(['pin_wrong', 'pin_wrong', 'pin_wrong'])
    expect(readFileSync(join(root, 'keystore', 'pin.json'), 'utf8')).not.toContain('123456')
  })

  test.each<[string, () => void]>([
    ['changed', () => writeFileSync(path, '654321')],
    ['touched', () => utimesSync(path, new Date(), new Date(Date.now() + 5_000))],
    ['replaced', () => { rmSync(path); writeFileSync(join(root, 'other'), ''); writeFileSync(path, '123456\n') }],
  ])('that was refused is tried once more when its file was %s', (_, act) => {
    const first = guard()
    begin(first)
    first.end('refused')
    act()
    expect(begin()).toMatchObject({ cautious: false })
  })

  test('whose trial nobody saw the end of is tried with caution', () => {
    begin()
    expect(begin()).toEqual({ pin: '123456', cautious: true })
  })

  test('that the device never saw counts as not tried', () => {
    const first = guard()
    begin(first)
    first.end('not_tried')
    expect(begin()).toMatchObject({ cautious: false })
  })

  test('is wiped where it was read', () => {
    const read = Buffer.from('123456')
    pinGuard(join(root, 'keystore'), { path, read: () => read }).begin()
    expect(read.every((byte) => byte === 0)).toBe(true)
  })
})
