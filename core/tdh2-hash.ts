import type { Challenge, Transcript } from './dleq.ts'
import { framed, u16, u32 } from './framing.ts'
import { type Element, type Group, SCALAR_BYTES } from './group.ts'
import { type Suite, concat } from './suite.ts'

/*
 * Every byte that TDH2 hashes, docs/specs/threshold-encryption.md sections 3 and 4. A statement is a list of framed parts; its
 * digest seeds the nonce; with the two commitments behind it, it is the challenge.
 */

const encoder = new TextEncoder()
const fromHex = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))

/** What the second generators are hashed from, and the domain separation tags of RFC 9380, section 3.1. Their logarithms are known to nobody. */
export const SECOND_GENERATOR = {
  message: 'symbolon/tdh2/second-generator/v1',
  dst: {
    edwards25519: 'symbolon/tdh2/v1-edwards25519_XMD:SHA-512_ELL2_RO_',
    ristretto255: 'symbolon/tdh2/v1-ristretto255_XMD:SHA-512_R255MAP_RO_',
  },
} as const

const generators = {
  edwards25519: fromHex('7d6a85274f7c90b906a344bf8ebe432707ddd6f6e87f4d207cfb341ed44b7600') as Element,
  ristretto255: fromHex('86939d194bb40112ac1eeb630796220b4edc07d1eebdf5dec43f6ef7c6fc6635') as Element,
} as const satisfies Record<Group['name'], Element>

/** B̄. A constant, because hashing to the curve is more code than a signer should carry; a test derives it. */
export const secondGenerator = (group: Group): Element => generators[group.name]

const suites = {
  edwards25519: encoder.encode('TDH2-EDWARDS25519-SHA512-v1'),
  ristretto255: encoder.encode('TDH2-RISTRETTO255-SHA512-v1'),
} as const satisfies Record<Group['name'], Uint8Array>

const TAGS = {
  ephemeral: encoder.encode('symbolon/tdh2/ephemeral/v1'),
  wrap: encoder.encode('symbolon/tdh2/wrap/v1'),
  ciphertext: encoder.encode('symbolon/tdh2/ciphertext/v1'),
  digest: encoder.encode('symbolon/tdh2/digest/v1'),
  partial: encoder.encode('symbolon/tdh2/partial/v1'),
} as const

function sha512(suite: Suite, input: Uint8Array): Uint8Array {
  const out = suite.group.bytes(64)
  suite.group.sha512(out, input)
  return out
}

const frames = (suite: Suite, tag: keyof typeof TAGS, parts: readonly Uint8Array[]) => framed([TAGS[tag], suites[suite.group.name], ...parts])

/** A statement, ready to be hashed in its two ways. */
export interface Bound {
  readonly transcript: Transcript
  readonly challenge: Challenge
}

function bind(suite: Suite, statement: Uint8Array): Bound {
  const { group } = suite
  return {
    transcript: sha512(suite, statement),
    challenge: (first, second) => group.scalarReduce(group.bytes(SCALAR_BYTES), sha512(suite, concat(statement, framed([first, second])))),
  }
}

/** What the writer knew: the same r in U and Ū, for this key, label and wrapped key. */
export const bindCiphertext = (suite: Suite, of: { key: Element; label: Uint8Array; u: Uint8Array; uBar: Uint8Array; wrapped: Uint8Array }): Bound =>
  bind(suite, frames(suite, 'ciphertext', [of.key, of.label, of.u, of.uBar, of.wrapped]))

/** What a signer proves: its partial has the logarithm of its verifying share, for this ciphertext in this epoch. */
export const bindPartial = (suite: Suite, of: { key: Element; epoch: number; id: number; share: Element; digest: Uint8Array; u: Element; point: Uint8Array }): Bound =>
  bind(suite, frames(suite, 'partial', [of.key, u32(of.epoch), u16(of.id), of.share, of.digest, of.u, of.point]))

/** What the ephemeral scalar is hashed with besides the data key and fresh bytes. */
export const ephemeralTranscript = (suite: Suite, key: Element, label: Uint8Array): Transcript => sha512(suite, frames(suite, 'ephemeral', [key, label]))

/** Names a ciphertext together with key and label, 64 bytes. */
export const ciphertextDigest = (suite: Suite, of: { key: Element; label: Uint8Array; u: Uint8Array; uBar: Uint8Array; e: Uint8Array; f: Uint8Array; wrapped: Uint8Array }): Uint8Array =>
  sha512(suite, frames(suite, 'digest', [of.key, of.label, of.u, of.uBar, of.e, of.f, of.wrapped]))

/**
 * Hides or uncovers a data key: `out` = `data` XOR the first 32 bytes of SHA-512 over frames that end with the shared element.
 * One hash is all the key derivation that TDH2's proof asks for (a random oracle), and the one hash that both groups offer in
 * chosen memory. An element has but one data key, so the pad serves once.
 *
 * @param of.shared r·Y, a secret in the suite's memory; nothing made of it leaves that memory
 */
export function applyPad(suite: Suite, of: { key: Element; label: Uint8Array; u: Element; shared: Uint8Array }, out: Uint8Array, data: Uint8Array): void {
  const { group, memory } = suite
  const head = concat(frames(suite, 'wrap', [of.key, of.label, of.u]), u32(of.shared.length))
  using scratch = memory.take(64 + head.length + of.shared.length)
  scratch.borrow((bytes) => {
    const [wide, input] = [bytes.subarray(0, 64), bytes.subarray(64)]
    input.set(head)
    input.set(of.shared, head.length)
    group.sha512(wide, input)
    for (let i = 0; i < out.length; i++) out[i] = (data[i] ?? 0) ^ (wide[i] ?? 0)
  })
}
