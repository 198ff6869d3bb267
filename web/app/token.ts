import type { TokenIntent } from '@symbolon/protocol/intent.ts'
import { verifyEd25519 } from '@symbolon/protocol/ed25519.ts'
import { parseToken, type TokenClaims } from '@symbolon/protocol/token.ts'
import type { Deployment } from './deployment.ts'
import type { Built } from './intents.ts'
import { failed, ok, type Result } from './result.ts'
import { trouble, type Trouble } from './trouble.ts'

/** Is this the token that was asked for, signed by a key of the pinned keyset? The api only carried it. */
export function judgeToken(text: string, { intent, digestText }: Built<TokenIntent>, { keyset }: Pick<Deployment, 'keyset'>): Result<{ readonly claims: TokenClaims }, Trouble> {
  const distrust = (title: string) => failed(trouble('token_untrusted', title, 'Do not use it; tell whoever runs this deployment.'))
  const token = parseToken(text)
  if (token === undefined) return distrust('The api answered with something that is no token')
  const group = keyset.groups.find(({ purpose, kid }) => purpose === 'token' && kid === token.header.kid)
  if (group === undefined || !verifyEd25519({ kty: 'OKP', crv: 'Ed25519', x: group.key }, token.jws.signingInput, token.jws.signature)) return distrust('The token is not signed by this deployment')
  const { claims } = token
  const isWanted = claims.iss === intent.iss && claims.jti === digestText && claims.sub === intent.sub && claims.aud === intent.aud && claims.scope === intent.scope.join(' ') && claims.client_id === intent.client
  return isWanted ? ok({ claims }) : distrust('The token says something else than you asked for')
}
