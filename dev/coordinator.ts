import { join } from 'node:path'
import type { Deployment } from './deployment.ts'
import type { Row } from './row.ts'

/** Its folder holds the roster and the keyset that the ceremony left; whom it asks is configured here, and by no request. */
export const coordinatorRow = (deployment: Deployment): Row => ({
  name: 'coordinator',
  program: 'coordinator',
  identity: 'symbolon:coordinator/1',
  port: deployment.port('coordinator'),
  // Signers are not needed to start: a quorum of them makes it ready.
  needs: ['postgres'],
  ready: 'channel',
  config: ({ common, folder, tls, database }) => ({
    ...common,
    listen: { host: '127.0.0.1', port: deployment.port('coordinator') },
    tls,
    roster: join(folder, 'roster.json'),
    keyset: join(folder, 'keyset.json'),
    signers: deployment.signers.map((name, index) => ({ id: index + 1, address: { host: '127.0.0.1', port: deployment.port(name) } })),
    database: database('coordinator'),
    store_marker: join(folder, 'store.json'),
    book: join(folder, 'book.json'),
  }),
})
