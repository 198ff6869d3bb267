import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { receiptBytes, receiptsReply, type Receipts } from '@symbolon/protocol/open.ts'
import { recordDigest, type SignedRecord } from '@symbolon/protocol/record.ts'
import { certificateHolds, bootKeySigned } from './evidence-of-fault.ts'
import { coordinate as coordinateOn, settle, type TestCoordinator } from './coordinator.testkit.ts'
import { deploy, suite, type Deployment, type Misbehaviour } from './fake-signer.testkit.ts'
import { finished, recordKey } from './record.testkit.ts'
import { receiptsOf } from './receipts.ts'

/* Finished records for every signer, and what comes back, against signers that lie about it. */

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const next = () => vi.advanceTimersToNextTimerAsync()
const key = recordKey()
const digestOf = ({ record }: SignedRecord) => recordDigest(bytesOf(record))

function open(how?: Misbehaviour, ...ids: number[]): { deployment: Deployment; coordinator: TestCoordinator; ask(...records: SignedRecord[]): Promise<Receipts> } {
  const deployment = deploy(2, 3)
  const coordinator = coordinateOn(deployment, next)
  const [first, second] = deployment.signers
  for (const signer of deployment.signers) {
    if (ids.includes(signer.id)) signer.misbehaves = how
    signer.vault.other = signer === first ? second : first
  }
  const ask = async (...records: SignedRecord[]) => receiptsReply.parse(await settle(receiptsOf({ recorders: coordinator.recorders, threshold: 2, deadlineMs: 2_000 }, records), next))
  return { deployment, coordinator, ask }
}
const signersOf = ({ receipts }: Receipts, at = 0) => receipts[at]?.map(({ receipt }) => receipt.signer)

test('every signer is told, and each receipt can be checked by the roster alone', async () => {
  const { deployment, ask } = open()
  const records = [finished(key), finished(key, { path: 'app/other', seq: 7 })]
  const reply = await ask(...records)
  expect([signersOf(reply, 0), signersOf(reply, 1)]).toEqual([[1, 2, 3], [1, 2, 3]])
  reply.receipts.forEach((given, at) => {
    for (const { receipt, certificate } of given) {
      const row = deployment.signers.find(({ id }) => id === receipt.signer)?.row ?? expect.unreachable()
      expect(certificateHolds(certificate, row.identity) && bootKeySigned(suite, certificate, receiptBytes(receipt), receipt.signature)).toBe(true)
      expect(receipt).toMatchObject({ record: digestOf(records[at] ?? expect.unreachable()), seq: at === 0 ? 1 : 7 })
    }
  })
  expect(deployment.signers.map(({ vault }) => vault.told)).toEqual([1, 2, 3].map(() => records.map(digestOf)))
})

const lies: readonly [Misbehaviour, string][] = [
  ['receipt_of_another_record', 'signature_invalid'],
  ['receipt_of_another_sequence', 'signature_invalid'],
  ['receipt_of_another_boot', 'signature_invalid'],
  ['receipt_of_another_signer', 'signature_invalid'],
  ['receipt_of_the_future', 'signature_invalid'],
  ['receipt_unsigned', 'signature_invalid'],
  ['foreign_certificate', 'signature_invalid'],
  ['certificate_of_another', 'signature_invalid'],
  ['too_few_answers', 'reply_malformed'],
  ['nonsense', 'reply_malformed'],
]
test.each(lies.flatMap(([kind, fault]) => [1, 2, 3].map((id) => [kind, id, fault] as const)))('I-7 %s from signer %i is no receipt, and its fault', async (kind, id, fault) => {
  const { coordinator, ask } = open(kind, id)
  expect(signersOf(await ask(finished(key)))).toEqual([1, 2, 3].filter((other) => other !== id))
  expect(coordinator.faults).toEqual([{ signer: id, kind: fault }])
})

test.each(['no_receipt', 'down', 'silent', 'slow'] as const)('I-7 %s: t receipts come without it, it is no fault, and it is not waited for', async (kind) => {
  const { coordinator, ask } = open(kind, 2)
  const began = performance.now()
  expect(signersOf(await ask(finished(key)))).toEqual([1, 3])
  expect(performance.now() - began).toBeLessThan(100)
  expect(coordinator.faults).toEqual([])
})

test('I-7 fewer than t: what there is comes back, so that the write stays pending', async () => {
  const { ask } = open('down', 1, 3)
  expect(signersOf(await ask(finished(key)))).toEqual([2])
})

test('t that are late are waited for, though one is silent', async () => {
  const { deployment, ask } = open('slow', 1, 2)
  for (const signer of deployment.signers.slice(2)) signer.misbehaves = 'silent'
  const began = performance.now()
  expect(signersOf(await ask(finished(key)))).toEqual([1, 2])
  expect(performance.now() - began).toBeLessThan(1_100)
})

test('a signer that is slow hears of the record all the same', async () => {
  const { deployment, ask } = open('slow', 3)
  await ask(finished(key))
  expect(deployment.signers[2]?.vault.told).toEqual([])
  await vi.advanceTimersByTimeAsync(2_000)
  expect(deployment.signers[2]?.vault.told).toEqual([digestOf(finished(key))])
})

describe('what is no record', () => {
  test.each([
    ['nonsense', toBase64url(Buffer.from('{"v":1}'))],
    ['not canonical', toBase64url(Buffer.from(` ${Buffer.from(bytesOf(finished(key).record)).toString()}`))],
  ])('%s gets no receipt, and no signer is bothered with it; the others of its batch do', async (_, record) => {
    const { deployment, ask } = open()
    const reply = await ask({ record: record as never, signature: toBase64url(new Uint8Array(64)) }, finished(key))
    expect([signersOf(reply, 0), signersOf(reply, 1)]).toEqual([[], [1, 2, 3]])
    expect(deployment.signers.map(({ vault }) => vault.told.length)).toEqual([1, 1, 1])
  })
})

test('many go in few calls', async () => {
  const { deployment, ask } = open()
  const reply = await ask(...Array.from({ length: limits.batchItems }, (_, at) => finished(key, { path: `app/db-${at}` })))
  expect(reply.receipts.every((given) => given.length === 3)).toBe(true)
  expect(deployment.signers.map(({ vault }) => vault.told.length)).toEqual([64, 64, 64])
})
