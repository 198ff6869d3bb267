import { setTimeout as sleep } from 'node:timers/promises'
import type { Suite } from '@symbolon/core/suite.ts'
import { bytesOf, toBase64url } from '@symbolon/protocol/bytes.ts'
import { abortBytes, type AbortMessage, type CeremonyCode, type CeremonyMessage, type CeremonyReply, type Phase } from '@symbolon/protocol/ceremony.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import type { Plan } from '@symbolon/roster/plan.ts'
import { judgeAbort, type Verdict } from './accuse.ts'
import { advance, begin, end, messagesOf, receive, resume, type Fault, type Running, type State, type Terms } from './ceremony.ts'
import { fault, type Made } from './dealing.ts'
import { Script } from './script.ts'
import { late, type Outcome, type Progress, type Storage } from './storage.ts'

/** What the ceremony needs of a transport. Messages go to every other member, in order, until each has taken them. */
export interface Exchange {
  send(message: CeremonyMessage): void
  /** To one member that lost what it was told. */
  repeat(member: number, messages: readonly CeremonyMessage[]): void
  /** Once to each, without waiting for those that are gone. */
  abort(message: AbortMessage): Promise<void>
}

export interface ConductorOptions {
  readonly plan: Plan
  readonly terms: Terms
  readonly suite: Suite
  readonly keystore: Keystore
  readonly storage: Storage
  readonly exchange: Exchange
  /** Seconds. */
  readonly clock: () => number
  /** What an earlier run left. */
  readonly progress?: Progress | undefined
}

export type Result =
  /** `unconfirmed`: members that have not said that they activated; each must be started again until it does. */
  | { readonly result: 'activated'; readonly outcome: Outcome; readonly unconfirmed: readonly number[] }
  /** No key: nothing became active here, and nothing will. */
  | { readonly result: 'ended'; readonly verdict: Verdict }
  /** Our signatures are out and another member may have activated, or only wait for one that is missing: run again with this plan. */
  | { readonly result: 'undecided'; readonly missing: readonly number[]; readonly verdict?: Verdict }

/** Faults that we see ourselves, without seeing whose they are. */
const unproven = new Set<CeremonyCode>(['transcript_differs', 'timed_out', 'plan_differs'])
/** How long a fault that somebody else can explain better waits for the explanation, in milliseconds. */
const explanationMs = 2_000

/** Carries one member through a ceremony: waits, makes the next message, sends it. What may follow what is `ceremony.ts`'s to say. */
export class Conductor {
  readonly #options: ConductorOptions
  readonly #script: Script
  #state: State = { state: 'gathering', phase: 'accept', inbox: [] }
  #verdict: Verdict | undefined
  #started = false
  /** Members that signed something about another plan: it may be played back, so it ends nothing, but it explains a wait in vain. */
  readonly #otherPlans = new Set<number>()
  #wake = Promise.withResolvers<void>()
  readonly #explained = Promise.withResolvers<void>()

  constructor(options: ConductorOptions) {
    this.#options = options
    this.#script = new Script(options)
  }

  /** Before this is true nothing can be taken: peers try again. */
  get started(): boolean {
    return this.#started
  }

  /** A message from the channel of `peer`. */
  take(peer: number, message: CeremonyMessage): CeremonyReply {
    const { terms, exchange } = this.#options
    const before = this.#state.inbox
    const received = receive(terms, this.#state, message, peer)
    if (!received.ok) {
      if (received.error.code === 'plan_differs') this.#otherPlans.add(peer)
      if (received.error.ends !== undefined) this.#become(end(this.#state, received.error.ends))
      return { result: 'refused', code: received.error.code }
    }
    this.#become(received.value)
    const isKnown = before.some(({ phase, sender }) => phase === message.phase && sender === message.sender)
    // Whoever repeats itself has lost what it was told, and with it what it was told by us.
    if (isKnown && late.has(message.phase)) exchange.repeat(peer, this.#ownLate())
    return { result: 'taken' }
  }

  /** A peer ended it. */
  async takeAbort(peer: number, abort: AbortMessage): Promise<CeremonyReply> {
    const { terms, suite } = this.#options
    const code = this.#authenticateAbort(peer, abort)
    if (code === 'plan_differs') this.#otherPlans.add(peer)
    if (code !== undefined) return { result: 'refused', code }
    this.#hear(await judgeAbort({ suite, terms, session: this.#state.session, inbox: this.#state.inbox }, abort))
    return { result: 'taken' }
  }

  /** A peer will not take what we say: it has another plan, has heard another word from us, or has ended. */
  refusedBy(member: number, code: CeremonyCode): void {
    this.#hear({ fault: { code, culprits: [member] }, standing: 'claimed' })
  }

  /** @param deadline when waiting for others ends */
  async run(deadline: AbortSignal): Promise<Result> {
    const wake = () => this.#wake.resolve()
    deadline.addEventListener('abort', wake)
    try {
      await this.#start()
      for (;;) {
        const state = this.#state
        if (state.state === 'finished') return this.#activated()
        if (state.state === 'ended') return await this.#stop(state.fault)
        if (state.state === 'gathered') await this.#speak(state)
        else if (deadline.aborted) return await this.#timeOut(state)
        else await this.#wait()
      }
    } finally {
      deadline.removeEventListener('abort', wake)
      this.#script.wipe()
    }
  }

  async #start(): Promise<void> {
    const { terms, progress, exchange } = this.#options
    const accept = progress === undefined ? await this.#attempt(() => this.#script.accept()) : undefined
    if (progress !== undefined) this.#state = resume(terms, progress.session, progress.own)
    else if (accept?.ok === true) this.#state = begin(terms, accept.value)
    else if (accept?.ok === false) this.#state = end(this.#state, accept.error)
    this.#started = true
    this.#state.inbox.forEach((message) => exchange.send(message))
  }

  /** Makes and sends our message of the phase that follows. */
  async #speak(state: Running): Promise<void> {
    const { terms, exchange } = this.#options
    const made = await this.#attempt(() => this.#script.next(state))
    const now = this.#state
    // Somebody may have ended it meanwhile; what was made then never leaves.
    if (now.state === 'ended' || now.state === 'finished') return
    if (!made.ok) return this.#become(end(now, made.error))
    this.#become(advance(terms, now, made.value))
    exchange.send(made.value)
  }

