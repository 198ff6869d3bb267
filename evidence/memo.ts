import { sha256, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'

/** A bounded memory of findings. The least recently used goes first. */
export interface Memo<T> {
  get(id: string): T | undefined
  keep(id: string, found: T): void
}

export function openMemo<T>(most: number): Memo<T> {
  const kept = new Map<string, T>()
  const keep = (id: string, found: T) => {
    kept.delete(id)
    kept.set(id, found)
    for (const oldest of kept.keys()) {
      if (kept.size <= most) break
      kept.delete(oldest)
    }
  }
  return {
    get(id) {
      const found = kept.get(id)
      if (found !== undefined) keep(id, found)
      return found
    },
    keep,
  }
}

/** One id for these texts in this order; JSON keeps them apart. */
export const idOf = (texts: readonly string[]): Base64url => toBase64url(sha256(utf8(JSON.stringify(texts))))
