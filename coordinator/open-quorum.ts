import { randomBytes } from 'node:crypto'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { openRequestHash, type OpenItem, type OpenOutcome, type OpenWish } from '@symbolon/protocol/open.ts'
import { askAll, type Progress, type Verdict } from '@symbolon/runtime/fanout.ts'
import type { AskedOpening } from './signer-wire.ts'
import type { HeardOpening } from './heard.ts'
import type { HedgeBudget } from './hedge.ts'
import type { Opener } from './opener.ts'
import { failedSeat, openOutcomeOf, type Failed, type Opened, type Seat } from './outcome.ts'

/*
 * Who opens. Unlike in a signature, each signer's part stands by itself: there is no list that all must hold to, so whoever fails is replaced
 * by the next one, and what the others gave is kept. A signer that is asked the same again gives away nothing new.
 */

export interface OpenQuorum {
  readonly epoch: number
  readonly threshold: number
  /** One per signer of the `vault` group. */
  readonly openers: readonly Opener[]
  readonly hedges: HedgeBudget
  /** For how long slow ones are waited for until a hedge is earned, or before the next one, in milliseconds. */
  readonly hedgePauseMs: number
  /** For one wish, in milliseconds. */
  readonly deadlineMs: number
}

/** Brings one wish to t sealed answers, or to the reason why there are none. */
export function openByQuorum(quorum: OpenQuorum, wish: OpenWish): Promise<OpenOutcome> {
  return new Round(quorum, wish).run()
}

/** The very same item for every signer. */
function askedFor(epoch: number, { roster, policy, intent, evidence, approvals, asserted, records, heads }: OpenWish): AskedOpening {
  const item: OpenItem = { attempt: toBase64url(randomBytes(16)), epoch, roster, policy, intent, evidence, approvals, asserted, records, heads }
  return { item, json: JSON.stringify(item), request: openRequestHash(item) }
}

/** One question to one signer. It may have two: the second if it failed in a way that may pass at once, and nobody else is left. */
interface Question {
  readonly opener: Opener
}

/** All that is going on about one wish. */
class Round {
  readonly #quorum: OpenQuorum
  readonly #asked: AskedOpening
  readonly #avoid: ReadonlySet<number>
  readonly #seats: Map<number, Seat>
  readonly #opened: Opened[] = []

  constructor(quorum: OpenQuorum, wish: OpenWish) {
    this.#quorum = quorum
    this.#asked = askedFor(quorum.epoch, wish)
    this.#avoid = new Set(wish.avoid)
    this.#seats = new Map(quorum.openers.map(({ id, excluded }) => [id, { at: excluded ? 'faulty' : 'free', failures: 0 }]))
  }

  async run(): Promise<OpenOutcome> {
    const { threshold, hedges, hedgePauseMs, deadlineMs, epoch } = this.#quorum
    const first = this.#failed() === undefined ? this.#next(threshold) : []
    hedges.earn()
    const { outcome } = await askAll<Question, HeardOpening>({
      peers: first,
      ask: (question, signal) => this.#ask(question, signal),
      judge: (progress) => this.#judge(progress),
      hedgeAfterMs: Math.max(0, ...first.map(({ opener }) => opener.patience)),
      hedgeAgainMs: hedgePauseMs,
      deadlineMs,
    })
    const opened = this.#opened.slice(0, threshold).toSorted((a, b) => a.signer - b.signer)
    if (opened.length === threshold) return openOutcomeOf({ result: 'opened', epoch }, this.#seats, opened)
    return openOutcomeOf(this.#failed() ?? { result: 'unreachable', timedOut: outcome === 'deadline' }, this.#seats, opened)
  }

  async #ask(question: Question, signal: AbortSignal): Promise<HeardOpening> {
    const { opener } = question
    const { failures } = this.#seat(opener.id)
    this.#seats.set(opener.id, { at: 'busy', failures, asked: question, late: false })
    const heard = await opener.open({ ...this.#asked, wanted: () => !signal.aborted })
    if (!signal.aborted) this.#note(opener.id, heard, failures)
    return heard
  }

  #note(id: number, heard: HeardOpening, failures: number): void {
    switch (heard.heard) {
      case 'opened':
        this.#opened.push({ signer: id, sealed: heard.sealed })
        return void this.#seats.set(id, { at: 'free', failures })
      case 'refused':
        return void this.#seats.set(id, { at: 'refused', failures, refusal: heard.refusal })
      case 'unsent':
        return void this.#seats.set(id, { at: 'free', failures })
      default:
        return void this.#seats.set(id, failedSeat(heard, failures + 1))
    }
  }

  #judge({ outstanding, late }: Progress<Question, HeardOpening>): Verdict<Question> {
    if (late && outstanding.length > 0 && this.#quorum.hedges.spend()) for (const question of outstanding) this.#late(question)
    if (this.#opened.length >= this.#quorum.threshold) return { verdict: 'enough' }
    if (this.#failed() !== undefined) return { verdict: 'impossible' }
    const prompt = this.#count((seat) => seat.at === 'busy' && !seat.late)
    return { verdict: 'wait', also: this.#next(this.#quorum.threshold - this.#opened.length - prompt) }
  }

  /** Somebody is slow: from now on another may be asked beside it, which does not keep this one's answer from counting. */
  #late(question: Question): void {
    const seat = this.#seat(question.opener.id)
    if (seat.at !== 'busy' || seat.asked !== question || seat.late) return
    this.#seats.set(question.opener.id, { ...seat, late: true })
    question.opener.late()
  }

  /** Best first; those that the reader would rather not have after them; whoever has failed before, last of all. */
  #next(wanted: number): Question[] {
    const done = new Set(this.#opened.map(({ signer }) => signer))
    const candidates = (fits: (seat: Seat) => boolean) =>
      this.#quorum.openers
        .filter(({ id }) => !done.has(id) && fits(this.#seat(id)))
        .map((opener) => ({ opener, rank: opener.rank + (this.#avoid.has(opener.id) ? 1e12 : 0) }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ opener }): Question => ({ opener }))
    return [...candidates(({ at }) => at === 'free'), ...candidates((seat) => seat.at === 'failed' && seat.again)].slice(0, Math.max(0, wanted))
  }

  /** Why t answers are out of reach, if they are. Vetoes first: what is forbidden is not a fault of the machinery. */
  #failed(): Failed | undefined {
    const { threshold, openers } = this.#quorum
    const withoutVetoes = openers.length - this.#count(({ at }) => at === 'refused')
    if (withoutVetoes < threshold) return { result: 'refused' }
    const honest = withoutVetoes - this.#count(({ at }) => at === 'faulty')
    if (honest < threshold) return { result: 'faulty' }
    const left = honest - this.#count((seat) => seat.at === 'failed' && !seat.again)
    return left < threshold ? { result: 'unreachable' } : undefined
  }

  #count(fits: (seat: Seat) => boolean): number {
    return [...this.#seats.values()].filter(fits).length
  }

  #seat(id: number): Seat {
    const seat = this.#seats.get(id)
    if (seat === undefined) throw new TypeError(`no signer ${id}`)
    return seat
  }
}
