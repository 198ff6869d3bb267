import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { noStops } from '@symbolon/evidence/stops.ts'
import { bundleOf, wasmBytesLimit, type Bundle } from '@symbolon/policy/bundle.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
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
import { loadDeployment, type Deployment } from './deployment.ts'
import type { EventSink } from './event.ts'
import { openJudges } from './judges.ts'
import { openLimiter } from './limiter.ts'
import { endpoint } from './metadata.ts'
import { openapiOf } from './openapi.ts'
import { openOverview } from './overview.ts'
import { openQuorum } from './quorum.ts'
import type { ApiRoute } from './route.ts'
import { routesOf } from './routes.ts'
import { appOf, listen } from './server.ts'
import { limitStore, migrations, proofStore, sweep, type Tables } from './store.ts'
import { openSubjects } from './subject.ts'

const seconds = (): number => Math.floor(Date.now() / 1000)
const sweepMs = 60_000

/** Opens what can fail first, listens last. Throws a SafeError where it refuses to start. */
export async function start({ config, log, metrics }: Context<Config>): Promise<Started> {
  const deployment = loadDeployment(config)
  const { roster, lineage, group, groupKey } = deployment
  const bundle = loadBundle(config.policy, roster)
  const channel = channelOf(config)
  const database = openDatabase<Tables>(config.database, { log, name: config.name })
  const store = await prepareStore({ database, marker: config.store_marker, deployment: lineage, migrations })
  if (!store.ok) throw new SafeError(store.code, store.message)
  const judges = await openJudges({ roster, bundle, stops: noStops, folder: config.issuer_keys, workers: config.workers, timeoutMs: config.judge_ms, log })
  const limiter = (name: string, quota: number) => openLimiter({ name, quota, store: limitStore(database.db) })
  const overview = openOverview({ channel, deployment, check: database.check })
  const routes = withOpenapi(
    routesOf({
      deployment,
      minting: { judges, quorum: openQuorum({ channel, timeoutMs: config.mint_ms }), identities: limiter('identity', config.limits.per_identity ?? roster.rate), groupKey, roster: roster.version, policy: roster.policy, names: namesOf(roster), clock: seconds },
      proofs: proofStore(database.db),
      subjectOf: openSubjects(roster),
      overview,
      metrics,
    }),
    endpoint(roster, ''),
  )
  const ground: Ground = {
    addresses: limiter('address', config.limits.per_address ?? 5 * roster.rate),
    trustedHops: config.trusted_hops,
    origins: originsOf(deployment),
    insider: addressSet(config.metrics_from),
    facts: { deployment: lineage, roster: roster.version, policy: roster.policy },
    log,
    ...figures(metrics, (facts) => log.info(facts, 'decision')),
  }
  const server = await listen(appOf(routes, ground), config)
  // What has ended is of no use to anyone; a failure shows in the log and is tried again.
  const sweeper = setInterval(() => void sweep(database.db, seconds()).catch((error: unknown) => log.warn({ err: error }, 'ended rows could not be removed')), sweepMs)
  log.info({ ...server.address, issuer: roster.deployment.issuer, kid: group.kid, roster: roster.version, policy: roster.policy }, 'ready')
  return {
    state: 'running',
    async stop(deadline) {
      clearInterval(sweeper)
      await server.stop(deadline)
      channel.close()
      await Promise.all([judges.close(), database.close()])
    },
  }
}

/** The document describes the table that is served, itself included. */
function withOpenapi(routes: readonly ApiRoute[], server: string): readonly ApiRoute[] {
  let body = ''
  const route: ApiRoute = { method: 'GET', path: '/openapi.json', auth: { kind: 'public', why: 'It describes the routes.' }, summary: 'This document (OpenAPI 3.1).', errors: 'problem', codes: [], gives: { type: 'application/json', summary: 'OpenAPI 3.1.' }, costly: false, maxAge: 300, handle: async () => ({ ok: true, status: 200, body }) }
  const all = [...routes, route]
  body = JSON.stringify(openapiOf(all, server))
  return all
}

const namesOf = ({ signers }: Roster): ReadonlyMap<number, string> => new Map(signers.map(({ id, name }) => [id, name]))

const originsOf = ({ roster: { deployment } }: Deployment): ReadonlySet<string> => new Set([deployment.issuer, ...deployment.console_origins].map((url) => new URL(url).origin))

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
