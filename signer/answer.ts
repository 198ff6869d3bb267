import { sign } from '@symbolon/core/frost.ts'
import type { Member } from '@symbolon/core/keys.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { fromBase64url, taggedHash, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import { canonical, checkShape } from '@symbolon/protocol/json.ts'
import { replyBytes, requestHash, signItem, unreadableRequestHash, type Answer, type RequestHash, type SignItem, type SignReply } from '@symbolon/protocol/sign.ts'
import type { Granted, GrantedSigned, Refused } from '@symbolon/policy/judgement.ts'
import type { Audit } from './audit.ts'
import type { Boot } from './boot.ts'
import { openWatch, type Counters } from './counters.ts'
import type { Current, Versions } from './current.ts'
import type { Heads } from './heads.ts'
import type { Journal, Wish } from './journal.ts'
import type { Limits } from './limits.ts'
import type { Coordinator, Nonces } from './nonces.ts'
import { boundOtherwise, evidenceSpent, notNow, refuse } from './refuse.ts'

/** All that an answer depends on. */
export interface Signer {
  readonly id: number
  readonly boot: Boot
  /** What is in force; read once for each batch. */
  readonly current: () => Current
  readonly suite: Suite
  readonly member: Member
  readonly limits: Limits
  readonly journal: Journal
  readonly nonces: Nonces
  readonly counters: Counters
  readonly audit: Audit
  /** Whether what this signer knows is young enough to answer by. */
  readonly heads: Pick<Heads, 'problem'>
  /** NumericDate by this machine. */
  readonly now: () => number
  /** Told of each step; a caller that passes one may stop the world there. */
  readonly steps?: Steps
}

/** Between which points of an answer a machine can die. */
export interface Steps {
  judged(): Promise<void> | void
  journaled(): void
  taken(): void
  signed(): void
}

/** Who asks, as the channel knows it: the peer's certificate and the request's id. */
export interface Asking {
  readonly by: Coordinator
  readonly requestId: string
}

/** One item on its way. Whatever settles it first is its answer. */
interface Case {
  readonly request: RequestHash
  readonly item: SignItem | undefined
  answer?: Answer
  judgement?: Granted | Refused
}
interface Readable extends Case {
  readonly item: SignItem
}
interface Judged extends Readable {
  judgement: Granted | Refused
}

/**
 * A signer's one verb: judge each item of a batch, straight down, and sign what is granted. Each step settles the items that go
 * no further; a share leaves only for what has passed all of them, and only after the journal is on the disk.
 *
 * @param items 1 to 64, independent, as they came from the wire
 */
export async function answer(signer: Signer, asking: Asking, items: readonly unknown[]): Promise<SignReply> {
  const { by } = asking
  const current = signer.current()
  const cases = items.map(openCase)
  const clock = signer.journal.clock(signer.now())
  const readable = cases.filter(isReadable)
  const fitting = readable.filter((each) => isAble(signer, each, clock) && fits(current, each))
  const judged = await judge(current, fitting, clock ?? 0)
  const agreed = judged.filter(agreesOnBytes)
  const admitted = agreed.filter((each) => isWithinLimits(signer, by, each))
  await signer.steps?.judged()
  const then = signer.journal.clock(signer.now())
  const timely = admitted.filter((each) => isAble(signer, each, then) && isTimely(each, then ?? 0) && isInForce(signer, current, each))
  const recorded = record(signer, timely, then ?? 0)
  signer.steps?.journaled()
  const watch = openWatch(signer.counters, signer.audit)
  for (const { judgement } of recorded) watch(judgement)
  const spent = recorded.filter((each) => signOne(signer, by, each)).length
  signer.steps?.signed()
  return reply(signer, asking, cases, spent)
}

/** Decodes one item strictly. One that cannot be read is answered alone; the others go on. */
function openCase(raw: unknown): Case {
  const item = checkShape(signItem, raw)
  if (!item.ok) return { request: unreadableRequestHash(raw), item: undefined, answer: notNow('item_malformed') }
  return { request: requestHash(item.value), item: item.value }
}

const isReadable = (each: Case): each is Readable => each.item !== undefined

/** Whether this signer may answer anything now: by a clock that it trusts, and by what it has lately heard that it knows. */
function isAble({ heads }: Signer, each: Readable, clock: number | undefined): boolean {
  const code = clock === undefined ? 'not_ready' : heads.problem()
  if (code !== undefined) each.answer = notNow(code)
  return code === undefined
}

/** Built for another version than this signer holds: behind or ahead, which is nobody's fault and no veto. */
function fits({ versions }: Current, each: Readable): boolean {
  const code = differing(versions, each.item)
  if (code !== undefined) each.answer = notNow(code)
  return code === undefined
}

function differing(versions: Versions, item: SignItem): NotNowCode | undefined {
  if (item.epoch !== versions.epoch) return 'epoch_unknown'
  if (item.roster !== versions.roster) return 'roster_behind'
  return item.policy === versions.policy ? undefined : 'policy_behind'
}

/** Evidence, policy, and the bytes rebuilt from the intent: one worker call for all. */
async function judge(current: Current, cases: readonly Readable[], clock: number): Promise<Judged[]> {
  if (cases.length === 0) return []
  const requests = cases.map(({ item }) => ({ intent: fromBase64url(item.intent) ?? new Uint8Array(), evidence: item.evidence, approvals: item.approvals, asserted: item.asserted }))
  const judgements = await current.judge({ requests, clock })
  return cases.flatMap((each, at): Judged[] => {
    const judgement = typeof judgements === 'string' ? { verdict: 'unavailable' as const, code: judgements } : judgements[at]
    if (judgement === undefined) throw new TypeError('one judgement for each request')
    if (judgement.verdict !== 'unavailable') return [Object.assign(each, { judgement })]
    each.answer = notNow(judgement.code)
    return []
  })
}

