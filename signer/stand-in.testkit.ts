import { heapMemory } from '@symbolon/core/secret.ts'
import { openFileKeystore } from '@symbolon/keystore/file.ts'
import { headBytes, headRequest, type Head } from '@symbolon/protocol/book.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { openBook } from '@symbolon/roster/book.ts'
import { serveChannel, type ChannelServer } from '@symbolon/runtime/channel-server.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { openBoot } from './boot.ts'
import { passphrase, type Deployment } from './deployment.testkit.ts'

/**
 * Answers `/v1/head` as a signer that knows version 1 and has judged nothing, with that signer's own keys: so that a test which needs one signer
 * need not start two.
 */
export async function openStandIn({ signers, world, ca }: Deployment, { id, port }: { readonly id: number; readonly port: number }): Promise<ChannelServer> {
  const folder = signers[id - 1]?.keystore
  const keystore = folder === undefined ? undefined : await openFileKeystore({ folder, signer: id, memory: heapMemory, passphrase: () => Buffer.from(passphrase) })
  if (keystore?.ok !== true) throw new Error(`no keystore of signer ${id}`)
  const seconds = () => Math.floor(Date.now() / 1000)
  const boot = await openBoot(id, seconds(), async (bytes) => {
    const signed = await keystore.value.sign(bytes)
    if (!signed.ok) throw new Error(signed.error.code)
    return signed.value
  })
  await keystore.value.close()
  const summary = openBook(world.roster).summary()
  const headOf = (challenge: Head['statement']['challenge']): Head => {
    const statement = { v: 1 as const, signer: id, boot: boot.id, challenge, iat: seconds(), ...summary, epoch: 1, journal: { seq: 0, head: toBase64url(new Uint8Array(32)) } }
    return { statement, certificate: boot.certificate, signature: boot.sign(headBytes(statement)) }
  }
  return serveChannel({
    tls: ca.issue(`symbolon:signer/${id}`),
    listen: { host: '127.0.0.1', port },
    log: openLog({ process: `stand-in-${id}`, level: 'error', to: { write: () => undefined } }),
    routes: [
      {
        method: 'POST',
        path: '/v1/head',
        roles: ['signer'],
        maxBytes: 1024,
        async handle({ body }) {
          const asked = decodeAs(headRequest, body, 1024)
          return asked.ok ? { status: 200, body: JSON.stringify({ v: 1, head: headOf(asked.value.challenge) }) } : { status: 400, body: '{}' }
        },
      },
    ],
  })
}
