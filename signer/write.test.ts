import { afterEach, describe, expect, test } from 'vitest'
import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import { secretPath } from '@symbolon/protocol/label.ts'
import { openRecord } from '@symbolon/protocol/record.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { filled, recordWith, signed, writeOf } from '@symbolon/policy/secrets.testkit.ts'
import { answer } from './answer.ts'
import { intentOf } from '@symbolon/policy/judge.testkit.ts'
import { itemOf, outcome, signatureOf, granted, type Seat, type Table } from './answer.testkit.ts'
import { receipts } from './receipts.ts'
import { asking, changeItem, openVaultTable, signChange, write, type Row } from './secrets.testkit.ts'

const tables: Table[] = []
async function set(options: Parameters<typeof openVaultTable>[0] = {}): Promise<Table> {
  const table = await openVaultTable(options)
  tables.push(table)
  return table
}
afterEach(() => tables.splice(0).forEach((table) => table.close()))

const finish = (row: Pick<Row, 'signed'>, ...seats: readonly Seat[]) => seats.map(({ signer }) => receipts(signer, asking, [row.signed]).receipts[0])
const codes = async ({ signer }: Seat, ...items: unknown[]) => (await answer(signer, asking, items)).answers.map(outcome)
const on = (table: Table, { record, digest }: Row, change: Partial<ReturnType<typeof writeOf>> = {}) => writeOf(table.world, { previous: digest, seq: record.seq + 1, version: record.current + 1, ...change })

