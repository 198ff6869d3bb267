import { join } from 'node:path'
import { openArena, type Arena } from '@symbolon/core/arena.ts'
import { selfTest } from '@symbolon/core/selftest.ts'
import { requireNative, sodiumSuite } from '@symbolon/core/sodium.ts'
import { fromBase64url } from '@symbolon/protocol/bytes.ts'
import { describeKeystoreError } from '@symbolon/keystore/errors.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { openKeystore } from '@symbolon/keystore/settings.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { serveChannel, type Route } from '@symbolon/runtime/channel-server.ts'
import { readTls, type TlsMaterial } from '@symbolon/runtime/identity.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import type { Context, Started } from '@symbolon/runtime/process.ts'
import type { Signer, Steps } from './answer.ts'
import { openAudit } from './audit.ts'
import { openBoot } from './boot.ts'
import type { Current } from './current.ts'
import type { SignerConfig } from './config.ts'
import { openJournal } from './journal.ts'
import { openJudges } from './judges.ts'
import { openKeyset } from './keyset.ts'
import { openLimits } from './limits.ts'
import { loadBelieved, loadTokenMember } from './load.ts'
import { nonceBytes, openNonces } from './nonces.ts'
import { routesOf } from './routes.ts'

/** Locked memory beside the nonces: shares, keys while they are used, scratch of the arithmetic. */
const otherSecretBytes = 256 * 1024

const seconds = () => Math.floor(Date.now() / 1000)

/**
 * Opens everything a signer needs, in the order in which it can fail without having touched anything, and listens last. Throws a
 * SafeError where it refuses to start.
 *
 * @param steps of a caller that wants to stop the world between two points; `main.ts` has none
 */
export async function startSigner({ config, log, metrics }: Context<SignerConfig>, steps?: Steps): Promise<Started> {
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
  const { member, group } = await loadTokenMember(keystore, suite, config.keystore.folder, believed)

  const boot = await openBoot(config.signer, seconds(), certify)
  const versions = { epoch: group.epoch, roster: roster.version, policy: roster.policy }
  const audit = openAudit({ log, metrics, always: () => ({ signer: config.signer, boot: boot.id, ...current.versions }) })
  const judges = await openJudges({ roster, bundle, stops: noStops, folder: join(config.state, 'issuer-keys'), workers: config.judges, timeoutMs: config.judge_timeout_ms, log })
  const journal = openJournal({ folder: config.state, signer: config.signer, lineage: fromBase64url(lineageOf(roster)) ?? new Uint8Array(), onFailure: (error) => audit.failed('journal_failed', error) })
  const current: Current = { versions, roster, judge: judges.judge }
  const nonces = openNonces(suite, member)
  const limits = openLimits({ perPrincipal: () => current.roster.rate, clock: () => performance.now() })
  const signer: Signer = { id: config.signer, boot, current: () => current, suite, member, limits, journal, nonces, audit, now: seconds, ...(steps === undefined ? {} : { steps }) }

  const server = await listen(config, { tls, log, routes: routesOf(signer, { keyset: openKeyset({ roster, signer: config.signer, now: seconds, certify }), metrics }) })
  log.info({ ...server.address, boot: boot.id, journal: journal.head().seq, ...versions }, 'ready')
  return {
    state: 'running',
    async stop(deadline) {
      await server.stop(deadline)
      nonces.wipe()
      member.share.wipe()
      await Promise.all([judges.close(), keystore.close()])
      journal.close()
    },
  }
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
