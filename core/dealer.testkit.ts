import { type GroupKeys, type Member, loadGroup, loadMember } from './keys.ts'
import { SCALAR_BYTES, type Scalar, smallScalar } from './group.ts'
import type { Suite } from './suite.ts'

/** A random scalar on the heap. Tests only, like everything here. */
export function randomScalar(suite: Suite): Scalar {
  const wide = new Uint8Array(64)
  suite.group.random(wide)
  return suite.group.scalarReduce(new Uint8Array(SCALAR_BYTES), wide)
}

/** f(x) by Horner. */
export function evaluate(suite: Suite, coefficients: readonly Scalar[], x: number): Scalar {
  const sum = smallScalar(0)
  for (const coefficient of [...coefficients].reverse()) {
    suite.group.scalarMul(sum, sum, smallScalar(x))
    suite.group.scalarAdd(sum, sum, coefficient)
  }
  return sum
}

/**
 * A trusted dealer (RFC 9591, appendix C): one place that knows the whole key. Production keys never come from it; no file
 * but tests may import it, which the architecture test enforces.
 *
 * @param options.coefficients the polynomial, secret first; random if absent
 */
export function deal(suite: Suite, options: { threshold: number; ids: readonly number[]; coefficients?: readonly Scalar[] }): { keys: GroupKeys; members: Member[] } {
  const { threshold, ids } = options
  const coefficients = options.coefficients ?? Array.from({ length: threshold }, () => randomScalar(suite))
  const base = (k: Scalar) => suite.group.mulBase(k) ?? new Uint8Array()
  const scalars = new Map(ids.map((id) => [id, evaluate(suite, coefficients, id)]))
  const record = {
    threshold,
    key: base(coefficients[0] ?? smallScalar(0)),
    shares: [...scalars].map(([id, scalar]) => ({ id, share: base(scalar) })),
  }
  const keys = loadGroup(suite, record)
  if (!keys.ok) throw new Error(`the dealer made no valid group: ${keys.error.code}`)
  const members = [...scalars].map(([id, scalar]) => {
    const share = suite.memory.take(SCALAR_BYTES)
    share.borrow((bytes) => bytes.set(scalar))
    const member = loadMember(suite, keys.value, id, share)
    if (!member.ok) throw new Error(`the dealer made no valid share: ${member.error.code}`)
    return member.value
  })
  return { keys: keys.value, members }
}
