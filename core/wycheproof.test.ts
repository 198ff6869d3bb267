import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openArena } from './arena.ts'
import { decodeElement } from './group.ts'
import { nobleEd25519Suite } from './noble.ts'
import { sodiumSuite } from './sodium.ts'

/* TST-02: the verifiers that release our signatures, against known-answer traps: S ≥ L, truncated, swapped and altered values. */

interface File {
  numberOfTests: number
  testGroups: { publicKey: { pk: string }; tests: { tcId: number; comment: string; msg: string; sig: string; result: 'valid' | 'invalid' }[] }[]
}

const file: File = JSON.parse(readFileSync(join(import.meta.dirname, 'vectors/wycheproof-ed25519.json'), 'utf8'))
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

describe.each([
  { on: 'libsodium', suite: sodiumSuite(openArena(4096)) },
  { on: 'noble', suite: nobleEd25519Suite() },
])('Wycheproof on $on', ({ suite }) => {
  test('TST-02 every verdict is the stated one', () => {
    const verdicts = file.testGroups.flatMap(({ publicKey, tests }) => {
      const key = decodeElement(suite.group, bytes(publicKey.pk))
      return tests.map(({ tcId, comment, msg, sig, result }) => {
        const valid = key !== undefined && suite.verify(bytes(sig), bytes(msg), key)
        return { tcId, comment, right: valid === (result === 'valid') }
      })
    })
    expect(verdicts.length).toBe(file.numberOfTests)
    expect(verdicts.filter(({ right }) => !right)).toEqual([])
  })
})
