import { type Group, SCALAR_BYTES, type Scalar, smallScalar } from './group.ts'

/** A group of 67 of 100 has more quorums than anyone can store; those of a small group recur with every request. */
const REMEMBERED = 512

/**
 * λᵢ for interpolating at zero over `ids` (RFC 9591, section 4.2). Ids are public, so the time may depend on them.
 *
 * @param ids distinct participants, among them `id`
 */
export function lagrange(group: Group, ids: readonly number[], id: number): Scalar {
  const numerator = smallScalar(1)
  const denominator = smallScalar(1)
  let negative = false
  for (const other of ids) {
    if (other === id) continue
    group.scalarMul(numerator, numerator, smallScalar(other))
    group.scalarMul(denominator, denominator, smallScalar(Math.abs(other - id)))
    if (other < id) negative = !negative
  }
  if (negative) group.scalarSub(denominator, smallScalar(0), denominator)
  const inverse = group.scalarInvert(new Uint8Array(SCALAR_BYTES), denominator)
  return group.scalarMul(new Uint8Array(SCALAR_BYTES), numerator, inverse)
}

/** `lagrange`, remembering quorums that recur: the inversion costs as much as a point multiplication does by half. */
export type Coefficients = (ids: readonly number[], id: number) => Scalar

export function rememberedCoefficients(group: Group): Coefficients {
  const known = new Map<string, Scalar>()
  return (ids, id) => {
    const key = `${id}/${ids.join()}`
    const found = known.get(key)
    if (found !== undefined) return found
    if (known.size >= REMEMBERED) known.clear()
    const fresh = lagrange(group, ids, id)
    known.set(key, fresh)
    return fresh
  }
}
