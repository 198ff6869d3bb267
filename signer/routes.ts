import type { z } from 'zod'
import { acceptRequest, book, bookLimit, bookRequest, headRequest, type AcceptReply, type AcceptRequest } from '@symbolon/protocol/book.ts'
import { errors, type ErrorCode } from '@symbolon/protocol/errors.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { knownRequest, openRequest, receiptsRequest } from '@symbolon/protocol/open.ts'
import { commitmentsRequest, signRequest, type CommitmentsReply } from '@symbolon/protocol/sign.ts'
import type { ChannelReply, ChannelRequest, Route } from '@symbolon/runtime/channel-server.ts'
import { healthRoutes, type HealthCheck } from '@symbolon/runtime/health.ts'
import { formatIdentity } from '@symbolon/runtime/identity.ts'
import type { Metrics } from '@symbolon/runtime/metrics.ts'
import { answer } from './answer.ts'
import type { Asked } from './audit.ts'
import type { Adopt, Book } from './book.ts'
import type { Heads } from './heads.ts'
import type { Coordinator } from './nonces.ts'
import { open } from './open.ts'
import { known, receipts } from './receipts.ts'
import type { Asking, Signer } from './signer.ts'
import { checksOf, statusOf } from './status.ts'

const roles = ['coordinator']
const peers = ['signer']
const signersToo = [...roles, ...peers]
const headRequestLimit = 1024
const knownLimit = 8_192

/** What a signer does beside signing. */
export interface Served extends Signer {
  readonly book: Book
  readonly accept: (asked: Asked, request: AcceptRequest) => Promise<AcceptReply>
  readonly adopt: Adopt
  readonly heads: Pick<Heads, 'problem' | 'answer'>
}

/** All that a signer can be asked, and by whom: the table of roles and routes. An operator sees how it is, and can ask for nothing. */
export const routesOf = (signer: Served, { metrics }: { readonly metrics: Metrics }): Route[] => [
  { method: 'POST', path: '/v1/sign', roles, maxBytes: limits.batchBodyBytes, handle: (request) => read(signRequest, limits.batchBodyBytes, request, (asked, { items }) => answer(signer, asked, items)) },
  { method: 'POST', path: '/v1/open', roles, maxBytes: limits.openBodyBytes, handle: (request) => read(openRequest, limits.openBodyBytes, request, (asked, { items }) => open(signer, asked, items)) },
  { method: 'POST', path: '/v1/receipts', roles, maxBytes: limits.batchBodyBytes, handle: (request) => read(receiptsRequest, limits.batchBodyBytes, request, async (asked, { records }) => receipts(signer, asked, records)) },
  { method: 'POST', path: '/v1/known', roles, maxBytes: knownLimit, handle: (request) => read(knownRequest, knownLimit, request, async (asked, { paths }) => known(signer, asked, paths)) },
  { method: 'POST', path: '/v1/commitments', roles, maxBytes: 256, handle: async (request) => commitments(signer, request) },
  { method: 'GET', path: '/v1/status', roles, maxBytes: 0, handle: async () => json(statusOf(signer)) },
  { method: 'GET', path: '/v1/keyset', roles, maxBytes: 0, handle: async () => json(await signer.current().keyset()) },
  { method: 'POST', path: '/v1/accept', roles, maxBytes: limits.changeBytes, handle: (request) => read(acceptRequest, limits.changeBytes, request, (asked, wish) => signer.accept(asked, wish)) },
  { method: 'POST', path: '/v1/adopt', roles, maxBytes: bookLimit, handle: (request) => read(book, bookLimit, request, (asked, part) => signer.adopt(part, asked)) },
  { method: 'POST', path: '/v1/book', roles: signersToo, maxBytes: 256, handle: (request) => read(bookRequest, 256, request, async (_, { after }) => signer.book.after(after)) },
  { method: 'POST', path: '/v1/head', roles: peers, maxBytes: headRequestLimit, handle: async (request) => head(signer, request) },
  ...healthRoutes({ roles: ['operator', 'coordinator'], checks: healthChecks(signer), metrics }),
]

function commitments({ boot, current, nonces, limits: rates }: Signer, { peer, body, requestId }: ChannelRequest): ChannelReply {
  const by = formatIdentity(peer) as Coordinator
  const request = decodeAs(commitmentsRequest, body, 256)
  if (!request.ok) return problem(400, 'malformed', requestId)
  if (rates.admitCommitments(by, request.value.count) > 0) return problem(429, 'limited', requestId)
  return json({ v: 1, certificate: boot.certificate, ...current().versions, commitments: nonces.promise(by, request.value.count) } satisfies CommitmentsReply)
}

/** A body of this shape, and an answer to it. */
async function read<T>(schema: z.ZodType<T>, maxBytes: number, { peer, body, requestId }: ChannelRequest, answered: (asked: Asking, value: T) => Promise<unknown>): Promise<ChannelReply> {
  const request = decodeAs(schema, body, maxBytes)
  return request.ok ? json(await answered({ by: formatIdentity(peer) as Coordinator, requestId }, request.value)) : problem(400, 'malformed', requestId)
}

function head({ heads }: Served, { peer, body, requestId }: ChannelRequest): ChannelReply {
  const question = decodeAs(headRequest, body, headRequestLimit)
  if (!question.ok) return problem(400, 'malformed', requestId)
  const answered = heads.answer(Number(peer.id), question.value)
  if (typeof answered !== 'string') return json(answered)
  return problem(answered === 'limited' ? 429 : 401, answered, requestId)
}

const json = (value: unknown): ChannelReply => ({ status: 200, body: JSON.stringify(value) })

const problem = (status: number, code: ErrorCode, requestId: string): ChannelReply => ({
  status,
  type: 'application/problem+json',
  body: JSON.stringify({ type: 'about:blank', title: errors[code].title, status, code, request_id: requestId }),
})

const healthChecks = (signer: Served): Record<string, HealthCheck> =>
  Object.fromEntries(Object.entries(checksOf(signer)).map(([reason, fails]) => [reason, async () => (fails() ? { ok: false, reason } : { ok: true })]))
