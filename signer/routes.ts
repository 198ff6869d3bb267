import { errors, type ErrorCode } from '@symbolon/protocol/errors.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { commitmentsRequest, signRequest, type CommitmentsReply } from '@symbolon/protocol/sign.ts'
import type { SignedKeyset } from '@symbolon/roster/keyset.ts'
import type { ChannelReply, ChannelRequest, Route } from '@symbolon/runtime/channel-server.ts'
import { healthRoutes, type HealthCheck } from '@symbolon/runtime/health.ts'
import { formatIdentity } from '@symbolon/runtime/identity.ts'
import type { Metrics } from '@symbolon/runtime/metrics.ts'
import { answer, type Signer } from './answer.ts'
import type { Coordinator } from './nonces.ts'
import { checksOf, statusOf } from './status.ts'

const roles = ['coordinator']

/** All that a signer can be asked, and by whom: the table of roles and routes. An operator sees how it is, and can ask for nothing. */
export const routesOf = (signer: Signer, { keyset, metrics }: { readonly keyset: () => Promise<SignedKeyset>; readonly metrics: Metrics }): Route[] => [
  { method: 'POST', path: '/v1/sign', roles, maxBytes: limits.batchBodyBytes, handle: (request) => sign(signer, request) },
  { method: 'POST', path: '/v1/commitments', roles, maxBytes: 256, handle: async (request) => commitments(signer, request) },
  { method: 'GET', path: '/v1/status', roles, maxBytes: 0, handle: async () => json(statusOf(signer)) },
  { method: 'GET', path: '/v1/keyset', roles, maxBytes: 0, handle: async () => json(await keyset()) },
  ...healthRoutes({ roles: ['operator', 'coordinator'], checks: healthChecks(signer), metrics }),
]

async function sign(signer: Signer, { peer, body, requestId }: ChannelRequest): Promise<ChannelReply> {
  const request = decodeAs(signRequest, body, limits.batchBodyBytes)
  return request.ok ? json(await answer(signer, { by: formatIdentity(peer) as Coordinator, requestId }, request.value.items)) : problem(400, 'malformed', requestId)
}

function commitments({ boot, current, nonces, limits: rates }: Signer, { peer, body, requestId }: ChannelRequest): ChannelReply {
  const by = formatIdentity(peer) as Coordinator
  const request = decodeAs(commitmentsRequest, body, 256)
  if (!request.ok) return problem(400, 'malformed', requestId)
  if (rates.admitCommitments(by, request.value.count) > 0) return problem(429, 'limited', requestId)
  return json({ v: 1, certificate: boot.certificate, ...current().versions, commitments: nonces.promise(by, request.value.count) } satisfies CommitmentsReply)
}

const json = (value: unknown): ChannelReply => ({ status: 200, body: JSON.stringify(value) })

const problem = (status: number, code: ErrorCode, requestId: string): ChannelReply => ({
  status,
  type: 'application/problem+json',
  body: JSON.stringify({ type: 'about:blank', title: errors[code].title, status, code, request_id: requestId }),
})

const healthChecks = (signer: Signer): Record<string, HealthCheck> =>
  Object.fromEntries(Object.entries(checksOf(signer)).map(([reason, fails]) => [reason, async () => (fails() ? { ok: false, reason } : { ok: true })]))
