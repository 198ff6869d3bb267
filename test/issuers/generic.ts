import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'

/* A generic OpenID Connect issuer: oidc-provider with one public client and one user, who signs in and agrees by themselves. */

export interface GenericConfig {
  readonly platform: 'generic'
  /** Becomes the ID token's audience. */
  readonly clientId: string
  readonly redirectUri: string
  /** `sub` of the only user. */
  readonly subject: string
}

export async function serveGeneric({ clientId, redirectUri, subject }: GenericConfig): Promise<Server> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const provider = new Provider(`http://127.0.0.1:${address.port}`, {
    clients: [{ client_id: clientId, redirect_uris: [redirectUri], grant_types: ['authorization_code'], response_types: ['code'], token_endpoint_auth_method: 'none', application_type: 'native', id_token_signed_response_alg: 'ES256' }],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'generic-1', use: 'sig', alg: 'ES256' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_context: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    ttl: { Session: 3600, Interaction: 3600, Grant: 3600, AccessToken: 3600, AuthorizationCode: 60, IdToken: 600 },
  })
  const answer = provider.callback()
  server.on('request', (request, response) => {
    if (!(request.url ?? '').startsWith('/interaction/')) return answer(request, response)
    return finishInteraction(provider, subject, request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  return server
}

async function finishInteraction(provider: Provider, accountId: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') return provider.interactionFinished(request, response, { login: { accountId } })
  const grant = new provider.Grant({ accountId, clientId: params.client_id })
  grant.addOIDCScope('openid')
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
}
