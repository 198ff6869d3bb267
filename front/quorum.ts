import type { z } from 'zod'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { mintReply, type MintItem, type MintOutcome, type MintReply } from '@symbolon/protocol/mint.ts'
import { batcher } from '@symbolon/runtime/batcher.ts'
import type { Channel, ChannelFailure } from '@symbolon/runtime/channel-client.ts'

/** The coordinator's answer to one item, or why there is none. */
export type QuorumAnswer<O = MintOutcome> =
  | { readonly ok: true; readonly outcome: O; readonly timings?: MintReply['timings'] }
  | { readonly ok: false; readonly code: 'quorum_unavailable' | 'timed_out' | 'busy'; readonly detail: string }

export interface Quorum {
  sign(item: MintItem): Promise<QuorumAnswer>
}

/** A route of the coordinator that takes many independent items at once: `{v: 1, items}`, answered in their order. */
export interface BatchRoute<O> {
  readonly path: string
  readonly reply: z.ZodType<BatchReply<O>>
  /** Of one call, by the coordinator's own limits. Bytes: of its body, and of the answer's. */
  readonly maxItems: number
  readonly maxBytes: number
}
export interface BatchReply<O> {
  readonly outcomes: readonly O[]
  readonly timings?: MintReply['timings']
}

export interface QuorumOptions {
  readonly channel: Pick<Channel, 'post'>
  readonly timeoutMs: number
  /** Calls under way at once, but for those that stall: one that travels while another is worked on. More would make batches smaller, and a batch costs by itself. */
  readonly calls?: number
  /** Called when signers know of another version than this process, so that the next request may find them agreed. */
  behind?(): void
}

/** An item that makes signers wait, as for an issuer's keys, holds up the others of its batch alone. */
const stalledMs = 500

export const openQuorum = (options: QuorumOptions): Quorum => ({ sign: openBatches<MintItem, MintOutcome>({ path: '/v1/mint', reply: mintReply, maxItems: limits.batchItems, maxBytes: limits.batchBodyBytes }, options) })

/** Asks the coordinator in batches. A request that failed on the way is never sent again: its intent may already be signed. */
export function openBatches<I extends { readonly request_id: string }, O extends object>(route: BatchRoute<O>, { channel, timeoutMs, calls = 2, behind = () => undefined }: QuorumOptions): (item: I) => Promise<QuorumAnswer<O>> {
  const ask = batcher<I, QuorumAnswer<O>>({
    maxItems: route.maxItems,
    maxRunning: calls,
    stalledMs,
    maxUnderWay: 8,
    run: async (items) => (await Promise.all(parcels(items, route.maxBytes).map((parcel) => call(route, parcel, { channel, timeoutMs })))).flat(),
  })
  return async (item) => {
    const answer = await ask(item)
    if ('reason' in answer) return { ok: false, code: 'busy', detail: 'Too many requests wait for the coordinator.' }
    if (answer.ok && 'code' in answer.outcome && answer.outcome.code === 'roster_behind') behind()
    return answer
  }
}

async function call<O>(route: BatchRoute<O>, { items, body }: Parcel, { channel, timeoutMs }: Pick<QuorumOptions, 'channel' | 'timeoutMs'>): Promise<readonly QuorumAnswer<O>[]> {
  const answer = await channel.post(route.path, body, { timeoutMs, maxBytes: route.maxBytes, ...(items[0] === undefined ? {} : { requestId: items[0].request_id }) })
  const same = (value: QuorumAnswer<O>) => items.map(() => value)
  if (!answer.ok) return same(lost(answer))
  if (answer.status !== 200) return same({ ok: false, code: answer.status === 503 ? 'busy' : 'quorum_unavailable', detail: `The coordinator answers ${answer.status}.` })
  const reply = decodeAs(route.reply, answer.body, route.maxBytes)
  if (!reply.ok || reply.value.outcomes.length !== items.length) return same({ ok: false, code: 'quorum_unavailable', detail: 'The coordinator’s answer cannot be read.' })
  const { outcomes, timings } = reply.value
  return outcomes.map((outcome) => ({ ok: true, outcome, ...(timings === undefined ? {} : { timings }) }))
}

const lost = ({ reason, detail }: ChannelFailure): QuorumAnswer<never> => ({
  ok: false,
  code: reason === 'timeout' ? 'timed_out' : 'quorum_unavailable',
  detail: reason === 'timeout' ? 'The coordinator does not answer in time.' : `The coordinator cannot be reached (${reason}, ${detail}).`,
})

interface Parcel {
  readonly items: readonly { readonly request_id: string }[]
  readonly body: string
}

/** In order, each within the coordinator's limit on a body. */
function parcels(items: Parcel['items'], maxBytes: number): Parcel[] {
  const out: { items: Parcel['items'][number][]; texts: string[]; size: number }[] = []
  for (const item of items) {
    const text = JSON.stringify(item)
    const last = out.at(-1)
    if (last !== undefined && last.size + text.length + 1 <= maxBytes - 64) {
      last.items.push(item)
      last.texts.push(text)
      last.size += text.length + 1
    } else out.push({ items: [item], texts: [text], size: text.length })
  }
  return out.map((parcel) => ({ items: parcel.items, body: `{"v":1,"items":[${parcel.texts.join(',')}]}` }))
}
