import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { receiptBytes, type ProvenReceipt, type Receipt, type SignerReceipts } from '@symbolon/protocol/open.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import { openBatches } from './batch.ts'
import type { PeerOptions, Repute } from './repute.ts'
import { bodyOverhead, callKnown, callReceipts } from './signer-wire.ts'

/** A finished record, and what a receipt of it must name. */
export interface Finished {
  readonly signed: SignedRecord
  readonly digest: Base64url
  readonly seq: number
}

/** One signer as it is told of finished records, and asked which ones it knows. */
export interface Recorder {
  readonly id: number
  /** @returns undefined from a signer that gave none, for whatever reason */
  receipt(record: Finished): Promise<ProvenReceipt | undefined>
  /** By digests of paths, in their order. @returns undefined from a signer that did not answer. What it knows is its word; nothing of it is checked here. */
  known(paths: readonly string[]): Promise<readonly (SignedRecord | null)[] | undefined>
}

/** @param now NumericDate */
export function openRecorder(options: PeerOptions, repute: Repute, now: () => number): Recorder {
  const { channel, settings } = options
  const batches = openBatches<Finished, ProvenReceipt | undefined>({
    call: (records) => call(options, repute, { records, now: now() }),
    maxItems: limits.batchItems,
    maxWeight: limits.batchBodyBytes - bodyOverhead,
    weigh: ({ signed }) => signed.record.length + 160,
    // Every signer is to hear of a finished record, whether anybody still waits for its receipt or not.
    unwanted: () => false,
    calls: settings.calls,
    stalledMs: 100,
    maxCalls: 8,
  })
  return {
    id: repute.id,
    async receipt(record) {
      const sent = await batches.add(record)
      return sent.sent ? sent.value : undefined
    },
    async known(paths) {
      const reply = await callKnown(channel, paths, settings.callMs)
      if (reply.ok) return reply.value.records
      repute.noteFailure(reply)
      return undefined
    },
  }
}

interface Telling {
  readonly records: readonly Finished[]
  readonly now: number
}

async function call({ channel, settings, clock }: PeerOptions, repute: Repute, { records, now }: Telling): Promise<readonly (ProvenReceipt | undefined)[]> {
  const none = () => records.map(() => undefined)
  const sentAt = clock()
  const reply = await callReceipts(channel, records.map(({ signed }) => signed), settings.callMs)
  if (!reply.ok) {
    repute.noteFailure(reply)
    return none()
  }
  const { certificate, receipts } = reply.value
  if (!repute.admit(certificate, sentAt)) return none()
  repute.alive()
  return records.map((record, at) => {
    const receipt = receipts[at]
    // Null: it knows a newer one, or cannot keep this one. That is no fault.
    if (receipt === null || receipt === undefined) return undefined
    if (isReceipt(receipt, record, certificate)) return { receipt, certificate }
    repute.blame({ signer: repute.id, kind: 'signature_invalid' })
    return undefined
  })

  function isReceipt(receipt: Receipt, { digest, seq }: Finished, certificate: SignerReceipts['certificate']): boolean {
    const named = receipt.signer === repute.id && receipt.boot === certificate.boot && receipt.record === digest && receipt.seq === seq
    return named && receipt.iat <= now + limits.clockSkew && repute.said(certificate, receiptBytes(receipt), receipt.signature)
  }
}
