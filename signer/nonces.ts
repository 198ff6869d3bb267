import { commit, type NoncePair } from '@symbolon/core/frost.ts'
import type { Member } from '@symbolon/core/keys.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { toBase64url, type Brand } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Commitment } from '@symbolon/protocol/sign.ts'

/**
 * A coordinator that this signer holds nonces for, as its channel names it: `symbolon:coordinator/1`. One coordinator can neither use
 * nor exhaust what was promised to another.
 */
export type Coordinator = Brand<string, 'Coordinator'>

/** Coordinators with nonces at once. A further one takes the place of the one that was idle longest: memory stays bounded. */
export const coordinatorsHeld = 8

/** Locked memory that the fullest pools take. */
export const nonceBytes = coordinatorsHeld * limits.commitmentsHeld * 64

/** What became of a nonce pair. `used`: it was promised by this boot and is gone. `unknown`: it never was, or too long ago to say. */
export type Spent<T> = { readonly found: true; readonly value: T } | { readonly found: false; readonly why: 'used' | 'unknown' }

/**
 * The one place that says whether a nonce may be used. Nonces live here only, in memory: they end with the process, so no crash,
 * restart or restored disk brings one back (RFC 9591, section 7.3: never twice).
 */
export interface Nonces {
  /** Makes `count` fresh pairs and promises them. Beyond the cap, the coordinator's oldest are wiped. */
  promise(to: Coordinator, count: number): Commitment[]
  /**
   * Takes the pair out of the pool, then lets `use` work with it, in one synchronous step. Whatever `use` does, returns or
   * throws, the pair is wiped and will not be found again.
   */
  spend<T>(by: Coordinator, commitment: Commitment, use: (pair: NoncePair) => T): Spent<T>
  held(of: Coordinator): number
  /** Wipes all of them, when the signer stops. */
  wipe(): void
}

interface Pool {
  /** By commitment, oldest first. */
  readonly pairs: Map<string, NoncePair>
  /** The last ones taken or wiped, for the alarm to tell a replay from a stranger. Never a reason to allow anything. */
  readonly gone: Set<string>
}

const keyOf = (commitment: Commitment): string => `${commitment.hiding}.${commitment.binding}`

/**
 * One pool for all keys that sign: a pair is random, bound to nothing but this process until it is spent, and spent once, with one key on one message.
 *
 * @param member whose share is hashed with the randomness
 */
export function openNonces(suite: Suite, member: Member): Nonces {
  // Idle longest first.
  const pools = new Map<Coordinator, Pool>()

  const poolOf = (coordinator: Coordinator): Pool => {
    const pool = pools.get(coordinator) ?? { pairs: new Map(), gone: new Set() }
    pools.delete(coordinator)
    pools.set(coordinator, pool)
    for (const [idle, oldest] of pools) {
      if (pools.size <= coordinatorsHeld) break
      wipeAll(oldest)
      pools.delete(idle)
    }
    return pool
  }

  return {
    promise(to, count) {
      const pool = poolOf(to)
      // Room first: at no moment are there more than the cap.
      drop(pool, pool.pairs.size + Math.min(count, limits.commitmentsHeld) - limits.commitmentsHeld)
      return Array.from({ length: Math.min(count, limits.commitmentsHeld) }, () => {
        const pair = commit(suite, member)
        const promised = { hiding: toBase64url(pair.commitment.hiding), binding: toBase64url(pair.commitment.binding) }
        pool.pairs.set(keyOf(promised), pair)
        return promised
      })
    },
    spend(by, commitment, use) {
      const pool = pools.get(by)
      const key = keyOf(commitment)
      const pair = pool?.pairs.get(key)
      if (pool === undefined || pair === undefined) return { found: false, why: pool?.gone.has(key) === true ? 'used' : 'unknown' }
      pool.pairs.delete(key)
      remember(pool, key)
      try {
        return { found: true, value: use(pair) }
      } finally {
        pair.secret.wipe()
      }
    },
    held: (of) => pools.get(of)?.pairs.size ?? 0,
    wipe() {
      for (const pool of pools.values()) wipeAll(pool)
      pools.clear()
    },
  }
}

function wipeAll(pool: Pool): void {
  for (const pair of pool.pairs.values()) pair.secret.wipe()
  pool.pairs.clear()
}

function drop(pool: Pool, count: number): void {
  for (const [key, pair] of pool.pairs) {
    if (count <= 0) return
    count -= 1
    pool.pairs.delete(key)
    pair.secret.wipe()
    remember(pool, key)
  }
}

function remember(pool: Pool, key: string): void {
  pool.gone.add(key)
  for (const oldest of pool.gone) {
    if (pool.gone.size <= 4 * limits.commitmentsHeld) break
    pool.gone.delete(oldest)
  }
}
