import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { limits } from '@symbolon/protocol/limits.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import { entryHash, type JournalEntry } from './chain.ts'
import { readState, verified, type State, type Verified } from './journal-check.ts'
import { openJournalFile } from './journal-file.ts'
import { openRecords, type Finished, type Next, type Records, type RecordTables } from './records.ts'
import { sqliteCode } from './sqlite.ts'

/** One judgement that wants to be recorded. Hashes are 32 bytes, times NumericDates. */
export type Wish =
  | {
      readonly verdict: 'granted'
      readonly request: Uint8Array
      readonly intent: Uint8Array
      readonly bytes: Uint8Array
      /** Hash of the evidence that established it. */
      readonly evidence: Uint8Array
      /** Each is spent on the intent, or, where it names one, on its owner: the same under many intents. */
      readonly singleUse: readonly { readonly id: Uint8Array; readonly until: number; readonly owner?: Uint8Array }[]
      /** The intent's `exp`. */
      readonly exp: number
      /** Where it is about secrets: finished records that came along and may be news, and the one that is to be signed. */
      readonly shown?: readonly Finished[]
      readonly next?: Next
    }
  | { readonly verdict: 'refused'; readonly request: Uint8Array; readonly intent: Uint8Array | undefined }
  /** The book's head after it took something in, so that a shorter book is noticed. */
  | { readonly verdict: 'kept'; readonly request: Uint8Array }
  /** A finished record, to be remembered. */
  | { readonly verdict: 'receipted'; readonly finished: Finished }

/** What was recorded: the judgement, or that an earlier yes, or what is known of the secret, stands against it. Receipts that are stale leave no entry. */
export type Recorded = 'granted' | 'refused' | 'kept' | 'receipted' | 'bound_otherwise' | 'evidence_spent' | 'record_stale' | 'sequence_taken'

export interface Head {
  readonly seq: number
  readonly hash: Uint8Array
}

/**
 * The signer's memory of what it has judged, in one SQLite file: a hash chain of every decision, and what each yes binds it to.
 * Nothing that `record` did not return from may leave the signer.
 */
export interface Journal {
  /** Never goes back, over restarts too: what was forgotten as expired stays expired. Undefined: `now` lies too far back to trust. */
  clock(now: number): number | undefined
  /** One transaction for all. Outcomes in order, durable; undefined: nothing was recorded, and the file has a problem. */
  record(wishes: readonly Wish[], clock: number): readonly Recorded[] | undefined
  /** What is known of secrets. */
  readonly records: Records
  head(): Head
  /** Whether this entry stands in it; what stood before the first one always does. */
  holds(entry: Head): boolean
  /** The book's head as it was last written here; undefined: no book was ever. */
  kept(): Uint8Array | undefined
  /** True from a failed transaction to the next good one. */
  failing(): boolean
  close(): void
}

export interface JournalOptions {
  /** The signer's state folder. */
  readonly folder: string
  readonly signer: number
  /** 32 bytes. */
  readonly lineage: Uint8Array
  /** Told of every failed transaction. */
  onFailure(error: unknown): void
  /** Told when it is shown a finished record, and knows another one under the same sequence number. */
  onForked(shown: Finished): void
}

/** Expired bindings forgotten in one transaction, at most: more than it can add, so that the rest shrinks without a long pause. */
const forgottenAtOnce = 4 * limits.batchItems

/** Opens or makes the journal and verifies its chain from the first entry. Throws a SafeError that says what is wrong. */
export function openJournal(options: JournalOptions): Journal {
  const opened = openJournalFile(options.folder, options)
  const state = verified(opened)
  return new SqliteJournal(opened.db, state, options)
}

class SqliteJournal implements Journal {
  readonly #db: DatabaseSync
  readonly #sql: ReturnType<typeof statements>
  readonly #records: RecordTables
  readonly #told: Pick<JournalOptions, 'onFailure' | 'onForked'>
  /** As of the last transaction that is known to have been committed; undefined after a failure, until it is read again. */
  #state: State | undefined
  #clock: number
  #head: Head
  #kept: Uint8Array | undefined
  /** All that had expired by then is forgotten. Clocks count seconds, so most transactions find nothing new to look for. */
  #forgotten = 0

  constructor(db: DatabaseSync, state: Verified, told: Pick<JournalOptions, 'onFailure' | 'onForked'>) {
    this.#db = db
    this.#sql = statements(db)
    this.#state = state
    this.#clock = state.clock
    this.#head = state
    this.#kept = state.kept
    this.#records = openRecords(db)
    this.#told = told
  }

  clock(now: number): number | undefined {
    return now < this.#clock - limits.clockSkew ? undefined : Math.max(now, this.#clock)
  }

