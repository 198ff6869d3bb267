import { join } from 'node:path'
import { openArena, type Arena } from '@symbolon/core/arena.ts'
import { selfTest } from '@symbolon/core/selftest.ts'
import { requireNative, sodiumSuite } from '@symbolon/core/sodium.ts'
import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import { describeKeystoreError } from '@symbolon/keystore/errors.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { openKeystore } from '@symbolon/keystore/settings.ts'
import type { Bundle } from '@symbolon/policy/bundle.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { serveChannel, type Route } from '@symbolon/runtime/channel-server.ts'
import { readTls, type TlsMaterial } from '@symbolon/runtime/identity.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import type { Context, Started } from '@symbolon/runtime/process.ts'
import { openAccept, type AcceptSteps } from './accept.ts'
import { openAdopt, type AdoptSteps } from './adopt.ts'
import { openAudit } from './audit.ts'
import { openBook, type KeptBook } from './book.ts'
import { openBoot } from './boot.ts'
import { openChecked } from './checked.ts'
import type { SignerConfig } from './config.ts'
import { openCounters } from './counters.ts'
import { openInForce } from './current.ts'
import { openHearing } from './hearing.ts'
import { openJournal } from './journal.ts'
import { openBench } from './judges.ts'
import { openKeyset } from './keyset.ts'
import { openLimits } from './limits.ts'
import { loadBelieved, loadMembers, wipeMembers } from './load.ts'
import { nonceBytes, openNonces } from './nonces.ts'
import { routesOf, type Served } from './routes.ts'
import { openUnsealer } from './sealed.ts'
import type { Steps } from './signer.ts'

/** Locked memory beside the nonces: shares, keys while they are used, scratch of the arithmetic. */
const otherSecretBytes = 256 * 1024

/** Where a caller may stop the world. */
export type AllSteps = Steps & AcceptSteps & AdoptSteps

const seconds = () => Math.floor(Date.now() / 1000)

/**
 * Opens everything a signer needs, in the order in which it can fail without having touched anything, and listens last. Throws a
 * SafeError where it refuses to start.
 *
 * @param steps of a caller that wants to stop the world between two points; `main.ts` has none
 */
export async function startSigner({ config, log, metrics }: Context<SignerConfig>, steps?: AllSteps): Promise<Started> {
  requireNative()
  const tls = tlsOf(config)
  const believed = loadBelieved(config.state)
  const { roster, bundle } = believed
  const arena = openArena(nonceBytes + otherSecretBytes)
  const suite = sodiumSuite(arena)
  selfTest(suite)
  const keystore = await keystoreOf(config, arena)
  if (keystore.warning !== undefined) log.warn({ keystore: keystore.backend }, keystore.warning)
  const certify = certifierOf(keystore)
  const members = await loadMembers(keystore, suite, config.keystore.folder, believed)
  const { member, group } = members.token

  const boot = await openBoot(config.signer, seconds(), certify)
  let versions: () => Readonly<Record<string, string | number>> = () => ({ epoch: group.epoch })
  const audit = openAudit({ log, metrics, always: () => ({ signer: config.signer, boot: boot.id, ...versions() }) })
  const lineage = lineageOf(roster)
  const journal = openJournal({ folder: config.state, signer: config.signer, lineage: bytesOf(lineage), onFailure: (error) => audit.failed('journal_failed', error), onForked: ({ path, seq, digest }) => audit.alarm('record_forked', { path: toBase64url(path), seq, record: toBase64url(digest) }) })
  const clock = () => journal.clock(seconds())
  const book = openBook({ folder: config.state, signer: config.signer, first: roster, bundle, journal, clock: clock() ?? 0, onFailure: (error) => audit.failed('book_failed', error) })
  const bench = openBench({ issuers: book.state().effective.issuers, folder: join(config.state, 'issuer-keys'), workers: config.judges, timeoutMs: config.judge_timeout_ms, unseal: await openUnsealer(keystore, arena), log })
  const keysetOf = (document: Roster) => openKeyset({ roster: document, signer: config.signer, now: seconds, certify })
  const inForce = await openInForce({ bench, epoch: group.epoch, keysetOf, onFailure: (error) => audit.failed('judges_failed', error) }, { state: book.state(), bundle: inForceBundle(book), stops: book.stops() })
  const { current } = inForce
  versions = () => ({ ...current().versions })
  const nonces = openNonces(suite, member)
  const counters = openCounters(config.state)
  const limits = openLimits({ perPrincipal: () => current().roster.rate, clock: () => performance.now() })
  const stepped = steps === undefined ? {} : { steps }
  const adopt = openAdopt({ book, inForce, clock, counters, audit, ...stepped })
  const hearing = openHearing({ id: config.signer, boot, roster, current: () => current().roster, book, adopt, journal, tls, folder: config.state, log, audit })
  const { heads } = hearing
  const accept = openAccept({ id: config.signer, lineage, current, book, bench, unfit: () => heads.problem(), clock, certify, counters, audit, ...stepped })
  const signer: Served = { id: config.signer, boot, lineage, current, suite, members, limits, journal, nonces, checked: openChecked(), counters, audit, heads, now: seconds, book, accept, adopt, ...stepped }

  const server = await listen(config, { tls, log, routes: routesOf(signer, { metrics }) })
  log.info({ ...server.address, boot: boot.id, journal: journal.head().seq, ...current().versions }, 'ready')
  hearing.start()
  return {
    state: 'running',
    async stop(deadline) {
      hearing.close()
      await server.stop(deadline)
      nonces.wipe()
      wipeMembers(members)
      await Promise.all([inForce.close(), keystore.close()])
      counters.close()
      book.close()
      journal.close()
    },
  }
}

function inForceBundle(book: KeptBook): Bundle {
  const bundle = book.bundleFor(book.state())
  if (bundle === undefined) throw new SafeError('policy_behind', `the book holds roster version ${book.state().version()}, and not the policy bundle that it names. Put back this signer’s own book.`)
  return bundle
}

function tlsOf(config: SignerConfig): TlsMaterial {
  const read = readTls(config.tls, Date.now())
  if (!read.ok) throw new SafeError(read.code, `${read.message}. Have the deployment’s CA issue a certificate for symbolon:signer/${config.signer}.`)
  const { role, id } = read.tls.identity
  if (role === 'signer' && id === `${config.signer}`) return read.tls
  throw new SafeError('tls_other_identity', `the certificate is ${role}/${id}’s, this is signer/${config.signer}. Compare the number and the certificate in the configuration.`)
}

async function keystoreOf({ keystore, signer }: SignerConfig, memory: Arena): Promise<Keystore> {
  const opened = await openKeystore(keystore, { signer, memory })
  if (opened.ok) return opened.value
  throw new SafeError(opened.error.code, `the keystore cannot be opened: ${describeKeystoreError(opened.error)}`)
}

const certifierOf = (keystore: Keystore) => async (bytes: Uint8Array): Promise<Uint8Array> => {
  const signed = await keystore.sign(bytes)
  if (signed.ok) return signed.value
  throw new SafeError(signed.error.code, `the identity key does not sign: ${describeKeystoreError(signed.error)}`)
}

type Listening = { readonly tls: TlsMaterial; readonly log: Context<SignerConfig>['log']; readonly routes: readonly Route[] }

async function listen(config: SignerConfig, { tls, log, routes }: Listening) {
  try {
    return await serveChannel({ tls, listen: config.listen, routes, log })
  } finally {
    tls.key.fill(0)
  }
}
