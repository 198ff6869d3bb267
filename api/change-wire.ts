import type { AcceptRequest, Stop } from '@symbolon/protocol/book.ts'
import { changeReply, stopsReply, type ChangeReply, type StopsReply } from '@symbolon/protocol/change.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Answered, Wire } from '@symbolon/front/wire.ts'

/** What the coordinator is asked to bring about in who exists. */
export interface ChangeWire {
  change(request: AcceptRequest): Promise<Answered<ChangeReply>>
  stop(stop: Stop): Promise<Answered<StopsReply>>
}

export const changeWire = ({ ask }: Pick<Wire, 'ask'>): ChangeWire => ({
  change: (request) => ask({ path: '/v1/changes', body: request, schema: changeReply, maxBytes: limits.batchBodyBytes }),
  stop: (stop) => ask({ path: '/v1/stops', body: { v: 1, stops: [stop] }, schema: stopsReply, maxBytes: limits.batchBodyBytes }),
})
