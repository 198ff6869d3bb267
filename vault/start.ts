import { readFileSync } from 'node:fs'
import { openArena } from '@symbolon/core/arena.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import type { Context, Started } from '@symbolon/runtime/process.ts'
import { openRepeat } from '@symbolon/runtime/repeat.ts'
import { openHealth } from '@symbolon/front/health.ts'
import { withOpenapi } from '@symbolon/front/openapi.ts'
import { openFooting, openFront, seconds } from '@symbolon/front/start.ts'
import { openWire } from '@symbolon/front/wire.ts'
import type { Config } from './config.ts'
import { openCoordinator } from './coordinator.ts'
import { openCursors } from './cursor.ts'
import { openFacadeApi } from './facade-api.ts'
import { openTurns } from './facade-turns.ts'
import { replyKeyFor } from './facade.ts'
import { settlePending } from './pending.ts'
import { loadReceiveKey } from './receive-key.ts'
import { routesOf } from './routes.ts'
import { servingOf } from './serving.ts'
import { secretStore } from './store.ts'
import { migrations, type Tables } from './tables.ts'

const about = { title: 'Symbolon vault', description: 'Ciphertexts and signed records. What opens them exists only as shares, on other machines.' }

/** Opens what can fail first, listens last. Throws a SafeError where it refuses to start. */
export async function start(context: Context<Config>): Promise<Started> {
  const { config, log, metrics } = context
  const receive = loadReceiveKey(config.receive_key)
  const footing = await openFooting<Tables>(context, { role: 'vault', migrations })
  const { channel, database: { db, check } } = footing
  const wire = openWire({ channel, timeoutMs: config.receipt_ms })
  const coordinator = openCoordinator({ channel, timeoutMs: config.quorum_ms, behind: () => void front.follow(), receipts: wire })
  const store = secretStore(db)
  const cursors = openCursors(await store.cursorKey())
  const { issuer } = footing.deployment.roster.deployment
  const api = openFacadeApi({ url: config.api?.url ?? issuer, ca: config.api?.ca === undefined ? undefined : readFileSync(config.api.ca, 'utf8'), timeoutMs: config.quorum_ms, log })
  const facade = { suite: sodiumSuite(openArena()), replyKey: await replyKeyFor(receive), api, turns: openTurns() }
  const front = await openFront(footing, {
    wire,
    serve: ({ deployment, judges, limiters: { identities, ...others } }) => servingOf({ deployment, judges, identities, clock: seconds, stranger: () => void front.follow(), coordinator, store, cursors, receive, log, publicUrl: config.public_url, facade, ...others }),
    // Nothing of what is kept here ends by itself.
    sweep: async () => undefined,
  })
  const health = openHealth({ channel, threshold: () => front.servings.current().vaulting.vault.t, check })
  const running = await front.listen(withOpenapi(routesOf({ readiness: health.readiness, metrics }), { ...about, server: config.public_url }))
  const settling = openRepeat({ everyMs: config.settle_ms, work: () => front.servings.use(({ vaulting }) => settlePending(vaulting)), log, name: 'asking for receipts' })
  return {
    state: 'running',
    async stop(deadline) {
      settling.stop()
      await running.stop(deadline)
      await api.close()
    },
  }
}
