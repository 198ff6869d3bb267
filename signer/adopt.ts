import { bytesOf } from '@symbolon/protocol/bytes.ts'
import type { AdoptReply, Book as BookPart, Stop } from '@symbolon/protocol/book.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { stopId, type BookProblem } from '@symbolon/roster/book.ts'
import type { Audit, Brought } from './audit.ts'
import type { Adopt, JudgedStop, KeptBook } from './book.ts'
import { openWatch, type Counters } from './counters.ts'
import type { InForce } from './current.ts'
import { isRoomFor } from './stop-room.ts'

/* What others hand on becomes what this signer holds. Nothing is believed for who brings it. */

export interface Adopter {
  readonly book: KeptBook
  readonly inForce: InForce
  /** The journal's: never goes back. Undefined: this machine's clock cannot be trusted. */
  readonly clock: () => number | undefined
  readonly counters: Pick<Counters, 'see'>
  readonly audit: Audit
  /** Told of each step; a caller that passes one may stop the world there. */
  readonly steps?: AdoptSteps
}

/** Between which points of an adoption a machine can die. */
export interface AdoptSteps {
  adoptJudged(): Promise<void> | void
  adopted(): void
  inForce(): void
}

/** One at a time, so that each is judged by what the last one left. */
export function openAdopt(adopter: Adopter): Adopt {
  let last: Promise<unknown> = Promise.resolve()
  return (part, asked) => {
    const reply = last.then(() => adopt(adopter, part, asked))
    last = reply.catch(() => undefined)
    return reply
  }
}

type Failure = { readonly code: NotNowCode }

/**
 * Stops are judged by what is in force before the new versions, and those that make no sense there by what is in force after: whoever made
 * one may have come or gone with a version. Both are on the disk before they bite, and bite before this answers.
 */
async function adopt(adopter: Adopter, part: BookPart, asked: Brought): Promise<AdoptReply> {
  const { book, audit } = adopter
  const refused: Reason[][] = []
  const first = await stop(adopter, part.stops, asked)
  // Where nothing can be judged, the version that mends it may be among these.
  if ('code' in first && adopter.inForce.current().ready) return notNow(first.code)
  const left = 'code' in first ? part.stops : first.refused.map(({ stop: each }) => each)
  const taken = await take(adopter, part, refused)
  if (taken !== undefined) return notNow(taken.code)
  const second = await stop(adopter, left, asked)
  if ('code' in second) return notNow(second.code)
  refused.push(...second.refused.map(({ reasons }) => [...reasons]))
  const held = new Set(book.state().stops.map(({ stop: each }) => stopId(each)))
  const stops = part.stops.filter((each) => held.has(stopId(each))).length
  // Whoever brought one thing, and had it refused, learns why; of many, what is of no use is passed over.
  const useless = refused.length === part.versions.length + part.entries.length + part.stops.length
  if (useless && asked.requestId !== undefined && second.unavailable !== undefined) return notNow(second.unavailable)
  const [reason, ...more] = refused.flat()
  const reply: AdoptReply = useless && reason !== undefined ? { v: 1, result: 'refused', reasons: [reason, ...more].slice(0, 64) } : { v: 1, result: 'adopted', version: book.state().version(), stops }
  audit.adoption({ ...asked, part, reply })
  return reply
}

const notNow = (code: NotNowCode): AdoptReply => ({ v: 1, result: 'not_now', code })

/** Certified versions and entries: on the disk, then in force. Nothing of them waits for a clock. */
async function take({ book, inForce, clock, audit, steps }: Adopter, part: BookPart, refused: Reason[][]): Promise<Failure | undefined> {
  const taken = book.state().take({ ...part, stops: [] })
  for (const problem of taken.problems) {
    if (problem.code === 'forked') audit.alarm('roster_forked', { what: problem.what, where: problem.where, signers: (problem.signers ?? []).join(' ') })
    refused.push([reasonOfProblem(problem)])
  }
  if (taken.taken.versions.length === 0 && taken.taken.entries.length === 0) return undefined
  const bundle = book.bundleFor(taken.state)
  // A version without its policy would only silence this signer; with it, it comes again.
  if (bundle === undefined) return { code: 'policy_behind' }
  const prepared = await inForce.prepare(taken.state, bundle, book.stops())
  await steps?.adoptJudged()
  if (!book.take(taken, clock() ?? 0)) {
    await prepared.judges?.retire()
    return { code: 'ill' }
  }
  steps?.adopted()
  inForce.install(prepared)
  steps?.inForce()
  return undefined
}

const reasonOfProblem = ({ code, what, where }: BookProblem): Reason =>
  code === 'forked'
    ? reasonOf('change_conflict', 'Another one is certified in its place.', { rule: `book.${code}`, fact: `${what} ${where}` })
    : reasonOf('change_unsound', 'The certificate does not prove it here.', { rule: `book.${code}`, fact: `${what} ${where}` })

interface RefusedStop {
  readonly stop: Stop
  readonly reasons: readonly Reason[]
}

/** One call's worth: others have requests, too. */
const atOnce = 64

interface Ruled {
  readonly refused: readonly RefusedStop[]
  /** Why some could not be judged now. They are passed over like those that are refused: whose issuer is out of reach must not keep anything else from being heard. */
  readonly unavailable?: NotNowCode
}

/** Stops speak for themselves: each that this signer does not hold is judged by it, whenever it was made. */
async function stop({ book, inForce, clock: read, counters, audit }: Adopter, stops: readonly Stop[], asked: Brought): Promise<Ruled | Failure> {
  const unseen = book.state().take({ v: 1, versions: [], entries: [], stops: [...stops] }).stops
  if (unseen.length === 0) return { refused: [] }
  const clock = read()
  if (clock === undefined) return { code: 'not_ready' }
  const judged: JudgedStop[] = []
  const refused: RefusedStop[] = []
  let unavailable: NotNowCode | undefined
  const watch = openWatch(counters, audit)
  for (let from = 0; from < unseen.length; from += atOnce) {
    const part = unseen.slice(from, from + atOnce)
    const rulings = await inForce.current().rule({ requests: part.map(({ intent, evidence }) => ({ intent: bytesOf(intent), evidence, approvals: [], whenever: true })), clock })
    if (typeof rulings === 'string') return { code: rulings }
    for (const [at, each] of part.entries()) {
      const ruling = rulings[at]
      if (ruling?.verdict === 'unavailable') unavailable = ruling.code
      if (ruling?.verdict === 'granted') watch(ruling)
      if (ruling?.verdict === 'refused') refused.push({ stop: each, reasons: ruling.reasons })
      else if (ruling?.verdict === 'granted' && ruling.stop !== undefined && isRoomFor(book.stops(), judged, ruling.stop, clock)) judged.push({ stop: each, fact: ruling.stop })
      else refused.push({ stop: each, reasons: [reasonOf('policy_denied', 'It stops nothing, or nothing any more, or cannot be judged now, or there are too many.', { rule: 'book.stop' })] })
    }
  }
  if (!book.stop(judged, clock)) return { code: 'ill' }
  if (judged.length > 0) await inForce.setStops(book.stops())
  for (const { stop: { intent }, fact } of judged) audit.stop({ ...asked, intent: stopId({ intent }), fact })
  return { refused, ...(unavailable === undefined ? {} : { unavailable }) }
}
