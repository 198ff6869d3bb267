import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { z } from 'zod'
import type { Member } from '@symbolon/core/keys.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { decryptionMember, type DecryptionMember } from '@symbolon/core/tdh2.ts'
import { certificateFile, certificateFileLimit, type Certificate } from '@symbolon/protocol/ceremony.ts'
import { decodeAs, type Decoded } from '@symbolon/protocol/json.ts'
import { describeKeystoreError } from '@symbolon/keystore/errors.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import { loadShare } from '@symbolon/keystore/shares.ts'
import { bundleOf, wasmBytesLimit, type Bundle } from '@symbolon/policy/bundle.ts'
import { verifyGenesis } from '@symbolon/roster/genesis.ts'
import { signedKeyset } from '@symbolon/roster/keyset.ts'
import { decodePlan, planBytesLimit } from '@symbolon/roster/plan.ts'
import { decodeRoster, groupOf, problemsOf, rosterBytesLimit, type Group, type Roster } from '@symbolon/roster/roster.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import { systemCode } from '@symbolon/runtime/secret-file.ts'

/* What a signer believes is what its own files prove, and it starts only if they fit together. Each refusal says what to do. */

/** What the ceremony left: version 1, proven from the operator's plan, and the certificate of its keys. */
export interface Believed {
  readonly roster: Roster
  readonly certificate: Certificate
  readonly bundle: Bundle
}

export function loadBelieved(state: string): Believed {
  const roster = decoded('roster.json', decodeRoster(read(state, 'roster.json', rosterBytesLimit)))
  const [problem] = problemsOf(roster)
  if (problem !== undefined) throw new SafeError('roster_unsound', `roster.json contradicts itself: ${problem}.`)
  const { certificates } = decoded('certificates.json', parse(certificateFile, read(state, 'certificates.json', certificateFileLimit)))
  const [certificate] = certificates
  if (certificate === undefined || certificates.length > 1) throw new SafeError('certificates_unexpected', 'certificates.json must hold the certificate of the one ceremony that made version 1.')
  const genesis = verifyGenesis({
    plan: decoded('plan.json', decodePlan(read(state, 'plan.json', planBytesLimit))),
    roster,
    certificate,
    keyset: decoded('keyset.json', parse(signedKeyset, read(state, 'keyset.json', rosterBytesLimit))),
  })
  if (!genesis.ok) throw new SafeError('genesis_unproven', `plan, certificate, roster and keyset in ${state} do not prove each other: ${genesis.code} (${genesis.detail}). Put back the files that the ceremony left here.`)
  return { roster, certificate, bundle: loadBundle(state, roster) }
}

/** Another bundle than the roster names decides otherwise than the other signers do. */
function loadBundle(state: string, roster: Roster): Bundle {
  const opened = bundleOf(roster, { wasm: read(state, 'policy/policy.wasm', wasmBytesLimit), data: read(state, 'policy/data.json', wasmBytesLimit) })
  if (opened.ok) return opened.bundle
  const what = opened.problems.map(({ pointer, message }) => `${pointer} ${message}`.trim()).join('; ')
  if (opened.reason === 'digest_differs') throw new SafeError('policy_behind', `${state}/policy is not the bundle that roster version ${roster.version} names: ${what}. Put that bundle there; a changed policy needs a new roster version.`)
  throw new SafeError('policy_unreadable', `${state}/policy cannot be read: ${opened.reason} (${what}). Put the bundle back that the roster names.`)
}

/** A share of a group key that signs. */
export interface SigningSeat {
  readonly member: Member
  readonly group: Group
}
/** A share of the key that decrypts, of another shape: neither does the other's work. */
export interface DecryptingSeat {
  readonly member: DecryptionMember
  readonly group: Group
}

/** One share for each purpose, each of a key of its own. */
export interface Members {
  readonly token: SigningSeat
  readonly record: SigningSeat
  readonly vault: DecryptingSeat
}

