import type { z } from 'zod'
import { bytesOf, taggedHash } from '@symbolon/protocol/bytes.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import { canonical, checkShape } from '@symbolon/protocol/json.ts'
import type { OpenAnswer } from '@symbolon/protocol/open.ts'
import { unreadableRequestHash, type Answer, type RequestHash, type SignItem } from '@symbolon/protocol/sign.ts'
import type { Granted, Refused } from '@symbolon/policy/judgement.ts'
import { openWatch } from './counters.ts'
import type { Current, Versions } from './current.ts'
import type { Wish } from './journal.ts'
import type { Coordinator } from './nonces.ts'
import { notNow, refuse, standing, type Declined } from './refuse.ts'
import type { Asking, Signer } from './signer.ts'

/*
 * One item on its way, and the steps that every item takes, whatever it asks for. Each step settles the items that go no further: whatever settles
 * one first is its answer.
 */

/** What every kind of item carries. */
export type Asked = Pick<SignItem, 'attempt' | 'epoch' | 'roster' | 'policy' | 'intent' | 'evidence' | 'approvals' | 'asserted' | 'records'>

/** @typeParam Given what is answered when all is well */
export interface Case<Item extends Asked, Given> {
  readonly request: RequestHash
  readonly item: Item | undefined
  answer?: Given | Declined
  judgement?: Granted | Refused
}
export interface Readable<Item extends Asked, Given> extends Case<Item, Given> {
  readonly item: Item
}
export interface Judged<Item extends Asked, Given> extends Readable<Item, Given> {
  judgement: Granted | Refused
}
export type Recorded<C, G extends Granted> = C & { readonly judgement: G }

/** Decodes one item strictly. One that cannot be read is answered alone; the others go on. */
export function openCase<Item extends Asked, Given>(raw: unknown, { schema, hashOf }: { readonly schema: z.ZodType<Item>; readonly hashOf: (item: Item) => RequestHash }): Case<Item, Given> {
  const item = checkShape(schema, raw)
  if (!item.ok) return { request: unreadableRequestHash(raw), item: undefined, answer: notNow('item_malformed') }
  return { request: hashOf(item.value), item: item.value }
}

export const isReadable = <Item extends Asked, Given>(each: Case<Item, Given>): each is Readable<Item, Given> => each.item !== undefined

/** Whether this signer may answer anything now: by a clock that it trusts, and by what it has lately heard that it knows. */
export function isAble<Item extends Asked, Given>({ heads }: Signer, each: Readable<Item, Given>, clock: number | undefined): boolean {
  const code = clock === undefined ? 'not_ready' : heads.problem()
  if (code !== undefined) each.answer = notNow(code)
  return code === undefined
}

/** Built for another version than this signer holds: behind or ahead, which is nobody's fault and no veto. @param epoch of the share that it asks for */
export function fits<Item extends Asked, Given>({ versions }: Current, epoch: number, each: Readable<Item, Given>): boolean {
  const code = differing(versions, epoch, each.item)
  if (code !== undefined) each.answer = notNow(code)
  return code === undefined
}

function differing(versions: Versions, epoch: number, item: Asked): NotNowCode | undefined {
  if (item.epoch !== epoch) return 'epoch_unknown'
  if (item.roster !== versions.roster) return 'roster_behind'
  return item.policy === versions.policy ? undefined : 'policy_behind'
}

/** Evidence, policy, and what a yes comes to, rebuilt from the intent: one worker call for all. */
export async function judge<Item extends Asked, Given>(current: Current, cases: readonly Readable<Item, Given>[], clock: number): Promise<Judged<Item, Given>[]> {
  if (cases.length === 0) return []
  const requests = cases.map(({ item: { intent, evidence, approvals, asserted, records } }) => ({ intent: bytesOf(intent), evidence, approvals, asserted, records }))
  const judgements = await current.judge({ requests, clock })
  return cases.flatMap((each, at): Judged<Item, Given>[] => {
    const judgement = typeof judgements === 'string' ? { verdict: 'unavailable' as const, code: judgements } : judgements[at]
    if (judgement === undefined) throw new TypeError('one judgement for each request')
    if (judgement.verdict !== 'unavailable') return [Object.assign(each, { judgement })]
    each.answer = notNow(judgement.code)
    return []
  })
}

/** What is done with one key is never what another is for, whatever the coordinator says it is. */
export function isFor<Item extends Asked, Given>(grants: Granted['grants'], each: Judged<Item, Given>): boolean {
  if (each.judgement.verdict === 'refused' || each.judgement.grants === grants) return true
  each.answer = notNow('item_malformed')
  return false
}

