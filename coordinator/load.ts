import { readFileSync } from 'node:fs'
import { loadGroup, type GroupKeys, type GroupRecord } from '@symbolon/core/keys.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { decodeAs, type Decoded } from '@symbolon/protocol/json.ts'
import type { Purpose } from '@symbolon/protocol/purpose.ts'
import { fingerprint, lineageOf, signedKeyset, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import { decodeRoster, groupOf, problemsOf, rosterBytesLimit, type Group, type Roster, type SignerRow } from '@symbolon/roster/roster.ts'
import type { Address } from '@symbolon/runtime/config.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import { systemCode } from '@symbolon/runtime/secret-file.ts'
import type { CoordinatorConfig } from './config.ts'
import { decoded } from './evidence-of-fault.ts'

/* What the coordinator starts from. None of it is authority, but a wrong file would fail every mint: it refuses to start instead. */

export interface Deployment {
  readonly roster: Roster
  readonly lineage: string
  readonly keyset: SignedKeyset
  /** By what each key is for. The coordinator computes with those that sign; of the one that secrets are encrypted to it needs t and the epoch. */
  readonly groups: Readonly<Record<'token' | 'record' | 'vault', LoadedGroup>>
  readonly signers: readonly { readonly row: SignerRow; readonly address: Address }[]
}

export interface LoadedGroup {
  readonly group: Group
  readonly record: GroupRecord
  readonly keys: GroupKeys
}

export function loadDeployment(config: Pick<CoordinatorConfig, 'roster' | 'keyset' | 'signers'>, suite: Suite): Deployment {
  const roster = inForm(config.roster, decodeRoster(read(config.roster)))
  const [problem] = problemsOf(roster)
  if (problem !== undefined) throw new SafeError('roster_unsound', `${config.roster} contradicts itself: ${problem}`)
  const keyset = inForm(config.keyset, decodeAs(signedKeyset, read(config.keyset), rosterBytesLimit))
  const lineage = lineageOf(roster)
  if (fingerprint(keyset.keyset) !== lineage) throw new SafeError('keyset_differs', `${config.keyset} is not the keyset of ${config.roster}`)
  const load = (purpose: Purpose) => loadPurpose({ roster, file: config.roster, suite }, purpose)
  const groups = { token: load('token'), record: load('record'), vault: load('vault') }
  return { roster, lineage, keyset, groups, signers: signersOf(config.signers, roster, groups) }
}

function loadPurpose({ roster, file, suite }: { readonly roster: Roster; readonly file: string; readonly suite: Suite }, purpose: Purpose): LoadedGroup {
  const group = groupOf(roster, purpose)
  if (group === undefined) throw new SafeError('group_missing', `${file} has no group key for purpose ${purpose}`)
  const record = { threshold: group.t, key: decoded(group.key), shares: group.shares.map(({ id, share }) => ({ id, share: decoded(share) })) }
  const keys = loadGroup(suite, record)
  if (!keys.ok) throw new SafeError(keys.error.code, `the ${purpose} group’s public keys in ${file} do not belong together`)
  return { group, record, keys: keys.value }
}

/** The configured signers must be each group's, all of them and nobody else. */
function signersOf(configured: CoordinatorConfig['signers'], roster: Roster, groups: Deployment['groups']): Deployment['signers'] {
  const given = configured.map(({ id }) => id).sort((a, b) => a - b).join(', ')
  for (const [purpose, { group }] of Object.entries(groups)) {
    const wanted = group.shares.map(({ id }) => id).join(', ')
    if (given !== wanted) throw new SafeError('signers_differ', `configured are the signers ${given}; the roster’s ${purpose} group has ${wanted}`)
  }
  return roster.signers.flatMap((row) => {
    const address = configured.find(({ id }) => id === row.id)?.address
    return address === undefined ? [] : [{ row, address }]
  })
}

function read(path: string): Uint8Array {
  try {
    const bytes = readFileSync(path)
    if (bytes.length <= rosterBytesLimit) return bytes
  } catch (error) {
    throw new SafeError('file_unreadable', `${path} cannot be read (${systemCode(error)})`)
  }
  throw new SafeError('file_unreadable', `${path} is larger than ${rosterBytesLimit} bytes`)
}

function inForm<T>(path: string, result: Decoded<T>): T {
  if (result.ok) return result.value
  const where = result.problems.map(({ pointer, message }) => `${pointer} ${message}`).join('; ')
  throw new SafeError('file_malformed', `${path} is not what the ceremony left: ${result.reason}${where === '' ? '' : ` (${where})`}`)
}
