import { ok } from '@symbolon/core/errors.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { messageBytes, seenOf, transcriptOf, type BodyOf, type CeremonyMessage, type MessageOf, type Phase } from '@symbolon/protocol/ceremony.ts'
import type { Keystore } from '@symbolon/keystore/keystore.ts'
import type { Plan } from '@symbolon/roster/plan.ts'
import type { Inbox, Running, Terms } from './ceremony.ts'
import { Certifying } from './certifying.ts'
import { Dealing, fault, type DealingTerms, type Made } from './dealing.ts'
import { Proving } from './proving.ts'
import { late, type Outcome, type Progress, type Storage } from './storage.ts'

export interface ScriptOptions {
  readonly plan: Plan
  readonly terms: Terms
  readonly suite: Suite
  readonly keystore: Keystore
  readonly storage: Storage
  /** Seconds. */
  readonly clock: () => number
  readonly progress?: Progress | undefined
}

/** What a member says in each phase, given what everybody said before: a ceremony from the first line to the last. */
export class Script {
  readonly #options: ScriptOptions
  readonly #dealing: Dealing
  readonly #proving: Proving
  #certifying: Certifying | undefined
  #outcome: Outcome | undefined

  constructor(options: ScriptOptions) {
    const { plan, terms, suite, keystore, storage, progress } = options
    const dealing: DealingTerms = { plan: terms.plan, self: terms.self, members: [...terms.members.keys()], t: plan.t, epoch: plan.epoch }
    this.#options = options
    this.#dealing = new Dealing(suite, dealing)
    this.#proving = new Proving({ suite, terms: dealing, keystore, storage })
    if (progress !== undefined) this.#certifying = new Certifying({ plan, statement: progress.statement, keystore, members: terms.members })
  }

  /** What became active here. */
  get outcome(): Outcome | undefined {
    return this.#outcome
  }

  async accept(): Promise<Made<MessageOf<'accept'>>> {
    const { plan, self } = this.#options.terms
    return this.#signed<MessageOf<'accept'>>({ v: 1, plan, phase: 'accept', sender: self, body: await this.#dealing.accept() })
  }

  /** Our message of the phase that follows the gathered one. */
  async next({ phase, session, inbox }: Running): Promise<Made<CeremonyMessage>> {
    if (session === undefined) throw new Error('gathered without a session')
    switch (phase) {
      case 'accept':
        return this.#say('commit', session, this.#dealing.commit(session, inbox))
      case 'commit':
        return this.#say('reveal', session, this.#dealing.reveal(inbox))
      case 'reveal':
        return this.#say('deal', session, await this.#dealing.deal(session, inbox))
      case 'deal':
        return this.#say('agree', session, await this.#dealing.agree(session, inbox))
      case 'agree':
        return this.#say('nonces', session, await this.#proving.nonces(session, inbox, (purpose) => this.#dealing.member(purpose)))
      case 'nonces':
        return this.#say('shares', session, this.#proving.shares(session, inbox))
      case 'shares':
        return this.#remembered(session, inbox, await this.#say('certify', session, await this.#certify(session, inbox)))
      case 'certify':
        return this.#remembered(session, inbox, await this.#say('keyset', session, await this.#conclusion().signKeyset(inbox, this.#options.clock())))
      case 'keyset':
        return this.#say('done', session, this.#activate(inbox))
      case 'done':
        throw new Error('nothing follows done')
    }
  }

  /** Wanted on every path out. */
  wipe(): void {
    this.#dealing.wipe()
    this.#proving.wipe()
  }

  async #certify(session: Base64url, inbox: Inbox): Promise<Made<BodyOf<'certify'>>> {
    const { plan, terms, keystore } = this.#options
    const groups = this.#proving.groups(session, inbox)
    if (!groups.ok) return groups
    const statement = { v: 1 as const, plan: terms.plan, session, transcript: transcriptOf(session, seenOf(inbox)), groups: groups.value }
    this.#certifying = new Certifying({ plan, statement, keystore, members: terms.members })
    return this.#certifying.certify()
  }

  /** Durable before it leaves: the others may activate on the strength of it. */
  #remembered<M extends CeremonyMessage>(session: Base64url, inbox: Inbox, made: Made<M>): Made<M> {
    if (!made.ok) return made
    const { storage, terms } = this.#options
    const own = [...inbox.filter(({ sender, phase }) => sender === terms.self && late.has(phase)), made.value]
    storage.remember({ v: 1, plan: terms.plan, session, statement: this.#conclusion().statement, own })
    return made
  }

  #activate(inbox: Inbox): Made<BodyOf<'done'>> {
    const outcome = this.#conclusion().outcome(inbox, this.#options.clock())
    if (!outcome.ok) return outcome
    this.#options.storage.activate(outcome.value)
    this.#outcome = outcome.value
    return ok({})
  }

  #conclusion(): Certifying {
    if (this.#certifying === undefined) throw new Error('nothing to certify yet')
    return this.#certifying
  }

  async #say<P extends Exclude<Phase, 'accept'>>(phase: P, session: Base64url, body: Made<BodyOf<P>>): Promise<Made<MessageOf<P>>> {
    const { plan, self } = this.#options.terms
    return body.ok ? this.#signed<MessageOf<P>>({ v: 1, plan, session, phase, sender: self, body: body.value } as unknown as Omit<MessageOf<P>, 'signature'>) : body
  }

  async #signed<M extends CeremonyMessage>(statement: Omit<M, 'signature'>): Promise<Made<M>> {
    const { keystore, terms } = this.#options
    const signature = await keystore.sign(messageBytes(statement as unknown as CeremonyMessage))
    return signature.ok ? ok({ ...statement, signature: toBase64url(signature.value) } as unknown as M) : fault('seal_failed', [terms.self])
  }
}
