import type { z } from 'zod'
import { errors } from '@symbolon/protocol/errors.ts'
import { changeResponse, changesResponse, entryResponse, explainResponse, problem, rosterResponse, statusResponse, stopResponse, tokenResponse, type ApprovalRequest, type ChangeRequest, type EntryRequest, type ReadRequest, type StopRequest, type TokenRequest } from '@symbolon/protocol/http.ts'
import { failed, ok, type Result } from './result.ts'
import { trouble, type Trouble } from './trouble.ts'

/* The api as pages see it. It is a carrier: whatever it answers is compared with what was asked, or signed by the signers, or only shown. */

export type Answer<T> = Promise<Result<T, Trouble>>

const timeoutMs = 30_000

/** @param base the api's origin */
export function connectApi(base: string) {
  const post = poster(base, unreachable)
  return {
    status: () => ask({ base, unreachable }, '/v1/status', statusResponse),
    mint: (request: TokenRequest) => post('/v1/tokens', request, tokenResponse),
    explain: (request: TokenRequest) => post('/v1/explain', request, explainResponse),
    roster: (request: ReadRequest) => post('/v1/roster', request, rosterResponse),
    changes: (request: ReadRequest) => post('/v1/changes/list', request, changesResponse),
    propose: (request: ChangeRequest) => post('/v1/changes', request, changeResponse),
    approve: (request: ApprovalRequest) => post('/v1/changes/approvals', request, changeResponse),
    enter: (request: EntryRequest) => post('/v1/entries', request, entryResponse),
    stop: (request: StopRequest) => post('/v1/stops', request, stopResponse),
    /** For the routes of `/v1/device`, and what else comes. */
    post,
  }
}
export type Api = ReturnType<typeof connectApi>

const unreachable = trouble('unreachable', 'The api does not answer', 'Try again; see whether it runs.')
const unreadable = trouble('unreadable', 'It answers something else than it should', 'Reload the page; if that does not help, the console and what it asks are of different versions.')

interface Server {
  readonly base: string
  /** What it is called when it does not answer. */
  readonly unreachable: Trouble
}

/** How pages ask a server of this deployment: strictly read, with the stable codes that all of them share. */
export const poster =
  (base: string, unreachable: Trouble) =>
  <S extends z.ZodType>(path: string, body: object, schema: S) =>
    ask({ base, unreachable }, path, schema, body)
export type Post = ReturnType<typeof poster>

async function ask<S extends z.ZodType>({ base, unreachable }: Server, path: string, schema: S, body?: object): Answer<z.output<S>> {
  const request = body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  try {
    const response = await fetch(`${base}${path}`, { ...request, cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(timeoutMs) })
    const json: unknown = await response.json()
    return response.ok ? accepted(schema, json) : failed(refusal(json))
  } catch (error) {
    // What fetch and its body's end come to: no connection, no answer in time, no JSON. Anything else is a bug.
    if (error instanceof TypeError || error instanceof SyntaxError || error instanceof DOMException) return failed(unreachable)
    throw error
  }
}

function accepted<S extends z.ZodType>(schema: S, json: unknown): Result<z.output<S>, Trouble> {
  const read = schema.safeParse(json)
  return read.success ? ok(read.data) : failed(unreadable)
}

function refusal(json: unknown): Trouble {
  const read = problem.safeParse(json)
  if (!read.success) return unreadable
  const { code, reasons = [] } = read.data
  return { code, title: errors[code].title, remedy: errors[code].remedy, reasons, problem: read.data }
}
