import { decodeProof, hashedNonce, prove, verifyProof } from './dleq.ts'
import { type CiphertextError, type PartialError, type Result, fail, ok } from './errors.ts'
import { ELEMENT_BYTES, type Element, SCALAR_BYTES, type Scalar, decodeElement, sameBytes } from './group.ts'
import type { GroupKeys, Member } from './keys.ts'
import type { Secret } from './secret.ts'
import type { Suite } from './suite.ts'
import { applyPad, bindCiphertext, bindPartial, ciphertextDigest, ephemeralTranscript, secondGenerator } from './tdh2-hash.ts'

/*
 * TDH2 (Shoup and Gennaro, "Securing threshold cryptosystems against chosen ciphertext attack", section 4): threshold encryption
 * of a 32-byte data key under a label. The writer proves that it knows what it encrypted, and for which label; so nobody can
 * have a ciphertext opened as another's, or under another label. docs/specs/threshold-encryption.md is the norm.
 *
 * Here: the writer's part and the signer's. The reader's is in tdh2-combine.ts.
 */

export const DATA_KEY_BYTES = 32

/** As it crosses the wire: five times 32 bytes, nothing validated. */
export interface Ciphertext {
  readonly u: Uint8Array
  readonly uBar: Uint8Array
  readonly e: Uint8Array
  readonly f: Uint8Array
  /** The data key, hidden. */
  readonly wrapped: Uint8Array
}

/** The public half of one epoch of a `vault` key. Of another shape than what signing takes, so that neither serves for the other. */
export interface DecryptionKeys {
  readonly epoch: number
  readonly group: GroupKeys
}

/** One signer's place in it. */
export interface DecryptionMember {
  readonly id: number
  readonly decryptionShare: Secret
  readonly decryption: DecryptionKeys
}

/** The caller has read in the roster that these keys are for decryption, and which epoch they are of (1 … 2³² − 1). */
export function decryptionKeys(group: GroupKeys, epoch: number): DecryptionKeys {
  if (!Number.isInteger(epoch) || epoch < 1 || epoch > 0xffff_ffff) throw new RangeError('an epoch is 1 … 2³² − 1')
  return Object.freeze({ epoch, group })
}

/** Likewise for an unsealed share, which `loadMember` has compared with its verifying share. The caller keeps wiping duty. */
export const decryptionMember = (member: Member, epoch: number): DecryptionMember =>
  Object.freeze({ id: member.id, decryptionShare: member.share, decryption: decryptionKeys(member.keys, epoch) })

/** What one signer answers, as it crosses the wire. A missing proof is a wrong one. */
export interface Partial {
  readonly id: number
  readonly epoch: number
  readonly point: Uint8Array
  readonly e: Uint8Array
  readonly f: Uint8Array
}

interface Facts {
  readonly key: Element
  readonly label: Uint8Array
  readonly u: Element
  readonly wrapped: Uint8Array
  readonly digest: Uint8Array
}

/**
 * A ciphertext whose proof held for this very key and label. Only `verifyCiphertext` makes one, and `partial` takes nothing
 * else: no signer can forget the check, and one that remembers checked ciphertexts remembers these. Its bytes are private copies.
 */
class Checked {
  readonly #of: Facts

  constructor(of: Facts) {
    this.#of = of
  }

