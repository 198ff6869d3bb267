import { parseArgs } from 'node:util'
import { openArena } from '@symbolon/core/arena.ts'
import { requireNative, sodiumSuite } from '@symbolon/core/sodium.ts'
import { examineKeystore, type Finding } from '@symbolon/keystore/doctor.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { loadConfig, printProblems } from '@symbolon/runtime/config.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import { signerConfig, type SignerConfig } from './config.ts'
import { loadBelieved, loadMembers, wipeMembers, type Believed } from './load.ts'

/*
 * `node signer/doctor.ts --config FILE`: opens what a start would open, as far as the share, closes it again, and prints one line of
 * JSON. It listens to nobody, signs nothing of anybody's and touches no journal. Each run shows the device its PIN once.
 */

const good = (check: string, detail: string): Finding => ({ check, ok: true, detail })
const bad = (check: string, detail: string): Finding => ({ check, ok: false, detail })
const arenaBytes = 256 * 1024

async function examine(config: SignerConfig): Promise<readonly Finding[]> {
  requireNative()
  const believed = attempt('files', () => loadBelieved(config.state))
  if ('check' in believed) return [believed]
  const memory = openArena(arenaBytes)
  const findings = await examineKeystore(config.keystore, { signer: config.signer, memory }, async (keystore) => [await shares(keystore, config, believed.value)])
  return [good('files', `roster version ${believed.value.roster.version}`), ...findings]
}

/** One for each purpose: unsealed, compared with the roster, and wiped. */
async function shares(keystore: Keystore, { keystore: { folder } }: SignerConfig, believed: Believed): Promise<Finding> {
  const suite = sodiumSuite(openArena(arenaBytes))
  try {
    const members = await loadMembers(keystore, suite, folder, believed)
    wipeMembers(members)
    return good('share', `unsealed, and fit the roster: ${Object.entries(members).map(([purpose, { group }]) => `${purpose} (epoch ${group.epoch})`).join(', ')}`)
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
