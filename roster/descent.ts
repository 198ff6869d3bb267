import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { rosterDigest, type Roster } from './roster.ts'

/* Which versions build on which. A split leaves several accepted versions of one number; its healing names them all, and brings them along. */

/** Of all documents that a change brings, those that its document succeeds directly; the others are their ancestors. */
export const leavesOf = (split: readonly Roster[]): readonly Roster[] => {
  const newest = Math.max(0, ...split.map(({ version }) => version))
  return split.filter(({ version }) => version === newest)
}

/** Does the document come from `current`, or from a twin of it (same number, same predecessor), by way of the documents brought along? */
export function descends(document: Roster, current: Roster, split: readonly Roster[]): boolean {
  const known = new Map(split.map((other) => [rosterDigest(other), other]))
  const root = rosterDigest(current)
  const reaches = (digest: Base64url): boolean => {
    if (digest === root) return true
    const other = known.get(digest)
    if (other === undefined || other.version < current.version) return false
    return isTwin(other, current) || (other.previous ?? []).some(reaches)
  }
  return (document.previous ?? []).some(reaches)
}

/** Two certified successors of one version. */
export const isTwin = (a: Roster, b: Roster): boolean => a.version === b.version && (a.previous ?? []).some((digest) => b.previous?.includes(digest) === true)
