import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { mintReply, type MintItem, type MintOutcome, type MintReply } from '@symbolon/protocol/mint.ts'
import { batcher } from '@symbolon/runtime/batcher.ts'
import type { Channel, ChannelFailure } from '@symbolon/runtime/channel-client.ts'

/** The coordinator's answer to one item, or why there is none. */
export type QuorumAnswer =
  | { readonly ok: true; readonly outcome: MintOutcome; readonly timings?: MintReply['timings'] }
  | { readonly ok: false; readonly code: 'quorum_unavailable' | 'timed_out' | 'busy'; readonly detail: string }

export interface Quorum {
  sign(item: MintItem): Promise<QuorumAnswer>
}

export interface QuorumOptions {
  readonly channel: Pick<Channel, 'post'>
  readonly timeoutMs: number
  /** Calls under way at once, but for those that stall: one that travels while another is worked on. More would make batches smaller, and a batch costs by itself. */
  readonly calls?: number
}

/** An item that makes signers wait, as for an issuer's keys, holds up the others of its batch alone. */
const stalledMs = 500

/** Asks the coordinator in batches. A request that failed on the way is never sent again: its intent may already be signed. */
export function openQuorum({ channel, timeoutMs, calls = 2 }: QuorumOptions): Quorum {
  const ask = batcher<MintItem, QuorumAnswer>({
    maxItems: limits.batchItems,
    maxRunning: calls,
    stalledMs,
    maxUnderWay: 8,
    run: async (items) => (await Promise.all(parcels(items).map((parcel) => call(channel, parcel, timeoutMs)))).flat(),
  })
  return {
    async sign(item) {
      const answer = await ask(item)
      return 'reason' in answer ? { ok: false, code: 'busy', detail: 'Too many requests wait for the coordinator.' } : answer
    },
  }
}

async function call(channel: Pick<Channel, 'post'>, { items, body }: Parcel, timeoutMs: number): Promise<readonly QuorumAnswer[]> {
  const answer = await channel.post('/v1/mint', body, { timeoutMs, maxBytes: limits.batchBodyBytes, ...(items[0] === undefined ? {} : { requestId: items[0].request_id }) })
  const same = (value: QuorumAnswer) => items.map(() => value)
  if (!answer.ok) return same(lost(answer))
  if (answer.status !== 200) return same({ ok: false, code: answer.status === 503 ? 'busy' : 'quorum_unavailable', detail: `The coordinator answers ${answer.status}.` })
  const reply = decodeAs(mintReply, answer.body, limits.batchBodyBytes)
  if (!reply.ok || reply.value.outcomes.length !== items.length) return same({ ok: false, code: 'quorum_unavailable', detail: 'The coordinator’s answer cannot be read.' })
  const { outcomes, timings } = reply.value
  return outcomes.map((outcome) => ({ ok: true, outcome, ...(timings === undefined ? {} : { timings }) }))
}

const lost = ({ reason, detail }: ChannelFailure): QuorumAnswer => ({
  ok: false,
  code: reason === 'timeout' ? 'timed_out' : 'quorum_unavailable',
  detail: reason === 'timeout' ? 'The coordinator does not answer in time.' : `The coordinator cannot be reached (${reason}, ${detail}).`,
})

interface Parcel {
  readonly items: readonly MintItem[]
  readonly body: string
}

/** In order, each within the coordinator's limit on a body. */
function parcels(items: readonly MintItem[]): Parcel[] {
  const out: { items: MintItem[]; texts: string[]; size: number }[] = []
  for (const item of items) {
    const text = JSON.stringify(item)
    const last = out.at(-1)
    if (last !== undefined && last.size + text.length + 1 <= limits.batchBodyBytes - 64) {
      last.items.push(item)
      last.texts.push(text)
      last.size += text.length + 1
    } else out.push({ items: [item], texts: [text], size: text.length })
  }
  return out.map((parcel) => ({ items: parcel.items, body: `{"v":1,"items":[${parcel.texts.join(',')}]}` }))
}
