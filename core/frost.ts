import { type Result, type SignError, fail, ok } from './errors.ts'
import { type Element, type Point, SCALAR_BYTES, type Scalar, nonIdentity, sameBytes } from './group.ts'
import type { Member } from './keys.ts'
import type { Secret } from './secret.ts'
import type { Suite } from './suite.ts'
import { type BindingPrefix, type Commitment, bindingFactor, bindingPrefix, challenge, checkList, misshapen } from './transcript.ts'

/* The participant's half of FROST, RFC 9591 sections 5.1 and 5.2. The coordinator's half is in aggregate.ts. */

/** A nonce pair and its commitments. Good for one `sign`, which wipes it whatever comes of it. */
export interface NoncePair {
  readonly commitment: Commitment & { readonly hiding: Element; readonly binding: Element }
  /** Hiding ‖ binding nonce, 64 bytes. */
  readonly secret: Secret
}

/** What a signer answers: its share, and the R that it computed, so that the coordinator need not. */
export interface SignatureShare {
  readonly r: Element
  readonly z: Scalar
}

export interface SignRequest {
  readonly member: Member
  readonly nonces: NoncePair
  readonly message: Uint8Array
  /** Exactly t, ascending by id, the member's own among them. */
  readonly commitments: readonly Commitment[]
}

/** `nonce_generate`: 32 fresh bytes hashed with the share, so that a weak generator alone does not give nonces away (RFC 9591, section 4.1). */
function generate(suite: Suite, random: Uint8Array, share: Uint8Array): Element {
  const commitment = suite.group.mulBase(suite.h3(random, random, share))
  if (commitment === undefined) throw new Error('a nonce hashed to zero: the hash or the generator is broken')
  return commitment
}

/** Round one. Nothing but the share and fresh randomness enters, so pairs may be made before any message is known. */
export function commit(suite: Suite, member: Pick<Member, 'id' | 'share'>): NoncePair {
  const secret = suite.memory.take(2 * SCALAR_BYTES)
  try {
    return secret.borrow((bytes) => {
      suite.group.random(bytes)
      return member.share.borrow((share) => {
        const hiding = generate(suite, bytes.subarray(0, SCALAR_BYTES), share)
        const binding = generate(suite, bytes.subarray(SCALAR_BYTES), share)
        return { commitment: { id: member.id, hiding, binding }, secret }
      })
    })
  } catch (error) {
    secret.wipe()
    throw error
  }
}

function checkRequest({ member, nonces, commitments }: SignRequest): SignError | undefined {
  if (nonces.secret.wiped) return { code: 'nonces_spent' }
  const wrongList = checkList(member.keys, commitments)
  if (wrongList !== undefined) return wrongList
  const own = commitments.find(({ id }) => id === member.id)
  if (own === undefined || nonces.commitment.id !== member.id) return { code: 'own_commitment_missing', id: member.id }
  if (!sameBytes(own.hiding, nonces.commitment.hiding) || !sameBytes(own.binding, nonces.commitment.binding)) return { code: 'own_commitment_altered', id: member.id }
  const ids = misshapen(commitments)
  return ids.length === 0 ? undefined : { code: 'commitment_invalid', ids }
}

/**
 * Round two. Wipes the nonces on success, on failure and on exceptions.
 *
 * No variable-base multiplication is spent on the own term: D + ρE = (d + ρe)·B, and d + ρe is part of the share anyway.
 */
export function sign(suite: Suite, request: SignRequest): Result<SignatureShare, SignError> {
  try {
    const error = checkRequest(request)
    return error === undefined ? request.nonces.secret.borrow((pair) => respond(suite, request, pair)) : fail(error)
  } finally {
    request.nonces.secret.wipe()
  }
}

/** @param pair the nonces; overwritten with intermediate values, which are as secret as they are */
function respond(suite: Suite, { member, message, commitments }: SignRequest, pair: Uint8Array): Result<SignatureShare, SignError> {
  const { group } = suite
  const { keys, id } = member
  const hiding = pair.subarray(0, SCALAR_BYTES) as Scalar
  const binding = pair.subarray(SCALAR_BYTES) as Scalar
  const prefix = bindingPrefix(suite, keys.key, message, commitments)

  group.scalarMul(binding, binding, bindingFactor(suite, prefix, id))
  const nonce = group.scalarAdd(hiding, hiding, binding)
  const own = group.mulBase(nonce)
  if (own === undefined) return fail({ code: 'identity_commitment' })

  const sum = addOthers(suite, own, prefix, commitments.filter((entry) => entry.id !== id))
  if (!sum.ok) return sum
  const r = sum.value
  const weight = group.scalarMul(group.bytes(SCALAR_BYTES), challenge(suite, r, keys.key, message), keys.coefficients(commitments.map((entry) => entry.id), id))
  // `binding` has done its work: its memory takes the share times c·λ.
  const weighted = member.share.borrow((share) => group.scalarMul(binding, weight, share as Scalar))
  return ok({ r, z: group.scalarAdd(group.bytes(SCALAR_BYTES), nonce, weighted) })
}

/** R = own + Σ (Dⱼ + ρⱼEⱼ), validating each point once: `mul` refuses an invalid E by itself. */
function addOthers(suite: Suite, own: Element, prefix: BindingPrefix, others: readonly Commitment[]): Result<Element, SignError> {
  const { group } = suite
  const invalid: number[] = []
  let sum: Point = own
  for (const { id, hiding, binding } of others) {
    const e = group.mul(bindingFactor(suite, prefix, id), binding)
    if (e === undefined || !group.isElement(hiding)) invalid.push(id)
    else sum = group.add(group.add(sum, hiding), e)
  }
  if (invalid.length > 0) return fail({ code: 'commitment_invalid', ids: invalid })
  return nonIdentity(group, sum) ? ok(sum) : fail({ code: 'identity_commitment' })
}
