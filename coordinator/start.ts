import { heapMemory } from '@symbolon/core/secret.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { thresholdOf } from '@symbolon/roster/certificate.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { serveChannel } from '@symbolon/runtime/channel-server.ts'
import { connectChannel } from '@symbolon/runtime/channel-client.ts'
import { openDatabase, type Database } from '@symbolon/runtime/database.ts'
import { healthRoutes } from '@symbolon/runtime/health.ts'
import { readTls, type TlsMaterial } from '@symbolon/runtime/identity.ts'
import { SafeError, type Logger } from '@symbolon/runtime/log.ts'
import type { Context, Started } from '@symbolon/runtime/process.ts'
import { prepareStore } from '@symbolon/runtime/store.ts'
import { openCacheFile } from '@symbolon/runtime/cache-file.ts'
import { openRepeat } from '@symbolon/runtime/repeat.ts'
import { bookLimit } from '@symbolon/protocol/book.ts'
import type { Ed25519Jwk } from '@symbolon/protocol/ed25519.ts'
import { openPool } from '@symbolon/runtime/workers.ts'
import { blameInWorkers, type Found, type SpoiledBy } from './blame.ts'
import type { CoordinatorConfig } from './config.ts'
import type { Fault, SignedPurpose } from './evidence-of-fault.ts'
import { openFigures, type Figures } from './figures.ts'
import { openHedgeBudget } from './hedge.ts'
import { followBook } from './book.ts'
import { changeRoster } from './change.ts'
import { stopAll } from './hand-on.ts'
import { openKeyset } from './keyset.ts'
import { loadDeployment, type Deployment } from './load.ts'
import { migrations, openMintLog, type MintLog, type Tables } from './log.ts'
import { newestKnown } from './known.ts'
import { openRoom } from './logged.ts'
import { openByQuorum } from './open-quorum.ts'
import { openOpener } from './opener.ts'
import { Peer } from './peer.ts'
import { signByQuorum } from './quorum.ts'
import { receiptsOf } from './receipts.ts'
import { openRecorder } from './recorder.ts'
import type { PeerOptions } from './repute.ts'
import { routesOf } from './routes.ts'
import { quorumCheck, statusOf, type Serving } from './status.ts'

const clock = () => performance.now()
const now = () => Math.floor(Date.now() / 1000)

