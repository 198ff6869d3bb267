import { z } from 'zod'
import { faceOf, type ErrorCode } from '@symbolon/protocol/errors.ts'
import type { Json } from '@symbolon/protocol/json.ts'
import { standard, type ErrorStyle, type Failure } from '@symbolon/front/failure.ts'
import { json, type Reply } from '@symbolon/front/route.ts'

/* How clients of KV v2 expect to be answered, yes or no. */

export interface Answer {
  readonly data?: unknown
  readonly auth?: Readonly<Record<string, unknown>>
  readonly warnings?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly status?: number
}

export function answerOf(requestId: string, { data = null, auth, warnings = [], headers = {}, status = 200 }: Answer): Reply {
  const body = { request_id: requestId, lease_id: '', renewable: false, lease_duration: 0, data, wrap_info: null, warnings: warnings.length === 0 ? null : warnings, auth: auth ?? null, mount_type: auth === undefined ? 'kv' : 'token' }
  return { ...json(body, { headers }), status }
}

export const nothing = (headers: Readonly<Record<string, string>> = {}): Reply => ({ ok: true, status: 204, body: '', headers })

const errorBody = z.object({ errors: z.array(z.string()) })

/** Those clients know few statuses: 403 for whoever may not, 400 for what contradicts itself, 5xx for what may be tried again. */
function statusOf(code: ErrorCode): number {
  if (code === 'check_and_set_failed' || code === 'record_unsound' || code === 'token_expired') return code === 'token_expired' ? 403 : 400
  const { status } = faceOf(code)
  if (status === 401) return 403
  if (status === 409) return 503
  return status === 504 ? 503 : status
}

function face(failure: Failure): ReturnType<ErrorStyle['face']> {
  const status = statusOf(failure.code)
  return { status, type: 'application/json', body: JSON.stringify({ errors: wordsOf(failure, status) }), headers: { ...headersOf(failure, status), ...failure.headers } }
}

/** No challenge: a 401 is never answered. */
const headersOf = (failure: Failure, status: number): Record<string, string> => standard(failure, status, 'Symbolon')

/** 404 says nothing, as those clients expect; 403 begins with the words that they look for. */
function wordsOf({ code, detail, reasons = [] }: Failure, status: number): readonly string[] {
  if (status === 404) return []
  const { title, remedy } = faceOf(code)
  const first = reasons[0]
  const words = `${detail ?? title}${first?.remedy === undefined ? '' : ` ${first.remedy}`} (${code})`
  if (status === 403) return ['permission denied', words]
  return [detail === undefined ? `${title}. ${remedy} (${code})` : code === 'malformed' || code === 'check_and_set_failed' ? detail : words]
}

export const kvStyle: ErrorStyle = { name: 'KvErrors', type: 'application/json', schema: errorBody, statusOf, face }

/** RFC 3339. @param at NumericDate */
export const timeOf = (at: number): string => new Date(at * 1000).toISOString().replace('.000Z', 'Z')

/** Go's notation: `2h45m30s`, as those clients send it, or whole seconds. @returns seconds; undefined for anything else */
export function secondsOf(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined
  if (/^\d{1,10}$/.test(value)) return Number(value)
  const found = /^(?:(\d{1,7})h)?(?:(\d{1,9})m)?(?:(\d{1,10})s)?$/.exec(value)
  if (value === '' || found === null) return undefined
  const [, hours = '0', minutes = '0', seconds = '0'] = found
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
}

/** The same, in the form that Go prints. */
export function durationOf(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds % 60}s`
}

type Members = { readonly [name: string]: Json }
export const isMembers = (value: Json | undefined): value is Members => typeof value === 'object' && value !== null && !Array.isArray(value)

/** RFC 7396. */
export function merged(target: Json | undefined, patch: Json): Json {
  if (!isMembers(patch)) return patch
  const result: Record<string, Json> = isMembers(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name]
    else result[name] = merged(result[name], value)
  }
  return result
}

/** What is in a value, without what it says: each leaf is null. @param depth 0: all the way */
export function subkeysOf(value: Json, depth = 0): Json {
  const walk = (each: Json, level: number): Json => (isMembers(each) && Object.keys(each).length > 0 && (depth === 0 || level < depth) ? Object.fromEntries(Object.entries(each).map(([name, deeper]) => [name, walk(deeper, level + 1)])) : isMembers(each) && level === 0 ? {} : null)
  return walk(value, 0)
}

/** A number that would come back as another one. */
export function inexact(value: Json): boolean {
  if (typeof value === 'number') return !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))
  return typeof value === 'object' && value !== null && Object.values(value).some((each: Json) => inexact(each))
}
