import { type DkgError, type KeyError, type Result, fail, ok } from './errors.ts'
import { type Element, SCALAR_BYTES, isId, nonIdentity, sameBytes } from './group.ts'
import { type Member, loadGroup, loadMember } from './keys.ts'
import { evaluatePublic, evaluateSecret, randomPolynomial, sumCommitments } from './polynomial.ts'
import { DIGEST_BYTES, type DealerPackage, type PackageFault, type Terms, makePackage, openPackage, packageDigest } from './possession.ts'
import type { Secret } from './secret.ts'
import type { Suite } from './suite.ts'

/*
 * The arithmetic of one member in a distributed key generation: Pedersen's, with FROST's proofs of possession and a
 * commitment round before them. Transport, encryption of the shares and agreement on the transcript are the caller's.
 *
 *   start → digest to all → reveal(others' digests) → package to all → deal(others' packages) → a share to each →
 *   finish(shares from the others) → a member
 *
 * A round repeated with the same inputs gives the same answer; with others it is refused (SEC-13): a dealer could otherwise
 * replace its package after seeing the shares that the first one drew out.
 */

export interface DkgParameters extends Terms {
  readonly id: number
}

export interface DigestMessage {
  readonly id: number
  /** 64 bytes. */
  readonly digest: Uint8Array
}

export interface DealtShare {
  /** The dealer. */
  readonly id: number
  /** f(own id), 32 bytes; stays the caller's to wipe. */
  readonly share: Secret
}

export interface Dkg {
  /** First message, to all. */
  readonly digest: Uint8Array
  /** Takes exactly the digests of all others; gives the package to send to all. */
  reveal(digests: readonly DigestMessage[]): Result<DealerPackage, DkgError>
  /** Takes exactly the packages of all others; gives a share for each of them by id, the caller's to encrypt and wipe. */
  deal(packages: readonly DealerPackage[]): Result<ReadonlyMap<number, Secret>, DkgError>
  /** Takes exactly one share from each other; gives the member, whose share lies in the suite's memory, and wipes the polynomial. */
  finish(shares: readonly DealtShare[]): Result<Member, DkgError>
  /** Wipes the polynomial. Afterwards every round is `wrong_round`. */
  abort(): void
}

function checkParameters({ id, members, threshold }: DkgParameters): KeyError | undefined {
  const wrong = members.find((member) => !isId(member))
  if (wrong !== undefined) return { code: 'bad_id', id: wrong }
  const twice = members.find((member, i) => members.indexOf(member) !== i)
  if (twice !== undefined) return { code: 'duplicate_id', id: twice }
  if (!members.includes(id)) return { code: 'unknown_member', id }
  if (!Number.isInteger(threshold) || threshold < 2 || threshold > members.length) return { code: 'bad_threshold', threshold, members: members.length }
  return undefined
}

/** SEC-14: exactly one from each other member, none from ourselves. */
function checkSenders(ids: readonly number[], own: number, members: readonly number[]): DkgError | undefined {
  const seen = new Set(ids)
  const unknown = ids.filter((id) => !members.includes(id))
  const missing = members.filter((id) => id !== own && !seen.has(id))
  if (seen.has(own)) return { code: 'package_reflected', ids: [own] }
  if (unknown.length > 0) return { code: 'package_unknown', ids: unknown }
  if (seen.size !== ids.length) return { code: 'package_duplicate', ids: [...seen].filter((id) => ids.indexOf(id) !== ids.lastIndexOf(id)) }
  return missing.length > 0 ? { code: 'package_missing', ids: missing } : undefined
}

const idsOf = (senders: readonly { readonly id: number }[]) => senders.map(({ id }) => id)

/** Begins a member's part: draws its polynomial, makes its package, and keeps both to itself. */
export function startDkg(suite: Suite, parameters: DkgParameters): Result<Dkg, KeyError> {
  const error = checkParameters(parameters)
  if (error !== undefined) return fail(error)
  return ok(new Participant(suite, { ...parameters, members: [...parameters.members].sort((a, b) => a - b), context: Uint8Array.from(parameters.context) }))
}

class Participant implements Dkg {
  readonly digest: Uint8Array
  readonly #suite: Suite
  readonly #terms: DkgParameters
  readonly #polynomial
  readonly #package: DealerPackage
  #round: 'committed' | 'revealed' | 'dealt' | 'ended' = 'committed'
  #digests = new Map<number, Uint8Array>()
  /** Validated commitment vectors by dealer, our own among them. */
  #vectors = new Map<number, readonly Element[]>()

