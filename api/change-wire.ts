import { book, bookLimit, type AcceptRequest, type Book, type Stop } from '@symbolon/protocol/book.ts'
import { changeReply, stopsReply, type ChangeReply, type StopsReply } from '@symbolon/protocol/change.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Channel } from '@symbolon/runtime/channel-client.ts'

export type Answered<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly code: NotNowCode }

/** What the coordinator is asked about who exists. */
export interface ChangeWire {
  change(request: AcceptRequest): Promise<Answered<ChangeReply>>
  stop(stop: Stop): Promise<Answered<StopsReply>>
  /** What lies beyond that roster version. */
  book(after: number): Promise<Answered<Book>>
}

export function openChangeWire({ channel, timeoutMs }: { readonly channel: Pick<Channel, 'post'>; readonly timeoutMs: number }): ChangeWire {
  const ask = async <T>(path: string, body: unknown, schema: Parameters<typeof decodeAs<T>>[0], maxBytes: number): Promise<Answered<T>> => {
    const answer = await channel.post(path, JSON.stringify(body), { timeoutMs, maxBytes })
    if (!answer.ok) return { ok: false, code: answer.reason === 'timeout' ? 'timed_out' : 'quorum_unavailable' }
    if (answer.status !== 200) return { ok: false, code: answer.status === 503 ? 'busy' : 'quorum_unavailable' }
    const decoded = decodeAs(schema, answer.body, maxBytes)
    return decoded.ok ? decoded : { ok: false, code: 'quorum_unavailable' }
  }
  return {
    change: (request) => ask('/v1/changes', request, changeReply, limits.batchBodyBytes),
    stop: (stop) => ask('/v1/stops', { v: 1, stops: [stop] }, stopsReply, limits.batchBodyBytes),
    book: (after) => ask('/v1/book', { v: 1, after }, book, bookLimit),
  }
}
