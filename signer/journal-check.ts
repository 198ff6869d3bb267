import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { SafeError } from '@symbolon/runtime/log.ts'
import { entryHash, firstHash, verdicts, type JournalEntry, type Verdict } from './chain.ts'
import type { OpenFile } from './journal-file.ts'

/* What a journal must be when it is opened: every entry in its place, up to the last one that was written. */

/** Where it ends. */
export interface State {
  readonly seq: number
  readonly hash: Uint8Array
  readonly clock: number
}
export interface Verified extends State {
  readonly kept: Uint8Array | undefined
}

const damaged = (what: string) => new SafeError('journal_damaged', `the journal is damaged: ${what}. Put back a good copy, not older than the last time this signer ran.`)

export function readState(db: DatabaseSync): State {
  const { clock, seq, head } = db.prepare('SELECT clock, seq, head FROM state').get() ?? {}
  if (typeof clock !== 'number' || typeof seq !== 'number' || !(head instanceof Uint8Array)) throw damaged('it has no state')
  return { clock, seq, hash: head }
}

/** Walks the whole chain: a dropped, moved or edited entry does not fit its neighbours, a cut tail does not fit the state. */
export function verified({ db, owner }: OpenFile): Verified {
  const state = readState(db)
  let kept: Uint8Array | undefined
  let [seq, hash]: [number, Uint8Array] = [0, firstHash(owner)]
  for (const row of db.prepare('SELECT seq, time, verdict, request, intent, bytes, hash FROM entry ORDER BY seq').iterate()) {
    const entry = entryOf(row)
    if (entry?.seq !== seq + 1) throw damaged(`entry ${seq + 1} is missing or unreadable`)
    hash = entryHash(hash, entry)
    if (!equal(row['hash'], hash)) throw damaged(`entry ${entry.seq} is not what was written`)
    seq = entry.seq
    if (entry.verdict === 'kept') kept = entry.request
  }
  if (seq !== state.seq || Buffer.compare(hash, state.hash) !== 0) throw damaged(`it ends at entry ${seq}, but was written up to ${state.seq}`)
  return { ...state, kept }
}

function entryOf({ seq, time, verdict, request, intent, bytes }: Record<string, SQLOutputValue>): JournalEntry | undefined {
  const isHash = (value: SQLOutputValue | undefined): value is Uint8Array<ArrayBuffer> => value instanceof Uint8Array && value.length === 32
  if (typeof seq !== 'number' || typeof time !== 'number' || !isVerdict(verdict) || !isHash(request)) return undefined
  if (intent !== null && !isHash(intent)) return undefined
  if (bytes !== null && !isHash(bytes)) return undefined
  return { seq, time, verdict, request, intent: intent ?? undefined, bytes: bytes ?? undefined }
}

const isVerdict = (value: SQLOutputValue | undefined): value is Verdict => verdicts.some((verdict) => verdict === value)

const equal = (found: SQLOutputValue | undefined, bytes: Uint8Array): boolean => found instanceof Uint8Array && Buffer.compare(found, bytes) === 0
