import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { entryBytes, type Change, type EntryStatement } from '@symbolon/protocol/book.ts'
import type { ChangeResponse, EntryResponse } from '@symbolon/protocol/http.ts'
import type { Link } from '@symbolon/protocol/link.ts'
import { diffRosters, type DiffLine } from '@symbolon/roster/diff.ts'
import { firstPeople, successor } from '@symbolon/roster/edit.ts'
import { decodeRoster, encodeRoster, rosterDigest, type Person, type Roster } from '@symbolon/roster/roster.ts'
import type { Answer, Api } from './api.ts'
import { bootstrapEvidence, openCode, type Code } from './code.ts'
import type { Deployment } from './deployment.ts'
import { build, now, type Built } from './intents.ts'
import { makePasskey, type Registered } from './passkey.ts'
import { failed, ok, type Result } from './result.ts'
import { trouble, type Trouble } from './trouble.ts'

/* Coming in by a link: the bootstrap key makes version 2 with its first person; an invitation's key adds a passkey to its row. */

export type BootstrapLink = Extract<Link, { kind: 'bootstrap' }>
export type InvitationLink = Extract<Link, { kind: 'invitation' }>

/** Whether the link may be used here and now. */
export function judgeLink(link: Link, { lineage }: Pick<Deployment, 'lineage'>): Trouble | undefined {
  if (link.lineage !== lineage) return trouble('link_of_another', 'This link is for another deployment', 'Open it on the console that it names.')
  if (link.exp <= now()) return trouble('link_expired', 'This link has expired', link.kind === 'bootstrap' ? '`make up` prints a new one.' : 'Ask a guardian for a new invitation.')
  return undefined
}

/** Version 1, read with the bootstrap key and compared with the keyset that the signers vouched for. */
export async function readVersionOne(link: BootstrapLink, { deployment, api }: { readonly deployment: Deployment; readonly api: Api }): Promise<Result<Roster, Trouble>> {
  const asked = build({ kind: 'read', sub: 'bootstrap', what: 'roster' }, deployment)
  const answer = await api.roster({ intent: asked.bytes, evidence: [bootstrapEvidence(openCode(link), asked)] })
  if (!answer.ok) return answer
  const bytes = fromBase64url(answer.value.document)
  const document = bytes === undefined ? undefined : decodeRoster(bytes)
  if (document?.ok !== true || rosterDigest(document.value) !== deployment.keyset.digest) return failed(trouble('roster_untrusted', 'The api shows a roster that the signers do not vouch for', 'Do not sign anything here.'))
  if (document.value.version !== 1) return failed(trouble('bootstrap_spent', 'The first person has come in already', 'Ask a guardian for an invitation.'))
  return ok(document.value)
}

export interface Proposal {
  readonly next: Roster
  /** What it changes, in sentences; those that give somebody more come first. */
  readonly diff: readonly DiffLine[]
  readonly asked: Built
  readonly change: Change
}

/** The passkey is made for this row and this link only: its challenge names both. */
export async function proposeFirst(link: BootstrapLink, version1: Roster, who: { readonly id: string; readonly name: string; readonly roles: readonly string[] }, deployment: Deployment): Promise<Result<Proposal, Trouble>> {
  const code = openCode(link)
  const made = await makePasskey({ lineage: deployment.lineage, row: who.id, by: code.thumbprint }, who, deployment)
  if (!made.ok) return made
  const edited = successor({ document: version1, entries: [] }, firstPeople([firstPerson(who, made.value)]))
  if (!edited.ok) return failed(trouble('roster_unsound', 'This would make no sound roster', edited.problems.join('; ')))
  const next = edited.document
  const asked = build({ kind: 'roster', sub: 'bootstrap', version: 2, from: [rosterDigest(version1)], to: rosterDigest(next) }, deployment)
  return ok({ next, diff: diffRosters(version1, next), asked, change: changeOf(next, asked, { code, row: who.id, made: made.value }) })
}

const firstPerson = ({ id, name, roles }: { readonly id: string; readonly name: string; readonly roles: readonly string[] }, { credential, key, aaguid, synced }: Registered): Person => ({
  id,
  name,
  roles: [...roles],
  groups: [],
  passkeys: [{ id: credential, name: 'First passkey', key, uses: ['sign_in', 'approve'], aaguid, synced }],
})

const changeOf = (next: Roster, asked: Built, { code, row, made }: { readonly code: Code; readonly row: string; readonly made: Registered }): Change => ({
  v: 1,
  document: toBase64url(encodeRoster(next)),
  intent: asked.bytes,
  evidence: [bootstrapEvidence(code, asked)],
  approvals: [],
  registrations: [{ row, credential: made.credential, registration: made.registration }],
  split: [],
})

export const submitFirst = ({ change }: Proposal, api: Api): Answer<ChangeResponse> => api.propose({ change })

/** Adds a passkey to the row that the invitation names. */
export async function enter(link: InvitationLink, name: string, { deployment, api }: { readonly deployment: Deployment; readonly api: Api }): Answer<EntryResponse> {
  const code = openCode(link)
  const made = await makePasskey({ lineage: deployment.lineage, row: link.row, by: code.thumbprint }, { name: link.name ?? link.row }, deployment)
  if (!made.ok) return made
  const statement: EntryStatement = { v: 1, kind: 'enrolment', lineage: deployment.lineage, row: link.row, invitation: code.thumbprint, name, registration: made.value.registration, iat: now() }
  return api.enter({ entry: { statement, signature: toBase64url(code.sign(entryBytes(statement))) } })
}