  /** Names key, label and ciphertext; a copy of 64 bytes. */
  get digest(): Uint8Array {
    return new Uint8Array(this.#of.digest)
  }

  /** Throws on anything that was not made here: casting is a bug of the caller. */
  static read(checked: Checked): Facts {
    return checked.#of
  }
}
export type CheckedCiphertext = Checked

/** For tdh2-combine.ts: what was checked. */
export const readChecked = (checked: CheckedCiphertext): Facts => Checked.read(checked)

/** U and Ū under a fresh r, and the key hidden by r·Y. All that is secret lies in `secret`, 64 bytes of the suite's memory. */
function wrap(suite: Suite, secret: Uint8Array, { key, label, dataKey }: { key: Element; label: Uint8Array; dataKey: Secret }) {
  const { group } = suite
  const shared = secret.subarray(SCALAR_BYTES)
  // Hashed with the data key: should the generator fail, r is as hard to guess as the data key is.
  const r = dataKey.borrow((bytes) => hashedNonce(suite, secret.subarray(0, SCALAR_BYTES), bytes, ephemeralTranscript(suite, key, label)))
  const u = group.mulBase(r)
  const uBar = group.mul(r, secondGenerator(group))
  if (u === undefined || uBar === undefined || group.mul(r, key, shared) === undefined) throw new Error('an ephemeral scalar hashed to zero, or the key was not validated')
  const wrapped = group.bytes(DATA_KEY_BYTES)
  dataKey.borrow((bytes) => applyPad(suite, { key, label, u, shared }, wrapped, bytes))
  return { r, u, uBar, wrapped }
}

/**
 * Hides a data key under the group key and binds it to the label. Two fixed-base and three variable-base multiplications.
 *
 * @param key validated (`decodeElement`, `loadGroup`); the one whose shares the signers hold
 * @param dataKey 32 bytes; the caller keeps wiping duty
 */
export function encrypt(suite: Suite, { key, label, dataKey }: { key: Element; label: Uint8Array; dataKey: Secret }): Ciphertext {
  if (dataKey.length !== DATA_KEY_BYTES) throw new RangeError('a data key is 32 bytes long')
  using secret = suite.memory.take(SCALAR_BYTES + ELEMENT_BYTES)
  return secret.borrow((bytes) => {
    const { r, u, uBar, wrapped } = wrap(suite, bytes, { key, label, dataKey })
    const { challenge, transcript } = bindCiphertext(suite, { key, label, u, uBar, wrapped })
    const { e, f } = prove(suite, { secret: r, base: secondGenerator(suite.group), challenge, transcript })
    return { u, uBar, e, f, wrapped }
  })
}

/**
 * Names received bytes together with key and label, 64 bytes: under it a caller keeps the ciphertexts that it has checked, and
 * asks before it checks one again. Whatever differs in any byte has another name.
 */
export const nameCiphertext = (suite: Suite, key: Element, label: Uint8Array, ciphertext: Ciphertext): Uint8Array => ciphertextDigest(suite, { key, label, ...ciphertext })

/** What is wrong with a ciphertext whose proof did not hold. */
function explain(suite: Suite, { u, uBar, e, f, wrapped }: Ciphertext): CiphertextError {
  if (decodeElement(suite.group, u) === undefined) return { code: 'ciphertext_malformed', field: 'u' }
  if (decodeElement(suite.group, uBar) === undefined) return { code: 'ciphertext_malformed', field: 'uBar' }
  if (decodeProof(suite.group, { e, f }) === undefined) return { code: 'ciphertext_malformed', field: 'proof' }
  if (wrapped.length !== DATA_KEY_BYTES) return { code: 'ciphertext_malformed', field: 'wrapped' }
  return { code: 'ciphertext_unproven' }
}

/**
 * TST-40. Wrong label, other group key, altered field and proof of another ciphertext all end as `ciphertext_unproven`: the
 * proof covers everything at once. One fixed-base and three variable-base multiplications, which validate the points.
 *
 * @param key validated, as for `encrypt`
 */
export function verifyCiphertext(suite: Suite, key: Element, label: Uint8Array, ciphertext: Ciphertext): Result<CheckedCiphertext, CiphertextError> {
  const { group } = suite
  const [u, uBar, wrapped] = [new Uint8Array(ciphertext.u), new Uint8Array(ciphertext.uBar), new Uint8Array(ciphertext.wrapped)]
  const proof = decodeProof(group, ciphertext)
  if (proof === undefined || wrapped.length !== DATA_KEY_BYTES) return fail(explain(suite, { ...ciphertext, u, uBar, wrapped }))
  const of = { key, label: new Uint8Array(label), u, uBar, ...proof, wrapped }
  const statement = { image: u, base: secondGenerator(group), product: uBar }
  if (!verifyProof(group, statement, proof, bindCiphertext(suite, of).challenge)) return fail(explain(suite, of))
  return ok(new Checked({ key, label: of.label, u: u as Element, wrapped, digest: ciphertextDigest(suite, of) }))
}

/**
 * One signer's part of the answer, x·U, with the proof that x is its share (TST-41). One fixed-base and two variable-base
 * multiplications; its own verifying share costs none.
 */
export function partial(suite: Suite, member: DecryptionMember, ciphertext: CheckedCiphertext): Result<Partial & { readonly point: Element }, PartialError> {
  const { key, u, digest } = Checked.read(ciphertext)
  const { id, decryption } = member
  const { group: keys, epoch } = decryption
  const share = keys.shares.get(id)
  if (share === undefined || !sameBytes(key, keys.key)) return fail({ code: 'ciphertext_foreign' })
  return member.decryptionShare.borrow((bytes) => {
    const secret = bytes as Scalar
    const point = suite.group.mul(secret, u)
    if (point === undefined) throw new Error('a loaded share is not zero, and a checked element is one')
    const { challenge, transcript } = bindPartial(suite, { key, epoch, id, share, digest, u, point })
    return ok({ id, epoch, point, ...prove(suite, { secret, base: u, challenge, transcript }) })
  })
}
