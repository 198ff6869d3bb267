import { createHash } from 'node:crypto'
import { lengthPrefixed, utf8 } from '@symbolon/protocol/bytes.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { VerifiesAssertion } from './assertion.ts'

/**
 * Remembers which signatures verified, by a hash of all that the answer depends on: so it can only ever say what would be found again. Of a
 * signature, never of a decision; of a yes only, so that nobody pushes these out with nonsense. The least recently used goes first.
 */
export function remembering(verifies: VerifiesAssertion, most: number): VerifiesAssertion {
  const known = new Set<string>()
  return (key, bytes, signature) => {
    const hash = createHash('sha256')
    for (const part of [utf8(thumbprint(key)), bytes, signature]) hash.update(lengthPrefixed(part))
    const id = hash.digest('base64')
    if (!known.delete(id) && !verifies(key, bytes, signature)) return false
    known.add(id)
    for (const oldest of known) {
      if (known.size <= most) break
      known.delete(oldest)
    }
    return true
  }
}
