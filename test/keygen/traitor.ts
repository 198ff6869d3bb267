import { readFileSync } from 'node:fs'
import { openArena } from '@symbolon/core/arena.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { messageBytes, type CeremonyMessage } from '@symbolon/protocol/ceremony.ts'
import { openKeystore } from '@symbolon/keystore/settings.ts'
import { Conductor, type Exchange } from '@symbolon/keygen/conductor.ts'
import { keygenConfig } from '@symbolon/keygen/config.ts'
import { ceremonyRoute, openExchange } from '@symbolon/keygen/exchange.ts'
import { openStorage } from '@symbolon/keygen/storage.ts'
import { decodePlan, planDigest } from '@symbolon/roster/plan.ts'
import { serveChannel } from '@symbolon/runtime/channel-server.ts'
import { readTls } from '@symbolon/runtime/identity.ts'
import { runProcess } from '@symbolon/runtime/process.ts'

/*
 * A member that was taken over: the same conductor, keystore and transport as keygen's, but what it says is changed as TREASON asks, and
 * signed again with its own good key.
 */

const treason = process.env['TREASON'] ?? ''
const flip = (text: string) => toBase64url((fromBase64url(text) ?? new Uint8Array()).map((byte, at) => (at === 7 ? byte ^ 1 : byte)))

/** What member `to` hears instead. */
function lie(message: CeremonyMessage, to: number): CeremonyMessage {
  if (treason.startsWith('dies in ') && message.phase === treason.slice(8)) process.kill(process.pid, 'SIGKILL')
  if (message.phase === 'deal' && treason === 'bad share to member 1') return { ...message, body: { shares: message.body.shares.map((row) => (row.to === 1 ? { ...row, ciphertext: flip(row.ciphertext) } : row)) } }
  // To member 1 only, and in what is meant for member 2: neither of them can see it in its own share.
  if (message.phase === 'deal' && treason === 'equivocates' && to === 1) return { ...message, body: { shares: message.body.shares.map((row) => (row.to === 2 ? { ...row, ciphertext: flip(row.ciphertext) } : row)) } }
  if (message.phase === 'reveal' && treason === 'another package') return { ...message, body: { packages: message.body.packages.map((row) => ({ ...row, commitments: row.commitments.toReversed() })) } }
  return message
}

await runProcess({
  config: keygenConfig,
  commands: ['init', 'run', 'doctor'],
  start: async ({ config, log }) => {
    const memory = openArena()
    const suite = sodiumSuite(memory)
    const opened = await openKeystore(config.keystore, { signer: config.signer, memory })
    const plan = decodePlan(readFileSync(config.plan))
    const tls = readTls(config.tls, Date.now())
    if (!opened.ok || !plan.ok || !tls.ok) throw new Error('not set up')
    const [keystore, deadline] = [opened.value, AbortSignal.timeout(config.deadline_seconds * 1000)]
    const terms = { plan: planDigest(plan.value), self: config.signer, members: new Map(plan.value.template.signers.map(({ id, identity }) => [id, identity])) }
    const peers = plan.value.members.filter(({ id }) => id !== config.signer).map(({ id, keygen }) => ({ id, address: { host: '127.0.0.1', port: Number(keygen.split(':')[1]) } }))
    const honest = openExchange({ peers, tls: tls.tls, log, deadline, refused: (peer, code) => conductor.refusedBy(peer, code) })
    let line: Promise<void> = Promise.resolve()
    const tell = async (before: Promise<void>, message: CeremonyMessage): Promise<void> => {
      await before
      for (const { id } of peers) {
        const said = lie(message, id)
        const signature = await keystore.sign(messageBytes(said))
        if (signature.ok) honest.repeat(id, [said === message ? message : { ...said, signature: toBase64url(signature.value) }])
      }
    }
    const exchange: Exchange = {
      ...honest,
      send: (message) => {
        line = tell(line, message)
      },
    }
    const storage = openStorage({ state: config.state, keystore: config.keystore.folder })
    const conductor: Conductor = new Conductor({ plan: plan.value, terms, suite, keystore, storage, exchange, clock: () => Math.floor(Date.now() / 1000), progress: storage.begin(terms.plan) })
    const server = await serveChannel({ tls: tls.tls, listen: config.listen, routes: [ceremonyRoute(conductor, log)], log })
    const result = await conductor.run(deadline)
    await server.stop(AbortSignal.timeout(1_000))
    return result.result === 'activated' ? { state: 'done' } : { state: 'refused', code: result.result, message: 'caught' }
  },
})
