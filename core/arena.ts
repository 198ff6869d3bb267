import sodium from 'sodium-native'
import { type Memory, Secret } from './secret.ts'

export class ArenaError extends Error {
  override readonly name = 'ArenaError'
  readonly code: 'memory_not_locked' | 'arena_full' | 'arena_size'
  constructor(code: ArenaError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** Secrets start on cache lines of their own, and a Float64Array over one is aligned. */
const GRAIN = 64

/** Locked memory that several secrets share. */
export interface Arena extends Memory {
  readonly locked: true
  readonly bytes: number
  /** Bytes not taken now, in whole grains of 64. */
  readonly free: number
}

/**
 * One block of guarded, locked memory for all secrets of a process. libsodium's own allocator would spend a locked page and
 * two guard pages on every 64-byte nonce, and thousands of those exhaust the kernel's table of mappings.
 *
 * Throws `memory_not_locked` if the kernel does not lock it: libsodium's allocator would carry on silently, so it is asked
 * a second time, explicitly. `LimitMEMLOCK` or `ulimit -l` must cover `bytes`.
 *
 * @param bytes a positive multiple of 4096
 */
export function openArena(bytes = 512 * 1024): Arena {
  if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes % 4096 !== 0) throw new ArenaError('arena_size', 'an arena is a positive multiple of 4096 bytes')
  const block = sodium.sodium_malloc(bytes)
  lock(block)
  sodium.sodium_memzero(block)
  const returned = new Map<number, number[]>()
  let fresh = 0
  let free = bytes

  const place = (size: number): number => {
    const reused = returned.get(size)?.pop()
    if (reused !== undefined) return reused
    if (fresh + size > bytes) throw new ArenaError('arena_full', `no ${size} bytes of locked memory left of ${bytes}`)
    fresh += size
    return fresh - size
  }

  return {
    locked: true,
    bytes,
    get free() {
      return free
    },
    take(length) {
      const size = Math.ceil(length / GRAIN) * GRAIN
      const offset = place(size)
      free -= size
      return new Secret(block.subarray(offset, offset + length), (view) => {
        sodium.sodium_memzero(view)
        const list = returned.get(size)
        if (list === undefined) returned.set(size, [offset])
        else list.push(offset)
        free += size
      })
    },
  }
}

function lock(block: Uint8Array): void {
  try {
    sodium.sodium_mlock(block)
  } catch (cause) {
    throw new ArenaError('memory_not_locked', `the kernel does not lock ${block.length} bytes; raise RLIMIT_MEMLOCK (ulimit -l)`, cause)
  }
}
