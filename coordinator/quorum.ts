import type { GroupKeys } from '@symbolon/core/keys.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { MintOutcome } from '@symbolon/protocol/mint.ts'
import { finishAttempt, invalidCommitments, openAttempt, type Attempt, type Finished, type Wanted } from './attempt.ts'
import type { Blame } from './blame.ts'
import type { Held } from './commitments.ts'
import type { Heard, HeardFailure, Stocked } from './heard.ts'
import type { HedgeBudget } from './hedge.ts'
import { decide, standingOf, type Standing } from './next-move.ts'
import { failedSeat, outcomeOf, type Seat } from './outcome.ts'
import type { Peer } from './peer.ts'

/*
 * Who signs. Shaped as ROAST (Ruffing et al., 2022): a signer is in at most one open attempt per message, and free for the next once it
 * has replied. So every attempt that fails uses up a signer of its own (one that cheated, refused, failed or stays silent), and with at
 * most n−t of those a signature comes out of at most n−t+1 attempts, whatever they do and however they agree on it.
 */

export interface QuorumOptions {
  readonly suite: Suite
  readonly keys: GroupKeys
  readonly epoch: number
  /** One per signer of the group. */
  readonly peers: readonly Peer[]
  readonly blame: Blame
  readonly hedges: HedgeBudget
  /** For how long an attempt waits for a hedge to be earned before it asks again, in milliseconds. */
  readonly hedgePauseMs: number
  /** For one message, in milliseconds. */
  readonly deadlineMs: number
}

/** Brings one message to a signature, or to the reason why there is none. */
export function signByQuorum(options: QuorumOptions, wanted: Wanted): Promise<MintOutcome> {
  return new Round(options, wanted).run()
}

/** All that is going on about one message. */
class Round {
  readonly #options: QuorumOptions
  readonly #wanted: Wanted
  readonly #seats: Map<number, Seat>
  readonly #attempts: Attempt[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #end = Promise.withResolvers<MintOutcome>()
  #ended = false

  constructor(options: QuorumOptions, wanted: Wanted) {
    this.#options = options
    this.#wanted = wanted
    this.#seats = new Map(options.peers.map((peer) => [peer.id, { at: peer.excluded ? 'faulty' : 'free', failures: 0 }]))
  }

  run(): Promise<MintOutcome> {
    this.#after(this.#options.deadlineMs, () => this.#settle({ result: 'unreachable', timedOut: true }))
    this.#step()
    return this.#end.promise
  }

