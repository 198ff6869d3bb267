import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { commitmentsRequest, signRequest, type CommitmentsReply } from '@symbolon/protocol/sign.ts'
import type { SignedKeyset } from '@symbolon/roster/keyset.ts'
import type { ChannelReply, ChannelRequest, Route } from '@symbolon/runtime/channel-server.ts'
import { healthRoutes } from '@symbolon/runtime/health.ts'
import { formatIdentity } from '@symbolon/runtime/identity.ts'
import type { Metrics } from '@symbolon/runtime/metrics.ts'
import { answer, type Signer } from './answer.ts'
import type { Coordinator } from './nonces.ts'
import { clockIsBehind, statusOf } from './status.ts'

const roles = ['coordinator']

/** All that a signer can be asked, and by whom: the table of roles and routes. An operator sees how it is, and can ask for nothing. */
export const routesOf = (signer: Signer, { keyset, metrics }: { readonly keyset: () => Promise<SignedKeyset>; readonly metrics: Metrics }): Route[] => [
  { method: 'POST', path: '/v1/sign', roles, maxBytes: limits.batchBodyBytes, handle: (request) => sign(signer, request) },
  { method: 'POST', path: '/v1/commitments', roles, maxBytes: 256, handle: async (request) => commitments(signer, request) },
  { method: 'GET', path: '/v1/status', roles, maxBytes: 0, handle: async () => json(statusOf(signer)) },
  { method: 'GET', path: '/v1/keyset', roles, maxBytes: 0, handle: async () => json(await keyset()) },
  ...healthRoutes({ roles: ['operator', 'coordinator'], checks: { clock: async () => (clockIsBehind(signer) ? { ok: false, reason: 'clock_behind' } : { ok: true }) }, metrics }),
]

async function sign(signer: Signer, { peer, body, requestId }: ChannelRequest): Promise<ChannelReply> {
  const request = decodeAs(signRequest, body, limits.batchBodyBytes)
  return request.ok ? json(await answer(signer, formatIdentity(peer) as Coordinator, request.value.items)) : malformed(requestId)
}

function commitments({ boot, versions, nonces }: Signer, { peer, body, requestId }: ChannelRequest): ChannelReply {
  const request = decodeAs(commitmentsRequest, body, 256)
  if (!request.ok) return malformed(requestId)
  const promised = nonces.promise(formatIdentity(peer) as Coordinator, request.value.count)
  return json({ v: 1, certificate: boot.certificate, ...versions, commitments: promised } satisfies CommitmentsReply)
}

const json = (value: unknown): ChannelReply => ({ status: 200, body: JSON.stringify(value) })

const malformed = (requestId: string): ChannelReply => ({
  status: 400,
  type: 'application/problem+json',
  body: JSON.stringify({ type: 'about:blank', title: 'malformed', status: 400, code: 'malformed', request_id: requestId }),
})
