import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { entryHash, firstHash, type JournalEntry } from './chain.ts'

const fill = (byte: number, length = 32) => new Uint8Array(length).fill(byte)
const entry: JournalEntry = { seq: 258, time: 1_800_000_000, verdict: 'granted', request: fill(2), intent: fill(3), bytes: fill(4) }

test('TST-37 an entry’s hash is over its tag, the hash before, and every field at its own place', () => {
  const wanted = createHash('sha256').update(Buffer.concat([Buffer.from('symbolon/journal/v1\0'), Buffer.from('0000000000000102', 'hex'), Buffer.from('000000006b49d200', 'hex'), Buffer.from([0, 3]), fill(1), fill(2), fill(3), fill(4)])).digest()
  expect(Buffer.from(entryHash(fill(1), entry)).equals(wanted)).toBe(true)
})

test.each([
  ['sequence number', { seq: 259 }],
  ['time', { time: 1_800_000_001 }],
  ['verdict', { verdict: 'refused' }],
  ['request', { request: fill(9) }],
  ['intent', { intent: fill(9) }],
  ['bytes', { bytes: fill(9) }],
  ['intent’s absence', { intent: undefined }],
  ['intent of zeros', { intent: fill(0) }],
  ['bytes’ absence', { bytes: undefined }],
  ['bytes of zeros', { bytes: fill(0) }],
] as const)('TST-37 another %s is another hash', (_, change) => {
  const hash = (value: JournalEntry) => Buffer.from(entryHash(fill(1), value)).toString('hex')
  const all = [entry, { ...entry, ...change }, { ...entry, intent: undefined, bytes: undefined }]
  expect(new Set(all.map(hash)).size).toBe(all.length)
})

test('an absent hash is not one of zeros', () => {
  expect(entryHash(fill(1), { ...entry, intent: undefined })).not.toEqual(entryHash(fill(1), { ...entry, intent: fill(0) }))
})

test('journals of two signers, deployments or days begin apart', () => {
  const owner = { signer: 1, lineage: fill(1), id: fill(2, 16) }
  const hashes = [owner, { ...owner, signer: 2 }, { ...owner, lineage: fill(9) }, { ...owner, id: fill(9, 16) }].map((each) => Buffer.from(firstHash(each)).toString('hex'))
  expect(new Set(hashes).size).toBe(4)
})

test('a hash of another length is a bug', () => {
  expect(() => entryHash(fill(1, 31), entry)).toThrow(RangeError)
  expect(() => entryHash(fill(1), { ...entry, request: fill(1, 33) })).toThrow(RangeError)
})
