import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { parseArgs } from 'node:util'
import { openArena } from '@symbolon/core/arena.ts'
import { requireNative, sodiumSuite } from '@symbolon/core/sodium.ts'
import { describeKeystoreError } from '@symbolon/keystore/errors.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { openKeystore } from '@symbolon/keystore/settings.ts'
import { loadConfig, printProblems } from '@symbolon/runtime/config.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import { signerConfig, type SignerConfig } from './config.ts'
import { loadBelieved, loadTokenMember, type Believed } from './load.ts'

/*
 * `node signer/doctor.ts --config FILE`: opens what a start would open, as far as the share, closes it again, and prints one line of
 * JSON. It listens to nobody, signs nothing of anybody's and touches no journal. Each run shows the device its PIN once.
 */

interface Finding {
  readonly check: string
  readonly ok: boolean
  readonly detail: string
}

const good = (check: string, detail: string): Finding => ({ check, ok: true, detail })
const bad = (check: string, detail: string): Finding => ({ check, ok: false, detail })
const arenaBytes = 256 * 1024

async function examine(config: SignerConfig): Promise<readonly Finding[]> {
  requireNative()
  const believed = attempt('files', () => loadBelieved(config.state))
  if ('check' in believed) return [believed]
  const memory = openArena(arenaBytes)
  const opened = await openKeystore(config.keystore, { signer: config.signer, memory })
  if (!opened.ok) return [good('files', `roster version ${believed.value.roster.version}`), bad('device', describeKeystoreError(opened.error))]
  const keystore = opened.value
  try {
    return [good('files', `roster version ${believed.value.roster.version}`), good('device', deviceOf(config)), await identity(keystore), await share(keystore, config, believed.value)]
  } finally {
    await keystore.close()
  }
}

const deviceOf = ({ keystore }: SignerConfig): string => (keystore.backend === 'pkcs11' ? `token ${keystore.token} of ${keystore.module}` : 'file, for development')

/** Over bytes of its own tag: what is signed here can stand for nothing else. */
async function identity(keystore: Keystore): Promise<Finding> {
  const bytes = Buffer.concat([Buffer.from('symbolon/doctor/v1\0'), randomBytes(32)])
  const signed = await keystore.sign(bytes)
  if (!signed.ok) return bad('identity', describeKeystoreError(signed.error))
  const key = createPublicKey({ key: { ...keystore.identity }, format: 'jwk' })
  return verify('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }, signed.value) ? good('identity', 'the identity key signs') : bad('identity', 'what the identity key signs does not verify')
}

/** Unsealed, compared with the roster, and wiped. */
async function share(keystore: Keystore, { keystore: { folder } }: SignerConfig, believed: Believed): Promise<Finding> {
  const suite = sodiumSuite(openArena(arenaBytes))
  try {
    const { member, group } = await loadTokenMember(keystore, suite, folder, believed)
    member.share.wipe()
    return good('share', `unsealed, and fits the roster (epoch ${group.epoch})`)
  } catch (error) {
    if (error instanceof SafeError) return bad('share', `${error.code}: ${error.message}`)
    throw error
  }
}

function attempt<T>(check: string, work: () => T): { readonly value: T } | Finding {
  try {
    return { value: work() }
  } catch (error) {
    if (error instanceof SafeError) return bad(check, `${error.code}: ${error.message}`)
    throw error
  }
}

const { values } = parseArgs({ options: { config: { type: 'string' } } })
const loaded = loadConfig(signerConfig, values.config ?? '')
const report = loaded.ok ? { signer: loaded.config.signer, backend: loaded.config.keystore.backend, findings: await examine(loaded.config) } : { findings: [bad('config', printProblems(values.config ?? '', loaded.problems))] }
process.stdout.write(`${JSON.stringify(report)}\n`)