/** The signer's shares, unsealed, each proven to be its own by the verifying share that the roster names for that purpose. */
export async function loadMembers(keystore: Keystore, suite: Suite, folder: string, believed: Believed): Promise<Members> {
  checkKeystore(keystore, believed.roster)
  const opened: SigningSeat[] = []
  const load = async (purpose: keyof Members): Promise<SigningSeat> => {
    const seat = await loadSeat(keystore, suite, { purpose, folder }, believed)
    opened.push(seat)
    return seat
  }
  try {
    const [token, record, vault] = [await load('token'), await load('record'), await load('vault')]
    return { token, record, vault: { member: decryptionMember(vault.member, vault.group.epoch), group: vault.group } }
  } catch (error) {
    for (const { member } of opened) member.share.wipe()
    throw error
  }
}

export function wipeMembers({ token, record, vault }: Members): void {
  for (const share of [token.member.share, record.member.share, vault.member.decryptionShare]) share.wipe()
}

/** That it is this signer's keystore, before anything in it is opened. */
function checkKeystore(keystore: Keystore, roster: Roster): void {
  const row = roster.signers.find(({ id }) => id === keystore.signer)
  if (row === undefined) throw new SafeError('signer_unknown', `the roster has no signer ${keystore.signer}. Compare the number in the configuration with the plan.`)
  if (row.identity.x !== keystore.identity.x || row.identity.y !== keystore.identity.y) throw new SafeError('identity_differs', `the keystore’s identity key is not the one that the roster names for signer ${keystore.signer}. Start with the keystore that \`keygen init\` made for it.`)
  if (row.hpke.x !== keystore.hpke.x || row.hpke.y !== keystore.hpke.y) throw new SafeError('receive_key_differs', `the keystore’s receive key is not the one that the roster names for signer ${keystore.signer}: what clients seal to it could not be opened. Start with the keystore that \`keygen init\` made for it.`)
}

async function loadSeat(keystore: Keystore, suite: Suite, { purpose, folder }: { readonly purpose: keyof Members; readonly folder: string }, { roster, certificate }: Believed): Promise<SigningSeat> {
  const group = groupOf(roster, purpose)
  if (group === undefined) throw new SafeError('group_missing', `the roster has no group key of purpose ${purpose}.`)
  const member = await loadShare({ keystore, suite, folder, group, plan: certificate.statement.plan })
  if (member.ok) return { member: member.value, group }
  const { error } = member
  throw new SafeError(error.code, 'detail' in error ? `the share of the ${purpose} key cannot be opened: ${describeKeystoreError(error)}` : `the share in the keystore does not fit the roster’s ${purpose} key (${error.code}). Restore this signer’s sealed shares; without them it must be replaced by a ceremony.`)
}

function read(state: string, name: string, limit: number): Uint8Array {
  try {
    const bytes = readFileSync(join(state, name))
    if (bytes.length <= limit) return bytes
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new SafeError('state_missing', `${join(state, name)} is missing. If this signer has been through its ceremony, put back its folder; a signer never starts without its roster. Otherwise run \`node keygen/main.ts init\`, then \`run\`.`)
    throw new SafeError('state_unreadable', `${join(state, name)} cannot be read (${systemCode(error)}).`)
  }
  throw new SafeError('state_unreadable', `${join(state, name)} is larger than ${limit} bytes.`)
}

const parse = <T>(schema: z.ZodType<T>, bytes: Uint8Array): Decoded<T> => decodeAs(schema, bytes, bytes.length)

function decoded<T>(name: string, result: Decoded<T>): T {
  if (result.ok) return result.value
  const where = result.problems.map(({ pointer, message }) => `${pointer}: ${message}`).join('; ')
  throw new SafeError('state_unreadable', `${name} is not what the ceremony left: ${result.reason}${where === '' ? '' : ` (${where})`}. Put it back.`)
}
