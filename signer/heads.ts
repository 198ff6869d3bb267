import { randomBytes } from 'node:crypto'
import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import { headBytes, headLimit, headQuestionBytes, headReply, type Head, type HeadReply, type HeadRequest } from '@symbolon/protocol/book.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import type { SignerRow } from '@symbolon/roster/roster.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import type { Audit } from './audit.ts'
import type { Boot } from './boot.ts'
import { openCatchUp, type CatchUpParts } from './catch-up.ts'
import type { Journal } from './journal.ts'
import type { PeerMemory } from './peer-file.ts'
import { answeredHead, atLeast, atMost, bootHolds, bootSigned, noteBoot, noteHead, provenHead, type Moment, type Noted } from './peers.ts'

/*
 * Heads: what keeps a signer from answering by what it no longer knows. It signs and accepts only while so many others have lately told it where
 * they stand that, with itself, they make a quorum; one of them knows whatever t signers have adopted.
 */

/** Milliseconds. An answer counts from when it was asked for. */
export const times = {
  fresh: 30_000,
  /** Between two questions to one peer. Looked at each second, so that 10 s are kept. */
  between: 9_000,
  /** The same while too few have been heard. */
  hurry: 900,
  /** Between two questions that a peer's own question provokes. */
  nudge: 250,
  /** Between two questions of one peer that are answered. */
  answer: 100,
  timeout: 10_000,
  /** How long whoever is not heard is waited for, once enough are: at a start, and after each time of hearing too few. */
  wait: 10_000,
  save: 5_000,
} as const

export interface HeadsParts extends CatchUpParts {
  readonly id: number
  readonly boot: Boot
  /** All signers, this one among them. */
  readonly signers: readonly SignerRow[]
  /** t of the group that signs. */
  readonly threshold: number
  readonly epoch: number
  readonly journal: Pick<Journal, 'head' | 'holds'>
  readonly memory: PeerMemory
  readonly audit: Pick<Audit, 'alarm' | 'peer'>
  /** Seconds after which nothing binds any more that was bound before: `bindingSpan` of the roster in force. */
  span(): number
  /** One request to another signer, whom the channel has to prove. */
  ask(peer: number, path: string, body: Uint8Array, options: { readonly maxBytes: number; readonly timeoutMs: number }): Promise<ChannelAnswer>
}

export interface Heads {
  /** Why this signer may neither sign nor accept now. */
  problem(): 'peers_unheard' | 'journal_behind' | undefined
  /** @param from the signer that asks, as the channel knows it */
  answer(from: number, question: HeadRequest): HeadReply | 'unauthenticated' | 'limited'
  /** Asks whoever is due; to be called each second. Settles when they have answered. */
  pulse(): Promise<void>
}

interface Seat {
  readonly row: SignerRow
  asking: boolean
  asked?: Moment
  /** When the question was asked that was answered last. */
  heard?: Moment
  answered?: Moment
  outcome?: string
}