  constructor(suite: Suite, terms: DkgParameters) {
    this.#suite = suite
    this.#terms = terms
    this.#polynomial = randomPolynomial(suite, terms.threshold)
    this.#package = makePackage(suite, terms, terms.id, this.#polynomial)
    this.digest = packageDigest(suite, terms, this.#package)
  }

  reveal(digests: readonly DigestMessage[]): Result<DealerPackage, DkgError> {
    if (this.#round === 'ended') return this.#wrongRound('committed')
    const error = this.#checkDigests(digests)
    if (error !== undefined) return fail(error)
    if (this.#round !== 'committed') {
      const same = digests.every(({ id, digest }) => sameBytes(digest, this.#digests.get(id) ?? new Uint8Array()))
      return same ? ok(this.#package) : fail({ code: 'round_repeated' })
    }
    this.#digests = new Map(digests.map(({ id, digest }) => [id, Uint8Array.from(digest)]))
    this.#round = 'revealed'
    return ok(this.#package)
  }

  deal(packages: readonly DealerPackage[]): Result<ReadonlyMap<number, Secret>, DkgError> {
    if (this.#round !== 'revealed' && this.#round !== 'dealt') return this.#wrongRound('revealed')
    const error = this.#checkPackages(packages)
    // After the first success the digests pin every package, so other inputs cannot pass; the code says what happened.
    if (error !== undefined) return fail(this.#round === 'dealt' && error.code === 'reveal_differs' ? { code: 'round_repeated' } : error)
    if (this.#round === 'revealed') {
      const opened = this.#openAll(packages)
      if (!opened.ok) return opened
      this.#vectors = opened.value
      this.#round = 'dealt'
    }
    return ok(new Map(idsOf(packages).map((id) => [id, this.#shareFor(id)])))
  }

  finish(shares: readonly DealtShare[]): Result<Member, DkgError> {
    if (this.#round !== 'dealt') return this.#wrongRound('dealt')
    const error = checkSenders(idsOf(shares), this.#terms.id, this.#terms.members)
    if (error !== undefined) return fail(error)
    const liars = shares.filter((dealt) => !this.#holds(dealt))
    if (liars.length > 0) return fail({ code: 'dealt_share_invalid', ids: idsOf(liars) })
    const member = this.#combine(shares)
    if (member.ok) this.abort()
    return member
  }

  abort(): void {
    this.#polynomial.coefficients.wipe()
    this.#round = 'ended'
  }

  #wrongRound(expected: string): Result<never, DkgError> {
    return fail({ code: 'wrong_round', expected, got: this.#round })
  }

  #checkDigests(digests: readonly DigestMessage[]): DkgError | undefined {
    const senders = checkSenders(idsOf(digests), this.#terms.id, this.#terms.members)
    if (senders !== undefined) return senders
    const malformed = digests.filter(({ digest }) => digest.length !== DIGEST_BYTES)
    if (malformed.length > 0) return { code: 'digest_malformed', ids: idsOf(malformed) }
    const reflected = digests.filter(({ digest }) => sameBytes(digest, this.digest))
    return reflected.length > 0 ? { code: 'package_reflected', ids: idsOf(reflected) } : undefined
  }

  #checkPackages(packages: readonly DealerPackage[]): DkgError | undefined {
    const senders = checkSenders(idsOf(packages), this.#terms.id, this.#terms.members)
    if (senders !== undefined) return senders
    const own = this.#polynomial.commitments
    const reflected = packages.filter(({ commitments }) => commitments.length === own.length && own.every((c, k) => sameBytes(c, commitments[k] ?? new Uint8Array())))
    if (reflected.length > 0) return { code: 'package_reflected', ids: idsOf(reflected) }
    const differing = packages.filter((dealt) => !sameBytes(packageDigest(this.#suite, this.#terms, dealt), this.#digests.get(dealt.id) ?? new Uint8Array()))
    return differing.length > 0 ? { code: 'reveal_differs', ids: idsOf(differing) } : undefined
  }

  /** Every dealer's validated vector; or the first kind of fault found, with all who have it. */
  #openAll(packages: readonly DealerPackage[]): Result<Map<number, readonly Element[]>, DkgError> {
    const vectors = new Map<number, readonly Element[]>([[this.#terms.id, this.#polynomial.commitments]])
    const faults = new Map<PackageFault, number[]>()
    for (const dealt of packages) {
      const opened = openPackage(this.#suite, this.#terms, dealt)
      if (typeof opened === 'string') faults.set(opened, [...(faults.get(opened) ?? []), dealt.id])
      else vectors.set(dealt.id, opened)
    }
    for (const [code, ids] of faults) return fail({ code, ids })
    return ok(vectors)
  }

  #shareFor(id: number): Secret {
    const share = this.#suite.memory.take(SCALAR_BYTES)
    share.borrow((out) => evaluateSecret(this.#suite.group, out, this.#polynomial, id))
    return share
  }

  /** f(own id)·B = Σ idᵏ·Cₖ of that dealer. */
  #holds({ id, share }: DealtShare): boolean {
    const { group } = this.#suite
    return share.borrow((bytes) => {
      const left = group.isScalar(bytes) ? group.mulBase(bytes) : undefined
      const right = evaluatePublic(group, this.#vectors.get(id) ?? [], this.#terms.id)
      return left !== undefined && right !== undefined && sameBytes(left, right)
    })
  }

  #combine(shares: readonly DealtShare[]): Result<Member, DkgError> {
    const { group } = this.#suite
    const { id, members, threshold } = this.#terms
    const sum = sumCommitments(group, [...this.#vectors.values()])
    const [key] = sum
    const verifying = members.flatMap((member) => {
      const share = evaluatePublic(group, sum, member)
      return share === undefined || !nonIdentity(group, share) ? [] : [{ id: member, share }]
    })
    if (key === undefined || verifying.length !== members.length) return fail({ code: 'degenerate_key' })
    const keys = loadGroup(this.#suite, { threshold, key, shares: verifying })
    if (!keys.ok) return fail({ code: 'degenerate_key' })
    const share = this.#shareFor(id)
    for (const dealt of shares) share.borrow((into) => dealt.share.borrow((bytes) => group.isScalar(into) && group.isScalar(bytes) && group.scalarAdd(into, into, bytes)))
    const member = loadMember(this.#suite, keys.value, id, share)
    if (member.ok) return ok(member.value)
    share.wipe()
    return fail({ code: 'degenerate_key' })
  }
}
