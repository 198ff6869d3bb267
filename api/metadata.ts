import { deviceCodeGrant } from '@symbolon/protocol/device.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { accessTokenType, tokenExchange } from './exchange.ts'

/* Discovery documents. Functions of the roster: computed once, served as they are. */

export const endpoint = ({ deployment }: Roster, path: string): string => `${deployment.issuer.replace(/\/$/, '')}${path}`

/** RFC 8414. */
export const authorizationServer = (roster: Roster) => ({
  issuer: roster.deployment.issuer,
  token_endpoint: endpoint(roster, '/oauth/token'),
  jwks_uri: endpoint(roster, '/.well-known/jwks.json'),
  device_authorization_endpoint: endpoint(roster, '/oauth/device_authorization'),
  response_types_supported: [],
  grant_types_supported: [tokenExchange, deviceCodeGrant],
  token_endpoint_auth_methods_supported: ['none'],
  scopes_supported: roster.scopes,
  dpop_signing_alg_values_supported: ['EdDSA', 'Ed25519', 'ES256'],
  subject_token_types_supported: ['id_token', 'jwt', 'access_token'].map((name) => accessTokenType.replace('access_token', name)),
})

/** OpenID Connect Discovery 1.0: the one document that cloud relying parties fetch. No sign-in happens here. */
export const openidConfiguration = (roster: Roster) => ({
  ...authorizationServer(roster),
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['EdDSA'],
  claims_supported: ['iss', 'sub', 'aud', 'client_id', 'scope', 'iat', 'nbf', 'exp', 'jti', 'cnf', 'act'],
})
