import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Stops } from '@symbolon/evidence/stops.ts'
import { bundleOf, wasmBytesLimit, type Bundle } from '@symbolon/policy/bundle.ts'
import { bookLimit } from '@symbolon/protocol/book.ts'
import type { BookState } from '@symbolon/roster/book.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { openCacheFile } from '@symbolon/runtime/cache-file.ts'
import { openRepeat } from '@symbolon/runtime/repeat.ts'
import { connectChannel, type Channel } from '@symbolon/runtime/channel-client.ts'
import { openDatabase } from '@symbolon/runtime/database.ts'
import { readTls } from '@symbolon/runtime/identity.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import { Counter, Histogram, type Metrics } from '@symbolon/runtime/metrics.ts'
import type { Context, Started } from '@symbolon/runtime/process.ts'
import { systemCode } from '@symbolon/runtime/secret-file.ts'
import { prepareStore } from '@symbolon/runtime/store.ts'
import type { Ground } from './answer.ts'
import { addressSet } from './client-address.ts'
import type { Config } from './config.ts'
import { changeStore } from './change-store.ts'
import { deviceStore } from './device-store.ts'
import { openChangeWire } from './change-wire.ts'
import { resubmit, type ChangeParts } from './changes.ts'
import { deploymentAt, loadDeployment } from './deployment.ts'
import { openFollowing, type OpenServing } from './follow.ts'
import type { EventSink } from './event.ts'
import { openHolder } from './holder.ts'
import { openJudges } from './judges.ts'
import { openLimiter, type LimitStore } from './limiter.ts'
import { endpoint } from './metadata.ts'
import { openapiOf } from './openapi.ts'
import { openOverview } from './overview.ts'
import { openQuorum, type Quorum } from './quorum.ts'
import type { ApiRoute } from './route.ts'
import { routesOf } from './routes.ts'
import { appOf, listen } from './server.ts'
import { servingOf, type Serving } from './serving.ts'
import { limitStore, migrations, proofStore, sweep, type Tables } from './store.ts'

const seconds = (): number => Math.floor(Date.now() / 1000)
const sweepMs = 60_000
/** How soon a change that signers could not be asked about is tried again. */
const resubmitMs = 10_000
/** Device codes that one address may try in a minute. */
const codesPerAddress = 30

/** Opens what can fail first, listens last. Throws a SafeError where it refuses to start. */
export async function start({ config, log, metrics }: Context<Config>): Promise<Started> {
  const deployment = loadDeployment(config)
  const { roster, lineage, group } = deployment
  const bundle = loadBundle(config.policy, roster)
  const channel = channelOf(config)
  const database = openDatabase<Tables>(config.database, { log, name: config.name })
  const store = await prepareStore({ database, marker: config.store_marker, deployment: lineage, migrations })
  if (!store.ok) throw new SafeError(store.code, store.message)
  const limiters = limitersOf(config, limitStore(database.db))
  const signers = openQuorum({ channel, timeoutMs: config.mint_ms })
  const quorum: Quorum = {
    async sign(item) {
      const answer = await signers.sign(item)
      // Somebody knows of another version than this process: it asks at once, so that the next request finds them agreed.
      if (answer.ok && answer.outcome.outcome === 'unreachable' && answer.outcome.code === 'roster_behind') void follower.now()
      return answer
    },
  }
  const wire = openChangeWire({ channel, timeoutMs: config.change_ms })
  const open = async (state: BookState, policy: Bundle, stops: Stops): Promise<OpenServing> => {
    const at = deploymentAt(deployment, state)
    const judges = await openJudges({ roster: at.roster, bundle: policy, stops, folder: config.issuer_keys, workers: config.workers, timeoutMs: config.judge_ms, log })
    const { identities, ...others } = limiters(at.roster.rate)
    return { value: servingOf({ deployment: at, minting: { judges, quorum, identities, clock: seconds }, ...others }), judges, close: () => judges.close() }
  }
  const following = await openFollowing({ first: roster, bundle, wire, cache: openCacheFile(config.book, bookLimit), log, clock: seconds, open })
  const servings = openHolder<Serving>(following.first)
  const follower = openRepeat({ everyMs: config.follow_ms, work: () => following.follow(servings), log, name: 'following the book' })
  const changes: ChangeParts = { store: changeStore(database.db), wire, state: () => following.state(), follow: () => follower.now(), clock: seconds }
  const overview = openOverview({ channel, deployment: () => servings.current().deployment, consoleUrl: config.console_url, pending: () => changes.store.waiting(seconds()), check: database.check })
  const proofs = proofStore(database.db)
  const device = { devices: deviceStore(database.db), consoleUrl: config.console_url, proofs, attempts: openLimiter({ name: 'device', quota: codesPerAddress, store: limitStore(database.db) }) }
  const routes = withOpenapi(routesOf({ proofs, device, changes, overview, metrics }), endpoint(roster, ''))
  const ground: Ground = { trustedHops: config.trusted_hops, insider: addressSet(config.metrics_from), log, ...figures(metrics, (facts) => log.info(facts, 'decision')) }
  const server = await listen(appOf(routes, ground, servings), config)
  void follower.now()
  const submitter = openRepeat({ everyMs: resubmitMs, work: () => resubmit(changes), log, name: 'submitting changes' })
  // What has ended is of no use to anyone; a failure shows in the log and is tried again.
  const sweeper = setInterval(() => void sweep(database.db, seconds()).catch((error: unknown) => log.warn({ err: error }, 'ended rows could not be removed')), sweepMs)
  log.info({ ...server.address, issuer: roster.deployment.issuer, kid: group.kid, roster: following.state().version(), policy: following.state().document.policy }, 'ready')
  return {
    state: 'running',
    async stop(deadline) {
      clearInterval(sweeper)
      follower.stop()
      submitter.stop()
      await server.stop(deadline)
      channel.close()
      await Promise.all([servings.close(), database.close()])
    },
  }
}

