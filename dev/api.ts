import type { Deployment } from './deployment.ts'
import { frontSettings } from './front.ts'
import type { Row } from './row.ts'

/** http on loopback: browsers take `localhost` for safe. */
export const apiRow = (deployment: Deployment): Row => ({
  name: 'api',
  program: 'api',
  identity: 'symbolon:api/1',
  port: deployment.port('api'),
  // It starts without a quorum, and says in /readyz what is missing.
  needs: ['postgres'],
  ready: 'http',
  config: (context) => ({ ...frontSettings(deployment, 'api', context), console_url: deployment.consoleOrigin, ...(deployment.vaultUrl === undefined ? {} : { vault_url: deployment.vaultUrl }) }),
})