describe('I-7 a write', () => {
  test('that t signers judge alike is a record under the record key, and under no other', async () => {
    const table = await set()
    const { signed: finished, record } = await write(table)
    const key = (purpose: string) => ({ kty: 'OKP', crv: 'Ed25519', x: table.world.roster.groups.find((row) => row.purpose === purpose)?.key ?? filled(0) }) as const
    const lineage = lineageOf(table.world.roster)
    expect(openRecord(finished, { key: key('record'), lineage })?.record).toEqual(record)
    for (const other of ['token', 'vault']) expect(openRecord(finished, { key: key(other), lineage })).toBeUndefined()
    expect(record).toMatchObject({ path: 'app/db', seq: 1, previous: null, current: 1, by: 'ci', act: 'secret.write' })
  })

  test('goes in one batch with a token: each is signed with its own key', async () => {
    const table = await set()
    const quorum = table.seats.slice(0, 2)
    const token = intentOf(table.world)
    const [first, second] = [itemOf(table, token), changeItem(table, writeOf(table.world))]
    const replies = await Promise.all(quorum.map(({ signer }) => answer(signer, asking, [first, second])))
    const message = granted(table, token, first.evidence)?.message ?? ''
    expect(replies.map(({ answers }) => answers.map(outcome))).toEqual([['signed', 'signed'], ['signed', 'signed']])
    expect(signatureOf(table, message, replies.map(({ answers }) => answers[0]))).toBeDefined()
    expect(signatureOf(table, message, replies.map(({ answers }) => answers[0]), 'record')).toBeUndefined()
  })

  test('by two writers at once: at most one has its record, the other takes the next number on top of it', async () => {
    const table = await set()
    const [one, two, three] = table.seats
    const [ann, bob] = [writeOf(table.world, { ciphertext: filled(1) }), writeOf(table.world, { ciphertext: filled(2) })]
    const first = await signChange(table, ann, { quorum: [one, two] })
    const second = await signChange(table, bob, { quorum: [two, three] })
    expect([first.said, second.said]).toEqual([['signed', 'signed'], ['refused sequence_taken', 'signed']])
    expect([first.signed === undefined, second.signed]).toEqual([false, undefined])
    // The third gave its share to the second writer; for the first record two others were enough.
    const row = await write(table, { path: 'app/db', seq: 2, on: { ...(await rowOf(table, first.signed)) } })
    expect(row.record).toMatchObject({ seq: 2, current: 2 })
  })

  test('split between two writers goes to whom the third signer helps; the other one may take the next number', async () => {
    const table = await set()
    const [one, two, three] = table.seats
    const [ann, bob] = [writeOf(table.world, { ciphertext: filled(1) }), writeOf(table.world, { ciphertext: filled(2) })]
    await codes(one, changeItem(table, ann, { quorum: [one, two] }))
    await codes(two, changeItem(table, bob, { quorum: [one, two] }))
    expect(await codes(two, changeItem(table, ann, { quorum: [one, two] }))).toEqual(['refused sequence_taken'])
    expect((await signChange(table, ann, { quorum: [one, three] })).said).toEqual(['signed', 'signed'])
    expect((await signChange(table, bob, { quorum: [two, three] })).said).toEqual(['signed', 'refused sequence_taken'])
    expect((await signChange(table, writeOf(table.world, { ciphertext: filled(2), seq: 2 }), { quorum: [two, three] })).said).toEqual(['signed', 'signed'])
  })

  test('whose writer died is passed by, and its record is stale once another is finished', async () => {
    const table = await set()
    const [one, two, three] = table.seats
    const base = await write(table)
    finish(base, one, two, three)
    const died = on(table, base, { ciphertext: filled(1) })
    expect((await signChange(table, died, { records: [base.signed] })).said).toEqual(['signed', 'signed'])
    expect((await signChange(table, on(table, base, { ciphertext: filled(2) }), { records: [base.signed] })).said).toEqual(['refused sequence_taken', 'refused sequence_taken'])
    const next = await write(table, { on: base, seq: 3 })
    finish(next, one, two)
    expect((await signChange(table, died, { records: [base.signed], quorum: [one, two] })).said).toEqual(['refused record_stale', 'refused record_stale'])
  })

  test('asks a signer that missed writes: the predecessor that comes along brings it up to date', async () => {
    const table = await set()
    const [one, two, three] = table.seats
    let row = await write(table, { quorum: [one, two] })
    finish(row, one, two)
    const first = row
    for (const _ of [2, 3]) finish((row = await write(table, { on: row, quorum: [one, two] })), one, two)
    expect(three.signer.journal.records.counts().known).toBe(0)
    const after = await write(table, { on: row, quorum: [two, three] })
    expect(after.record).toMatchObject({ seq: 4, current: 4 })
    expect((await signChange(table, on(table, first), { records: [first.signed], quorum: [two, three] })).said).toEqual(['refused record_stale', 'refused record_stale'])
  })

  test('on a predecessor that no quorum signed, another secret’s, or none where there is one, is refused', async () => {
    const table = await set()
    const [one] = table.seats
    const [row, other] = [await write(table), await write(table, { path: 'app/other' })]
    finish(row, ...table.seats)
    const forged = signed(recordWith(table.world, { seq: 9 }))
    expect(await codes(one, changeItem(table, on(table, row), { records: [forged] }))).toEqual(['refused record_invalid'])
    expect(await codes(one, changeItem(table, on(table, row), { records: [other.signed] }))).toEqual(['refused record_invalid'])
    expect(await codes(one, changeItem(table, on(table, row), { records: [] }))).toEqual(['refused record_invalid'])
    expect(await codes(one, changeItem(table, on(table, row, { previous: other.digest }), { records: [row.signed] }))).toEqual(['refused check_and_set_failed'])
    // As if there were nothing yet.
    expect(await codes(one, changeItem(table, writeOf(table.world, { seq: 5 })))).toEqual(['refused record_stale'])
  })

  test('asked again by the same intent is signed again, until it is finished; with another record it never is', async () => {
    const table = await set()
    const intent = writeOf(table.world)
    const evidence = changeItem(table, intent).evidence
    expect((await signChange(table, intent, { evidence })).said).toEqual(['signed', 'signed'])
    const again = await signChange(table, intent, { evidence })
    expect(again.said).toEqual(['signed', 'signed'])
    if (again.signed === undefined) throw new Error('not signed')
    finish({ signed: again.signed }, ...table.seats)
    expect((await signChange(table, intent, { evidence })).said).toEqual(['refused record_stale', 'refused record_stale'])
  })

  test('promises nothing where it is denied, dry, malformed or built for other bytes', async () => {
    const table = await set()
    const [one] = table.seats
    const denied = writeOf(table.world, { path: secretPath.parse('nowhere/db') })
    const dry = writeOf(table.world, { dry: true })
    const item = changeItem(table, writeOf(table.world))
    expect(await codes(one, changeItem(table, denied), changeItem(table, dry), { ...item, bytes_hash: toBase64url(new Uint8Array(32)) }, { ...item, records: 'none' })).toEqual([expect.stringMatching(/^refused /), 'refused intent_dry', 'bytes_differ', 'item_malformed'])
    expect(one.signer.journal.records.counts()).toEqual({ known: 0, promised: 0 })
  })

  test('L-3 is told once, by name and number', async () => {
    const table = await set()
    const [one] = table.seats
    await codes(one, changeItem(table, writeOf(table.world)))
    const told = one.events.filter(({ event }) => event === 'decision')
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ result: 'signed', kind: 'secret.write', secrets: [{ path: 'app/db', seq: 1 }], principal: 'ci' })
  })
})

async function rowOf(table: Table, finished: Row['signed'] | undefined): Promise<Row> {
  if (finished === undefined) throw new Error('not signed')
  const opened = openRecord(finished, { key: { kty: 'OKP', crv: 'Ed25519', x: table.seats[0].signer.members.record.group.key }, lineage: lineageOf(table.world.roster) })
  if (opened === undefined) throw new Error('not the quorum’s')
  const { head } = await write(table, { path: 'app/elsewhere' })
  expect(bytesOf(finished.record).length).toBeGreaterThan(100)
  return { signed: finished, ...opened, head }
}
