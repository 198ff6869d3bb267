import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Roster } from './roster.ts'

/*
 * What a row did to itself hangs on a root: its invitation, or the key that stands first in the document. Once a version has dropped a root, all that
 * hung on it has ended. Were the same key put there again, every certified entry that somebody kept would hold again, and with it keys that were
 * meant to be gone.
 */

const rootsOf = ({ people, services }: Roster): string[] => [
  ...people.flatMap(({ id, invitation }) => (invitation === undefined ? [] : [`${id} ${thumbprint(invitation.key)}`])),
  ...services.flatMap(({ id, keys: [newest] }) => (newest === undefined ? [] : [`${id} ${thumbprint(newest.jwk)}`])),
]

/** @returns rows whose root in `next` an earlier version had, and none that it builds on has any more */
export function revivedIn(next: Roster, { bases, earlier }: { readonly bases: readonly Roster[]; readonly earlier: readonly Roster[] }): string[] {
  const standing = new Set(bases.flatMap(rootsOf))
  const dropped = new Set(earlier.flatMap(rootsOf))
  return rootsOf(next).flatMap((root) => (dropped.has(root) && !standing.has(root) ? [root.slice(0, root.indexOf(' '))] : []))
}
