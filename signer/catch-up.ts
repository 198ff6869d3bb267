import { book as bookSchema, bookLimit, type AdoptReply, type Book as BookPart, type Head } from '@symbolon/protocol/book.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import type { Audit } from './audit.ts'
import type { Adopt, Book, BookSummary } from './book.ts'
import { atMost, type Moment } from './peers.ts'

/* A peer stands elsewhere: it is asked for its book, and what that proves is adopted. A peer that only claims is left standing. */

export interface CatchUpParts {
  readonly book: Pick<Book, 'summary'>
  readonly adopt: Adopt
  readonly audit: Pick<Audit, 'alarm'>
  ask(peer: number, path: string, body: Uint8Array, options: { readonly maxBytes: number; readonly timeoutMs: number }): Promise<ChannelAnswer>
  now(): Moment
}

/** Milliseconds: a book that told nothing new is not fetched again before, while neither side has changed. */
const again = 60_000
const timeoutMs = 10_000
/** Of a book that told nothing, for each millisecond in which its peer is left alone: whoever sends us mountains for nothing does not keep us reading. */
const bytesPerMs = 500

type Stand = Pick<Head['statement'], keyof BookSummary>

/** @returns `heard`, or why the peer must not count as heard */
export function openCatchUp({ book, adopt, audit, ask, now }: CatchUpParts): (peer: number, head: Head) => Promise<string> {
  /** By peer: how both stood when its book told nothing more, and what it counted as. */
  const settled = new Map<number, { readonly stand: string; readonly at: Moment; readonly outcome: string }>()
  const resting = new Map<number, { readonly at: Moment; readonly ms: number }>()
  // Taken in one after another; fetched at once, so that one who lets us wait keeps nobody else from being heard.
  let turn: Promise<unknown> = Promise.resolve()
  const take = (peer: number, part: BookPart): Promise<AdoptReply> => {
    const mine = turn.then(() => adopt(part, { by: `symbolon:signer/${peer}` }))
    turn = mine.catch(() => undefined)
    return mine
  }

  const fetch = async (peer: number): Promise<string> => {
    const answer = await ask(peer, '/v1/book', canonical({ v: 1, after: book.summary().roster.version }), { maxBytes: bookLimit, timeoutMs })
    if (!answer.ok || answer.status !== 200) return `book_${answer.ok ? answer.status : answer.reason}`
    const before = book.summary()
    resting.set(peer, { at: now(), ms: answer.body.length / bytesPerMs })
    const part = decodeAs(bookSchema, answer.body, bookLimit)
    if (!part.ok) return 'book_malformed'
    const reply = await take(peer, part.value)
    if (!knows(before, book.summary())) resting.delete(peer)
    return reply.result === 'not_now' ? `book_${reply.code}` : 'heard'
  }
  return async (peer, { statement }) => {
    const { roster, entries, stops } = statement
    const shown: Stand = { roster, entries, stops }
    if (knows(book.summary(), shown)) return 'heard'
    const known = settled.get(peer)
    if (known !== undefined && known.stand === standOf(book.summary(), shown) && atMost(known.at, now()) < again) return known.outcome
    const rest = resting.get(peer)
    // Unheard meanwhile: it may know something, under the mountain.
    if (rest !== undefined && atMost(rest.at, now()) < rest.ms) return 'book_waits'
    const fetched = await fetch(peer)
    if (fetched !== 'heard') return fetched
    const mine = book.summary()
    const outcome = judge(mine, shown)
    if (outcome !== 'heard') audit.alarm(outcome, { peer, version: mine.roster.version, shown: shown.roster.version })
    // A fork cannot be mended here, and its other side is no less sure of itself: it has been heard.
    const counts = outcome === 'peer_unproven' ? outcome : 'heard'
    settled.set(peer, { stand: standOf(mine, shown), at: now(), outcome: counts })
    return counts
  }
}

/** Whether there can be nothing to learn: the same of all, or an older version with the same chains and stops. */
function knows(mine: BookSummary, shown: Stand): boolean {
  const roster = shown.roster.version < mine.roster.version || (shown.roster.version === mine.roster.version && shown.roster.digest === mine.roster.digest)
  return roster && shown.entries === mine.entries && shown.stops === mine.stops
}

/** After the peer has shown all that it can prove. */
function judge(mine: BookSummary, shown: Stand): 'heard' | 'peer_unproven' | 'roster_forked' {
  if (shown.roster.version > mine.roster.version) return 'peer_unproven'
  return shown.roster.version === mine.roster.version && shown.roster.digest !== mine.roster.digest ? 'roster_forked' : 'heard'
}

const standOf = (mine: BookSummary, shown: Stand): string => JSON.stringify([mine, shown])
