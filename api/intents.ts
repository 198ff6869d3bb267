import { randomBytes } from 'node:crypto'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { IntentRequest, IntentResponse } from '@symbolon/protocol/http.ts'
import { boundAudience, encodeIntent, intentDigest, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Roster } from '@symbolon/roster/roster.ts'

/** What an intent takes from the deployment. */
export interface Here {
  readonly roster: Roster
  readonly lineage: Base64url
}

/** An intent of the wish, for clients that build none. It says nothing that the wish did not, so the client can compare every field. */
export function intentOf(wish: IntentRequest, { roster, lineage }: Here, now: number): TokenIntent {
  const { scope, client, aud, ...rest } = wish
  return {
    v: 1,
    kind: 'token',
    nonce: toBase64url(randomBytes(16)),
    iat: now,
    exp: now + limits.intentWindow,
    iss: roster.deployment.issuer,
    lineage,
    client: client ?? wish.sub,
    aud: aud ?? roster.default_audience,
    scope: [...scope],
    ...rest,
  }
}

export function describeIntent(fields: TokenIntent): IntentResponse {
  const bytes = encodeIntent(fields)
  const digest = intentDigest(bytes)
  return { intent: toBase64url(bytes), digest: toBase64url(digest), audience: boundAudience(digest), fields }
}