  /** A disk that is full or gone ends the ceremony like any other fault. */
  async #attempt<T>(make: () => Promise<Made<T>>): Promise<Made<T>> {
    try {
      return await make()
    } catch (error) {
      if (error instanceof Error && 'syscall' in error) return fault('storage_failed', [this.#options.terms.self])
      throw error
    }
  }

  #authenticateAbort(peer: number, abort: AbortMessage): CeremonyCode | undefined {
    const { members, plan } = this.#options.terms
    const identity = members.get(abort.sender)
    const { session } = this.#state
    if (identity === undefined) return 'sender_unknown'
    if (abort.sender !== peer) return 'sender_mismatch'
    if (!verifyP256(identity, abortBytes(abort), bytesOf(abort.signature))) return 'signature_invalid'
    if (abort.plan !== plan) return 'plan_differs'
    return session !== undefined && abort.session !== undefined && abort.session !== session ? 'session_differs' : undefined
  }

  /** A better explanation takes the place of a worse one; nothing takes the place of a proof. */
  #hear(verdict: Verdict): void {
    const isWorse = this.#verdict?.standing === 'proven' || (this.#verdict !== undefined && verdict.fault.code === 'stopped')
    if (!isWorse) this.#verdict = verdict
    if (verdict.standing === 'proven') this.#explained.resolve()
    this.#become(end(this.#state, verdict.fault))
  }

  async #stop(found: Fault): Promise<Result> {
    if (this.#script.outcome !== undefined) return this.#activated()
    const isOurs = this.#verdict === undefined
    this.#verdict ??= { fault: found, standing: unproven.has(found.code) ? 'claimed' : 'proven' }
    // Whoever heard it from another need not tell it again, unless it found the proof in what only it has.
    if (isOurs || this.#verdict.fault.received !== undefined) await this.#tell(this.#verdict.fault)
    if (found.code === 'transcript_differs' || found.code === 'stopped') await Promise.race([this.#explained.promise, sleep(explanationMs)])
    if (this.#said('keyset')) return { result: 'undecided', missing: this.#missing('keyset'), verdict: this.#verdict }
    this.#options.storage.discard()
    return { result: 'ended', verdict: this.#verdict }
  }

  async #timeOut(state: Running): Promise<Result> {
    if (state.phase === 'done') return this.#activated()
    const missing = this.#missing(state.phase)
    // From here on what the others wait for is on our disk, and a run of all finishes it.
    if (this.#said('certify')) return { result: 'undecided', missing }
    const elsewhere = missing.filter((id) => this.#otherPlans.has(id))
    return this.#stop(elsewhere.length > 0 ? { code: 'plan_differs', culprits: elsewhere } : { code: 'timed_out', culprits: missing })
  }

  async #tell(found: Fault): Promise<void> {
    const { terms, keystore, exchange } = this.#options
    const { session } = this.#state
    const unsigned = {
      v: 1 as const,
      plan: terms.plan,
      ...(session === undefined ? {} : { session }),
      phase: 'abort' as const,
      sender: terms.self,
      code: found.code,
      culprits: [...found.culprits],
      ...(found.complaint === undefined ? {} : { complaint: found.complaint }),
      ...(found.received === undefined ? {} : { received: [...found.received] }),
    }
    const signature = await keystore.sign(abortBytes(unsigned))
    // Without the identity key nobody would believe it; the others run into their deadline.
    if (signature.ok) await exchange.abort({ ...unsigned, signature: toBase64url(signature.value) })
  }

  #activated(): Result {
    if (this.#script.outcome === undefined) throw new Error('finished without an outcome')
    return { result: 'activated', outcome: this.#script.outcome, unconfirmed: this.#missing('done') }
  }

  #become(state: State): void {
    this.#state = state
    this.#wake.resolve()
  }

  async #wait(): Promise<void> {
    await this.#wake.promise
    this.#wake = Promise.withResolvers<void>()
  }

  #ownLate() {
    return this.#state.inbox.filter(({ sender, phase }) => sender === this.#options.terms.self && late.has(phase))
  }

  #said(wanted: Phase): boolean {
    return this.#ownLate().some(({ phase }) => phase === wanted)
  }

  #missing(phase: Phase): number[] {
    const here = new Set(messagesOf(this.#state.inbox, phase).map(({ sender }) => sender))
    return [...this.#options.terms.members.keys()].filter((id) => !here.has(id))
  }
}

