import type { Element, Group, Scalar } from './group.ts'
import type { Memory } from './secret.ts'

/**
 * A ciphersuite of RFC 9591, section 6: a group, its five hashes, where its secrets lie, and a verifier that owes nothing to
 * the code that signs.
 */
export interface Suite {
  /** The RFC's context string, e.g. `FROST-ED25519-SHA512-v1`. */
  readonly context: string
  readonly group: Group
  readonly memory: Memory
  /** Binding factors. */
  h1(input: Uint8Array): Scalar
  /** The challenge. */
  h2(input: Uint8Array): Scalar
  /** Nonces: `H3(random ‖ secret)` into `out`; `random` may be `out`. Nothing secret touches unlocked memory. */
  h3(out: Uint8Array, random: Uint8Array, secret: Uint8Array): Scalar
  /** Digest of the message, 64 bytes. */
  h4(input: Uint8Array): Uint8Array
  /** Digest of the commitment list, 64 bytes. */
  h5(input: Uint8Array): Uint8Array
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

/** The five hashes over SHA-512 (RFC 9591, sections 6.1 and 6.2). Ed25519 leaves the challenge without a prefix, as RFC 8032 needs. */
export function sha512Suite(options: { context: string; challenge: string; group: Group; memory: Memory; verify: Verify }): Suite {
  const { context, group, memory, verify } = options
  const prefix = (label: string) => encoder.encode(label)
  const [rho, challenge, nonce, message, commitments] = [prefix(`${context}rho`), prefix(options.challenge), prefix(`${context}nonce`), prefix(`${context}msg`), prefix(`${context}com`)]
  const digest = (input: Uint8Array) => {
    const out = new Uint8Array(64)
    group.sha512(out, input)
    return out
  }
  const toScalar = (input: Uint8Array) => group.scalarReduce(new Uint8Array(32), digest(input))
  return {
    context,
    group,
    memory,
    verify,
    h1: (input) => toScalar(concat(rho, input)),
    h2: (input) => toScalar(challenge.length === 0 ? input : concat(challenge, input)),
    h3(out, random, secret) {
      using scratch = memory.take(64 + nonce.length + random.length + secret.length)
      return scratch.borrow((bytes) => {
        const wide = bytes.subarray(0, 64)
        const input = bytes.subarray(64)
        input.set(nonce)
        input.set(random, nonce.length)
        input.set(secret, nonce.length + random.length)
        group.sha512(wide, input)
        return group.scalarReduce(out, wide)
      })
    },
    h4: (input) => digest(concat(message, input)),
    h5: (input) => digest(concat(commitments, input)),
  }
}
