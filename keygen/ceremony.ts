import { fail, ok, type Result } from '@symbolon/core/errors.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { messageDigest, phases, sessionOf, verifyMessage, type AbortMessage, type CeremonyCode, type CeremonyMessage, type MessageOf, type Phase } from '@symbolon/protocol/ceremony.ts'
import type { P256Jwk } from '@symbolon/protocol/p256.ts'

/*
 * One member's view of one ceremony, as a table of states: no secret, socket, clock or file. Whoever sent a message is verified
 * before anything of it is looked at; each event gives a new state.
 */

/** What the plan fixes. */
export interface Terms {
  readonly plan: Base64url
  readonly self: number
  /** Identity key of every member, our own among them. */
  readonly members: ReadonlyMap<number, P256Jwk>
}

/**
 * - `gathering`: our message of `phase` is out; everybody's is awaited.
 * - `gathered`: everybody's message of `phase` is here; ours of the next is to be made.
 * - `finished`: every member said that it activated.
 * - `ended`: without a key. Nothing leads out of it.
 */
export type State =
  | { readonly state: 'gathering' | 'gathered'; readonly phase: Phase; readonly session?: Base64url; readonly inbox: Inbox }
  | { readonly state: 'finished'; readonly session: Base64url; readonly inbox: Inbox }
  | { readonly state: 'ended'; readonly fault: Fault; readonly session?: Base64url; readonly inbox: Inbox }
export type Running = Extract<State, { phase: Phase }>

/** At most one message for each phase and sender, our own included; in order of arrival. */
export type Inbox = readonly CeremonyMessage[]

/** Why a ceremony ends here, and whom that accuses. */
export interface Fault {
  readonly code: CeremonyCode
  readonly culprits: readonly number[]
  /** Proof that our session key gives: what the dealer sealed to it is no share. */
  readonly complaint?: NonNullable<AbortMessage['complaint']>
  /** Two signed messages of one sender for one phase, or what we received where others received something else. */
  readonly received?: readonly CeremonyMessage[]
}

/** What follows when everybody's message of a phase is here. */
const next: Record<Phase, Phase | 'finished'> = {
  accept: 'commit',
  commit: 'reveal',
  reveal: 'deal',
  deal: 'agree',
  agree: 'nonces',
  nonces: 'shares',
  shares: 'certify',
  certify: 'keyset',
  keyset: 'done',
  done: 'finished',
}

const order = (phase: Phase): number => phases.indexOf(phase)

/** Why a message is not taken. Unless `ends` names a fault, it is as if it had never come: anybody can send nonsense. */
export interface Refusal {
  readonly code: CeremonyCode
  readonly ends?: Fault
}

/** Everybody's message of one phase, by ascending sender; only for phases that have been gathered. */
export const messagesOf = <P extends Phase>(inbox: Inbox, phase: P): MessageOf<P>[] => inbox.filter((message): message is MessageOf<P> => message.phase === phase).toSorted((a, b) => a.sender - b.sender)

export const othersOf = <P extends Phase>(inbox: Inbox, phase: P, self: number): MessageOf<P>[] => messagesOf(inbox, phase).filter(({ sender }) => sender !== self)

/** Our first message is out. */
export const begin = (terms: Terms, accept: MessageOf<'accept'>): State => settle(terms, { state: 'gathering', phase: 'accept', inbox: [accept] })

/** After a restart behind the point where only signatures are exchanged: what was persisted takes the place of what was heard. */
export const resume = (terms: Terms, session: Base64url, own: readonly CeremonyMessage[]): State => settle(terms, { state: 'gathering', phase: 'certify', session, inbox: own })

/** A message over the channel of `peer`. */
export function receive(terms: Terms, state: State, message: CeremonyMessage, peer: number): Result<State, Refusal> {
  const refusal = authenticate(terms, message, peer)
  if (refusal !== undefined) return fail(refusal)
  if (state.state === 'ended') return fail({ code: 'stopped' })
  const known = state.inbox.find(({ phase, sender }) => phase === message.phase && sender === message.sender)
  if (known !== undefined) return messageDigest(known) === messageDigest(message) ? ok(state) : fail(repeated(state, known, message))
  if (state.state === 'finished') return fail({ code: 'phase_unexpected' })
  const wrong = placed(terms, state, message)
  if (wrong !== undefined) return fail(wrong)
  return ok(settle(terms, { ...state, inbox: [...state.inbox, message] }))
}

