import { join } from 'node:path'
import type { Deployment } from './deployment.ts'
import type { Row } from './row.ts'
import { softhsmModule } from './softhsm.ts'

/** The `keystore` setting of a signer and its keygen: the same keys. Whoever prepares the ceremony makes passphrase, PIN and token. */
export function signerKeystore({ home, settings }: Deployment, name: string): Readonly<Record<string, unknown>> {
  const state = home.folder(name)
  const folder = join(state, 'keystore')
  if (settings.KEYSTORE === 'file') return { backend: 'file', folder, passphrase_file: join(state, 'passphrase') }
  return { backend: 'pkcs11', folder, module: softhsmModule, token: `symbolon-${name}`, pin_file: join(state, 'pin'), environment: { SOFTHSM2_CONF: join(state, 'softhsm2.conf') } }
}

/** Ports and keys of the signers stand in version 1 of the roster; their folders are filled by the ceremony. */
export const signerRows = (deployment: Deployment): readonly Row[] =>
  deployment.signers.map((name, index) => ({
    name,
    program: 'signer',
    identity: `symbolon:signer/${index + 1}`,
    port: deployment.port(name),
    needs: [],
    ready: 'channel',
    config: ({ common, folder, tls }) => ({ ...common, signer: index + 1, state: folder, listen: { host: '127.0.0.1', port: deployment.port(name) }, tls, keystore: signerKeystore(deployment, name) }),
  }))
