import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { acceptBytes, type AcceptReply, type AcceptRequest, type Slot } from '@symbolon/protocol/book.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import type { Asked, Audit } from './audit.ts'
import type { KeptBook } from './book.ts'
import { openWatch, type Counters } from './counters.ts'
import type { Current } from './current.ts'
import { judgeChange } from './judge-change.ts'
import { judgeRowEntry } from './judge-entry.ts'
import type { Bench } from './judges.ts'

/** All that this signer's word on a next version, or on a row's next entry, depends on. */
export interface Acceptor {
  readonly id: number
  readonly lineage: Base64url
  /** What is in force; read once for each question. */
  readonly current: () => Current
  readonly book: KeptBook
  /** Where judges of versions that are not in force are opened, for a moment. */
  readonly bench: Pick<Bench, 'open'>
  /** Why this signer may give no word now: it may not know what the others do. */
  readonly unfit: () => NotNowCode | undefined
  /** The journal's: never goes back. Undefined: this machine's clock cannot be trusted. */
  readonly clock: () => number | undefined
  /** Signs with the identity key: r ‖ s, 64 bytes. */
  readonly certify: (bytes: Uint8Array) => Promise<Uint8Array>
  readonly counters: Pick<Counters, 'see'>
  readonly audit: Audit
  /** Told of each step; a caller that passes one may stop the world there. */
  readonly steps?: AcceptSteps
}

/** Between which points of an accept a machine can die. */
export interface AcceptSteps {
  acceptJudged(): Promise<void> | void
  accepted(): void
  certified(): void
}

/** What a judgement of a change or an entry comes to. */
export type Verdict = { readonly verdict: 'sound'; readonly slot: Slot; readonly subject: Base64url } | { readonly verdict: 'refused'; readonly reasons: readonly [Reason, ...Reason[]] } | { readonly verdict: 'not_now'; readonly code: NotNowCode }

/** One at a time: what is accepted next is judged by what was accepted before. */
export function openAccept(acceptor: Acceptor): (asked: Asked, request: AcceptRequest) => Promise<AcceptReply> {
  let last: Promise<unknown> = Promise.resolve()
  return (asked, request) => {
    const reply = last.then(() => accept(acceptor, asked, request))
    last = reply.catch(() => undefined)
    return reply
  }
}

/**
 * A signer's word, straight down: judge it by what is in force here, see that nothing else was accepted in its place, write that down for
 * good, and only then sign. The same subject may be asked for again; another for the same slot, never.
 */
async function accept(acceptor: Acceptor, asked: Asked, request: AcceptRequest): Promise<AcceptReply> {
  const reply = await answerOf(acceptor, request)
  acceptor.audit.accept({ ...asked, what: request.what, reply })
  return reply
}

async function answerOf(acceptor: Acceptor, request: AcceptRequest): Promise<AcceptReply> {
  const { book, bench, steps } = acceptor
  const [current, clock, unfit] = [acceptor.current(), acceptor.clock(), acceptor.unfit()]
  if (clock === undefined) return notNow('not_ready')
  if (unfit !== undefined) return notNow(unfit)
  const judged = request.what === 'change' ? await judgeChange({ current, book, bench, clock, watch: openWatch(acceptor.counters, acceptor.audit) }, request.change) : judgeRowEntry({ current, book, clock }, request.entry)
  if (judged.verdict === 'not_now') return notNow(judged.code)
  if (judged.verdict === 'refused') return { v: 1, result: 'refused', reasons: [...judged.reasons] }
  await steps?.acceptJudged()
  // Judged by what is no longer in force: the answer may be another now.
  if (acceptor.current() !== current) return notNow('roster_behind')
  const { slot, subject } = judged
  const kept = book.accept(slot, subject, clock)
  if (kept === 'conflict') return { v: 1, result: 'refused', reasons: [conflict(slot)] }
  if (kept === 'ill') return notNow('ill')
  steps?.accepted()
  const signature = await acceptor.certify(acceptBytes({ lineage: acceptor.lineage, slot, subject, iat: clock }))
  steps?.certified()
  return { v: 1, result: 'accepted', slot, subject, accept: { signer: acceptor.id, iat: clock, signature: toBase64url(signature) } }
}

const notNow = (code: NotNowCode): AcceptReply => ({ v: 1, result: 'not_now', code })

const conflict = (slot: Slot): Reason =>
  slot.of === 'roster'
    ? reasonOf('change_conflict', 'This signer has accepted another version in its place.', { rule: 'signer.accepted', fact: `version ${slot.version}` })
    : reasonOf('change_conflict', 'This signer has accepted another entry in its place.', { rule: 'signer.accepted', fact: `${slot.row}, ${slot.seq}` })
