import { decodeProof, verifyProof } from './dleq.ts'
import { type CombineError, type Result, fail, ok } from './errors.ts'
import { ELEMENT_BYTES, type Element, type Point, nonIdentity, sameBytes } from './group.ts'
import type { Memory, Secret } from './secret.ts'
import type { Suite } from './suite.ts'
import { applyPad, bindPartial } from './tdh2-hash.ts'
import { type CheckedCiphertext, DATA_KEY_BYTES, type DecryptionKeys, type Partial, readChecked } from './tdh2.ts'

/* The reader's half of TDH2: partials in, data key out; and, when what it opens to is wrong, whose fault that is. */

export interface CombineRequest {
  readonly keys: DecryptionKeys
  readonly ciphertext: CheckedCiphertext
  readonly partials: readonly Partial[]
}

/** SEC-03, TST-41. Duplicates go before anything is counted: t copies of one answer are one answer. */
function checkSet({ keys, ciphertext, partials }: CombineRequest): CombineError | undefined {
  if (!sameBytes(readChecked(ciphertext).key, keys.group.key)) return { code: 'ciphertext_foreign' }
  const ids = partials.map(({ id }) => id)
  const unknown = ids.filter((id) => !keys.group.shares.has(id))
  if (unknown.length > 0) return { code: 'partial_unknown', ids: unknown }
  const repeated = ids.filter((id, i) => ids.indexOf(id) !== i)
  if (repeated.length > 0) return { code: 'partial_duplicate', ids: [...new Set(repeated)] }
  const stale = partials.filter(({ epoch }) => epoch !== keys.epoch)
  if (stale.length > 0) return { code: 'partial_epoch', ids: stale.map(({ id }) => id) }
  return undefined
}

/** Exactly t: a reader that has more chooses; interpolating over more would cost time and prove nothing. */
function checkCount({ keys, partials }: CombineRequest): CombineError | undefined {
  const { threshold } = keys.group
  return partials.length === threshold ? undefined : { code: 'partials_size', wanted: threshold, got: partials.length }
}

interface Shaped {
  readonly id: number
  readonly point: Uint8Array
}

/** Private copies of the points, none validated yet, or the ids of those without a canonical proof: one left out is a wrong one. */
function shape(suite: Suite, partials: readonly Partial[]): Result<Shaped[], CombineError> {
  const bare = partials.filter((one) => decodeProof(suite.group, one) === undefined)
  if (bare.length > 0) return fail({ code: 'partial_malformed', ids: bare.map(({ id }) => id) })
  return ok(partials.map(({ id, point }) => ({ id, point: new Uint8Array(point) })))
}

/**
 * r·Y = Σ λᵢ·Xᵢ into the first half of `secret`. The multiplications validate the points, each once.
 *
 * @param secret 64 bytes of the suite's memory
 */
function interpolate(suite: Suite, keys: DecryptionKeys, partials: readonly Shaped[], secret: Uint8Array): Result<Element, CombineError> {
  const { group } = suite
  const [sum, term] = [secret.subarray(0, ELEMENT_BYTES), secret.subarray(ELEMENT_BYTES)]
  const ids = partials.map(({ id }) => id).sort((a, b) => a - b)
  const invalid: number[] = []
  let shared: Point | undefined
  for (const { id, point } of partials) {
    const product = group.mul(keys.group.coefficients(ids, id), point, shared === undefined ? sum : term)
    if (product === undefined) invalid.push(id)
    else shared = shared === undefined ? product : group.add(shared, product, sum)
  }
  if (invalid.length > 0) return fail({ code: 'partial_malformed', ids: invalid })
  return shared !== undefined && nonIdentity(group, shared) ? ok(shared) : fail({ code: 'partials_cancel' })
}

/**
 * The data key, from exactly t partials of distinct members in any order, in `memory`. It does not check the proofs: a wrong
 * partial gives a wrong key, which the caller finds out by opening what the key closes (it compares the key's hash), and then
 * asks `blame`. One variable-base multiplication for each partial.
 */
export function combine(suite: Suite, request: CombineRequest, memory: Memory = suite.memory): Result<Secret, CombineError> {
  const wrong = checkSet(request) ?? checkCount(request)
  if (wrong !== undefined) return fail(wrong)
  const shaped = shape(suite, request.partials)
  if (!shaped.ok) return shaped
  const { key, label, u, wrapped } = readChecked(request.ciphertext)
  using secret = suite.memory.take(2 * ELEMENT_BYTES)
  return secret.borrow((bytes) => {
    const shared = interpolate(suite, request.keys, shaped.value, bytes)
    if (!shared.ok) return shared
    const dataKey = memory.take(DATA_KEY_BYTES)
    try {
      dataKey.borrow((out) => applyPad(suite, { key, label, u, shared: shared.value }, out, wrapped))
      return ok(dataKey)
    } catch (error) {
      dataKey.wipe()
      throw error
    }
  })
}

/** TST-41: made by this member, for this ciphertext and label, in this epoch. One fixed-base and three variable-base multiplications. */
function proven(suite: Suite, { keys, ciphertext }: CombineRequest, { id, point, e, f }: Partial): boolean {
  const { key, u, digest } = readChecked(ciphertext)
  const share = keys.group.shares.get(id)
  if (share === undefined) return false
  const product = new Uint8Array(point)
  const { challenge } = bindPartial(suite, { key, epoch: keys.epoch, id, share, digest, u, point: product })
  return verifyProof(suite.group, { image: share, base: u, product }, { e, f }, challenge)
}

/**
 * What is wrong with these partials, however many; every proof is checked, and the error names all whose proof fails or is no
 * proof at all. Undefined if all hold: then any t of them give what the writer wrapped, and a key that opens nothing is the
 * writer's fault.
 */
export function blame(suite: Suite, request: CombineRequest): CombineError | undefined {
  const wrong = checkSet(request)
  if (wrong !== undefined) return wrong
  const ids = request.partials.filter((one) => !proven(suite, request, one)).map(({ id }) => id)
  return ids.length === 0 ? undefined : { code: 'partial_unproven', ids }
}
