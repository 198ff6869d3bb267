import { randomBytes } from 'node:crypto'
import { toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { encodeGrant, type GrantRequest } from '@symbolon/protocol/grant.ts'
import { encodeIntent, intentDigest, type GrantIntent } from '@symbolon/protocol/intent.ts'
import type { Deployment } from './deployment.ts'

/* What a console hands back after a touch. The passkey's signature is random: no client can check it, only those who hold the roster. */

export interface TouchOptions {
  readonly sub?: string
  /** Seconds. */
  readonly now: number
  /** A lie in the intent that the touch is for. */
  readonly change?: Partial<GrantIntent>
  /** What the passkey signed instead of the intent's digest. */
  readonly challenge?: Base64url
}

export function touchedGrant(request: GrantRequest, { keyset, lineage }: Pick<Deployment, 'keyset' | 'lineage'>, { sub = 'ann', now, change = {}, challenge }: TouchOptions): Base64url {
  const bytes = encodeIntent({ ...request, kind: 'grant', iat: now, exp: now + 300, iss: keyset.issuer, lineage, sub, ...change })
  const clientData = { type: 'webauthn.get', challenge: challenge ?? toBase64url(intentDigest(bytes)), origin: 'http://localhost:7001' }
  return encodeGrant({ intent: toBase64url(bytes), assertion: { credential: toBase64url(randomBytes(16)), authenticator_data: toBase64url(randomBytes(37)), client_data: toBase64url(utf8(JSON.stringify(clientData))), signature: toBase64url(randomBytes(70)) } })
}
