import type { ListError } from './errors.ts'
import { ELEMENT_BYTES, type Element, SCALAR_BYTES, type Scalar, smallScalar } from './group.ts'
import type { GroupKeys } from './keys.ts'
import type { Suite } from './suite.ts'

/** One participant's pair of nonce commitments, as received: the points are not validated yet. */
export interface Commitment {
  readonly id: number
  readonly hiding: Uint8Array
  readonly binding: Uint8Array
}

/** SEC-03, SEC-04. Exactly t entries: more would cost time and prove nothing. Ids rise as numbers, so no two are equal. */
export function checkList(keys: GroupKeys, list: readonly Commitment[]): ListError | undefined {
  if (list.length !== keys.threshold) return { code: 'list_size', wanted: keys.threshold, got: list.length }
  let last = 0
  for (const { id } of list) {
    if (!keys.shares.has(id)) return { code: 'list_unknown_id', id }
    if (id === last) return { code: 'list_duplicate_id', id }
    if (id < last) return { code: 'list_unsorted', id }
    last = id
  }
  return undefined
}

/** The ids whose points are not even 32 bytes long: what `encodeList` may not be given. */
export const misshapen = (list: readonly Commitment[]): number[] =>
  list.filter(({ hiding, binding }) => hiding.length !== ELEMENT_BYTES || binding.length !== ELEMENT_BYTES).map(({ id }) => id)

/** `encode_group_commitment_list`, RFC 9591 section 4.3. The list has been checked. */
function encodeList(list: readonly Commitment[]): Uint8Array {
  const entry = SCALAR_BYTES + 2 * ELEMENT_BYTES
  const out = new Uint8Array(list.length * entry)
  list.forEach(({ id, hiding, binding }, i) => {
    out.set(smallScalar(id), i * entry)
    out.set(hiding, i * entry + SCALAR_BYTES)
    out.set(binding, i * entry + SCALAR_BYTES + ELEMENT_BYTES)
  })
  return out
}

/** What all binding factors of one attempt hash before the id: key, message and list (RFC 9591, section 4.4), 160 bytes in all. */
export type BindingPrefix = readonly [key: Element, message: Uint8Array, list: Uint8Array]

export const bindingPrefix = (suite: Suite, key: Element, message: Uint8Array, list: readonly Commitment[]): BindingPrefix => [key, suite.h4(message), suite.h5(encodeList(list))]

/** ρᵢ. It differs by participant, message and list (TST-16). */
export const bindingFactor = (suite: Suite, prefix: BindingPrefix, id: number): Scalar => suite.h1(...prefix, smallScalar(id))

/** c = H2(R ‖ key ‖ message), RFC 9591 section 4.6. */
export const challenge = (suite: Suite, r: Uint8Array, key: Element, message: Uint8Array): Scalar => suite.h2(r, key, message)
