import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { AdoptReply, Book as BookPart } from '@symbolon/protocol/book.ts'

/* What this signer holds of who exists, beyond version 1. */

/** What heads carry of a book: equal books have equal summaries. */
export interface BookSummary {
  readonly roster: { readonly version: number; readonly digest: Base64url }
  /** Over all certified entries, and over all stops. */
  readonly entries: Base64url
  readonly stops: Base64url
}

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
export type Adopt = (part: BookPart) => Promise<AdoptReply>
