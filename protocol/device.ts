import { z } from 'zod'
import { base64urlUpTo, rosterId } from './fields.ts'
import { limits } from './limits.ts'

/* The device grant (RFC 8628): a person on another machine grants what a client without a browser asks for. */

export const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code'
/** RFC 8693, section 3: what comes out is a grant, worth nothing without the key that it names. */
export const grantTokenType = 'urn:symbolon:params:oauth:token-type:grant'

/** How long a code waits, and how often a client may ask; seconds. */
export const deviceTimes = { codeLife: 600, interval: 5, slower: 5 } as const

/** RFC 8628, section 3.1, and `grant_request` of ours: base64url of the canonical request (protocol/grant.ts). */
export const deviceAuthorizationForm = z.strictObject({ client_id: rosterId, grant_request: base64urlUpTo(limits.intentBytes) })

/** RFC 8628, section 3.2. */
export const deviceAuthorizationResponse = z.object({
  device_code: z.string(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.string(),
  /** Seconds. */
  expires_in: z.int(),
  interval: z.int(),
})

/** As people type it: any case, with or without the hyphen. */
const typedCode = z.string().max(32)
/** `POST /v1/device/lookup` and `/v1/device/deny`. */
export const deviceLookup = z.strictObject({ user_code: typedCode })
/** Compute the code again from the request: only then is it the one that the client shows. */
export const deviceLookupResponse = z.object({ grant_request: base64urlUpTo(limits.intentBytes), expires_in: z.int(), request_id: z.string() })
/** `POST /v1/device/approve`. `grant`: one line, as protocol/grant.ts encodes it. */
export const deviceApproval = z.strictObject({ user_code: typedCode, grant: base64urlUpTo(limits.jwsBytes) })
export const deviceDecided = z.object({ state: z.enum(['approved', 'denied']), request_id: z.string() })
