import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { entryDigest, type Entry, type EntryStatement } from '@symbolon/protocol/book.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { passkeyOf } from './credential.ts'
import { lineageOf } from './keyset.ts'
import type { Passkey, Person, Roster, Service } from './roster.ts'

/*
 * The effective roster: the document, and what rows did to themselves since, by entries that t signers certified. It is what requests are
 * judged by. Its digest means nothing: digests are over the document alone.
 */

type Enrolment = Extract<EntryStatement, { kind: 'enrolment' }>
type Rotation = Extract<EntryStatement, { kind: 'rotation' }>
/** Certified ones; whoever passes them has checked that. */
export type Entries = readonly { readonly entry: Pick<Entry, 'statement'> }[]

/** Does the document still have what the entry builds on: the row with that invitation, or with that key as its newest? */
export function isRooted(document: Roster, statement: EntryStatement): boolean {
  if (statement.kind === 'enrolment') {
    const invitation = document.people.find(({ id }) => id === statement.row)?.invitation
    return invitation !== undefined && thumbprint(invitation.key) === statement.invitation
  }
  const root = document.services.find(({ id }) => id === statement.row)?.keys[0]
  return root !== undefined && thumbprint(root.jwk) === statement.root
}

/** A function of the document and of the set of entries: neither their order nor those that are not rooted matter. */
export function effectiveRoster(document: Roster, entries: Entries): Roster {
  const rooted = entries.map(({ entry }) => entry.statement).filter((statement) => isRooted(document, statement))
  if (rooted.length === 0) return document
  const taken = keysIn(document)
  const enrolments = distinct(rooted.filter((statement) => statement.kind === 'enrolment'), ({ row }) => row)
  const rotations = rooted.filter((statement) => statement.kind === 'rotation')
  const chains = new Map(document.services.map((row) => [row.id, distinct(rotations.filter((statement) => statement.row === row.id), ({ seq }) => `${seq}`)]))
  return {
    ...document,
    // Of version 1 it follows from the document's digest, which this has another one of.
    lineage: lineageOf(document),
    people: document.people.map((row) => withPasskey(row, enrolments.find((statement) => statement.row === row.id), taken)),
    services: document.services.map((row) => withChain(row, chains.get(row.id) ?? [], taken)),
  }
}

/** What names a key to somebody: a passkey's id, a service key's id, any key's thumbprint. */
export function keysIn({ people, services }: Roster): Set<string> {
  const ofPeople = people.flatMap(({ passkeys, invitation }) => [...passkeys.flatMap(({ id, key }) => [`passkey:${id}`, thumbprint(key)]), ...(invitation === undefined ? [] : [thumbprint(invitation.key)])])
  return new Set<string>([...ofPeople, ...services.flatMap(({ keys }) => keys.flatMap(({ id, jwk }) => [`key:${id}`, thumbprint(jwk)]))])
}

/** One certified entry a slot. Two need a corrupt signer; then everybody takes the same one, whichever came first. */
function distinct<S extends EntryStatement>(statements: readonly S[], slot: (statement: S) => string): S[] {
  const bySlot = new Map<string, { statement: S; digest: Base64url }>()
  for (const statement of statements) {
    const digest = entryDigest(statement)
    const other = bySlot.get(slot(statement))
    if (other === undefined || digest < other.digest) bySlot.set(slot(statement), { statement, digest })
  }
  return [...bySlot.values()].map(({ statement }) => statement).sort((a, b) => seqOf(a) - seqOf(b))
}

const seqOf = (statement: EntryStatement): number => (statement.kind === 'rotation' ? statement.seq : 1)

/** The passkey that an enrolment adds to this row. */
export const enrolledPasskey = (row: Person, { registration, name }: Enrolment): Passkey | undefined =>
  row.invitation === undefined ? undefined : passkeyOf(registration, { name, uses: row.invitation.uses })

function withPasskey(row: Person, enrolment: Enrolment | undefined, taken: Set<string>): Person {
  const passkey = enrolment === undefined ? undefined : enrolledPasskey(row, enrolment)
  return passkey === undefined || !claim(taken, `passkey:${passkey.id}`, thumbprint(passkey.key)) ? row : { ...row, passkeys: [...row.passkeys, passkey] }
}

/** The newest two keys, newest first. A chain ends at the first link that is missing, or that does not hang on the one before. */
function withChain(row: Service, chain: readonly Rotation[], taken: Set<string>): Service {
  let keys = row.keys
  for (const [at, { seq, by, key }] of chain.entries()) {
    const [newest] = keys
    if (newest === undefined || seq !== at + 1 || thumbprint(newest.jwk) !== by || !claim(taken, `key:${key.id}`, thumbprint(key.jwk))) break
    keys = [key, newest]
  }
  return keys === row.keys ? row : { ...row, keys }
}

/** False, and nothing taken, if somebody has either. */
function claim(taken: Set<string>, ...names: readonly string[]): boolean {
  if (names.some((name) => taken.has(name))) return false
  for (const name of names) taken.add(name)
  return true
}
