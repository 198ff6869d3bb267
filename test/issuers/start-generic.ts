import type { Issuer } from '@symbolon/roster/roster.ts'
import * as client from 'openid-client'
import { request } from 'undici'
import { startProcess, stopProcess } from './start.ts'

export interface RunningGeneric {
  readonly url: string
  /** Its row for a roster: class `bearer`, since an ordinary issuer's audience is its client. */
  row(id: string, change?: Partial<Issuer>): Issuer
  /** Signs in by the authorization code flow with PKCE. */
  signIn(): Promise<{ readonly idToken: string; readonly accessToken: string }>
  stop(): Promise<void>
}

/** Starts oidc-provider as a process of its own. `clientId` becomes the audience of its ID tokens. */
export async function startGeneric({ clientId, subject = 'u-7f3a' }: { readonly clientId: string; readonly subject?: string }): Promise<RunningGeneric> {
  const redirectUri = 'http://127.0.0.1/callback'
  const { child, port } = await startProcess({ platform: 'generic', clientId, redirectUri, subject })
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    row: (id, change = {}) => ({ id, issuer: url, jwks_uri: `${url}/jwks`, allowed_addresses: ['127.0.0.1'], class: 'bearer', bearer_audience: clientId, ceiling: { max_ttl: 300 }, max_age: 600, ...change }),
    signIn: async () => {
      // Plain http is fine on loopback, and oidc-provider speaks it here.
      const server = await client.discovery(new URL(url), clientId, undefined, client.None(), { execute: [client.allowInsecureRequests] })
      const pkceCodeVerifier = client.randomPKCECodeVerifier()
      const start = client.buildAuthorizationUrl(server, { redirect_uri: redirectUri, scope: 'openid', code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256' })
      const tokens = await client.authorizationCodeGrant(server, await follow(start, redirectUri), { pkceCodeVerifier })
      if (tokens.id_token === undefined) throw new Error('no ID token')
      return { idToken: tokens.id_token, accessToken: tokens.access_token }
    },
    stop: () => stopProcess(child),
  }
}

/** Follows redirects with cookies, as a browser does, until they lead to the client. */
async function follow(start: URL, redirectUri: string): Promise<URL> {
  const cookies = new Map<string, string>()
  let next = start
  for (let step = 0; step < 10; step += 1) {
    const response = await request(next, { headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') } })
    await response.body.dump()
    for (const line of [response.headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    const { location } = response.headers
    if (typeof location !== 'string') throw new Error(`no redirect from ${next.pathname}: ${response.statusCode}`)
    next = new URL(location, next)
    if (next.href.startsWith(redirectUri)) return next
  }
  throw new Error('too many redirects')
}
