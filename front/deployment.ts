import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { fingerprint, lineageOf, signedKeyset, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import type { BookState } from '@symbolon/roster/book.ts'
import { decodeRoster, groupOf, problemsOf, rosterBytesLimit, type Group, type Roster } from '@symbolon/roster/roster.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import { systemCode } from '@symbolon/runtime/secret-file.ts'

/** What a process without a share knows of the deployment it answers for. Trusted for answering early and for nothing else. */
export interface Deployment {
  readonly roster: Roster
  readonly lineage: Base64url
  readonly group: Group
  readonly groupKey: KeyObject
  readonly keyset: SignedKeyset
}

/** @throws SafeError naming the file that stops the start */
export function loadDeployment(files: { readonly roster: string; readonly keyset: string }): Deployment {
  const roster = decodeRoster(read(files.roster))
  if (!roster.ok) throw new SafeError('roster_unreadable', `${files.roster} is not a roster (${roster.reason})`)
  const problems = problemsOf(roster.value)
  if (problems.length > 0) throw new SafeError('roster_unsound', `${files.roster}: ${problems.join('; ')}`)
  const group = groupOf(roster.value, 'token')
  if (group === undefined) throw new SafeError('roster_unsound', `${files.roster} has no token group: the ceremony has not ended`)
  const keyset = decodeAs(signedKeyset, read(files.keyset), rosterBytesLimit)
  if (!keyset.ok) throw new SafeError('keyset_unreadable', `${files.keyset} is not a signed keyset (${keyset.reason})`)
  if (fingerprint(keyset.value.keyset) !== lineageOf(roster.value)) throw new SafeError('keyset_of_another_roster', `${files.keyset} is not the keyset of ${files.roster}`)
  const groupKey = keyOf(group)
  return { roster: roster.value, lineage: lineageOf(roster.value), group, groupKey, keyset: keyset.value }
}

/** What people call the signers. */
export const namesOf = ({ signers }: Pick<Roster, 'signers'>): ReadonlyMap<number, string> => new Map(signers.map(({ id, name }) => [id, name]))

/** The public key of a group: nothing leaves that it does not verify. */
export const keyOf = ({ key }: Pick<Group, 'key'>): KeyObject => createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: key }, format: 'jwk' })

/** The same deployment at another version. An effective roster's digest means nothing, so its lineage is put in. */
export const deploymentAt = (first: Deployment, { effective, lineage }: Pick<BookState, 'effective' | 'lineage'>): Deployment => ({ ...first, roster: effective === first.roster ? effective : { ...effective, lineage } })

function read(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new SafeError('file_unreadable', `${path} cannot be read (${systemCode(error)})`)
  }
}
