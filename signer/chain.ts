import { sha256, tagged, taggedHash, type Digest } from '@symbolon/protocol/bytes.ts'

/* The hash chain of the journal: each entry's hash covers the one before it, so none can be dropped, moved or edited unseen. */

/**
 * `granted`: a share may have left. `refused`: a veto did. `kept`: the book took something in; `request` is its head then. `receipted`: a finished
 * record was remembered; `request` is the digest of its path, `bytes` its own.
 */
export const verdicts = ['granted', 'refused', 'kept', 'receipted'] as const
export type Verdict = (typeof verdicts)[number]

export interface JournalEntry {
  /** From 1, without gaps. */
  readonly seq: number
  /** NumericDate by the journal's clock. */
  readonly time: number
  readonly verdict: Verdict
  /** What exactly was asked. */
  readonly request: Uint8Array
  /** Absent where the intent could not be read. */
  readonly intent: Uint8Array | undefined
  /** SHA-256 of the bytes that were granted; the digest of a record that was remembered; else absent. */
  readonly bytes: Uint8Array | undefined
}

/** Whose journal it is: the hash before the first entry, so that entries of one journal fit into no other. */
export interface JournalOwner {
  readonly signer: number
  /** 32 bytes. */
  readonly lineage: Uint8Array
  /** 16 random bytes of the day it was made. */
  readonly id: Uint8Array
}

const tag = tagged('journal/v1')
const none = new Uint8Array(32)

/** Every part has a fixed length, so that no two different entries have the same bytes. In one piece: at each start all are hashed. */
export function entryHash(previous: Uint8Array, { seq, time, verdict, request, intent, bytes }: JournalEntry): Digest {
  const all = Buffer.allocUnsafe(tag.length + 18 + 4 * 32)
  all.set(tag)
  let at = all.writeUIntBE(seq, all.writeUInt16BE(0, tag.length), 6)
  at = all.writeUIntBE(time, all.writeUInt16BE(0, at), 6)
  at = all.writeUInt8(verdicts.indexOf(verdict), at)
  at = all.writeUInt8((intent === undefined ? 0 : 1) | (bytes === undefined ? 0 : 2), at)
  for (const part of [previous, request, intent ?? none, bytes ?? none]) {
    all.set(exactly(32, part), at)
    at += 32
  }
  return sha256(all)
}

export function firstHash({ signer, lineage, id }: JournalOwner): Digest {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(signer)
  return taggedHash('journal-owner/v1', number, exactly(32, lineage), exactly(16, id))
}

function exactly(length: number, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== length) throw new RangeError(`a hash of ${length} bytes`)
  return bytes
}
