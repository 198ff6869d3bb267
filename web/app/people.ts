import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { CertifiedEntry } from '@symbolon/protocol/book.ts'
import type { RosterResponse } from '@symbolon/protocol/http.ts'
import { rosterDigest, type Person, type Roster } from '@symbolon/roster/roster.ts'
import type { Console } from './context.tsx'
import type { Deployment } from './deployment.ts'
import { ok, type Result } from './result.ts'
import { readRoster } from './roster.ts'
import type { Session } from './session.ts'
import type { Trouble } from './trouble.ts'

/* Who exists, as the pages about people use it. */

export interface RosterView {
  readonly deployment: Pick<Deployment, 'issuer' | 'lineage' | 'rpId'>
  /** The version in force, which the signers' keyset names by its digest. */
  readonly document: Roster
  readonly digest: Base64url
  /** What rows did to themselves since, each certified by t signers. */
  readonly entries: readonly CertifiedEntry[]
  /** What requests are judged by: the document and the entries. */
  readonly effective: Roster
  /** What the api alone says. */
  readonly told: Pick<RosterResponse, 'stops' | 'signers' | 'history'>
}

/** A new version is in force a moment before its keyset is signed: so often it is read again, a second apart. */
const patience = 5

export async function readView(session: Session, console: Pick<Console, 'api' | 'deployment' | 'refresh'>): Promise<Result<RosterView, Trouble>> {
  for (let tries = 1; ; tries++) {
    const read = await readRoster(session, console)
    if (read.ok) {
      const { document, entries, effective, answer } = read.value
      return ok({ deployment: console.deployment, document, digest: rosterDigest(document), entries, effective, told: answer })
    }
    if (read.error.code !== 'roster_untrusted' || tries === patience) return read
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
}

/** Ids of passkeys with which this person may do that. */
export const passkeysFor = ({ effective }: Pick<RosterView, 'effective'>, id: string, use: Person['passkeys'][number]['uses'][number]): readonly Base64url[] =>
  (personIn(effective, id)?.passkeys ?? []).filter(({ uses }) => uses.includes(use)).map((passkey) => passkey.id)

export const personIn = ({ people }: Pick<Roster, 'people'>, id: string): Person | undefined => people.find((row) => row.id === id)

export const isGuardian = ({ guardians }: Pick<Roster, 'guardians'>, id: string): boolean => guardians?.people.includes(id) === true

/** Every role that somebody has. */
export const rolesKnown = ({ people, services, trusts }: Roster): readonly string[] => [...new Set([...people, ...services, ...trusts].flatMap(({ roles }) => roles))].toSorted()
