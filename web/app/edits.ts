import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { ed25519Of } from '@symbolon/protocol/ed25519.ts'
import { line, rosterId } from '@symbolon/protocol/fields.ts'
import { reasonOf } from '@symbolon/protocol/reason.ts'
import { linkUrl } from '@symbolon/protocol/link.ts'
import { addPasskey, invite, recover, removePerson, setGuardians, successor, type Edit } from '@symbolon/roster/edit.ts'
import type { Passkey, Person, Roster } from '@symbolon/roster/roster.ts'
import { prepare, type Prepared } from './changes.ts'
import { now } from './intents.ts'
import { makePasskey } from './passkey.ts'
import { personIn, type RosterView } from './people.ts'
import { failed, ok, type Result } from './result.ts'
import { trouble, type Trouble } from './trouble.ts'

/* From what somebody typed on the page of people to a change that can be signed. */

/** @param sub who proposes */
export function prepareEdits(view: RosterView, sub: string, edits: readonly Edit[], more?: Prepared['more']): Result<Prepared, Trouble> {
  const edited = successor({ document: view.document, entries: view.entries }, ...edits)
  return edited.ok ? prepare(edited.document, view, sub, more) : failed({ ...trouble('change_unsound', 'This would not be a sound roster', 'Change what you entered.'), reasons: edited.problems.slice(0, 16).map((problem) => reasonOf('change_unsound', problem)) })
}

/** Seconds that an invitation may last. */
export const lifetimes = [3_600, 86_400, 604_800] as const

export interface Invitee {
  readonly id: string
  readonly name: string
  readonly roles: string
  readonly seconds: number
  /** May their passkey approve, should they become a guardian? */
  readonly approver: boolean
}

/** `link`: lets one person in. Secret; it is in this page alone. */
export interface Invitation {
  readonly prepared: Prepared
  readonly link: string
}

/**
 * The invitation's key is made here. Only its public half goes into the change.
 * @param origin the console's
 */
export function prepareInvitation({ id, name, roles, seconds, approver }: Invitee, { view, sub, origin }: { readonly view: RosterView; readonly sub: string; readonly origin: string }): Result<Invitation, Trouble> {
  const seed = crypto.getRandomValues(new Uint8Array(32))
  const exp = now() + seconds
  const invitation = { key: ed25519Of(seed), exp, uses: approver ? (['sign_in', 'approve'] satisfies Passkey['uses']) : (['sign_in'] satisfies Passkey['uses']) }
  const link = linkUrl(origin, { v: 1, kind: 'invitation', seed: toBase64url(seed), lineage: view.deployment.lineage, row: id, name, exp })
  seed.fill(0)
  const known = personIn(view.document, id) !== undefined
  const prepared = prepareEdits(view, sub, [known ? recover(id, invitation) : invite({ id, name, roles: wordsIn(roles), groups: [] }, invitation)])
  return prepared.ok ? ok({ prepared: prepared.value, link }) : prepared
}

/** Where too few guardians would be left for their rule, it asks for as many as can be had. */
export const removal = (id: string): Edit[] => [
  removePerson(id),
  (draft) => {
    const { guardians } = draft
    return guardians === undefined ? draft : setGuardians({ ...guardians, count: Math.min(guardians.count, mostApprovals(guardians.people.length)) })(draft)
  },
]

/** A guardian's own proposal must be possible: the proposer does not count. */
export const mostApprovals = (guardians: number): number => Math.max(1, guardians - 1)

/** Another passkey of one's own: made now, for this row and this version alone; the change that brings it in takes a touch of an older one. */
export async function preparePasskey(name: string, uses: Passkey['uses'], { view, sub }: { readonly view: RosterView; readonly sub: string }): Promise<Result<Prepared, Trouble>> {
  const row = personIn(view.effective, sub)
  if (row === undefined) return failed(trouble('not_in_roster', 'You are not in the roster', 'Ask a guardian for an invitation.'))
  const made = await makePasskey({ lineage: view.deployment.lineage, row: sub, by: view.digest }, { name: row.name, passkeys: row.passkeys.map(({ id }) => id) }, view.deployment)
  if (!made.ok) return made
  const { credential, registration, key, aaguid, synced } = made.value
  return prepareEdits(view, sub, [addPasskey(sub, { id: credential, name, key, uses, aaguid, synced })], { registrations: [{ row: sub, credential, registration }] })
}

/* What was typed */

export const wordsIn = (text: string): string[] => [...new Set(text.split(/[\s,]+/).filter((part) => part !== ''))]

const label = line(64)
export const nameProblem = (text: string): string | undefined => (label.safeParse(text).success ? undefined : 'Up to 64 printable ASCII characters')
export const idProblem = (text: string, { people, services, trusts, clients }: Roster): string | undefined => {
  if (!rosterId.safeParse(text).success) return 'Lower case letters, digits and . _ : -, such as ben'
  return [...people, ...services, ...trusts, ...clients].some(({ id }) => id === text) ? `${text} is in the roster already` : undefined
}
export const rolesProblem = (text: string): string | undefined => {
  const odd = wordsIn(text).find((role) => !rosterId.safeParse(role).success)
  return odd === undefined ? undefined : `${odd.slice(0, 40)} is no role, such as engineer`
}

/** Whose invitation may still be used, by this document and its entries. */
export const isInvited = ({ invitation, passkeys }: Person, effective: Person | undefined): boolean => invitation !== undefined && invitation.exp > now() && (effective?.passkeys.length ?? 0) === passkeys.length
