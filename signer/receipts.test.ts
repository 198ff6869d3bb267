import { createPublicKey, verify } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { bytesOf, taggedHash, toBase64url } from '@symbolon/protocol/bytes.ts'
import { pathDigest } from '@symbolon/protocol/label.ts'
import { knownReply, receiptBytes, signerReceipts } from '@symbolon/protocol/open.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import { at } from '@symbolon/policy/judge.testkit.ts'
import { otherwise, recordWith, signed } from '@symbolon/policy/secrets.testkit.ts'
import type { Seat, Table } from './answer.testkit.ts'
import { known, receipts } from './receipts.ts'
import { asking, openVaultTable, write } from './secrets.testkit.ts'

const tables: Table[] = []
async function set(options: Parameters<typeof openVaultTable>[0] = {}): Promise<Table> {
  const table = await openVaultTable(options)
  tables.push(table)
  return table
}
afterEach(() => tables.splice(0).forEach((table) => table.close()))

const seqs = ({ signer }: Seat, ...records: SignedRecord[]) => receipts(signer, asking, records).receipts.map((each) => each?.seq ?? null)
const results = (seat: Seat) => seat.events.filter(({ event }) => event === 'receipt').map(({ result }) => result)

describe('a receipt', () => {
  test('is this signer’s word, by its boot key, that it knows none newer', async () => {
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    const reply = receipts(seat.signer, asking, [row.signed])
    expect(signerReceipts.parse(JSON.parse(JSON.stringify(reply)))).toEqual(reply)
    const [receipt] = reply.receipts
    if (receipt === undefined || receipt === null) throw new Error('none')
    expect(receipt).toMatchObject({ signer: 1, boot: seat.signer.boot.id, record: row.digest, seq: 1, iat: at })
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: seat.signer.boot.certificate.key }, format: 'jwk' })
    expect(verify(null, receiptBytes(receipt), key, bytesOf(receipt.signature))).toBe(true)
  })

  test('TST-14 is on the disk before it is signed, and given again without another entry', async () => {
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    const before = seat.signer.journal.head().seq
    const seen: number[] = []
    const signer = { ...seat.signer, steps: { judged() {}, journaled() {}, taken() {}, signed() {}, sealed() {}, receipted: () => void seen.push(seat.signer.journal.head().seq - before) } }
    expect(seqs({ ...seat, signer }, row.signed)).toEqual([1])
    expect(seqs({ ...seat, signer }, row.signed)).toEqual([1])
    expect(seen).toEqual([1, 1])
    expect(results(seat)).toEqual(['receipted', 'known'])
  })

  test('I-7 is not given for an older record, nor for two of one secret that come together but for the newer', async () => {
    const table = await set()
    const [one, two] = table.seats
    const first = await write(table)
    const second = await write(table, { on: first })
    expect(seqs(one, second.signed, first.signed)).toEqual([2, null])
    expect(seqs(two, first.signed, second.signed)).toEqual([null, 2])
    expect(seqs(one, first.signed)).toEqual([null])
    expect(results(one)).toEqual(['receipted', 'older', 'older'])
  })

  test.each<[string, (record: SignedRecord, table: Table) => SignedRecord]>([
    ['nobody signed', (_, table) => signed(recordWith(table.world))],
    ['was signed as something else', (_, table) => signed(recordWith(table.world), table.world.group, otherwise)],
    ['was altered', ({ record, signature }) => ({ record: toBase64url(Uint8Array.from(bytesOf(record), (byte, place) => (place === 40 ? byte ^ 1 : byte))), signature })],
    ['is of another deployment', (_, table) => signed(recordWith(table.world, { lineage: toBase64url(new Uint8Array(32)) }))],
  ])('I-7 is not given for what %s', async (_, change) => {
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    expect(seqs(seat, change(row.signed, table), row.signed)).toEqual([null, 1])
    expect(results(seat)).toEqual(['unsigned', 'receipted'])
    expect(seat.signer.journal.records.counts().known).toBe(1)
  })

  test('is not given for what cannot be kept, or at no time that can be trusted', async () => {
    const table = await set()
    const [seat] = table.seats
    const row = await write(table)
    const { journal } = seat.signer
    const broken = { clock: (now: number) => journal.clock(now), head: () => journal.head(), holds: () => true, kept: () => undefined, failing: () => true, close() {}, records: journal.records, record: () => undefined }
    expect(seqs({ ...seat, signer: { ...seat.signer, journal: broken } }, row.signed)).toEqual([null])
    expect(seqs({ ...seat, signer: { ...seat.signer, journal: { ...broken, clock: () => undefined } } }, row.signed)).toEqual([null])
    expect(results(seat)).toEqual(['ill', 'ill'])
  })
})

test('the newest record of each path is shown to a vault that lost it, and of what is unknown, none', async () => {
  const table = await set()
  const [seat] = table.seats
  const first = await write(table)
  const second = await write(table, { on: first })
  seqs(seat, first.signed, second.signed)
  const reply = known(seat.signer, asking, [pathDigest('app/db'), pathDigest('app/other'), toBase64url(taggedHash('path/v1'))])
  expect(knownReply.parse(reply)).toEqual({ v: 1, records: [second.signed, null, null] })
  expect(seat.events.find(({ event }) => event === 'known')).toMatchObject({ asked: 3, found: 1 })
})
