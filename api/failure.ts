import type { Word } from '@symbolon/protocol/change.ts'
import { faceOf, type ErrorCode } from '@symbolon/protocol/errors.ts'
import type { Problem } from '@symbolon/protocol/json.ts'
import type { Part } from '@symbolon/protocol/mint.ts'
import type { ProblemDetails } from '@symbolon/protocol/http.ts'
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

/** RFC 9457. */
export function problemFace(failure: Failure, at: { readonly requestId: string; readonly path: string }): Face {
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
  return { status, type: 'application/problem+json', body: JSON.stringify(body), headers: { ...retry(failure), ...challenge(status, 'Symbolon'), ...failure.headers } }
}

/**
 * RFC 6749, section 5.2: 400 for whatever is wrong with the request or its grant, 401 only where a client failed to authenticate;
 * what is wrong on this side keeps its status. `code`, `request_id` and `reasons` are ours besides.
 */
export function oauthFace(failure: Failure, at: { readonly requestId: string }): Face {
  const face = faceOf(failure.code)
  const status = oauthStatus(failure.code)
  const sentence = failure.detail ?? failure.reasons?.[0]?.message ?? face.title
  const body = { error: face.oauth, error_description: describable(sentence), code: failure.code, request_id: at.requestId, ...(failure.reasons === undefined ? {} : { reasons: failure.reasons }) }
  return { status, type: 'application/json', body: JSON.stringify(body), headers: { ...retry(failure), ...challenge(status, 'DPoP'), ...failure.headers } }
}

export function oauthStatus(code: ErrorCode): number {
  const { oauth, status } = faceOf(code)
  if (oauth === 'invalid_client') return 401
  return status >= 500 || status === 429 || status === 413 ? status : 400
}

/** RFC 6749, section 5.2: %x20-21 / %x23-5B / %x5D-7E. */
export const describable = (text: string): string => text.replaceAll(/[’‘]/g, "'").replaceAll('"', "'").replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?').slice(0, 300)

const retry = ({ code, retryAfter }: Failure): Record<string, string> => {
  const { status } = faceOf(code)
  if (retryAfter !== undefined) return { 'retry-after': `${retryAfter}` }
  return status === 429 || status === 503 ? { 'retry-after': '1' } : {}
}

// RFC 9110, section 11.6.1. Evidence travels in the body, so the challenge names no header to send.
const challenge = (status: number, scheme: string): Record<string, string> => (status === 401 ? { 'www-authenticate': `${scheme} realm="symbolon"` } : {})
