import { approvalRequest, changeRequest, changeResponse, changesResponse, entryRequest, entryResponse, readRequest, rosterResponse, stopRequest, stopResponse } from '@symbolon/protocol/http.ts'
import { notNowCodes, refusalCodes } from '@symbolon/protocol/errors.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { problem, type Failure } from '@symbolon/front/failure.ts'
import { json, readJson, type FrontRequest, type Reply } from '@symbolon/front/route.ts'
import { approve, propose } from './changes.ts'
import { readChanges, readRoster, type Read, type ReadParts } from './reading.ts'
import { enter, stopIt } from './rows.ts'
import type { ApiRoute } from './serving.ts'

const codes = ['malformed', 'too_large', 'unsupported_media_type', 'origin_not_allowed', 'unauthenticated', ...refusalCodes, ...notNowCodes] as const
const auth = { kind: 'evidence' } as const
const body = { type: 'application/json', maxBytes: limits.apiBodyBytes } as const
const common = { method: 'POST', auth, errors: problem, codes, costly: true } as const

/** Who exists, and changes to it. */
export function changeRoutes(parts: ReadParts): readonly ApiRoute[] {
  return [
    {
      ...common, path: '/v1/roster', summary: 'The roster version in force, what rows did since, and what stops somebody.', event: 'read',
      takes: { ...body, schema: readRequest }, gives: { type: 'application/json', schema: rosterResponse, summary: 'The roster. Compare its digest with the keyset’s.' },
      handle: async (request, serving) => {
        const read = readJson(readRequest, request.body, { shows: ['evidence'] })
        return read.ok ? shown(request, await readRoster(read.value, request.event, serving, parts)) : read
      },
    },
    {
      ...common, path: '/v1/changes', summary: 'Propose the next roster version. Sent again, it says how the change stands.', event: 'change', heavy: true,
      takes: { ...body, maxBytes: limits.changeBytes, schema: changeRequest }, gives: { type: 'application/json', schema: changeResponse, summary: 'Where the change stands.' },
      handle: async (request, serving) => {
        const read = readJson(changeRequest, request.body, { shows: ['change', 'evidence'], maxBytes: limits.changeBytes })
        return read.ok ? standing(request, await propose(read.value.change, request.event, serving, parts)) : read
      },
    },
    {
      ...common, path: '/v1/changes/list', summary: 'Changes that wait for approvals, and those refused of late.', event: 'read',
      takes: { ...body, schema: readRequest }, gives: { type: 'application/json', schema: changesResponse, summary: 'The changes, each with all that was signed.' },
      handle: async (request, serving) => {
        const read = readJson(readRequest, request.body, { shows: ['evidence'] })
        return read.ok ? shown(request, await readChanges(read.value, request.event, serving, parts)) : read
      },
    },
    {
      ...common, codes: [...codes, 'change_unknown'], path: '/v1/changes/approvals', summary: 'Say yes or no to a change.', event: 'approval',
      takes: { ...body, schema: approvalRequest }, gives: { type: 'application/json', schema: changeResponse, summary: 'Where the change stands.' },
      handle: async (request, serving) => {
        const read = readJson(approvalRequest, request.body, { shows: ['approval'] })
        return read.ok ? standing(request, await approve(read.value.digest, read.value.approval, request.event, serving, parts)) : read
      },
    },
    {
      ...common, path: '/v1/entries', summary: 'Come in by an invitation, or rotate a service’s key.', event: 'entry',
      takes: { ...body, schema: entryRequest }, gives: { type: 'application/json', schema: entryResponse, summary: 'It holds.' },
      handle: async (request, serving) => {
        const read = readJson(entryRequest, request.body, { shows: ['entry', 'signature'] })
        return read.ok ? kept(request, { state: 'accepted' }, await enter(read.value.entry, request.event, serving, parts)) : read
      },
    },
    {
      ...common, path: '/v1/stops', summary: 'Revoke a grant or token, or lock a row.', event: 'stop',
      takes: { ...body, schema: stopRequest }, gives: { type: 'application/json', schema: stopResponse, summary: 'Enough signers keep it.' },
      handle: async (request, serving) => {
        const read = readJson(stopRequest, request.body, { shows: ['evidence'] })
        return read.ok ? kept(request, {}, await stopIt(read.value, request.event, serving, parts)) : read
      },
    },
  ]
}

const shown = ({ requestId }: FrontRequest, read: Read<object>): Reply | Failure => (read.ok ? json({ ...read.value, request_id: requestId }, { headers: read.headers }) : read)
const standing = ({ requestId }: FrontRequest, result: Awaited<ReturnType<typeof propose>>) => (result.ok ? json({ ...result.standing, request_id: requestId }, { headers: result.headers }) : result)
const kept = ({ requestId }: FrontRequest, more: object, result: Awaited<ReturnType<typeof enter>>) => (result.ok ? json({ digest: result.digest, ...more, signers: result.words, request_id: requestId }, { headers: result.headers }) : result)