/** The coordinator aggregates over other bytes than these: its share would be wasted. Who is wrong cannot be known here. */
function agreesOnBytes(each: Judged): boolean {
  if (each.judgement.verdict === 'refused') return true
  if (each.judgement.grants !== each.item.purpose) {
    // What is signed with one key is never what another is for, whatever the coordinator says it is.
    each.answer = notNow('item_malformed')
    return false
  }
  if (each.judgement.bytesHash === each.item.bytes_hash) return true
  each.answer = notNow('bytes_differ')
  return false
}

/** A principal is counted by its roster id, granted or not; who cannot even be told from others, by the coordinator that brought it. */
function isWithinLimits({ limits }: Signer, by: Coordinator, each: Judged): boolean {
  const wait = limits.admit({ principal: each.judgement.principal?.id, by })
  if (wait > 0) each.answer = notNow('limited', wait)
  return wait === 0
}

/**
 * The machine may have stood still since the judgement, and what the journal bound the intent or its evidence to may have been
 * forgotten as expired meanwhile. What has ended by the clock of the record is not recorded, however it was judged.
 */
function isTimely(each: Judged, clock: number): boolean {
  if (each.judgement.verdict === 'granted' && each.judgement.intent.exp <= clock) each.answer = notNow('timed_out')
  return each.answer === undefined
}

/** Another version came into force while this one was judged by the last, or somebody was stopped: nothing more is signed by that. */
function isInForce(signer: Signer, current: Current, each: Judged): boolean {
  const now = signer.current()
  if (now === current) return true
  each.answer = notNow(now.versions === current.versions ? 'busy' : 'roster_behind')
  return false
}

/** Binds and journals the batch in one durable transaction. Refusals leave here; only what was granted goes on. */
function record(signer: Signer, cases: readonly Judged[], clock: number): (Judged & { judgement: GrantedSigned })[] {
  if (cases.length === 0) return []
  const outcomes = signer.journal.record(cases.map(wishOf), clock)
  return cases.flatMap((each, at) => {
    const { judgement } = each
    const about = { request: each.request, item: each.item, intent: judgement.digest, iat: clock }
    const outcome = outcomes?.[at]
    if (outcome === 'granted' && judgement.verdict === 'granted' && (judgement.grants === 'token' || judgement.grants === 'record')) return [Object.assign(each, { judgement })]
    if (outcome === undefined) each.answer = notNow('ill')
    else if (outcome === 'bound_otherwise') each.answer = refuse(signer, about, [boundOtherwise])
    else if (outcome === 'evidence_spent') each.answer = refuse(signer, about, [evidenceSpent])
    else if (judgement.verdict === 'refused') each.answer = refuse(signer, about, judgement.reasons)
    return []
  })
}

function wishOf({ request, item, judgement }: Judged): Wish {
  if (judgement.verdict === 'refused') return { verdict: 'refused', request, intent: judgement.digest }
  return {
    verdict: 'granted',
    request,
    intent: judgement.digest,
    bytes: bytesOf(judgement.bytesHash),
    evidence: taggedHash('evidence/v1', canonical(item.evidence)),
    singleUse: judgement.singleUse.map(({ id, until, owner }) => ({ id: bytesOf(id), until, ...(owner === undefined ? {} : { owner: bytesOf(owner) }) })),
    exp: judgement.intent.exp,
  }
}

/** Takes the nonce that the coordinator names and signs the rebuilt bytes. @returns whether a nonce was spent */
function signOne(signer: Signer, by: Coordinator, each: Judged & { judgement: GrantedSigned }): boolean {
  const { commitments } = each.item
  const own = commitments.find(({ id }) => id === signer.id)
  if (own === undefined) {
    each.answer = notNow('list_invalid')
    return false
  }
  const spent = signer.nonces.spend(by, own, (nonces) => {
    signer.steps?.taken()
    return sign(signer.suite, { member: signer.member, nonces, message: utf8(each.judgement.message), commitments: commitments.map(({ id, hiding, binding }) => ({ id, hiding: bytesOf(hiding), binding: bytesOf(binding) })) })
  })
  if (!spent.found) signer.audit.alarm(spent.why === 'used' ? 'commitment_reused' : 'commitment_unknown', { by, attempt: each.item.attempt })
  else if (!spent.value.ok) signer.audit.alarm('list_invalid', { by, attempt: each.item.attempt, why: spent.value.error.code })
  if (!spent.found) each.answer = notNow('commitment_unknown')
  else if (!spent.value.ok) each.answer = notNow('list_invalid')
  else each.answer = { result: 'signed', R: toBase64url(spent.value.value.r), share: toBase64url(spent.value.value.z) }
  return spent.found
}

/** The answers in order, as many fresh commitments as were spent, and the boot key's signature over what was asked and answered. */
function reply(signer: Signer, asking: Asking, cases: readonly Case[], spent: number): SignReply {
  const answers = cases.map((each) => {
    if (each.answer === undefined) throw new TypeError('every item has an answer')
    signer.audit.decision({ ...asking, request: each.request, attempt: each.item?.attempt, judgement: each.judgement, answer: each.answer })
    return each.answer
  })
  const signature = signer.boot.sign(replyBytes(signer.boot.id, cases.map(({ request }) => request), answers))
  return { v: 1, boot: signer.boot.id, answers, commitments: signer.nonces.promise(asking.by, spent), signature }
}

/** Of text that a schema or the judge has already found to be base64url. */
function bytesOf(text: string): Uint8Array {
  const bytes = fromBase64url(text)
  if (bytes === undefined) throw new TypeError('checked text is not base64url')
  return bytes
}
