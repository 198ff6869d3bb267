import { z } from 'zod'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { digestText } from '@symbolon/protocol/fields.ts'
import { pathDigest } from '@symbolon/protocol/label.ts'
import type { OpenedRecord } from '@symbolon/protocol/record.ts'

/*
 * The newest record of each secret that this browser has seen, so that nobody shows it an older one as if it were the newest. Digests of
 * paths, sequence numbers, digests of records: no name and no value.
 */

export interface Seen {
  readonly seq: number
  /** Of the record. */
  readonly digest: Base64url
}

export interface Memory {
  seen(path: string): Seen | undefined
  /** Keeps it if it is newer than what is kept. */
  remember(opened: OpenedRecord): void
}

const kept = z.strictObject({ seq: z.int().min(1), digest: digestText })

/** @param storage the browser's, or a test's */
export function openMemory(lineage: Base64url, storage: Pick<Storage, 'getItem' | 'setItem'>): Memory {
  const at = (path: string): string => `symbolon-record-${lineage}-${pathDigest(path)}`
  const seen = (path: string): Seen | undefined => {
    const text = storage.getItem(at(path))
    // Written by these very pages: what is not as they write it stops them rather than forget what was seen.
    return text === null ? undefined : kept.parse(JSON.parse(text))
  }
  return {
    seen,
    remember({ record: { path, seq }, digest }) {
      const before = seen(path)
      if (before === undefined || before.seq < seq) storage.setItem(at(path), JSON.stringify({ seq, digest } satisfies Seen))
    },
  }
}
