import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromBase64url, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { linkUrl } from '@symbolon/protocol/link.ts'
import { fingerprint, signedKeyset } from '@symbolon/roster/keyset.ts'
import { consoleFolder } from './console.ts'
import type { Deployment } from './deployment.ts'
import type { Home } from './home.ts'
import type { Row } from './row.ts'

/** http on loopback: browsers take `localhost` for safe, and passkeys work there. */
export const webRow = (deployment: Deployment): Row => ({
  name: 'web',
  program: 'web',
  identity: 'symbolon:web/1',
  port: deployment.port('console'),
  // It holds its files, and says by itself what it cannot reach.
  needs: [],
  ready: 'http',
  config: ({ common }) => ({
    ...common,
    listen: { host: '127.0.0.1', port: deployment.port('console') },
    site: consoleFolder(),
    api: deployment.issuer,
    ...(deployment.vaultUrl === undefined ? {} : { vault: deployment.vaultUrl }),
    issuer: deployment.issuer,
    rp_id: deployment.rpId,
    lineage: lineageIn(deployment.home),
  }),
})

/** The fingerprint that the ceremony printed. */
function lineageIn(home: Home): Base64url {
  const { keyset } = signedKeyset.parse(JSON.parse(readFileSync(join(home.folder('signer-1'), 'keyset.json'), 'utf8')))
  return keyset.lineage ?? fingerprint(keyset)
}

/** Seconds that a printed link may be used. */
const linkLasts = 86_400

/**
 * The link by which the first person comes in. It holds the bootstrap key's seed, as `bootstrap.key` does, which this user can read anyway.
 * @param now seconds
 */
export function bootstrapLink(home: Home, consoleOrigin: string, now: number): string {
  const { d } = createPrivateKey(readFileSync(join(home.path, 'bootstrap.key'))).export({ format: 'jwk' })
  const seed = d === undefined ? undefined : fromBase64url(d)
  if (seed === undefined) throw new TypeError('the bootstrap key is an Ed25519 key')
  return linkUrl(consoleOrigin, { v: 1, kind: 'bootstrap', seed: toBase64url(seed), lineage: lineageIn(home), exp: now + linkLasts })
}
