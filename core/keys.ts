import { type KeyError, type Result, fail, ok } from './errors.ts'
import { type Element, type Point, SCALAR_BYTES, decodeElement, isId, nonIdentity, sameBytes } from './group.ts'
import { type Coefficients, rememberedCoefficients } from './lagrange.ts'
import type { Secret } from './secret.ts'
import type { Suite } from './suite.ts'

/** The public half of one epoch of one group key. Every point in it has been validated, once, by `loadGroup`. */
export interface GroupKeys {
  readonly threshold: number
  /** Ascending. */
  readonly ids: readonly number[]
  readonly key: Element
  readonly shares: ReadonlyMap<number, Element>
  readonly coefficients: Coefficients
}

/** What the roster says about one group key. */
export interface GroupRecord {
  readonly threshold: number
  readonly key: Uint8Array
  readonly shares: readonly { readonly id: number; readonly share: Uint8Array }[]
}

/** One member's place in a group. */
export interface Member {
  readonly id: number
  readonly share: Secret
  readonly keys: GroupKeys
}

function checkShape(record: GroupRecord): KeyError | undefined {
  const { threshold, shares } = record
  if (!Number.isInteger(threshold) || threshold < 2 || threshold > shares.length) return { code: 'bad_threshold', threshold, members: shares.length }
  const seen = new Set<number>()
  for (const { id } of shares) {
    if (!isId(id)) return { code: 'bad_id', id }
    if (seen.has(id)) return { code: 'duplicate_id', id }
    seen.add(id)
  }
  return undefined
}

/** Σ λᵢ·Yᵢ over `quorum`: the group key, if the shares belong together. */
function interpolate(suite: Suite, keys: GroupKeys, quorum: readonly number[]): Point | undefined {
  let sum: Point | undefined
  for (const id of quorum) {
    const term = suite.group.mul(keys.coefficients(quorum, id), keys.shares.get(id) ?? new Uint8Array())
    if (term === undefined) return undefined
    sum = sum === undefined ? term : suite.group.add(sum, term)
  }
  return sum
}

/** Every share is in a quorum with t−1 fixed others, so one polynomial of degree t−1 carries them all. */
function consistent(suite: Suite, keys: GroupKeys): boolean {
  const fixed = keys.ids.slice(0, keys.threshold - 1)
  return keys.ids.slice(keys.threshold - 1).every((id) => {
    const point = interpolate(suite, keys, [...fixed, id])
    return point !== undefined && sameBytes(point, keys.key)
  })
}

/**
 * Validates a group's public keys: every point (SEC-01), every id (SEC-03), and that all verifying shares and the group key
 * lie on one polynomial of degree t−1, without which a failed signature could be blamed on the innocent. Costs
 * t·(n−t+1) point multiplications; done once per epoch.
 */
export function loadGroup(suite: Suite, record: GroupRecord): Result<GroupKeys, KeyError> {
  const misshapen = checkShape(record)
  if (misshapen !== undefined) return fail(misshapen)
  const key = decodeElement(suite.group, record.key)
  if (key === undefined) return fail({ code: 'bad_group_key' })
  const shares = new Map<number, Element>()
  for (const { id, share } of [...record.shares].sort((a, b) => a.id - b.id)) {
    const element = decodeElement(suite.group, share)
    if (element === undefined) return fail({ code: 'bad_verifying_share', id })
    shares.set(id, element)
  }
  const keys: GroupKeys = { threshold: record.threshold, ids: [...shares.keys()], key, shares, coefficients: rememberedCoefficients(suite.group) }
  return consistent(suite, keys) ? ok(keys) : fail({ code: 'inconsistent_group' })
}

/** Accepts an unsealed share only if s·B is the verifying share that the group's public keys name for `id`. The caller keeps wiping duty. */
export function loadMember(suite: Suite, keys: GroupKeys, id: number, share: Secret): Result<Member, KeyError> {
  const expected = keys.shares.get(id)
  if (expected === undefined) return fail({ code: 'unknown_member', id })
  if (share.length !== SCALAR_BYTES) return fail({ code: 'bad_share' })
  return share.borrow((bytes) => {
    if (!suite.group.isScalar(bytes)) return fail({ code: 'bad_share' })
    const point = suite.group.mulBase(bytes)
    if (point === undefined || !nonIdentity(suite.group, point)) return fail({ code: 'bad_share' })
    return sameBytes(point, expected) ? ok({ id, share, keys }) : fail({ code: 'share_mismatch', id })
  })
}
