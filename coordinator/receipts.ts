import { bytesOf } from '@symbolon/protocol/bytes.ts'
import type { ProvenReceipt, Receipts } from '@symbolon/protocol/open.ts'
import { decodeRecord, recordDigest, type SignedRecord } from '@symbolon/protocol/record.ts'
import { askAll } from '@symbolon/runtime/fanout.ts'
import type { Finished, Recorder } from './recorder.ts'

export interface Recording {
  readonly recorders: readonly Recorder[]
  /** Of the `record` group. */
  readonly threshold: number
  readonly deadlineMs: number
}

/** When t have given one, the others get until this long after all were asked; each hears of the record all the same. */
const graceMs = 20

/** Finished records for every signer, each with the receipts that came back. Whether they are records at all is for the signers to say. */
export async function receiptsOf(recording: Recording, records: readonly SignedRecord[]): Promise<Receipts> {
  return { v: 1, receipts: await Promise.all(records.map((signed) => receiptsOfOne(recording, signed))) }
}

async function receiptsOfOne({ recorders, threshold, deadlineMs }: Recording, signed: SignedRecord): Promise<ProvenReceipt[]> {
  const record = finishedOf(signed)
  if (record === undefined) return []
  const asked = await askAll<Recorder, ProvenReceipt | undefined>({
    peers: recorders,
    ask: (recorder) => recorder.receipt(record),
    judge: ({ answers, overdue }) => ({ verdict: overdue && answers.filter(({ answer }) => answer !== undefined).length >= threshold ? 'enough' : 'wait' }),
    hedgeAfterMs: graceMs,
    deadlineMs,
  })
  return asked.answers.flatMap(({ answer }) => (answer === undefined ? [] : [answer])).toSorted((a, b) => a.receipt.signer - b.receipt.signer)
}

function finishedOf(signed: SignedRecord): Finished | undefined {
  const bytes = bytesOf(signed.record)
  const decoded = decodeRecord(bytes)
  return decoded.ok ? { signed, digest: recordDigest(bytes), seq: decoded.value.seq } : undefined
}
