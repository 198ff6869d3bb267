import { type Element, type Group, SCALAR_BYTES, type Scalar } from './group.ts'
import type { Memory } from './secret.ts'

/**
 * A ciphersuite of RFC 9591, section 6: a group, its five hashes, where its secrets lie, and a verifier that owes nothing to
 * the code that signs. Hashes of public input take it in parts.
 */
export interface Suite {
  /** The RFC's context string, e.g. `FROST-ED25519-SHA512-v1`. */
  readonly context: string
  readonly group: Group
  readonly memory: Memory
  /** Binding factors. */
  h1(...parts: readonly Uint8Array[]): Scalar
  /** The challenge. */
  h2(...parts: readonly Uint8Array[]): Scalar
  /** Nonces: `H3(random ‖ secret)` into `out`; `random` may be `out`. Nothing secret touches unlocked memory. */
  h3(out: Uint8Array, random: Uint8Array, secret: Uint8Array): Scalar
  /** Digest of the message, 64 bytes. */
  h4(...parts: readonly Uint8Array[]): Uint8Array
  /** Digest of the commitment list, 64 bytes. */
  h5(...parts: readonly Uint8Array[]): Uint8Array
  verify(signature: Uint8Array, message: Uint8Array, key: Element): boolean
}

export type Verify = Suite['verify']

const encoder = new TextEncoder()

/** `parts` in one new array, never shared with others. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Where public hash inputs are put together: one buffer, used again. */
function assembler(): (parts: readonly Uint8Array[]) => Uint8Array {
  let buffer = new Uint8Array(4096)
  return (parts) => {
    let length = 0
    for (const part of parts) length += part.length
    if (length > buffer.length) buffer = new Uint8Array(2 * length)
    let at = 0
    for (const part of parts) {
      buffer.set(part, at)
      at += part.length
    }
    return buffer.subarray(0, length)
  }
}

/** The five hashes over SHA-512 (RFC 9591, sections 6.1 and 6.2). Ed25519 leaves the challenge without a prefix, as RFC 8032 needs. */
export function sha512Suite(options: { context: string; challenge: string; group: Group; memory: Memory; verify: Verify }): Suite {
  const { context, group, memory, verify } = options
  const [rho, challenge, message, commitments] = [`${context}rho`, options.challenge, `${context}msg`, `${context}com`].map((label) => encoder.encode(label)) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  const gather = assembler()
  const wide = group.bytes(64)
  const digest = (parts: readonly Uint8Array[]) => {
    const out = group.bytes(64)
    group.sha512(out, gather(parts))
    return out
  }
  const toScalar = (parts: readonly Uint8Array[]) => {
    group.sha512(wide, gather(parts))
    return group.scalarReduce(group.bytes(SCALAR_BYTES), wide)
  }
  return {
    context,
    group,
    memory,
    verify,
    h1: (...parts) => toScalar([rho, ...parts]),
    h2: (...parts) => toScalar([challenge, ...parts]),
    h3: nonceHash(group, memory, encoder.encode(`${context}nonce`)),
    h4: (...parts) => digest([message, ...parts]),
    h5: (...parts) => digest([commitments, ...parts]),
  }
}

/** H3. Its scratch is a slot of the suite's memory, held for the suite's life and zeroed after each use. */
function nonceHash(group: Group, memory: Memory, label: Uint8Array): Suite['h3'] {
  const scratch = memory.take(64 + label.length + 2 * SCALAR_BYTES).borrow((bytes) => bytes)
  const wide = scratch.subarray(0, 64)
  const input = scratch.subarray(64)
  return (out, random, secret) => {
    if (random.length !== SCALAR_BYTES || secret.length !== SCALAR_BYTES) throw new RangeError('a nonce is hashed from 32 random and 32 secret bytes')
    input.set(label)
    input.set(random, label.length)
    input.set(secret, label.length + SCALAR_BYTES)
    group.sha512(wide, input)
    const scalar = group.scalarReduce(out, wide)
    scratch.fill(0)
    return scalar
  }
}
