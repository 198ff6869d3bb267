import { expect, test } from 'vitest'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { signerReport } from '@symbolon/protocol/sign.ts'
import { openBoot } from './boot.ts'
import type { Journal } from './journal.ts'
import { statusOf } from './status.ts'

const digest = 'A'.repeat(43) as Base64url
const of = async (over: Partial<Journal>, { ready = true, failing = false, unheard = undefined as 'peers_unheard' | 'journal_behind' | undefined } = {}) => {
  const journal: Journal = { clock: (now) => now, record: () => undefined, records: { newest: () => undefined, known: () => undefined, overtaken: () => false, counts: () => ({ known: 2, promised: 1 }) }, head: () => ({ seq: 7, hash: new Uint8Array(32) }), holds: () => true, kept: () => undefined, failing: () => false, close() {}, ...over }
  return signerReport.parse(statusOf({ boot: await openBoot(1, 1_000, async () => new Uint8Array(64)), current: () => ({ ready, versions: { epoch: 1, roster: 1, policy: digest } }), book: { failing: () => failing }, heads: { problem: () => unheard }, journal, now: () => 1_000 }))
}

test('a signer that is well has no problem, and says where its journal ends', async () => {
  expect(await of({})).toMatchObject({ problems: [], journal: { seq: 7, head: digest }, records: { known: 2, promised: 1 }, epoch: 1 })
})

test.each([
  ['clock_behind', { clock: () => undefined }],
  ['journal_failing', { failing: () => true }],
] as const)('%s is named', async (code, over) => {
  expect((await of(over)).problems).toEqual([expect.stringMatching(new RegExp(`^${code}: `))])
})

test.each([
  ['book_failing', { failing: true }],
  ['judges_closed', { ready: false }],
] as const)('%s is named', async (code, how) => {
  expect((await of({}, how)).problems).toEqual([expect.stringMatching(new RegExp(`^${code}: `))])
})

test.each(['peers_unheard', 'journal_behind'] as const)('%s is named', async (unheard) => {
  expect((await of({}, { unheard })).problems).toEqual([expect.stringMatching(new RegExp(`^${unheard}: .`))])
})
