import { book, bookLimit, type Book } from '@symbolon/protocol/book.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import type { Channel } from '@symbolon/runtime/channel-client.ts'

export type Answered<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly code: NotNowCode }

/** One question to the coordinator, alone. Its answer is read strictly and believed in nothing. */
export interface Asking<T> {
  readonly path: string
  readonly body: unknown
  readonly schema: Parameters<typeof decodeAs<T>>[0]
  /** Of the answer. */
  readonly maxBytes: number
}

export interface Wire {
  ask<T>(asking: Asking<T>): Promise<Answered<T>>
  /** What lies beyond that roster version. */
  book(after: number): Promise<Answered<Book>>
}

export function openWire({ channel, timeoutMs }: { readonly channel: Pick<Channel, 'post'>; readonly timeoutMs: number }): Wire {
  const ask = async <T>({ path, body, schema, maxBytes }: Asking<T>): Promise<Answered<T>> => {
    const answer = await channel.post(path, JSON.stringify(body), { timeoutMs, maxBytes })
    if (!answer.ok) return { ok: false, code: answer.reason === 'timeout' ? 'timed_out' : 'quorum_unavailable' }
    if (answer.status !== 200) return { ok: false, code: answer.status === 503 ? 'busy' : 'quorum_unavailable' }
    const decoded = decodeAs(schema, answer.body, maxBytes)
    return decoded.ok ? decoded : { ok: false, code: 'quorum_unavailable' }
  }
  return { ask, book: (after) => ask({ path: '/v1/book', body: { v: 1, after }, schema: book, maxBytes: bookLimit }) }
}
