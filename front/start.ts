import type { Stops } from '@symbolon/evidence/stops.ts'
import type { Bundle } from '@symbolon/policy/bundle.ts'
import { bookLimit } from '@symbolon/protocol/book.ts'
import type { BookState } from '@symbolon/roster/book.ts'
import { openCacheFile } from '@symbolon/runtime/cache-file.ts'
import { connectChannel, type Channel } from '@symbolon/runtime/channel-client.ts'
import { openDatabase, type Database } from '@symbolon/runtime/database.ts'
import { readTls } from '@symbolon/runtime/identity.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import type { Context, Started } from '@symbolon/runtime/process.ts'
import { openRepeat } from '@symbolon/runtime/repeat.ts'
import { prepareStore, type Migration } from '@symbolon/runtime/store.ts'
import type { Ground } from './answer.ts'
import { loadBundle } from './bundle.ts'
import { addressSet } from './client-address.ts'
import type { FrontConfig } from './config.ts'
import { deploymentAt, loadDeployment, type Deployment } from './deployment.ts'
import { figures } from './figures.ts'
import { openFollowing, type OpenServing } from './follow.ts'
import { openHolder, type Holder } from './holder.ts'
import { openJudges, type Judges } from './judges.ts'
import { openLimiter, type Limiter } from './limiter.ts'
import type { FrontRoute } from './route.ts'
import { appOf, listen } from './server.ts'
import type { Serving } from './serving.ts'
import { limitStore, sweepLimits, type LimitTables } from './store.ts'
import type { Wire } from './wire.ts'

/* How a process that clients reach starts: its footing first, which is all that can fail; then what is built from the version in force; it listens last. */

/** Seconds. */
export const seconds = (): number => Math.floor(Date.now() / 1000)
const sweepMs = 60_000

/** What the process says of itself. */
export interface Own {
  /** What the certificate of its channel must name. */
  readonly role: string
  /** Of its schema; the first one makes `createLimits`. */
  readonly migrations: Readonly<Record<string, Migration>>
}

/** What stands before anything is built from a roster version. */
export interface Footing<DB> extends Context<FrontConfig> {
  /** From this process's own files: version 1. */
  readonly deployment: Deployment
  readonly bundle: Bundle
  readonly channel: Channel
  readonly database: Database<DB>
  /** A quota a minute, counted in the store. */
  limiter(name: string, quota: number): Limiter
}

/** @throws SafeError where the process refuses to start */
export async function openFooting<DB extends LimitTables>(context: Context<FrontConfig>, { role, migrations }: Own): Promise<Footing<DB>> {
  const { config, log } = context
  const deployment = loadDeployment(config)
  const bundle = loadBundle(config.policy, deployment.roster)
  const channel = channelOf(config, role)
  const database = openDatabase<DB>(config.database, { log, name: config.name })
  const store = await prepareStore({ database, marker: config.store_marker, deployment: deployment.lineage, migrations })
  if (!store.ok) throw new SafeError(store.code, store.message)
  const counts = limitStore(database.db)
  return { ...context, deployment, bundle, channel, database, limiter: (name, quota) => openLimiter({ name, quota, store: counts }) }
}

function channelOf({ channel, coordinator }: FrontConfig, role: string): Channel {
  const material = readTls(channel, Date.now())
  if (!material.ok) throw new SafeError(material.code, material.message)
  if (material.tls.identity.role !== role) throw new SafeError('tls_other_identity', `the certificate is of role ${material.tls.identity.role}, this process is of role ${role}`)
  return connectChannel({ tls: material.tls, address: coordinator.address, expect: coordinator.identity })
}

/** One roster version, ready to be served. */
export interface Version {
  readonly deployment: Deployment
  readonly judges: Judges
  readonly limiters: Limiters
}

export interface Limiters {
  /** Per principal. */
  readonly identities: Limiter
  /** Per client address: those that cost cryptography, and those with a large body. */
  readonly addresses: Limiter
  readonly heavy: Limiter
}

export interface Serves<S> {
  readonly wire: Pick<Wire, 'book'>
  /** Everything that the process builds from one version. */
  serve(version: Version): S
  /** Removes what has ended from the process's own tables. @param now seconds */
  sweep(now: number): Promise<unknown>
}

export interface Front<S extends Serving> {
  readonly servings: Holder<S>
  /** What is certified, as far as this process has heard. */
  state(): BookState
  /** Asks for the book at once. */
  follow(): Promise<void>
  /** Whoever stops it stops all that was opened here, the footing too. */
  listen(routes: readonly FrontRoute<S>[]): Promise<Extract<Started, { state: 'running' }>>
}

export async function openFront<S extends Serving>(footing: Footing<LimitTables>, { wire, serve, sweep }: Serves<S>): Promise<Front<S>> {
  const { config, log, metrics, deployment, bundle, channel, database } = footing
  const open = async (state: BookState, policy: Bundle, stops: Stops): Promise<OpenServing<S>> => {
    const at = deploymentAt(deployment, state)
    const judges = await openJudges({ roster: at.roster, bundle: policy, stops, folder: config.issuer_keys, workers: config.workers, timeoutMs: config.judge_ms, log })
    return { value: serve({ deployment: at, judges, limiters: limitersAt(at.roster.rate, footing) }), judges, close: () => judges.close() }
  }
  const following = await openFollowing({ first: deployment.roster, bundle, wire, cache: openCacheFile(config.book, bookLimit), log, clock: seconds, open })
  const servings = openHolder<S>(following.first)
  const follower = openRepeat({ everyMs: config.follow_ms, work: () => following.follow(servings), log, name: 'following the book' })
  const ground: Ground = { trustedHops: config.trusted_hops, insider: addressSet(config.metrics_from), log, ...figures(metrics, (facts) => log.info(facts, 'decision')) }
  return {
    servings,
    state: () => following.state(),
    follow: () => follower.now(),
    async listen(routes) {
      const server = await listen(appOf(routes, ground, servings), config)
      void follower.now()
      // What has ended is of no use to anyone; a failure shows in the log and is tried again.
      const sweeper = openRepeat({ everyMs: sweepMs, work: async () => void (await Promise.all([sweep(seconds()), sweepLimits(database.db, seconds())])), log, name: 'removing what has ended' })
      log.info({ ...server.address, issuer: deployment.roster.deployment.issuer, kid: deployment.group.kid, roster: following.state().version(), policy: following.state().document.policy }, 'ready')
      return {
        state: 'running',
        async stop(deadline) {
          sweeper.stop()
          follower.stop()
          await server.stop(deadline)
          channel.close()
          await Promise.all([servings.close(), database.close()])
        },
      }
    },
  }
}

/** At a roster's rate, where configuration says nothing else. */
function limitersAt(rate: number, { config: { limits }, limiter }: Pick<Footing<LimitTables>, 'config' | 'limiter'>): Limiters {
  return { identities: limiter('identity', limits.per_identity ?? rate), addresses: limiter('address', limits.per_address ?? 5 * rate), heavy: limiter('heavy', limits.heavy_per_address) }
}
