import type { z } from 'zod'
import { limits } from '@symbolon/protocol/limits.ts'
import { acceptRequest, bookRequest, type AcceptRequest, type Book } from '@symbolon/protocol/book.ts'
import { stopsRequest, type ChangeReply, type StopsReply, type StopsRequest } from '@symbolon/protocol/change.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { mintRequest, type CoordinatorStatus, type MintItem } from '@symbolon/protocol/mint.ts'
import { knownRequest, openWishes, receiptsRequest, type Known, type Receipts } from '@symbolon/protocol/open.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import type { KeysetChain } from '@symbolon/roster/keyset-chain.ts'
import type { ChannelReply, ChannelRequest, Route } from '@symbolon/runtime/channel-server.ts'
import { mint, purposesOf, type Minting } from './mint.ts'
import { open, type Opening } from './open.ts'

const api = ['api']
const vault = ['vault']
const both = [...api, ...vault]

export interface Served {
  readonly minting: Minting
  readonly opening: Opening
  receipts(records: readonly SignedRecord[]): Promise<Receipts>
  /** Undefined if too few signers answer. */
  known(paths: readonly string[]): Promise<Known | undefined>
  status(): Promise<CoordinatorStatus>
  keyset(): Promise<KeysetChain>
  change(request: AcceptRequest): Promise<ChangeReply>
  stop(request: StopsRequest): Promise<StopsReply>
  /** What somebody lacks that stands at that roster version. */
  book(after: number): Book
}

/** All that a coordinator can be asked, and by whom: the table of roles and routes. What signers are asked cannot be reached from here. */
export const routesOf = ({ minting, opening, receipts, known, status, keyset, change, stop, book }: Served): Route[] => [
  post('/v1/mint', { roles: both, schema: mintRequest, maxBytes: limits.batchBodyBytes }, async ({ items }, { peer, requestId }) => (mayAsk(peer.role, items) ? json(await mint(minting, items)) : problem(403, 'role_not_allowed', requestId))),
  post('/v1/open', { roles: vault, schema: openWishes, maxBytes: limits.openBodyBytes }, async ({ items }) => json(await open(opening, items))),
  post('/v1/receipts', { roles: vault, schema: receiptsRequest, maxBytes: limits.batchBodyBytes }, async ({ records }) => json(await receipts(records))),
  post('/v1/known', { roles: vault, schema: knownRequest, maxBytes: 8 * 1024 }, async ({ paths }, { requestId }) => jsonOr(await known(paths), requestId)),
  post<AcceptRequest>('/v1/changes', { roles: api, schema: acceptRequest, maxBytes: limits.changeBytes }, async (request) => json(await change(request))),
  // The vault too lets a token end itself.
  post<StopsRequest>('/v1/stops', { roles: both, schema: stopsRequest, maxBytes: limits.batchBodyBytes }, async (request) => json(await stop(request))),
  post('/v1/book', { roles: both, schema: bookRequest, maxBytes: 256 }, async ({ after }) => json(book(after))),
  { method: 'GET', path: '/v1/status', roles: both, maxBytes: 0, handle: async () => json(await status()) },
  { method: 'GET', path: '/v1/keyset', roles: both, maxBytes: 0, handle: async () => json(await keyset()) },
]

/** Whoever asks for one thing of another's purpose gets nothing: it is not the process that it should be. */
const mayAsk = (role: string, items: readonly MintItem[]): boolean => items.every(({ purpose }) => purposesOf[role]?.includes(purpose) === true)

interface Taken<T> {
  readonly roles: readonly string[]
  readonly schema: z.ZodType<T>
  readonly maxBytes: number
}

const post = <T>(path: string, { roles, schema, maxBytes }: Taken<T>, answer: (value: T, request: ChannelRequest) => Promise<ChannelReply>): Route => ({
  method: 'POST',
  path,
  roles,
  maxBytes,
  async handle(request) {
    const decoded = decodeAs(schema, request.body, maxBytes)
    return decoded.ok ? answer(decoded.value, request) : problem(400, 'malformed', request.requestId, { detail: decoded.reason, errors: decoded.problems })
  },
})

const json = (value: unknown): ChannelReply => ({ status: 200, body: JSON.stringify(value) })
const jsonOr = (value: unknown, requestId: string): ChannelReply => (value === undefined ? problem(503, 'quorum_unavailable', requestId) : json(value))

const problem = (status: number, code: string, requestId: string, more: object = {}): ChannelReply => ({
  status,
  type: 'application/problem+json',
  body: JSON.stringify({ type: 'about:blank', title: code.replaceAll('_', ' '), status, code, ...more, request_id: requestId }),
})
