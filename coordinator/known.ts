import type { Ed25519Jwk } from '@symbolon/protocol/ed25519.ts'
import { pathDigest } from '@symbolon/protocol/label.ts'
import type { Known } from '@symbolon/protocol/open.ts'
import { openRecord, type OpenedRecord, type SignedRecord } from '@symbolon/protocol/record.ts'
import { askAll } from '@symbolon/runtime/fanout.ts'
import type { Recorder } from './recorder.ts'
import type { Recording } from './receipts.ts'

export interface Knowing extends Recording {
  readonly lineage: string
  /** Of every epoch of the `record` group that the roster names. */
  readonly keys: readonly Ed25519Jwk[]
  /** Told of two finished records of one secret with one number: more signers than may be are corrupt. */
  duplicate(path: string, seq: number): void
}

/** Unless all answer sooner. */
const graceMs = 200

interface Candidate extends OpenedRecord {
  readonly signed: SignedRecord
}

/**
 * The newest record of each path that signers know. What t of them have receipted, one of any n−t+1 knows, so with fewer answers there is none.
 * The signature is checked here already, for else one signer's lie could hide what the others know.
 *
 * @returns undefined if too few signers answer
 */
export async function newestKnown(knowing: Knowing, paths: readonly string[]): Promise<Known | undefined> {
  const { recorders, threshold, deadlineMs } = knowing
  const needed = Math.max(threshold, recorders.length - threshold + 1)
  const asked = await askAll<Recorder, readonly (SignedRecord | null)[] | undefined>({
    peers: recorders,
    ask: (recorder) => recorder.known(paths),
    judge: ({ answers, overdue }) => ({ verdict: overdue && answers.filter(({ answer }) => answer !== undefined).length >= needed ? 'enough' : 'wait' }),
    hedgeAfterMs: graceMs,
    deadlineMs,
  })
  const lists = asked.answers.flatMap(({ answer }) => (answer === undefined ? [] : [answer]))
  if (lists.length < needed) return undefined
  return { v: 1, records: paths.map((path, at) => newest(knowing, path, lists.flatMap((list) => list[at] ?? []))) }
}

function newest(knowing: Knowing, path: string, given: readonly SignedRecord[]): SignedRecord | null {
  // Most often all give the same one: it is verified once.
  const distinct = [...new Map(given.map((signed) => [`${signed.record}.${signed.signature}`, signed])).values()]
  const candidates = distinct.flatMap((signed): Candidate[] => {
    const opened = opensWith(knowing, signed)
    return opened === undefined || pathDigest(opened.record.path) !== path ? [] : [{ ...opened, signed }]
  })
  const best = candidates.reduce<Candidate | undefined>((most, one) => (most === undefined || one.record.seq > most.record.seq ? one : most), undefined)
  if (best === undefined) return null
  if (candidates.some(({ record, digest }) => record.seq === best.record.seq && digest !== best.digest)) knowing.duplicate(best.record.path, best.record.seq)
  return best.signed
}

function opensWith({ keys, lineage }: Knowing, signed: SignedRecord): OpenedRecord | undefined {
  for (const key of keys) {
    const opened = openRecord(signed, { key, lineage })
    if (opened !== undefined) return opened
  }
  return undefined
}
