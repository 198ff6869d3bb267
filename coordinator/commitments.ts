import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Commitment } from '@symbolon/protocol/sign.ts'

/**
 * One signer's commitments, held ahead so that a signature is one round trip. They belong to one boot of the signer: its nonces
 * live in memory only, so commitments of another boot are dead. Losing them costs a round trip, nothing else.
 */
export interface Stock {
  readonly size: number
  /** The oldest, removed: the signer forgets its oldest first. */
  take(): Held | undefined
  /** Ignored if `boot` is not the current one, or the stock is full. */
  add(boot: Base64url, commitments: readonly Commitment[]): void
  /**
   * A commitment that was never sent to its signer, or that it says it did not spend. It may stand in a second list: only its own
   * signer's use of it counts, and that signer lets it be used once.
   */
  giveBack(held: Held): void
  /** From here on only commitments of this boot count. */
  begin(boot: Base64url): void
  drop(): void
}

export interface Held {
  readonly boot: Base64url
  readonly commitment: Commitment
}

/** @param most what the signer keeps for us: beyond it, it forgets the oldest */
export function openStock(most: number): Stock {
  let current: Base64url | undefined
  let held: Held[] = []
  let first = 0

  // Taking from the front of an array copies it; the taken part is cut off now and then instead.
  const compact = () => {
    if (first < 256) return
    held = held.slice(first)
    first = 0
  }
  const clear = () => {
    held = []
    first = 0
  }
  const size = () => held.length - first
  return {
    get size() {
      return size()
    },
    take() {
      const next = held[first]
      if (next === undefined) return undefined
      first += 1
      compact()
      return next
    },
    add(boot, commitments) {
      if (boot !== current) return
      for (const commitment of commitments.slice(0, Math.max(0, most - size()))) held.push({ boot, commitment })
    },
    giveBack(back) {
      if (back.boot !== current || size() >= most) return
      if (first === 0) held.unshift(back)
      else held[--first] = back
    },
    begin(boot) {
      if (boot === current) return
      current = boot
      clear()
    },
    drop: clear,
  }
}
