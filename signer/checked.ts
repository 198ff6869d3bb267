import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { CheckedCiphertext } from '@symbolon/core/tdh2.ts'

/**
 * Ciphertexts whose proof has held, by the digest of the whole head: what is checked is a fact about those bytes, and checking costs more than
 * anything else in an opening. It says nothing of who may open them.
 */
export interface Checked {
  /** @param check undefined for what does not hold, which is not remembered */
  of(digest: Base64url, check: () => CheckedCiphertext | undefined): CheckedCiphertext | undefined
}

/** About a kilobyte each. */
const remembered = 8_192

/** Forgets what was longest not asked for. */
export function openChecked(capacity = remembered): Checked {
  const held = new Map<Base64url, CheckedCiphertext>()
  return {
    of(digest, check) {
      const found = held.get(digest) ?? check()
      if (found === undefined) return undefined
      held.delete(digest)
      held.set(digest, found)
      const oldest = held.size > capacity ? held.keys().next().value : undefined
      if (oldest !== undefined) held.delete(oldest)
      return found
    },
  }
}