export function openHeads(parts: HeadsParts): Heads {
  const { id, boot, journal, memory, audit, now } = parts
  const born = now()
  const own = parts.signers.find((row) => row.id === id)
  if (own === undefined) throw new TypeError('this signer is in its roster')
  const seats = new Map(parts.signers.filter((row) => row.id !== id).map((row): [number, Seat] => [row.id, { row, asking: false }]))
  const catchUp = openCatchUp(parts)
  let lost = false
  let saved = born

  const elapsed = (since: Moment | undefined): number => (since === undefined ? Number.POSITIVE_INFINITY : atMost(since, now()))
  const isFresh = ({ heard }: Seat): boolean => elapsed(heard) <= times.fresh
  const unheard = (): boolean => [...seats.values()].filter(isFresh).length < parts.threshold - 1
  /** Those who answer first may be those who know nothing, or say so: since enough were heard, was everybody given the time to answer? */
  let enough: { readonly since: Moment; waited: boolean } | undefined
  const isReady = (): boolean => {
    if (unheard()) {
      enough = undefined
      return false
    }
    enough ??= { since: now(), waited: false }
    enough.waited ||= [...seats.values()].every(isFresh) || atLeast(enough.since, now()) >= times.wait
    return enough.waited
  }
  const seconds = () => Math.floor(now().wall / 1000)

  const keep = (peer: number, { memory: noted, alarms }: Noted): void => {
    memory.set(peer, noted)
    for (const alarm of alarms) audit.alarm(alarm, { peer })
  }
  /** A peer shows this signer's own word on its journal. What of it is not there was lost: an old copy of the disk was put back. */
  const recall = (peer: number, yours: Head | undefined): void => {
    if (yours === undefined || lost) return
    const problem = provenHead(yours, own)
    if (problem !== undefined) return audit.alarm('head_invalid', { peer, why: `yours_${problem}` })
    if (journal.holds(entryOf(yours))) return
    lost = true
    audit.alarm('journal_behind', { peer, seq: journal.head().seq, seen: yours.statement.journal.seq })
  }
  const question = async ({ row }: Seat): Promise<string> => {
    const challenge = toBase64url(randomBytes(16))
    const request: HeadRequest = { v: 1, challenge, certificate: boot.certificate, signature: boot.sign(headQuestionBytes({ boot: boot.id, to: row.id, challenge })) }
    const answer = await parts.ask(row.id, '/v1/head', canonical(request), { maxBytes: headLimit, timeoutMs: times.timeout })
    if (!answer.ok) return answer.reason
    const read = decodeAs(headReply, answer.body, headLimit)
    if (answer.status !== 200 || !read.ok) return `status_${answer.status}`
    const { head, yours } = read.value
    const problem = answeredHead(head, row, { challenge, now: seconds() })
    if (problem !== undefined) {
      audit.alarm('head_invalid', { peer: row.id, why: problem })
      return problem
    }
    keep(row.id, noteHead(memory.get(row.id), head, parts.span()))
    recall(row.id, yours)
    return catchUp(row.id, head)
  }
  const hear = async (seat: Seat): Promise<void> => {
    const asked = now()
    Object.assign(seat, { asking: true, asked })
    try {
      const outcome = await question(seat)
      // Who is ahead counts only once this signer has learnt what that one knows.
      if (outcome === 'heard') seat.heard = asked
      if (outcome !== seat.outcome) audit.peer(seat.row.id, outcome)
      seat.outcome = outcome
    } finally {
      seat.asking = false
    }
  }

  return {
    problem() {
      if (lost && atLeast(born, now()) <= parts.span() * 1000) return 'journal_behind'
      return isReady() ? undefined : 'peers_unheard'
    },
    answer(from, { challenge, certificate, signature }) {
      const seat = seats.get(from)
      if (seat === undefined || !bootHolds(certificate, seat.row) || !bootSigned(certificate, headQuestionBytes({ boot: certificate.boot, to: id, challenge }), signature)) return 'unauthenticated'
      if (elapsed(seat.answered) < times.answer) return 'limited'
      seat.answered = now()
      keep(from, noteBoot(memory.get(from), certificate))
      const { seq, hash } = journal.head()
      const statement = { v: 1 as const, signer: id, boot: boot.id, challenge, iat: seconds(), ...parts.book.summary(), epoch: parts.epoch, journal: { seq, head: toBase64url(hash) } }
      const yours = memory.get(from)?.longest
      // It has just come up: who waits for it need not wait for the next second.
      if (!seat.asking && !isFresh(seat) && elapsed(seat.asked) >= times.nudge) void hear(seat)
      return { v: 1, head: { statement, certificate: boot.certificate, signature: boot.sign(headBytes(statement)) }, ...(yours === undefined ? {} : { yours }) }
    },
    async pulse() {
      const hurry = !isReady()
      const due = [...seats.values()].filter((seat) => !seat.asking && elapsed(seat.asked) >= (hurry && !isFresh(seat) ? times.hurry : times.between))
      if (elapsed(saved) >= times.save) {
        memory.save()
        saved = now()
      }
      await Promise.all(due.map(hear))
      isReady()
    },
  }
}

const entryOf = ({ statement: { journal } }: Head) => ({ seq: journal.seq, hash: bytesOf(journal.head) })