  /** Called whenever anything has changed. */
  #step(): void {
    if (this.#ended) return
    const move = decide([...this.#seats.values()].map(standingOf), this.#underWay(), this.#options.keys.threshold)
    switch (move) {
      case 'wait':
        return
      case 'start':
        return this.#start(this.#candidates('free'))
      case 'start_again':
        return this.#start([...this.#candidates('free'), ...this.#candidates('again')])
      case 'refused':
      case 'faulty':
      case 'unreachable':
        return this.#settle({ result: move })
    }
  }

  #underWay(): 'prompt' | 'late' | 'none' {
    const live = this.#attempts.filter(({ state }) => state !== 'over')
    if (live.some(({ state, late }) => state === 'judging' || !late)) return 'prompt'
    return live.length > 0 ? 'late' : 'none'
  }

  /** Best first. */
  #candidates(standing: Standing): Peer[] {
    return this.#options.peers
      .filter((peer) => standingOf(this.#seat(peer.id)) === standing)
      .map((peer) => ({ peer, rank: peer.rank }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ peer }) => peer)
  }

  /** An attempt with the first t, or, if one of them has no commitment left, its restocking, after which all is considered anew. */
  #start(candidates: readonly Peer[]): void {
    const chosen: { peer: Peer; held: Held }[] = []
    for (const peer of candidates.slice(0, this.#options.keys.threshold)) {
      const held = peer.takeCommitment()
      if (held === undefined) this.#restock(peer)
      else chosen.push({ peer, held })
    }
    if (chosen.length < this.#options.keys.threshold) {
      for (const { peer, held } of chosen) peer.giveBack(held)
      return this.#step()
    }
    this.#ask(openAttempt(this.#wanted, this.#options.epoch, chosen), chosen)
  }

  #restock(peer: Peer): void {
    const { failures } = this.#seat(peer.id)
    const asked = {}
    this.#seats.set(peer.id, { at: 'busy', failures, asked, late: false })
    this.#after(peer.health.patience, () => this.#late(peer, asked))
    void peer.restock().then((stocked) => this.#hearStocked(peer, stocked))
  }

  #hearStocked(peer: Peer, stocked: Stocked): void {
    if (this.#ended) return
    if (stocked.ok) this.#free(peer)
    else this.#hearFailure(peer, stocked.why)
    this.#step()
  }

  #ask(attempt: Attempt, chosen: readonly { peer: Peer; held: Held }[]): void {
    this.#attempts.push(attempt)
    for (const { peer, held } of chosen) {
      this.#seats.set(peer.id, { at: 'busy', failures: this.#seat(peer.id).failures, asked: attempt, late: false })
      void peer.ask({ item: attempt.item, json: attempt.json, held, wanted: () => !this.#ended && attempt.state !== 'over' }).then((heard) => this.#hear(attempt, peer, heard))
    }
    this.#options.hedges.earn()
    this.#after(Math.max(...chosen.map(({ peer }) => peer.health.patience)), () => this.#consider(attempt))
  }

  /** Time is up for an attempt. Where hedges are used up, it is waited for until one is earned, or its slowest call fails. */
  #consider(attempt: Attempt): void {
    if (this.#ended) return
    if (attempt.state !== 'open' || this.#options.hedges.spend()) this.#hedge(attempt)
    else this.#after(this.#options.hedgePauseMs, () => this.#consider(attempt))
  }

  /** Somebody is slow: from now on another attempt may run beside this one, which may still be the one that succeeds. */
  #hedge(attempt: Attempt): void {
    attempt.late = true
    for (const peer of attempt.members) this.#late(peer, attempt)
  }

  #late(peer: Peer, asked: object): void {
    const seat = this.#seat(peer.id)
    if (this.#ended || seat.at !== 'busy' || seat.asked !== asked) return
    this.#seats.set(peer.id, { ...seat, late: true })
    peer.health.late()
    this.#step()
  }

  #hear(attempt: Attempt, peer: Peer, heard: Heard): void {
    if (this.#ended) return
    if (heard.heard === 'signed') {
      this.#free(peer)
      attempt.signed.set(peer.id, heard)
      if (attempt.state === 'open' && attempt.signed.size === attempt.members.length) return this.#finish(attempt)
    } else {
      attempt.state = 'over'
      if (heard.heard === 'refused') this.#place(peer, { at: 'refused', failures: 0, refusal: heard.refusal })
      else if (heard.heard === 'not_now' && heard.code === 'list_invalid') this.#hearListInvalid(attempt, peer)
      else if (heard.heard === 'unsent') this.#free(peer)
      else this.#hearFailure(peer, heard)
    }
    this.#step()
  }

  #free(peer: Peer): void {
    this.#place(peer, { at: 'free', failures: this.#seat(peer.id).failures })
  }

  /** Whoever was shown to be faulty, by another's word even while it was being asked, stays so. */
  #place(peer: Peer, seat: Seat): void {
    if (this.#seat(peer.id).at !== 'faulty') this.#seats.set(peer.id, seat)
  }

  /** Somebody's commitment is no element, or the one who says so is wrong. The list was ours, so nobody is believed: it is looked at. */
  #hearListInvalid(attempt: Attempt, accuser: Peer): void {
    const culprits = new Set(invalidCommitments(attempt, this.#options.suite))
    for (const peer of attempt.members) if (culprits.has(peer.id)) this.#blame(peer, () => peer.blame({ signer: peer.id, kind: 'commitment_invalid' }))
    if (culprits.size === 0) this.#hearFailure(accuser, { heard: 'not_now', code: 'list_invalid', again: false })
    else this.#free(accuser)
  }

  #hearFailure(peer: Peer, heard: HeardFailure): void {
    this.#place(peer, failedSeat(heard, this.#seat(peer.id).failures + 1))
  }

  #finish(attempt: Attempt): void {
    attempt.state = 'judging'
    const finished = finishAttempt(attempt, this.#wanted.message, this.#options)
    // Nearly always at once; only where somebody must be named does it take a worker's time.
    if (finished instanceof Promise) void finished.then((later) => this.#conclude(attempt, later))
    else this.#conclude(attempt, finished)
  }

  #conclude(attempt: Attempt, finished: Finished): void {
    attempt.state = 'over'
    for (const fault of finished.faults) {
      const peer = attempt.members.find(({ id }) => id === fault.signer)
      if (peer !== undefined) this.#blame(peer, () => peer.blame(fault))
    }
    if (finished.ok) return this.#settle({ result: 'signed', signature: toBase64url(finished.signature), by: attempt.members.map(({ id }) => id) })
    if (finished.faults.length === 0) for (const peer of attempt.members) this.#hearFailure(peer, { heard: 'not_now', code: 'quorum_faulty', again: true })
    this.#step()
  }

  #blame(peer: Peer, keep: () => void): void {
    // Once per message: a culprit may be named by several members of an attempt.
    if (this.#seat(peer.id).at === 'faulty') return
    this.#seats.set(peer.id, { at: 'faulty', failures: 0 })
    keep()
  }

  #settle(end: Parameters<typeof outcomeOf>[0]): void {
    if (this.#ended) return
    this.#ended = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#end.resolve(outcomeOf(end, this.#seats))
  }

  #seat(id: number): Seat {
    const seat = this.#seats.get(id)
    if (seat === undefined) throw new TypeError(`no signer ${id}`)
    return seat
  }

  #after(ms: number, act: () => void): void {
    // Behind what has arrived meanwhile: after a pause of this process's own, its timers come before the answers that lie waiting.
    const timer = setTimeout(() => setImmediate(act), ms)
    this.#timers.add(timer)
  }
}