/** At a roster's rate, where configuration says nothing else. */
const limitersOf =
  ({ limits }: Config, store: LimitStore) =>
  (rate: number) => {
    const limiter = (name: string, quota: number) => openLimiter({ name, quota, store })
    return { identities: limiter('identity', limits.per_identity ?? rate), addresses: limiter('address', limits.per_address ?? 5 * rate), heavy: limiter('heavy', limits.heavy_per_address) }
  }

/** The document describes the table that is served, itself included. */
function withOpenapi(routes: readonly ApiRoute[], server: string): readonly ApiRoute[] {
  let body = ''
  const route: ApiRoute = { method: 'GET', path: '/openapi.json', auth: { kind: 'public', why: 'It describes the routes.' }, summary: 'This document (OpenAPI 3.1).', errors: 'problem', codes: [], gives: { type: 'application/json', summary: 'OpenAPI 3.1.' }, costly: false, maxAge: 300, handle: async () => ({ ok: true, status: 200, body }) }
  const all = [...routes, route]
  body = JSON.stringify(openapiOf(all, server))
  return all
}

function loadBundle(folder: string, roster: Roster): Bundle {
  const opened = bundleOf(roster, { wasm: read(join(folder, 'policy.wasm')), data: read(join(folder, 'data.json')) })
  if (opened.ok) return opened.bundle
  throw new SafeError(opened.reason === 'digest_differs' ? 'policy_behind' : 'policy_unreadable', `${folder} does not hold the policy that the roster names: ${opened.problems.map(({ pointer, message }) => `${pointer} ${message}`.trim()).join('; ')}`)
}

function read(path: string): Uint8Array {
  try {
    const bytes = readFileSync(path)
    if (bytes.length <= wasmBytesLimit) return bytes
  } catch (error) {
    throw new SafeError('file_unreadable', `${path} cannot be read (${systemCode(error)})`)
  }
  throw new SafeError('file_unreadable', `${path} is larger than ${wasmBytesLimit} bytes`)
}

function channelOf({ channel, coordinator }: Config): Channel {
  const material = readTls(channel, Date.now())
  if (!material.ok) throw new SafeError(material.code, material.message)
  if (material.tls.identity.role !== 'api') throw new SafeError('tls_other_identity', `the certificate is of role ${material.tls.identity.role}, this is an api`)
  return connectChannel({ tls: material.tls, address: coordinator.address, expect: coordinator.identity })
}

function figures({ registry }: Metrics, write: EventSink): Pick<Ground, 'sink' | 'observe'> {
  const requests = new Histogram({ name: 'symbolon_http_seconds', help: 'Requests by route and status.', labelNames: ['route', 'status'], buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 15], registers: [registry] })
  const decisions = new Counter({ name: 'symbolon_decisions_total', help: 'Decisions by kind and code.', labelNames: ['event', 'code'], registers: [registry] })
  return {
    observe: (route, status, ms) => requests.observe({ route, status: `${status}` }, ms / 1000),
    sink(facts) {
      decisions.inc({ event: facts.event, code: facts.code })
      write(facts)
    },
  }
}