/** Opens what can fail first, listens last. Throws a SafeError where it refuses to start. */
export async function startCoordinator({ config, log, metrics }: Context<CoordinatorConfig>): Promise<Started> {
  // The coordinator holds no secret, so nothing that it computes with needs locked memory.
  const suite = sodiumSuite(heapMemory)
  const tls = tlsOf(config)
  const deployment = loadDeployment(config, suite)
  const { roster, groups } = deployment
  const database = openDatabase<Tables>(config.database, { log, name: config.name })
  const store = await prepareStore({ database, marker: config.store_marker, deployment: deployment.lineage, migrations })
  if (!store.ok) throw new SafeError(store.code, store.message)
  const pool = await openPool<SpoiledBy, Found>({ module: new URL('./blame-worker.ts', import.meta.url), size: 1, init: { token: groups.token.record, record: groups.record.record }, timeoutMs: config.blame_ms, log })
  const mintLog = openMintLog(database.db, config.log_ms)
  const figures = openFigures(metrics, log)
  const channels = deployment.signers.map(({ row, address }) => ({ row, channel: connectChannel({ tls, address, expect: `symbolon:signer/${row.id}` }) }))
  const keep = keeper(figures, mintLog, log)
  const settings = { callMs: config.call_ms, probeMs: config.probe_ms, patience: { least: config.hedge_least_ms, most: config.hedge_most_ms }, stock: config.commitments, calls: config.calls_per_signer }
  const book = followBook({ first: roster, signers: channels, cache: openCacheFile(config.book, bookLimit), timeoutMs: config.call_ms, log, now })
  const following = openRepeat({ everyMs: config.follow_ms, work: book.follow, log, name: 'following the book' })
  const stands = (signer: number, version: number) => void (book.ahead(signer, version) && following.now())
  const known = channels.map(({ row, channel }) => peerOf({ row, channel, suite, epoch: groups.token.group.epoch, settings, clock, alarm: figures.alarm, keep, stands }))
  const peers = known.map(({ peer }) => peer)
  const hedging = { hedges: openHedgeBudget(), hedgePauseMs: config.hedge_most_ms, deadlineMs: config.mint_ms }
  const quorumFor = (purpose: SignedPurpose) => ({ suite, keys: groups[purpose].keys, epoch: groups[purpose].group.epoch, peers, blame: blameInWorkers(pool, purpose), ...hedging })
  const quorums = { token: quorumFor('token'), record: quorumFor('record') }
  const openQuorum = { epoch: groups.vault.group.epoch, threshold: groups.vault.group.t, openers: known.map(({ opener }) => opener), ...hedging }
  const knowing = {
    recorders: known.map(({ recorder }) => recorder),
    threshold: groups.record.group.t,
    deadlineMs: config.call_ms,
    lineage: deployment.lineage,
    keys: recordKeysOf(roster),
    duplicate: (path: string, seq: number) => log.error({ path, seq }, 'two finished records of one secret carry the same number'),
  }
  const changing = { lineage: book.state().lineage, threshold: thresholdOf(roster), signers: channels, acceptMs: config.accept_ms, adoptMs: config.call_ms, take: book.take }
  const serving = servingOf(groups)
  const status = () => statusOf(peers, serving)
  const logging = { roster: () => book.state().version(), clock, write: mintLog.write }

  const routes = [
    ...routesOf({
      minting: { ...logging, room: openRoom(config.most_under_way), sign: (wanted) => signByQuorum(quorums[wanted.item.purpose], wanted), observe: figures.minted },
      opening: { ...logging, room: openRoom(config.most_under_way), open: (wish) => openByQuorum(openQuorum, wish), observe: figures.opened },
      receipts: (records) => receiptsOf(knowing, records),
      known: (paths) => newestKnown(knowing, paths),
      status,
      change: (request) => changeRoster(changing, request),
      stop: (request) => stopAll({ ...changing, timeoutMs: config.accept_ms }, request),
      book: (after) => book.state().after(after),
      keyset: openKeyset({ first: deployment.keyset, document: () => book.state().document, signers: channels.map(({ row, channel }) => ({ id: row.id, channel })), threshold: groups.token.group.t, callMs: config.call_ms, now }),
    }),
    ...healthRoutes({ roles: ['operator'], checks: { database: databaseCheck(database), quorum: quorumCheck(peers, serving) }, metrics }),
  ]
  const server = await serveChannel({ tls, listen: config.listen, routes, log })
  // The first mint finds commitments at hand; a signer that is not up yet is found by its probes.
  for (const peer of peers) void peer.restock()
  void following.now()
  warnOfAddresses(deployment, log)
  log.info({ ...server.address, signers: peers.length, threshold: serving.threshold, epoch: groups.token.group.epoch, roster: book.state().version() }, 'ready')
  return {
    state: 'running',
    async stop(deadline) {
      await server.stop(deadline)
      following.stop()
      for (const peer of peers) peer.close()
      for (const { channel } of channels) channel.close()
      await Promise.all([pool.close(), database.close()])
    },
  }
}

/** One signer, as it is asked for each of what it does. */
function peerOf(options: PeerOptions) {
  const peer = new Peer(options)
  return { peer, opener: openOpener(options, peer.repute), recorder: openRecorder(options, peer.repute, now) }
}

const servingOf = (groups: Deployment['groups']): Serving => {
  const rows = Object.values(groups).map(({ group: { purpose, epoch, t } }) => ({ purpose, epoch, threshold: t }))
  return { threshold: Math.max(...rows.map(({ threshold }) => threshold)), groups: rows }
}

/** Of every epoch: a record outlives the one that signed it. */
const recordKeysOf = ({ groups }: Roster): Ed25519Jwk[] => groups.filter(({ purpose }) => purpose === 'record').map(({ key }) => ({ kty: 'OKP', crv: 'Ed25519', x: key }))

function tlsOf(config: CoordinatorConfig): TlsMaterial {
  const read = readTls(config.tls, Date.now())
  if (!read.ok) throw new SafeError(read.code, read.message)
  if (read.tls.identity.role !== 'coordinator') throw new SafeError('tls_other_identity', `the certificate is ${read.tls.identity.role}/${read.tls.identity.id}’s, this is a coordinator`)
  return read.tls
}

/** Evidence goes to the log of this process at once, and to the database if that takes it. */
const keeper = (figures: Figures, mintLog: MintLog, log: Logger) => (fault: Fault) => {
  figures.fault(fault)
  const store = async () => {
    const kept = await mintLog.keep(fault)
    if (!kept.ok) log.error({ signer: fault.signer, fault: fault.kind, detail: kept.detail, accusation: fault.accusation }, 'evidence could not be stored')
  }
  void store()
}

const databaseCheck = ({ check }: Database<Tables>) => async () => {
  const answer = await check()
  return answer.ok ? answer : { ok: false as const, reason: answer.code }
}

/** Who a signer is follows from its certificate, so another way to it is allowed; it is still worth a line. */
function warnOfAddresses({ signers }: Deployment, log: Logger): void {
  for (const { row, address } of signers) {
    const configured = `${address.host}:${address.port}`
    if (configured !== row.address) log.warn({ signer: row.id, configured, roster: row.address }, 'a signer is configured at another address than the roster names')
  }
}