/** Our next message is out. */
export function advance(terms: Terms, state: Running, own: CeremonyMessage): State {
  const expected = next[state.phase]
  if (state.state !== 'gathered' || own.phase !== expected || own.sender !== terms.self) throw new Error(`${own.phase} cannot follow ${state.state} ${state.phase}`)
  return settle(terms, { ...state, state: 'gathering', phase: own.phase, inbox: [...state.inbox, own] })
}

/** The first fault stands. What was said until then is kept: accusations are checked against it. */
export function end(state: State, fault: Fault): State {
  if (state.state === 'ended') return state
  return { state: 'ended', fault, ...(state.session === undefined ? {} : { session: state.session }), inbox: state.inbox }
}

/** Channel, membership, signature, plan: in this order, before the content. */
function authenticate(terms: Terms, message: CeremonyMessage, peer: number): Refusal | undefined {
  const identity = terms.members.get(message.sender)
  if (message.sender === terms.self) return { code: 'message_reflected' }
  if (identity === undefined) return { code: 'sender_unknown' }
  if (message.sender !== peer) return { code: 'sender_mismatch' }
  if (!verifyMessage(message, identity)) return { code: 'signature_invalid' }
  return message.plan === terms.plan ? undefined : { code: 'plan_differs' }
}

/**
 * SEC-13: the first word stands. Within a session two different ones are the sender's own doing, provably. An `accept` names no
 * session, so the second may be one of an earlier run, played back by whoever owns the channel: it is not taken, and that is all.
 */
function repeated(state: Exclude<State, { state: 'ended' }>, known: CeremonyMessage, message: CeremonyMessage): Refusal {
  if (message.phase === 'accept') return { code: 'message_repeated' }
  if (message.session !== state.session) return { code: 'session_differs' }
  return { code: 'message_repeated', ends: { code: 'equivocation', culprits: [message.sender], received: [known, message] } }
}

/**
 * Nobody is further ahead than one phase: the next message needs ours of this one. From `certify` on only signatures travel, and a
 * member that was restarted may hear them out of order.
 */
function placed(terms: Terms, state: Running, message: CeremonyMessage): Refusal | undefined {
  if (message.phase !== 'accept' && state.session !== undefined && message.session !== state.session) return { code: 'session_differs' }
  const ahead = order(message.phase) - order(state.phase)
  // Nobody can be active before our keyset signature is out, so what we kept is worth nothing without a member that begins anew.
  const isAnew = message.phase === 'accept' && order(state.phase) >= order('certify')
  if (isAnew && !state.inbox.some(({ phase, sender }) => phase === 'keyset' && sender === terms.self)) return { code: 'phase_unexpected', ends: { code: 'session_differs', culprits: [message.sender] } }
  const farthest = order(state.phase) >= order('certify') ? phases.length : 1
  return ahead < 0 || ahead > farthest ? { code: 'phase_unexpected' } : undefined
}

/** Fixes the session when all have accepted, notes that a phase is complete, and goes on where our next message is out already. */
function settle(terms: Terms, state: Running): State {
  if (messagesOf(state.inbox, state.phase).length < terms.members.size) return state
  if (state.phase === 'accept' && state.session === undefined) return openSession(terms, state, messagesOf(state.inbox, 'accept'))
  const following = next[state.phase]
  if (following === 'finished') return state.session === undefined ? state : { state: 'finished', session: state.session, inbox: state.inbox }
  const isOut = state.inbox.some(({ phase, sender }) => phase === following && sender === terms.self)
  return isOut ? settle(terms, { ...state, state: 'gathering', phase: following }) : { ...state, state: 'gathered' }
}

/** A `commit` that came before the last `accept` could not be compared with the session until now. */
function openSession(terms: Terms, state: Running, accepts: MessageOf<'accept'>[]): State {
  const session = sessionOf(terms.plan, accepts)
  const strangers = messagesOf(state.inbox, 'commit').filter((message) => message.session !== session)
  if (strangers.length > 0) return end(state, { code: 'session_differs', culprits: strangers.map(({ sender }) => sender) })
  return { ...state, state: 'gathered', session }
}
