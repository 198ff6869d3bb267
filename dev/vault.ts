import { receiveKeyFile } from './ceremony.ts'
import type { Deployment } from './deployment.ts'
import { frontSettings } from './front.ts'
import type { Row } from './row.ts'

/** None where version 1 of the roster names no vault. http on loopback, as the api. */
export const vaultRows = (deployment: Deployment): readonly Row[] => (deployment.vaultUrl === undefined ? [] : [vaultRow(deployment, deployment.vaultUrl)])

const vaultRow = (deployment: Deployment, url: string): Row => ({
  name: 'vault',
  program: 'vault',
  identity: 'symbolon:vault/1',
  port: deployment.port('vault'),
  // It starts without a quorum, and says in /readyz what is missing.
  needs: ['postgres'],
  ready: 'http',
  config: (context) => ({ ...frontSettings(deployment, 'vault', context), public_url: url, receive_key: receiveKeyFile(deployment) }),
})
