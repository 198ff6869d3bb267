import { bytesOf, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { AdoptReply, Book as BookPart, Slot } from '@symbolon/protocol/book.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { bundleOf, type Bundle } from '@symbolon/policy/bundle.ts'
import type { StopFact } from '@symbolon/policy/judgement.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import { openBook as openState, stopId, type BookState, type BookSummary, type Taken } from '@symbolon/roster/book.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { openActs, slotKey, untilOf, type JudgedStop } from './acts.ts'
import type { Brought } from './audit.ts'
import { openBookFile, type BookFile, type BookFileOptions } from './book-file.ts'

export type { BookSummary } from '@symbolon/roster/book.ts'
export type { JudgedStop } from './acts.ts'

/* What this signer holds of who exists, beyond version 1. */

/** What the rest of the signer reads of the book. */
export interface Book {
  summary(): BookSummary
  /** What another may lack that stands at `version`: later versions, and every entry and stop. */
  after(version: number): BookPart
  /** True while the file cannot be written. */
  failing(): boolean
}

/**
 * Takes in what others hand on, from a coordinator or a peer alike: what is certified is adopted, whatever the clock says; what stops
 * somebody is judged here. When it returns, whatever was adopted is durable, and in force for the next batch.
 */
export type Adopt = (part: BookPart, by: Brought) => Promise<AdoptReply>

/** The whole of it, for those who change it: accept and adopt. Whatever returns well is on the disk, in book and journal. */
export interface KeptBook extends Book {
  state(): BookState
  /** What the judges are to stop. */
  stops(): Stops
  /** What is accepted here beyond the version held, without a certificate yet. */
  acceptedBeyond(): readonly { readonly version: number; readonly digest: Base64url }[]
  /** Gives this signer's word for a slot, for good: the same again, another never. */
  accept(slot: Slot, subject: Base64url, clock: number): 'accepted' | 'conflict' | 'ill'
  /** Keeps what `state().take` took. False: it could not be written, and nothing is held that was not. */
  take(taken: Taken, clock: number): boolean
  /** Keeps stops that were judged. */
  stop(judged: readonly JudgedStop[], clock: number): boolean
  /** The policy bundle that a version names, if it is here. */
  bundleFor(state: BookState): Bundle | undefined
  close(): void
}

export interface BookOptions extends Omit<BookFileOptions, 'lineage'> {
  /** Version 1, proven, and its bundle. */
  readonly first: Roster
  readonly bundle: Bundle
  /** NumericDate, of the journal's clock: what stopped until before it is forgotten. */
  readonly clock: number
}

/** Opens the book, and judges all of it again: each certificate by the version before it. Throws a SafeError that says what to do. */
export function openBook(options: BookOptions): KeptBook {
  const first = openState(options.first)
  const file = openBookFile({ ...options, lineage: bytesOf(first.lineage) })
  try {
    return new SignerBook(file, options, openActs(file.past, first))
  } catch (error) {
    file.close()
    throw error
  }
}

class SignerBook implements KeptBook {
  readonly #file: BookFile
  readonly #bundle: Bundle
  readonly #accepts: Map<string, { slot: Slot; subject: Base64url }>
  readonly #facts: Map<Base64url, StopFact>
  #state: BookState
  #stops: Stops = { revoked: [], locked: [] }

  constructor(file: BookFile, { bundle, clock }: BookOptions, past: ReturnType<typeof openActs>) {
    this.#file = file
    this.#bundle = bundle
    this.#accepts = past.accepts
    this.#facts = past.facts
    this.#state = past.state
    this.#prune(clock)
  }

  state(): BookState {
    return this.#state
  }

  stops(): Stops {
    return this.#stops
  }

  summary(): BookSummary {
    return this.#state.summary()
  }

  after(version: number): BookPart {
    return this.#state.after(version)
  }

  failing(): boolean {
    return this.#file.failing()
  }

  acceptedBeyond(): readonly { readonly version: number; readonly digest: Base64url }[] {
    return [...this.#accepts.values()].flatMap(({ slot, subject }) => (slot.of === 'roster' && slot.version > this.#state.version() ? [{ version: slot.version, digest: subject }] : []))
  }

  accept(slot: Slot, subject: Base64url, clock: number): 'accepted' | 'conflict' | 'ill' {
    const own = this.#accepts.get(slotKey(slot))
    if (own !== undefined) return own.subject === subject ? 'accepted' : 'conflict'
    if (!this.#file.write('accepted', canonical({ slot, subject }), clock)) return 'ill'
    this.#accepts.set(slotKey(slot), { slot, subject })
    return 'accepted'
  }

  take({ state, taken: { versions, entries } }: Taken, clock: number): boolean {
    if (versions.length === 0 && entries.length === 0) return true
    const body = { versions: versions.map(({ change, certificate }) => ({ change, certificate })), entries }
    if (!this.#file.write('taken', canonical(body), clock)) return false
    this.#state = state
    this.#prune(clock)
    return true
  }

  stop(judged: readonly JudgedStop[], clock: number): boolean {
    if (judged.length === 0) return true
    if (!this.#file.write('stopped', canonical({ stops: judged }), clock)) return false
    this.#state = this.#state.withStops(judged.map(({ stop, fact }) => ({ stop, until: untilOf(fact) })))
    for (const { stop, fact } of judged) this.#facts.set(stopId(stop), fact)
    this.#prune(clock)
    return true
  }

  bundleFor({ document, versions }: BookState): Bundle | undefined {
    if (document.policy === this.#bundle.digest) return this.#bundle
    for (const { change: { bundle } } of versions.toReversed()) {
      const opened = bundle === undefined ? undefined : bundleOf(document, { wasm: bytesOf(bundle.wasm), data: bytesOf(bundle.data) })
      if (opened?.ok === true) return opened.bundle
    }
    return undefined
  }

  close(): void {
    this.#file.close()
  }

  /** Forgets in memory what stops nothing any more; the file keeps it. */
  #prune(clock: number): void {
    for (const [id, fact] of this.#facts) if (untilOf(fact) <= clock) this.#facts.delete(id)
    this.#state = this.#state.pruned(clock)
    const facts = [...this.#facts.values()]
    this.#stops = {
      revoked: facts.flatMap((fact) => (fact.kind === 'revoked' ? [fact.revoked] : [])),
      locked: facts.flatMap((fact) => (fact.kind === 'locked' ? [fact.locked] : [])),
    }
  }
}
