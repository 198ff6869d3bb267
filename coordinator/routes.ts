import { limits } from '@symbolon/protocol/limits.ts'
import type { CoordinatorStatus } from '@symbolon/protocol/mint.ts'
import type { SignedKeyset } from '@symbolon/roster/keyset.ts'
import type { ChannelReply, Route } from '@symbolon/runtime/channel-server.ts'
import { mint, type Minting } from './mint.ts'

const roles = ['api']

export interface Served {
  readonly minting: Minting
  status(): Promise<CoordinatorStatus>
  keyset(): Promise<SignedKeyset>
}

/** All that a coordinator can be asked, and by whom: the table of roles and routes. What signers are asked cannot be reached from here. */
export const routesOf = ({ minting, status, keyset }: Served): Route[] => [
  { method: 'POST', path: '/v1/mint', roles, maxBytes: limits.batchBodyBytes, handle: ({ body, requestId }) => answerMint(minting, body, requestId) },
  { method: 'GET', path: '/v1/status', roles, maxBytes: 0, handle: async () => json(await status()) },
  { method: 'GET', path: '/v1/keyset', roles, maxBytes: 0, handle: async () => json(await keyset()) },
]

async function answerMint(minting: Minting, body: Uint8Array, requestId: string): Promise<ChannelReply> {
  const reply = await mint(minting, body)
  if (reply.ok) return json(reply.value)
  const { reason, problems } = reply
  return { status: 400, type: 'application/problem+json', body: JSON.stringify({ type: 'about:blank', title: 'malformed', status: 400, code: 'malformed', detail: reason, errors: problems, request_id: requestId }) }
}

const json = (value: unknown): ChannelReply => ({ status: 200, body: JSON.stringify(value) })
