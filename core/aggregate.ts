import { type AggregateError, type Result, fail, ok } from './errors.ts'
import { ELEMENT_BYTES, type Element, type Point, SCALAR_BYTES, type Scalar, decodeElement, decodeScalar, nonIdentity, sameBytes, smallScalar } from './group.ts'
import type { GroupKeys } from './keys.ts'
import { type Suite, concat } from './suite.ts'
import { type Commitment, bindingFactor, bindingPrefix, challenge, checkList, misshapen } from './transcript.ts'

/*
 * The coordinator's half of FROST, RFC 9591 sections 5.3 and 5.4. Nothing is released that a verifier did not accept.
 */

/** A signer's answer, as received. */
export interface Reply {
  readonly id: number
  readonly r: Uint8Array
  readonly z: Uint8Array
}

export interface Attempt {
  readonly keys: GroupKeys
  readonly message: Uint8Array
  /** Exactly t, ascending by id. */
  readonly commitments: readonly Commitment[]
  /** One for each commitment, in any order. */
  readonly replies: readonly Reply[]
}

export interface Aggregate {
  /** 64 bytes, R ‖ z, verified. */
  readonly signature: Uint8Array
  /** Participants whose share is right but who named another R: faulty, though they stopped nothing. */
  readonly wrongR: readonly number[]
}

const sumOfShares = (suite: Suite, shares: readonly Scalar[]): Scalar => {
  const sum = smallScalar(0)
  for (const share of shares) suite.group.scalarAdd(sum, sum, share)
  return sum
}

const verified = (suite: Suite, keys: GroupKeys, message: Uint8Array, r: Uint8Array, z: Scalar): Uint8Array | undefined => {
  const signature = concat(r, z)
  return suite.verify(signature, message, keys.key) ? signature : undefined
}

/**
 * The way nearly all signatures take: if every signer names the same R, the signature is R ‖ Σz, and the verifier is the
 * only judge needed. Undefined means: take `aggregate`, which says why.
 */
export function assemble(suite: Suite, { keys, message, replies }: Pick<Attempt, 'keys' | 'message' | 'replies'>): Uint8Array | undefined {
  const r = replies[0]?.r
  if (r === undefined || r.length !== ELEMENT_BYTES || replies.length !== keys.threshold) return undefined
  const sum = smallScalar(0)
  for (const reply of replies) {
    if (!suite.group.isScalar(reply.z) || !sameBytes(reply.r, r)) return undefined
    suite.group.scalarAdd(sum, sum, reply.z)
  }
  return verified(suite, keys, message, r, sum)
}

/** What an attempt fixes before any share is judged. */
interface Opened {
  readonly r: Element
  readonly c: Scalar
  readonly quorum: readonly number[]
  /** Dᵢ + ρᵢEᵢ by id. */
  readonly terms: ReadonlyMap<number, Point>
}

function open(suite: Suite, { keys, message, commitments }: Pick<Attempt, 'keys' | 'message' | 'commitments'>): Result<Opened, AggregateError> {
  const { group } = suite
  const wrongList = checkList(keys, commitments)
  if (wrongList !== undefined) return fail(wrongList)
  const invalid = misshapen(commitments)
  if (invalid.length > 0) return fail({ code: 'commitment_invalid', ids: invalid })
  const prefix = bindingPrefix(suite, keys.key, message, commitments)
  const terms = new Map<number, Point>()
  let sum: Point | undefined
  for (const { id, hiding, binding } of commitments) {
    const d = decodeElement(group, hiding)
    const e = group.mul(bindingFactor(suite, prefix, id), binding)
    if (d === undefined || e === undefined) {
      invalid.push(id)
      continue
    }
    const term = group.add(d, e)
    terms.set(id, term)
    sum = sum === undefined ? term : group.add(sum, term)
  }
  if (invalid.length > 0) return fail({ code: 'commitment_invalid', ids: invalid })
  if (sum === undefined || !nonIdentity(group, sum)) return fail({ code: 'identity_commitment' })
  return ok({ r: sum, c: challenge(suite, sum, keys.key, message), quorum: commitments.map(({ id }) => id), terms })
}

/** z·B = D + ρE + c·λ·Y, RFC 9591 section 5.4. Zero is refused with the rest of what no honest signer sends. */
function shareHolds(suite: Suite, keys: GroupKeys, opened: Opened, id: number, z: Scalar): boolean {
  const { group } = suite
  const [term, y] = [opened.terms.get(id), keys.shares.get(id)]
  const left = group.mulBase(z)
  if (term === undefined || y === undefined || left === undefined) return false
  const weight = group.scalarMul(new Uint8Array(SCALAR_BYTES), opened.c, keys.coefficients(opened.quorum, id))
  const right = group.mul(weight, y)
  return right !== undefined && sameBytes(left, group.add(term, right))
}

/** Whether `reply` holds the share of its participant for exactly this message and list, and the right R. For judging evidence; `aggregate` does it for all. */
export function verifyShare(suite: Suite, attempt: Omit<Attempt, 'replies'>, reply: Reply): Result<{ readonly share: boolean; readonly r: boolean }, AggregateError> {
  const opened = open(suite, attempt)
  if (!opened.ok) return opened
  const z = decodeScalar(suite.group, reply.z)
  return ok({ share: z !== undefined && shareHolds(suite, attempt.keys, opened.value, reply.id, z), r: sameBytes(reply.r, opened.value.r) })
}

/**
 * The long way, for an attempt that `assemble` could not finish: recomputes R, judges every share by itself, and either
 * releases a verified signature or names all culprits. Work grows linearly with t. It takes about 0.2 ms for each share,
 * so callers that serve others meanwhile run it in a worker.
 */
export function aggregate(suite: Suite, attempt: Attempt): Result<Aggregate, AggregateError> {
  const { keys, message, commitments, replies } = attempt
  const opened = open(suite, attempt)
  if (!opened.ok) return opened
  const byId = new Map(replies.map((reply) => [reply.id, reply]))
  if (replies.length !== commitments.length || commitments.some(({ id }) => !byId.has(id))) return fail({ code: 'replies_mismatch' })

  const shares: Scalar[] = []
  const culprits: number[] = []
  for (const [id, reply] of [...byId].sort(([a], [b]) => a - b)) {
    const z = decodeScalar(suite.group, reply.z)
    if (z !== undefined && shareHolds(suite, keys, opened.value, id, z)) shares.push(z)
    else culprits.push(id)
  }
  if (culprits.length > 0) return fail({ code: 'share_invalid', ids: culprits })
  const signature = verified(suite, keys, message, opened.value.r, sumOfShares(suite, shares))
  if (signature === undefined) return fail({ code: 'signature_invalid' })
  return ok({ signature, wrongR: replies.filter(({ r }) => !sameBytes(r, opened.value.r)).map(({ id }) => id) })
}
