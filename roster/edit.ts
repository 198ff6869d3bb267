import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { effectiveRoster, type Entries } from './effective.ts'
import { lineageOf } from './keyset.ts'
import { mayApprove } from './people.ts'
import { problemsOf, roster, rosterDigest, type Passkey, type Person, type Roster, type Service } from './roster.ts'

/* How authors make the next version: named changes, put together. Whether it may be the next one is for `judgeNext` to say. */

/** One change of a document, or why there is nothing to change. */
export type Edit = (draft: Roster) => Roster | EditProblem
export interface EditProblem {
  readonly problem: string
}
export type Edited = { readonly ok: true; readonly document: Roster } | { readonly ok: false; readonly problems: readonly [string, ...string[]] }

const problem = (text: string): EditProblem => ({ problem: text })
const isProblem = (value: Roster | EditProblem): value is EditProblem => 'problem' in value

/**
 * The successor of `document` with these changes. Passkeys that came in by an invitation move into the document, so that no later change to their row
 * can lose them. Keys that services rotated to stay entries: their chains go on while the row's key in the document stays.
 * @param from accepted versions that a split left, where this is to heal it; `document` is then the one of them to go on from
 */
export function successor({ document, entries, from }: { readonly document: Roster; readonly entries: Entries; readonly from?: readonly Roster[] }, ...edits: readonly Edit[]): Edited {
  const { bootstrap: _, ...base } = folded(document, entries)
  let draft: Roster = { ...base, version: document.version + 1, previous: (from ?? [document]).map(rosterDigest).sort(), lineage: lineageOf(document) }
  for (const edit of edits) {
    const result = edit(draft)
    if (isProblem(result)) return { ok: false, problems: [result.problem] }
    draft = result
  }
  const shape = roster.safeParse(draft)
  if (!shape.success) return failed(shape.error.issues.map(({ path, message }) => `${path.join('/')}: ${message}`))
  return failed(problemsOf(shape.data), shape.data)
}

function failed([first, ...more]: readonly string[], document?: Roster): Edited {
  if (first !== undefined) return { ok: false, problems: [first, ...more] }
  return document === undefined ? { ok: false, problems: ['the document has no shape'] } : { ok: true, document }
}

/** The document with everybody's enrolled passkeys in it, and their used invitations gone. */
export function folded(document: Roster, entries: Entries): Roster {
  const effective = new Map(effectiveRoster(document, entries).people.map((row) => [row.id, row]))
  const people = document.people.map((row) => {
    const { invitation: _, ...now } = effective.get(row.id) ?? row
    return now.passkeys.length > row.passkeys.length ? now : row
  })
  return { ...document, people }
}

/* People */

/** Version 2: these people, and those of them who may approve as guardians. */
export const firstPeople = (people: readonly Person[], { count = 1, window = 86_400 }: { readonly count?: number; readonly window?: number } = {}): Edit => (draft) => ({
  ...draft,
  people: [...people],
  guardians: { people: people.filter(mayApprove).map(({ id }) => id), count, window },
})

type Invitation = NonNullable<Person['invitation']>

/** Lets somebody in who is not in the roster yet. */
export const invite = (person: Pick<Person, 'id' | 'name' | 'roles' | 'groups'>, invitation: Invitation): Edit => (draft) =>
  draft.people.some(({ id }) => id === person.id) ? problem(`${person.id} is in the roster already`) : { ...draft, people: [...draft.people, { ...person, passkeys: [], invitation }] }

/** Another invitation for somebody who has passkeys; it takes their own touch to propose it. */
export const inviteAgain = (id: string, invitation: Invitation): Edit => changePerson(id, (row) => ({ ...row, invitation }))

/** For somebody who lost every passkey: takes the old ones away, and invites anew. */
export const recover = (id: string, invitation: Invitation): Edit => changePerson(id, (row) => ({ ...row, passkeys: [], invitation }))

export const withdrawInvitation = (id: string): Edit => changePerson(id, ({ invitation, ...row }) => (invitation === undefined ? problem(`${id} has no invitation`) : row))

/** Takes them off the guardians too; how many of those must approve stays as it is. */
export const removePerson = (id: string): Edit => (draft) => {
  if (!draft.people.some((row) => row.id === id)) return problem(`${id} is not among the people`)
  const people = draft.people.filter((row) => row.id !== id)
  return { ...draft, people, ...(draft.guardians === undefined ? {} : { guardians: { ...draft.guardians, people: draft.guardians.people.filter((other) => other !== id) } }) }
}

/** The registration that backs it goes into the change. */
export const addPasskey = (id: string, passkey: Passkey): Edit => changePerson(id, (row) => ({ ...row, passkeys: [...row.passkeys, passkey] }))

