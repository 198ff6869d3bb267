import { decodeAs, decodeJson } from '@symbolon/protocol/json.ts'
import { problem } from '@symbolon/protocol/http.ts'
import type { z } from 'zod'
import { failed, ok, type Outcome } from './errors.ts'
import type { Answer } from './transport.ts'

/** Reads a server's answer by its schema; any other status is a problem (RFC 9457) with one of its codes. */
export function readAnswer<T>({ status, headers, body }: Answer, schema: z.ZodType<T>, good: readonly number[] = [200]): Outcome<T> {
  if (good.includes(status)) {
    const decoded = decodeAs(schema, body, body.length)
    return decoded.ok ? ok(decoded.value) : failed('answer_malformed', { status, detail: decoded.reason, problems: decoded.problems })
  }
  const json = decodeJson(body, body.length)
  const said = problem.safeParse(json.ok ? json.value : undefined)
  if (!said.success) return failed('answer_malformed', { status, detail: `status ${status}` })
  const { code, detail, request_id, reasons, decision, errors, signers } = said.data
  return failed(code, { status, detail, requestId: request_id, reasons, decision, problems: errors, signers, retryAfter: retryAfterOf(headers['retry-after']) })
}

const retryAfterOf = (header: string | string[] | undefined): number | undefined => (typeof header === 'string' && /^[0-9]{1,6}$/.test(header) ? Number(header) : undefined)
