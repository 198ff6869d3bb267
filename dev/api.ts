import { join } from 'node:path'
import type { Deployment } from './deployment.ts'
import type { Row } from './row.ts'

/** Its folder holds the roster, keyset and policy that the ceremony left. http on loopback: browsers take `localhost` for safe. */
export const apiRow = (deployment: Deployment): Row => ({
  name: 'api',
  program: 'api',
  identity: 'symbolon:api/1',
  port: deployment.port('api'),
  // It starts without a quorum, and says in /readyz what is missing.
  needs: deployment.databaseUrl === undefined ? ['postgres'] : [],
  ready: 'http',
  config: ({ common, folder, tls, database }) => ({
    ...common,
    listen: { host: '127.0.0.1', port: deployment.port('api') },
    channel: tls,
    coordinator: { address: { host: '127.0.0.1', port: deployment.port('coordinator') }, identity: 'symbolon:coordinator/1' },
    roster: join(folder, 'roster.json'),
    keyset: join(folder, 'keyset.json'),
    policy: join(folder, 'policy'),
    issuer_keys: join(folder, 'issuer-keys'),
    database: database('api'),
    store_marker: join(folder, 'store.json'),
  }),
})