  record(wishes: readonly Wish[], clock: number): readonly Recorded[] | undefined {
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      // After a failure only the file knows whether the last commit happened.
      let state: State = this.#state ?? readState(this.#db)
      const outcomes = wishes.map((wish) => {
        const outcome = this.#bind(wish)
        state = this.#append(wish, outcome, { ...state, clock: Math.max(state.clock, clock) })
        return outcome
      })
      const isForgotten = state.clock > this.#forgotten && this.#forget(state.clock)
      this.#sql.setState.run(state.clock, state.seq, state.hash)
      this.#db.exec('COMMIT')
      if (isForgotten) this.#forgotten = state.clock
      this.#state = state
      this.#head = state
      this.#clock = state.clock
      this.#kept = wishes.findLast((wish) => wish.verdict === 'kept')?.request ?? this.#kept
      return outcomes
    } catch (error) {
      this.#abandon(error)
      return undefined
    }
  }

  get records(): Records {
    return this.#records
  }

  head(): Head {
    return { seq: this.#head.seq, hash: this.#head.hash }
  }

  holds({ seq, hash }: Head): boolean {
    return seq === 0 || equal(this.#sql.entry.get(seq)?.['hash'], hash)
  }

  kept(): Uint8Array | undefined {
    return this.#kept
  }

  failing(): boolean {
    return this.#state === undefined
  }

  close(): void {
    this.#db.close()
  }

  /** The same pair may be granted again, to another attempt; another never. */
  #bind(wish: Wish): Recorded {
    if (wish.verdict === 'receipted') return this.#isNewest(wish.finished) ? 'receipted' : 'record_stale'
    if (wish.verdict !== 'granted') return wish.verdict
    // What the quorum signed is true, whatever becomes of the request that brought it.
    const current = (wish.shown ?? []).map((each) => this.#isNewest(each))
    const bound = this.#sql.binding.get(wish.intent)
    if (bound !== undefined && !(equal(bound['bytes'], wish.bytes) && equal(bound['evidence'], wish.evidence))) return 'bound_otherwise'
    const spent = wish.singleUse.map(({ id }) => this.#sql.spent.get(id))
    if (wish.singleUse.some(({ owner = wish.intent }, at) => spent[at] !== undefined && !equal(spent[at]['intent'], owner))) return 'evidence_spent'
    if (current.includes(false)) return 'record_stale'
    const stale = wish.next === undefined ? undefined : this.#records.promise(wish.next)
    if (stale !== undefined) return stale

    const keep = wish.exp + limits.clockSkew
    if (bound === undefined) this.#sql.bind.run(wish.intent, wish.bytes, wish.evidence, keep)
    wish.singleUse.forEach(({ id, until, owner = wish.intent }, at) => {
      if (spent[at] === undefined) this.#sql.spend.run(id, owner, Math.max(keep, until + limits.clockSkew))
    })
    return 'granted'
  }

  #isNewest(finished: Finished): boolean {
    const taken = this.#records.take(finished)
    if (taken === 'forked') this.#told.onForked(finished)
    return taken === 'taken' || taken === 'same'
  }

  #append(wish: Wish, outcome: Recorded, { seq, hash, clock }: State): State {
    if (wish.verdict === 'receipted' && outcome !== 'receipted') return { seq, hash, clock }
    const entry: JournalEntry = { seq: seq + 1, time: clock, ...contentOf(wish, outcome) }
    const next = entryHash(hash, entry)
    this.#sql.append.run(entry.seq, entry.time, entry.verdict, entry.request, entry.intent ?? null, entry.bytes ?? null, next)
    return { seq: entry.seq, hash: next, clock }
  }

  /** @returns whether nothing is left that has expired */
  #forget(clock: number): boolean {
    const gone = [this.#sql.forgetBindings, this.#sql.forgetSpent].map((statement) => Number(statement.run(clock, forgottenAtOnce).changes))
    return gone.every((count) => count < forgottenAtOnce)
  }

  #abandon(error: unknown): void {
    this.#state = undefined
    this.#told.onFailure(error)
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    } catch (second) {
      // The next BEGIN fails then, and with it every item: ill, as it should be.
      this.#told.onFailure(second)
    }
    // Not the disk's fault: a bug, which must not pass for a full disk.
    if (sqliteCode(error) === undefined && !(error instanceof SafeError)) throw error
  }
}

function contentOf(wish: Wish, outcome: Recorded): Pick<JournalEntry, 'verdict' | 'request' | 'intent' | 'bytes'> {
  switch (wish.verdict) {
    case 'kept':
      return { verdict: 'kept', request: wish.request, intent: undefined, bytes: undefined }
    case 'receipted':
      return { verdict: 'receipted', request: wish.finished.path, intent: undefined, bytes: wish.finished.digest }
    case 'refused':
      return { verdict: 'refused', request: wish.request, intent: wish.intent, bytes: undefined }
    case 'granted':
      return outcome === 'granted' ? { verdict: 'granted', request: wish.request, intent: wish.intent, bytes: wish.bytes } : { verdict: 'refused', request: wish.request, intent: wish.intent, bytes: undefined }
  }
}

const equal = (found: SQLOutputValue | undefined, bytes: Uint8Array): boolean => found instanceof Uint8Array && Buffer.compare(found, bytes) === 0

function statements(db: DatabaseSync): Record<'entry' | 'binding' | 'spent' | 'bind' | 'spend' | 'append' | 'forgetBindings' | 'forgetSpent' | 'setState', StatementSync> {
  return {
    entry: db.prepare('SELECT hash FROM entry WHERE seq = ?'),
    binding: db.prepare('SELECT bytes, evidence FROM binding WHERE intent = ?'),
    spent: db.prepare('SELECT intent FROM spent WHERE id = ?'),
    bind: db.prepare('INSERT INTO binding VALUES (?, ?, ?, ?)'),
    spend: db.prepare('INSERT INTO spent VALUES (?, ?, ?)'),
    append: db.prepare('INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)'),
    forgetBindings: db.prepare('DELETE FROM binding WHERE intent IN (SELECT intent FROM binding WHERE keep < ? ORDER BY keep LIMIT ?)'),
    forgetSpent: db.prepare('DELETE FROM spent WHERE id IN (SELECT id FROM spent WHERE keep < ? ORDER BY keep LIMIT ?)'),
    setState: db.prepare('UPDATE state SET clock = ?, seq = ?, head = ?'),
  }
}
