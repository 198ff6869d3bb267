import { framed, u16 } from './framing.ts'
import { type Element, type Group, SCALAR_BYTES, type Scalar, decodeElement, decodeScalar, sameBytes } from './group.ts'
import { type SecretPolynomial, constantTerm } from './polynomial.ts'
import { type Suite, concat } from './suite.ts'

/*
 * What a dealer publishes, and what it hashes. Without a proof that it knows its constant term, a dealer could choose one that
 * cancels the others'; without the context in it, the proof could be replayed (SEC-11).
 */

/** What all dealers of one ceremony agree on before it starts. */
export interface Terms {
  /** Plan digest, epoch and purpose, encoded by the caller. Two ceremonies never share it. */
  readonly context: Uint8Array
  readonly threshold: number
  /** Ascending. */
  readonly members: readonly number[]
}

/** One dealer's public package, as it crosses the wire: nothing in it is validated yet. */
export interface DealerPackage {
  readonly id: number
  readonly commitments: readonly Uint8Array[]
  readonly proof: { readonly r: Uint8Array; readonly mu: Uint8Array }
}

export const DIGEST_BYTES = 64

const encoder = new TextEncoder()

function transcript(suite: Suite, tag: string, terms: Terms, dealer: number, parts: readonly Uint8Array[]): Uint8Array {
  const { context, threshold, members } = terms
  const out = new Uint8Array(DIGEST_BYTES)
  suite.group.sha512(out, framed([encoder.encode(tag), encoder.encode(suite.context), context, u16(threshold), concat(...members.map(u16)), u16(dealer), ...parts]))
  return out
}

/** The value that a dealer commits to before it sees any other package (SEC-12): 64 bytes. */
export const packageDigest = (suite: Suite, terms: Terms, { id, commitments, proof }: DealerPackage): Uint8Array =>
  transcript(suite, 'symbolon/dkg/package/v1', terms, id, [...commitments, proof.r, proof.mu])

const possessionChallenge = (suite: Suite, terms: Terms, id: number, commitments: readonly Uint8Array[], r: Uint8Array): Scalar =>
  suite.group.scalarReduce(new Uint8Array(SCALAR_BYTES), transcript(suite, 'symbolon/dkg/possession/v1', terms, id, [...commitments, r]))

/** A Schnorr proof of the constant term over the terms, the dealer and the whole vector. Its nonce is hashed like a signing nonce. */
export function makePackage(suite: Suite, terms: Terms, id: number, polynomial: SecretPolynomial): DealerPackage {
  const { group, memory } = suite
  const { commitments } = polynomial
  using nonce = memory.take(2 * SCALAR_BYTES)
  const proof = polynomial.coefficients.borrow((secret) =>
    nonce.borrow((bytes) => {
      const [k, product] = [bytes.subarray(0, SCALAR_BYTES), bytes.subarray(SCALAR_BYTES)]
      group.random(k)
      const scalar = suite.h3(k, k, constantTerm(secret))
      const r = group.mulBase(scalar)
      if (r === undefined) throw new Error('a nonce hashed to zero: the hash or the generator is broken')
      group.scalarMul(product, possessionChallenge(suite, terms, id, commitments, r), constantTerm(secret))
      return { r, mu: group.scalarAdd(new Uint8Array(SCALAR_BYTES), scalar, product as Scalar) }
    }),
  )
  return { id, commitments, proof }
}

/** R = μ·B − c·C₀. */
function possesses(group: Group, c: Scalar, constant: Element, proof: DealerPackage['proof']): boolean {
  const mu = decodeScalar(group, proof.mu)
  const left = mu === undefined ? undefined : group.mulBase(mu)
  const right = group.mul(c, constant)
  return left !== undefined && right !== undefined && sameBytes(group.sub(left, right), proof.r)
}

export type PackageFault = 'commitment_length' | 'commitment_malformed' | 'possession_unproven'

/**
 * The validated commitments of a package, or what is wrong with it. Length exactly t: a longer vector would silently raise
 * the threshold, a shorter one lower it (SEC-10); a point that is no element, the identity included, would do the same.
 */
export function openPackage(suite: Suite, terms: Terms, dealt: DealerPackage): Element[] | PackageFault {
  if (dealt.commitments.length !== terms.threshold) return 'commitment_length'
  const commitments = dealt.commitments.flatMap((bytes) => decodeElement(suite.group, bytes) ?? [])
  const [constant] = commitments
  if (constant === undefined || commitments.length !== terms.threshold) return 'commitment_malformed'
  if (!suite.group.isElement(dealt.proof.r)) return 'possession_unproven'
  const c = possessionChallenge(suite, terms, dealt.id, commitments, dealt.proof.r)
  return possesses(suite.group, c, constant, dealt.proof) ? commitments : 'possession_unproven'
}
