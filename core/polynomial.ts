import { type Element, type Group, type Point, SCALAR_BYTES, type Scalar, smallScalar } from './group.ts'
import type { Secret } from './secret.ts'
import type { Suite } from './suite.ts'

/* Polynomials over the scalar field, secret in their coefficients and public in the exponent. Coefficient 0 comes first. */

/** A dealer's polynomial and what it publishes of it. */
export interface SecretPolynomial {
  /** t coefficients of 32 bytes each. */
  readonly coefficients: Secret
  /** aₖ·B; none is the identity, so the degree is exactly t−1. */
  readonly commitments: readonly Element[]
}

const coefficient = (bytes: Uint8Array, k: number): Scalar => bytes.subarray(k * SCALAR_BYTES, (k + 1) * SCALAR_BYTES) as Scalar

export const constantTerm = (bytes: Uint8Array): Scalar => coefficient(bytes, 0)

/** A uniform polynomial of degree `threshold` − 1, in the suite's memory. */
export function randomPolynomial(suite: Suite, threshold: number): SecretPolynomial {
  const { group, memory } = suite
  const coefficients = memory.take(threshold * SCALAR_BYTES)
  using scratch = memory.take(64)
  const commitments = coefficients.borrow((bytes) =>
    scratch.borrow((wide) =>
      Array.from({ length: threshold }, (_, k) => {
        group.random(wide)
        const commitment = group.mulBase(group.scalarReduce(coefficient(bytes, k), wide))
        if (commitment === undefined) throw new Error('a random coefficient is zero: the generator is broken')
        return commitment
      }),
    ),
  )
  return { coefficients, commitments }
}

/** f(x) into `out`, by Horner's rule; `x` is public, the coefficients are not. */
export function evaluateSecret(group: Group, out: Uint8Array, polynomial: SecretPolynomial, x: number): Scalar {
  const at = smallScalar(x)
  return polynomial.coefficients.borrow((bytes) => {
    const sum = out.fill(0) as Scalar
    for (let k = polynomial.commitments.length - 1; k >= 0; k--) {
      group.scalarMul(sum, sum, at)
      group.scalarAdd(sum, sum, coefficient(bytes, k))
    }
    return sum
  })
}

/**
 * f(x)·B from the commitments, Σ xᵏ·Cₖ. Powers rather than Horner's rule: a hostile vector may make a partial Horner sum the
 * identity, which the multiplication refuses. Undefined if a commitment is the identity.
 *
 * @param x 1 … 65535
 */
export function evaluatePublic(group: Group, commitments: readonly Point[], x: number): Point | undefined {
  const at = smallScalar(x)
  const power = smallScalar(1)
  let sum: Point | undefined
  for (const commitment of commitments) {
    const term = group.mul(power, commitment)
    if (term === undefined) return undefined
    sum = sum === undefined ? term : group.add(sum, term)
    group.scalarMul(power, power, at)
  }
  return sum
}

/** The commitments to the sum of several polynomials of one degree; a member of it may be the identity. */
export function sumCommitments(group: Group, vectors: readonly (readonly Point[])[]): Point[] {
  const [first, ...rest] = vectors
  return (first ?? []).map((start, k) => rest.reduce<Point>((sum, vector) => group.add(sum, vector[k] ?? start), start))
}