/** A principal is counted by its roster id, granted or not; who cannot even be told from others, by the coordinator that brought it. */
export function isWithinLimits<Item extends Asked, Given>({ limits }: Signer, by: Coordinator, each: Judged<Item, Given>): boolean {
  const wait = limits.admit({ principal: each.judgement.principal?.id, by })
  if (wait > 0) each.answer = notNow('limited', wait)
  return wait === 0
}

/** What a yes to secrets says of their records, beside what every yes binds. */
export type RecordWish = Pick<Extract<Wish, { verdict: 'granted' }>, 'shown' | 'next'>

/**
 * Binds and journals the batch in one durable transaction, if what it was judged by still holds. Refusals leave here; only what was granted goes on.
 *
 * @param about what a yes wants remembered of records
 */
export function record<Item extends Asked, Given, C extends Judged<Item, Given>, G extends Granted>(
  signer: Signer,
  current: Current,
  cases: readonly C[],
  { wanted, about }: { readonly wanted: (granted: Granted) => granted is G; readonly about: (each: Recorded<C, G>) => RecordWish },
): Recorded<C, G>[] {
  const clock = signer.journal.clock(signer.now()) ?? 0
  const timely = cases.filter((each) => isAble(signer, each, signer.journal.clock(signer.now())) && isTimely(each, clock) && isInForce(signer, current, each))
  const isGranted = (each: C): each is Recorded<C, G> => each.judgement.verdict === 'granted' && wanted(each.judgement)
  const outcomes = timely.length === 0 ? [] : signer.journal.record(timely.map((each) => (isGranted(each) ? wishOf(each, about(each)) : refusalOf(each))), clock)
  const recorded = timely.filter((each, at): each is Recorded<C, G> => {
    const outcome = outcomes?.[at]
    if (outcome === 'granted' && isGranted(each)) return true
    const reasons = outcome === undefined ? undefined : outcome === 'refused' && each.judgement.verdict === 'refused' ? each.judgement.reasons : standing(outcome)
    each.answer = reasons === undefined ? notNow('ill') : refuse(signer, { request: each.request, item: each.item, intent: each.judgement.digest, iat: clock }, reasons)
    return false
  })
  signer.steps?.journaled()
  const watch = openWatch(signer.counters, signer.audit)
  for (const { judgement } of recorded) watch(judgement)
  return recorded
}

/**
 * The machine may have stood still since the judgement, and what the journal bound the intent or its evidence to may have been
 * forgotten as expired meanwhile. What has ended by the clock of the record is not recorded, however it was judged.
 */
function isTimely<Item extends Asked, Given>(each: Judged<Item, Given>, clock: number): boolean {
  if (each.judgement.verdict === 'granted' && each.judgement.intent.exp <= clock) each.answer = notNow('timed_out')
  return each.answer === undefined
}

/** Another version came into force while this one was judged by the last, or somebody was stopped: nothing more is given by that. */
function isInForce<Item extends Asked, Given>(signer: Signer, current: Current, each: Judged<Item, Given>): boolean {
  const now = signer.current()
  if (now === current) return true
  each.answer = notNow(now.versions === current.versions ? 'busy' : 'roster_behind')
  return false
}

const refusalOf = ({ request, judgement }: Judged<Asked, unknown>): Wish => ({ verdict: 'refused', request, intent: judgement.digest })

function wishOf({ request, item, judgement }: Recorded<Readable<Asked, unknown>, Granted>, about: RecordWish): Wish {
  return {
    verdict: 'granted',
    request,
    intent: judgement.digest,
    bytes: bytesOf(judgement.bytesHash),
    evidence: taggedHash('evidence/v1', canonical(item.evidence)),
    singleUse: judgement.singleUse.map(({ id, until, owner }) => ({ id: bytesOf(id), until, ...(owner === undefined ? {} : { owner: bytesOf(owner) }) })),
    exp: judgement.intent.exp,
    ...about,
  }
}

/** The answers in order: every item has one by now. Each is told once. */
export function settled<Item extends Asked, Given extends Extract<Answer | OpenAnswer, { readonly result: 'signed' | 'opened' }>>(signer: Signer, asking: Asking, cases: readonly Case<Item, Given>[]): (Given | Declined)[] {
  return cases.map(({ request, item, judgement, answer }) => {
    if (answer === undefined) throw new TypeError('every item has an answer')
    signer.audit.decision({ ...asking, request, attempt: item?.attempt, judgement, answer })
    return answer
  })
}
