import { bytesOf } from '@symbolon/protocol/bytes.ts'
import { parsePath } from '@symbolon/protocol/label.ts'
import type { Call, Judging } from '@symbolon/front/judging.ts'

/** What the policy lets the requester of a granted listing do with many paths at once, each judged as if it were asked about alone. */
export type Permits = (call: Call, paths: readonly string[], action: 'list' | 'write') => Promise<readonly boolean[]>

/** What is no path, or is judged in vain, may not be shown. */
export const openPermits = ({ judges, clock }: Pick<Judging, 'judges' | 'clock'>): Permits => async ({ request: { intent, evidence, approvals = [] }, asserted }, paths, action) => {
  const sound = paths.flatMap((path) => parsePath(path) ?? [])
  if (sound.length === 0) return paths.map(() => false)
  const listing = await judges.list({ request: { intent: bytesOf(intent), evidence, approvals, asserted }, paths: sound, action }, clock())
  const shown = new Set<string>(listing.verdict === 'granted' ? sound.filter((_, at) => listing.shown[at] === true) : [])
  return paths.map((path) => shown.has(path))
}
