import { limits } from '@symbolon/protocol/limits.ts'
import { acceptRequest, bookRequest, type AcceptRequest, type Book } from '@symbolon/protocol/book.ts'
import { stopsRequest, type ChangeReply, type StopsReply, type StopsRequest } from '@symbolon/protocol/change.ts'
import { decodeAs, type Decoded } from '@symbolon/protocol/json.ts'
import type { CoordinatorStatus } from '@symbolon/protocol/mint.ts'
import type { KeysetChain } from '@symbolon/roster/keyset-chain.ts'
import type { ChannelReply, Route } from '@symbolon/runtime/channel-server.ts'
import { mint, type Minting } from './mint.ts'

const roles = ['api']

export interface Served {
  readonly minting: Minting
  status(): Promise<CoordinatorStatus>
  keyset(): Promise<KeysetChain>
  change(request: AcceptRequest): Promise<ChangeReply>
  stop(request: StopsRequest): Promise<StopsReply>
  /** What somebody lacks that stands at that roster version. */
  book(after: number): Book
}

/** All that a coordinator can be asked, and by whom: the table of roles and routes. What signers are asked cannot be reached from here. */
export const routesOf = ({ minting, status, keyset, change, stop, book }: Served): Route[] => [
  { method: 'POST', path: '/v1/mint', roles, maxBytes: limits.batchBodyBytes, handle: ({ body, requestId }) => answerMint(minting, body, requestId) },
  { method: 'POST', path: '/v1/changes', roles, maxBytes: limits.changeBytes, handle: ({ body, requestId }) => answerTo(decodeAs<AcceptRequest>(acceptRequest, body, limits.changeBytes), requestId, change) },
  { method: 'POST', path: '/v1/stops', roles, maxBytes: limits.batchBodyBytes, handle: ({ body, requestId }) => answerTo(decodeAs<StopsRequest>(stopsRequest, body, limits.batchBodyBytes), requestId, stop) },
  { method: 'POST', path: '/v1/book', roles, maxBytes: 256, handle: ({ body, requestId }) => answerTo(decodeAs(bookRequest, body, 256), requestId, async ({ after }) => book(after)) },
  { method: 'GET', path: '/v1/status', roles, maxBytes: 0, handle: async () => json(await status()) },
  { method: 'GET', path: '/v1/keyset', roles, maxBytes: 0, handle: async () => json(await keyset()) },
]

async function answerMint(minting: Minting, body: Uint8Array, requestId: string): Promise<ChannelReply> {
  return answerTo(await mint(minting, body), requestId, async (reply) => reply)
}

async function answerTo<T>(decoded: Decoded<T>, requestId: string, work: (value: T) => Promise<unknown>): Promise<ChannelReply> {
  if (decoded.ok) return json(await work(decoded.value))
  const { reason, problems } = decoded
  return { status: 400, type: 'application/problem+json', body: JSON.stringify({ type: 'about:blank', title: 'malformed', status: 400, code: 'malformed', detail: reason, errors: problems, request_id: requestId }) }
}

const json = (value: unknown): ChannelReply => ({ status: 200, body: JSON.stringify(value) })