export const removePasskey = (id: string, passkey: Base64url): Edit =>
  changePerson(id, (row) => (row.passkeys.some((held) => held.id === passkey) ? { ...row, passkeys: row.passkeys.filter((held) => held.id !== passkey) } : problem(`${id} has no such passkey`)))

export const setPasskeyUses = (id: string, passkey: Base64url, uses: Passkey['uses']): Edit =>
  changePerson(id, (row) => (row.passkeys.some((held) => held.id === passkey) ? { ...row, passkeys: row.passkeys.map((held) => (held.id === passkey ? { ...held, uses } : held)) } : problem(`${id} has no such passkey`)))

export const setGuardians = (guardians: NonNullable<Roster['guardians']>): Edit => (draft) => ({ ...draft, guardians })

function changePerson(id: string, change: (row: Person) => Person | EditProblem): Edit {
  return (draft) => {
    const row = draft.people.find((other) => other.id === id)
    if (row === undefined) return problem(`${id} is not among the people`)
    const changed = change(row)
    return 'problem' in changed ? changed : { ...draft, people: draft.people.map((other) => (other === row ? changed : other)) }
  }
}

/* Roles and groups, of a person, a service or a trust */

export const setRoles = (id: string, roles: readonly string[]): Edit => changeRow(id, { roles: [...roles] })
export const setGroups = (id: string, groups: readonly string[]): Edit => changeRow(id, { groups: [...groups] })
export const rename = (id: string, name: string): Edit => changeRow(id, { name })

function changeRow(id: string, change: { readonly roles?: string[]; readonly groups?: string[]; readonly name?: string }): Edit {
  return (draft) => {
    if (![...draft.people, ...draft.services, ...draft.trusts].some((row) => row.id === id)) return problem(`${id} is no person, service or trust`)
    const changed = <Row extends { readonly id: string }>(rows: readonly Row[]): Row[] => rows.map((row) => (row.id === id ? { ...row, ...change } : row))
    return { ...draft, people: changed(draft.people), services: changed(draft.services), trusts: changed(draft.trusts) }
  }
}

/* Services */

export const addService = (service: Service): Edit => (draft) =>
  draft.services.some(({ id }) => id === service.id) ? problem(`${service.id} is in the roster already`) : { ...draft, services: [...draft.services, service] }

/** Ends the chain of keys that the row rotated to itself. */
export const setServiceKeys = (id: string, keys: Service['keys']): Edit => (draft) => {
  const row = draft.services.find((other) => other.id === id)
  if (row === undefined) return problem(`${id} is not among the services`)
  const [before, after] = [row.keys[0], keys[0]]
  if (before !== undefined && after !== undefined && thumbprint(before.jwk) === thumbprint(after.jwk)) return problem(`${id} would keep its newest key, and with it every key that it rotated to`)
  return { ...draft, services: draft.services.map((other) => (other === row ? { ...row, keys } : other)) }
}

/* Rows that are put as a whole, or taken away */

type Tables = 'services' | 'issuers' | 'trusts' | 'clients'
const put = <Table extends Tables>(table: Table, row: Roster[Table][number]): Edit => (draft) => {
  const rows: readonly { readonly id: string }[] = draft[table]
  return { ...draft, [table]: rows.some(({ id }) => id === row.id) ? rows.map((other) => (other.id === row.id ? row : other)) : [...rows, row] }
}
const drop = (table: Tables, id: string): Edit => (draft) => {
  const rows: readonly { readonly id: string }[] = draft[table]
  return rows.some((row) => row.id === id) ? { ...draft, [table]: rows.filter((row) => row.id !== id) } : problem(`${id} is not among the ${table}`)
}

export const setIssuer = (row: Roster['issuers'][number]): Edit => put('issuers', row)
export const setTrust = (row: Roster['trusts'][number]): Edit => put('trusts', row)
export const setClient = (row: Roster['clients'][number]): Edit => put('clients', row)
export const removeService = (id: string): Edit => drop('services', id)
export const removeIssuer = (id: string): Edit => drop('issuers', id)
export const removeTrust = (id: string): Edit => drop('trusts', id)
export const removeClient = (id: string): Edit => drop('clients', id)

/* The rest */

/** The bundle goes into the change. */
export const setPolicy = (policy: Base64url): Edit => (draft) => ({ ...draft, policy })
/** `consoleOrigins`: pages whose touches count. */
export const setConsoleOrigins = (consoleOrigins: readonly string[]): Edit => (draft) => ({ ...draft, deployment: { ...draft.deployment, console_origins: [...consoleOrigins] } })
export const setLimits = (change: Partial<Pick<Roster, 'audiences' | 'default_audience' | 'scopes' | 'token' | 'rate' | 'grants'>>): Edit => (draft) => ({ ...draft, ...change })
/** `undefined`: any authenticator may approve. */
export const setAttestation = (attestation: Roster['attestation']): Edit => ({ attestation: _, ...draft }) => (attestation === undefined ? draft : { ...draft, attestation })
