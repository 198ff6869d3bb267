import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import { entryBytes, entryDigest, slotOfEntry, type Entry, type EntryStatement, type Slot } from '@symbolon/protocol/book.ts'
import { verifyEd25519 } from '@symbolon/protocol/ed25519.ts'
import type { RefusalCode } from '@symbolon/protocol/errors.ts'
import type { ProofJwk } from '@symbolon/protocol/fields.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { credentialOf } from './credential.ts'
import { effectiveRoster, isRooted, keysIn, type Entries } from './effective.ts'
import { lineageOf } from './keyset.ts'
import type { Passkey, Roster } from './roster.ts'

/* May this row do that to itself? What needs no guardian: to use an invitation once, and to rotate a service's key. */

export interface EntryInput {
  readonly entry: Entry
  readonly document: Roster
  /** Certified ones that the signer holds. */
  readonly entries: Entries
  /** Rows that are locked now. */
  readonly locked: readonly string[]
  /** The signer's own clock, NumericDate: an invitation ends by it. What is certified stays, whatever the clock. */
  readonly now: number
  /** What the enrolment's registration holds, once it is verified for row and invitation (`registrationChallenge`) and the uses that it gives. */
  readonly passkey?: Passkey
}

export type EntryResult = { readonly ok: true; readonly slot: Slot; readonly subject: Base64url } | { readonly ok: false; readonly reasons: readonly [Reason, ...Reason[]] }

/** So many that one book carries them all; a roster change that takes them into the document makes room. */
const entriesLimit = 4_000

export function judgeEntry(input: EntryInput): EntryResult {
  const { entry, document, entries, locked } = input
  const { statement } = entry
  const rooted = entries.filter((held) => isRooted(document, held.entry.statement))
  if (statement.lineage !== lineageOf(document)) return refuse('wrong_deployment', 'lineage', 'The entry was made for another deployment.')
  if (locked.includes(statement.row)) return refuse('locked', 'locked', `${statement.row} is locked.`)
  if (rooted.length >= entriesLimit) return refuse('change_unsound', 'limit', 'Too many entries; the guardians must take them into the document first.')
  const problem = statement.kind === 'enrolment' ? problemOfEnrolment(input, statement) : problemOfRotation(input, statement)
  return problem === undefined ? { ok: true, slot: slotOfEntry(statement), subject: entryDigest(statement) } : { ok: false, reasons: [problem] }
}

const reason = (code: RefusalCode, rule: string, message: string): Reason => reasonOf(code, message, { rule: `entry.${rule}` })
const refuse = (code: RefusalCode, rule: string, message: string): EntryResult => ({ ok: false, reasons: [reason(code, rule, message)] })

type Enrolment = Extract<EntryStatement, { kind: 'enrolment' }>
type Rotation = Extract<EntryStatement, { kind: 'rotation' }>

function problemOfEnrolment({ entry, document, entries, now, passkey }: EntryInput, statement: Enrolment): Reason | undefined {
  const invitation = document.people.find(({ id }) => id === statement.row)?.invitation
  if (invitation === undefined || thumbprint(invitation.key) !== statement.invitation) return reason('invitation_invalid', 'invitation', `${statement.row} has no such invitation.`)
  // Before anything that tells how the invitation stands: only its holder may know.
  if (!verifyEd25519(invitation.key, entryBytes(statement), bytesOf(entry.signature))) return reason('proof_invalid', 'signature', 'The invitation’s key did not sign this.')
  if (entry.possession !== undefined) return reason('proof_invalid', 'possession', 'An enrolment has one signature.')
  const spent = entries.find(({ entry: held }) => held.statement.kind === 'enrolment' && held.statement.row === statement.row && held.statement.invitation === statement.invitation)
  // Asking again for what was certified is no second use.
  if (spent !== undefined) return entryDigest(spent.entry.statement) === entryDigest(statement) ? undefined : reason('invitation_spent', 'invitation', 'The invitation was used already.')
  if (now >= invitation.exp) return reason('invitation_expired', 'invitation', 'The invitation has expired.')
  if (passkey === undefined || !isOf(passkey, statement) || !sameUses(passkey.uses, invitation.uses)) return reason('registration_invalid', 'registration', 'The registration does not hold.')
  return isTaken(document, entries, [`passkey:${passkey.id}`, thumbprint(passkey.key)]) ? reason('registration_invalid', 'registration', 'Somebody has this passkey already.') : undefined
}

/** What was verified is what every holder will read out of the entry. */
function isOf(passkey: Passkey, { registration, name }: Enrolment): boolean {
  const read = credentialOf(registration)
  return read !== undefined && passkey.name === name && read.id === passkey.id && read.aaguid === passkey.aaguid && read.synced === passkey.synced && thumbprint(read.key) === thumbprint(passkey.key)
}

const sameUses = (a: Passkey['uses'], b: Passkey['uses']): boolean => a.length === b.length && a.every((use) => b.includes(use))

function problemOfRotation({ entry, document, entries }: EntryInput, statement: Rotation): Reason | undefined {
  const { row, root, seq, by, key } = statement
  if (!isRooted(document, statement)) return reason('key_unknown', 'root', `${row} has no such key, or has another as its newest.`)
  const chain = entries.flatMap(({ entry: held }) => (held.statement.kind === 'rotation' && held.statement.row === row && held.statement.root === root ? [held.statement] : []))
  const before = chain.filter((held) => held.seq < seq)
  const standing = chain.find((held) => held.seq === seq)
  // As it stood before this link: what was certified may be asked again.
  const newest = effectiveRoster(document, before.map((held) => ({ entry: { statement: held } }))).services.find(({ id }) => id === row)?.keys[0]
  if (newest === undefined || before.length !== seq - 1 || thumbprint(newest.jwk) !== by) return reason('change_conflict', 'seq', 'A rotation hangs on the newest key, and takes the next place.')
  if (!signs(newest.jwk, statement, entry.signature)) return reason('proof_invalid', 'signature', 'The newest key did not sign this.')
  if (entry.possession === undefined || !signs(key.jwk, statement, entry.possession)) return reason('proof_invalid', 'possession', 'The new key did not sign this.')
  if (standing !== undefined) return entryDigest(standing) === entryDigest(statement) ? undefined : reason('change_conflict', 'seq', 'Another key has taken this place.')
  return isTaken(document, entries, [`key:${key.id}`, thumbprint(key.jwk)]) ? reason('change_unsound', 'key', 'This key, or its id, is in use.') : undefined
}

const signs = (jwk: ProofJwk, statement: EntryStatement, signature: Base64url): boolean =>
  jwk.kty === 'OKP' ? verifyEd25519(jwk, entryBytes(statement), bytesOf(signature)) : verifyP256(jwk, entryBytes(statement), bytesOf(signature))


function isTaken(document: Roster, entries: Entries, names: readonly string[]): boolean {
  const inDocument = keysIn(document)
  const inEffect = keysIn(effectiveRoster(document, entries))
  // Keys that a chain has left behind stay its own: nobody takes up a key that another row has given away.
  const passed = new Set(entries.flatMap(({ entry: { statement } }) => (statement.kind === 'rotation' ? [`key:${statement.key.id}`, thumbprint(statement.key.jwk)] : [])))
  return names.some((name) => inDocument.has(name) || inEffect.has(name) || passed.has(name))
}
