import { z } from 'zod'
import { faceOf, type ErrorCode } from '@symbolon/protocol/errors.ts'
import { standard, type ErrorStyle, type Face, type Failure, type Whereabouts } from '@symbolon/front/failure.ts'

const schema = z.object({ error: z.string(), error_description: z.string().optional(), code: z.string(), request_id: z.string(), reasons: z.array(z.unknown()).optional() })

/** For `/oauth/…`. */
export const oauth: ErrorStyle = { name: 'OAuthError', type: 'application/json', schema, statusOf: oauthStatus, face: oauthFace }

/**
 * RFC 6749, section 5.2: 400 for whatever is wrong with the request or its grant, 401 only where a client failed to authenticate;
 * what is wrong on this side keeps its status. `code`, `request_id` and `reasons` are ours besides.
 */
function oauthFace(failure: Failure, at: Whereabouts): Face {
  const face = faceOf(failure.code)
  const status = oauthStatus(failure.code)
  const sentence = failure.detail ?? failure.reasons?.[0]?.message ?? face.title
  const body = { error: face.oauth, error_description: describable(sentence), code: failure.code, request_id: at.requestId, ...(failure.reasons === undefined ? {} : { reasons: failure.reasons }) }
  return { status, type: oauth.type, body: JSON.stringify(body), headers: { ...standard(failure, status, 'DPoP'), ...failure.headers } }
}

function oauthStatus(code: ErrorCode): number {
  const { oauth, status } = faceOf(code)
  if (oauth === 'invalid_client') return 401
  return status >= 500 || status === 429 || status === 413 ? status : 400
}

/** RFC 6749, section 5.2: %x20-21 / %x23-5B / %x5D-7E. */
export const describable = (text: string): string => text.replaceAll(/[’‘]/g, "'").replaceAll('"', "'").replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?').slice(0, 300)
