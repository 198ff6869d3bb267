import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { openCounters, type Counters } from './counters.ts'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })))
function home(): { open(): Counters } {
  const folder = mkdtempSync(join(tmpdir(), 'signer-counters-'))
  folders.push(folder)
  return { open: () => openCounters(folder) }
}
const seeAll = (counters: Counters, ...touches: readonly (readonly [counter: number, intent: string, credential?: string])[]) =>
  touches.map(([counter, intent, credential = 'key']) => counters.see({ counter, intent: intent as Base64url, credential: credential as Base64url, iat: 1_000, late: false }))

describe('W-6 TST-34 a passkey’s counter', () => {
  test.each([
    ['that goes up is well', [[1, 'a'], [2, 'b'], [9, 'c']], [undefined, undefined, undefined]],
    ['that goes down is told', [[5, 'a'], [4, 'b']], [undefined, 5]],
    ['that stands still for another intent is told', [[5, 'a'], [5, 'b']], [undefined, 5]],
    ['of the same assertion, judged again, is well', [[5, 'a'], [5, 'a']], [undefined, undefined]],
    ['that is always 0 tells nothing', [[0, 'a'], [0, 'b']], [undefined, undefined]],
    ['that falls to 0 is told', [[3, 'a'], [0, 'b']], [undefined, 3]],
    ['that went down is still held against the highest', [[5, 'a'], [2, 'b'], [4, 'c'], [6, 'd']], [undefined, 5, 5, undefined]],
    ['is each passkey’s own', [[5, 'a'], [1, 'b', 'other']], [undefined, undefined]],
  ] as const)('%s', (_, touches, expected) => {
    const counters = home().open()
    expect(seeAll(counters, ...touches)).toEqual(expected)
    counters.close()
  })

  test.each([
    ['a lower one that is older too is well', { counter: 4, iat: 900 }, undefined],
    ['a lower one that is younger is told', { counter: 4, iat: 1_100 }, 5],
    ['the same one for another intent is told, however old', { counter: 5, iat: 900 }, 5],
    ['a higher one is well', { counter: 6, iat: 900 }, undefined],
  ])('of a change or a stop, which may be judged late: %s', (_, late, expected) => {
    const counters = home().open()
    seeAll(counters, [5, 'a'])
    expect(counters.see({ ...late, late: true, intent: 'b' as Base64url, credential: 'key' as Base64url })).toBe(expected)
    counters.close()
  })

  test('is remembered over a restart', () => {
    const { open } = home()
    const first = open()
    seeAll(first, [5, 'a'])
    first.close()
    const second = open()
    expect(seeAll(second, [5, 'a'], [5, 'b'])).toEqual([undefined, 5])
    second.close()
  })
})
