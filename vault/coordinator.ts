import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { knownReply, openOutcomes, receiptsReply, type OpenOutcome, type OpenWish, type ProvenReceipt } from '@symbolon/protocol/open.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import { openBatches, openQuorum, type Quorum, type QuorumAnswer, type QuorumOptions } from '@symbolon/front/quorum.ts'
import type { Answered, Wire } from '@symbolon/front/wire.ts'
import { batcher } from '@symbolon/runtime/batcher.ts'

/** What the vault asks the coordinator, which it does not believe: records and receipts are verified, what is opened the caller opens. */
export interface Coordinator extends Quorum {
  open(item: OpenWish): Promise<QuorumAnswer<OpenOutcome>>
  /** What signers say of a finished record; none twice. */
  receipts(record: SignedRecord): Promise<Answered<readonly ProvenReceipt[]>>
  /** The newest record that a signer knows. @param path its digest */
  known(path: Base64url): Promise<Answered<SignedRecord | null>>
}

export type CoordinatorOptions = QuorumOptions & { readonly receipts: Pick<Wire, 'ask'> }

export function openCoordinator({ receipts: wire, ...options }: CoordinatorOptions): Coordinator {
  const receipted = batcher<SignedRecord, Answered<readonly ProvenReceipt[]>>({
    maxItems: limits.batchItems,
    maxRunning: 2,
    async run(records) {
      const answer = await wire.ask({ path: '/v1/receipts', body: { v: 1, records }, schema: receiptsReply, maxBytes: limits.openBodyBytes })
      if (answer.ok && answer.value.receipts.length !== records.length) return records.map(() => ({ ok: false, code: 'quorum_faulty' }))
      return records.map((_, at) => (answer.ok ? { ok: true, value: answer.value.receipts[at] ?? [] } : answer))
    },
  })
  return {
    ...openQuorum(options),
    open: openBatches<OpenWish, OpenOutcome>({ path: '/v1/open', reply: openOutcomes, maxItems: limits.openItems, maxBytes: limits.openBodyBytes }, options),
    async receipts(record) {
      const answer = await receipted(record)
      return 'reason' in answer ? { ok: false, code: 'busy' } : answer
    },
    async known(path) {
      const answer = await wire.ask({ path: '/v1/known', body: { v: 1, paths: [path] }, schema: knownReply, maxBytes: limits.openBodyBytes })
      return answer.ok ? { ok: true, value: answer.value.records[0] ?? null } : answer
    },
  }
}
