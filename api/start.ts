import type { Context, Started } from '@symbolon/runtime/process.ts'
import { openRepeat } from '@symbolon/runtime/repeat.ts'
import { withOpenapi } from '@symbolon/front/openapi.ts'
import { openQuorum } from '@symbolon/front/quorum.ts'
import { openFooting, openFront, seconds } from '@symbolon/front/start.ts'
import { openWire } from '@symbolon/front/wire.ts'
import { changeStore } from './change-store.ts'
import { changeWire } from './change-wire.ts'
import { resubmit, type ChangeParts } from './changes.ts'
import type { Config } from './config.ts'
import { deviceStore } from './device-store.ts'
import { endpoint } from './metadata.ts'
import { openOverview } from './overview.ts'
import { routesOf } from './routes.ts'
import { servingOf } from './serving.ts'
import { migrations, proofStore, sweep, type Tables } from './store.ts'

/** How soon a change that signers could not be asked about is tried again. */
const resubmitMs = 10_000
/** Device codes that one address may try in a minute. */
const codesPerAddress = 30
const about = { title: 'Symbolon', description: 'A mint of short-lived scoped tokens that no single machine can abuse.' }

/** Opens what can fail first, listens last. Throws a SafeError where it refuses to start. */
export async function start(context: Context<Config>): Promise<Started> {
  const { config, log, metrics } = context
  const footing = await openFooting<Tables>(context, { role: 'api', migrations })
  const { deployment, channel, database: { db, check } } = footing
  const wire = openWire({ channel, timeoutMs: config.change_ms })
  const quorum = openQuorum({ channel, timeoutMs: config.mint_ms, behind: () => void front.follow() })
  const front = await openFront(footing, {
    wire,
    serve: ({ deployment: at, judges, limiters: { identities, ...others } }) => servingOf({ deployment: at, minting: { judges, quorum, identities, clock: seconds, stranger: () => void front.follow() }, ...others }),
    sweep: (now) => sweep(db, now),
  })
  const changes: ChangeParts = { store: changeStore(db), wire: changeWire(wire), state: () => front.state(), follow: () => front.follow(), clock: seconds }
  const overview = openOverview({ channel, deployment: () => front.servings.current().deployment, consoleUrl: config.console_url, vaultUrl: config.vault_url, pending: () => changes.store.waiting(seconds()), check })
  const proofs = proofStore(db)
  const device = { devices: deviceStore(db), consoleUrl: config.console_url, proofs, attempts: footing.limiter('device', codesPerAddress) }
  const routes = routesOf({ proofs, device, changes, overview, metrics })
  const running = await front.listen(withOpenapi(routes, { ...about, server: endpoint(deployment.roster, '') }))
  const submitter = openRepeat({ everyMs: resubmitMs, work: () => resubmit(changes), log, name: 'submitting changes' })
  return {
    state: 'running',
    async stop(deadline) {
      submitter.stop()
      await running.stop(deadline)
    },
  }
}
