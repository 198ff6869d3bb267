import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { IntentDigest, TokenIntent } from '@symbolon/protocol/intent.ts'
import type { TokenClaims } from '@symbolon/protocol/token.ts'
import type { Established } from '@symbolon/evidence/established.ts'
import type { Deployment } from './deployment.ts'

interface Basis {
  readonly intent: TokenIntent
  readonly digest: IntentDigest
  readonly established: Established
  /** Seconds. */
  readonly ttl: number
  readonly here: Deployment
}

/** The claims of a token, each from where the table in protocol/token.ts says. Nothing else goes in. */
export function claimsOf({ intent, digest, established, ttl, here }: Basis): TokenClaims {
  const { principal, origin, ceiling, act, auth, grant } = established
  return {
    iss: here.issuer,
    sub: principal.id,
    aud: intent.aud,
    client_id: intent.client,
    scope: intent.scope.join(' '),
    iat: intent.iat,
    nbf: intent.iat,
    exp: intent.iat + ttl,
    jti: toBase64url(digest),
    ...(intent.cnf === undefined ? {} : { cnf: intent.cnf }),
    ...(act === undefined ? {} : { act }),
    ...(auth === undefined ? {} : authenticated(auth)),
    // Ceiling and grant go along, so that what is made from this token later cannot reach further than what made it, nor outlive its end.
    'urn:symbolon:v1': { policy: here.policy, origin: { ...origin, ...(ceiling === undefined ? {} : { ceiling }), ...(grant === undefined ? {} : { grant }) } },
  }
}

/** How a person proved to be there (RFC 8176): a key that stays in its device or one that is synced, and the person verified by it. */
const authenticated = ({ time, touch, hardware }: NonNullable<Established['auth']>) =>
  ({ auth_time: time, acr: touch ? 'urn:symbolon:acr:touch' : 'urn:symbolon:acr:grant', amr: [hardware ? 'hwk' : 'swk', 'user'] }) satisfies Pick<TokenClaims, 'auth_time' | 'acr' | 'amr'>
