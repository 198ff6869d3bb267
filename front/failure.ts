import type { z } from 'zod'
import type { Word } from '@symbolon/protocol/change.ts'
import { faceOf, type ErrorCode } from '@symbolon/protocol/errors.ts'
import type { Problem } from '@symbolon/protocol/json.ts'
import type { Part } from '@symbolon/protocol/mint.ts'
import { problem as problemSchema, type ProblemDetails } from '@symbolon/protocol/http.ts'
import type { Decision, Reason } from '@symbolon/protocol/reason.ts'
import type { Refusal } from '@symbolon/protocol/sign.ts'

/** An expected failure on its way out. `detail` is our own sentence and quotes no input. */
export interface Failure {
  readonly ok: false
  readonly code: ErrorCode
  readonly detail?: string
  readonly problems?: readonly Problem[]
  readonly reasons?: readonly Reason[]
  readonly decision?: Decision
  readonly refusals?: readonly Refusal[]
  readonly signers?: readonly Part[]
  readonly words?: readonly Word[]
  readonly failing?: readonly { readonly check: string; readonly reason: string }[]
  /** Seconds. */
  readonly retryAfter?: number
  readonly headers?: Readonly<Record<string, string>>
}

export const fail = (code: ErrorCode, more: Omit<Failure, 'ok' | 'code'> = {}): Failure => ({ ok: false, code, ...more })

export interface Face {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

/** How a route tells failures. */
export interface ErrorStyle {
  /** What `/openapi.json` calls it. */
  readonly name: string
  readonly type: string
  readonly schema: z.ZodType
  statusOf(code: ErrorCode): number
  face(failure: Failure, at: Whereabouts): Face
}

export interface Whereabouts {
  readonly requestId: string
  /** The route's. */
  readonly path: string
}

/** RFC 9457. */
export const problem: ErrorStyle = { name: 'Problem', type: 'application/problem+json', schema: problemSchema, statusOf: (code) => faceOf(code).status, face: problemFace }

function problemFace(failure: Failure, at: Whereabouts): Face {
  const { status, title } = faceOf(failure.code)
  const { detail, problems, reasons, decision, refusals, signers, words, failing } = failure
  const body: ProblemDetails = {
    type: `urn:symbolon:problem:${failure.code}`,
    title,
    status,
    detail: detail ?? faceOf(failure.code).remedy,
    instance: at.path,
    code: failure.code,
    request_id: at.requestId,
    ...(problems === undefined || problems.length === 0 ? {} : { errors: [...problems] }),
    ...(reasons === undefined ? {} : { reasons: [...reasons] }),
    ...(decision === undefined ? {} : { decision }),
    ...(signers === undefined ? {} : { signers: [...signers] }),
    ...(words === undefined || words.length === 0 ? {} : { words: [...words] }),
    ...(failing === undefined ? {} : { failing: [...failing] }),
    ...(refusals === undefined ? {} : { refusals: [...refusals] }),
  }
  return { status, type: problem.type, body: JSON.stringify(body), headers: { ...standard(failure, status, 'Symbolon'), ...failure.headers } }
}

/** Headers that a failure brings in every style. @param scheme of the challenge that comes with 401 */
export const standard = (failure: Failure, status: number, scheme: string): Record<string, string> => ({ ...retry(failure), ...challenge(status, scheme) })

const retry = ({ code, retryAfter }: Failure): Record<string, string> => {
  const { status } = faceOf(code)
  if (retryAfter !== undefined) return { 'retry-after': `${retryAfter}` }
  return status === 429 || status === 503 ? { 'retry-after': '1' } : {}
}

// RFC 9110, section 11.6.1. Evidence travels in the body, so the challenge names no header to send.
const challenge = (status: number, scheme: string): Record<string, string> => (status === 401 ? { 'www-authenticate': `${scheme} realm="symbolon"` } : {})
