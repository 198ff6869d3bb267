import { type Reply } from './aggregate.ts'
import { deal } from './dealer.testkit.ts'
import type { Result } from './errors.ts'
import { type NoncePair, commit, sign } from './frost.ts'
import type { GroupKeys, Member } from './keys.ts'
import type { Suite } from './suite.ts'
import type { Commitment } from './transcript.ts'

/** The value, or an exception that names the code. Tests only. */
export function value<T, E extends { readonly code: string }>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(`expected a value, got ${result.error.code}`)
  return result.value
}

/** The error, or an exception. Tests only. */
export function errorOf<T, E>(result: Result<T, E>): E {
  if (result.ok) throw new Error('expected an error, got a value')
  return result.error
}

/** The entry that a test knows to be there. */
export function at<T>(list: readonly T[], index: number): T {
  const found = list[index]
  if (found === undefined) throw new Error(`no entry ${index} in a list of ${list.length}`)
  return found
}

export interface Quorum {
  readonly keys: GroupKeys
  readonly members: readonly Member[]
  readonly pairs: readonly NoncePair[]
  readonly commitments: readonly Commitment[]
}

/** The first t members of a freshly dealt group, with commitments made. */
export function quorum(suite: Suite, threshold: number, ids: readonly number[]): Quorum {
  const dealt = deal(suite, { threshold, ids: [...ids].sort((a, b) => a - b) })
  const members = dealt.members.slice(0, threshold)
  return { keys: dealt.keys, members, ...commitAll(suite, members) }
}

export function commitAll(suite: Suite, members: readonly Member[]): Pick<Quorum, 'pairs' | 'commitments'> {
  const pairs = members.map((member) => commit(suite, member))
  return { pairs, commitments: pairs.map(({ commitment }) => commitment) }
}

/** Every member's honest reply. */
export const signAll = (suite: Suite, { members, pairs, commitments }: Quorum, message: Uint8Array): Reply[] =>
  members.map((member, i) => ({ id: member.id, ...value(sign(suite, { member, nonces: at(pairs, i), message, commitments })) }))
