import { book as bookShape, bookLimit, type Book, type Stop } from '@symbolon/protocol/book.ts'
import { bytesOf, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import { bundleOf, type Bundle } from '@symbolon/policy/bundle.ts'
import type { StopFact } from '@symbolon/policy/judgement.ts'
import { openBook, stopId, type BookState } from '@symbolon/roster/book.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import type { CacheFile } from '@symbolon/runtime/cache-file.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import type { Held, Holder } from './holder.ts'
import type { OpenJudges } from './judges.ts'
import type { Wire } from './wire.ts'

/* The book as a process without a share follows it, through a coordinator that it does not believe: what is certified is verified, stops are judged. */

/** Everything built from one version, and its judges, which learn of stops. */
export interface OpenServing<S> extends Held<S> {
  readonly judges: Pick<OpenJudges, 'rule' | 'setStops'>
}

export interface FollowOptions<S> {
  /** Version 1 and its policy, from this process's own files. */
  readonly first: Roster
  readonly bundle: Bundle
  readonly wire: Pick<Wire, 'book'>
  /** Only so that a start need not wait for the coordinator. */
  readonly cache: CacheFile
  readonly log: Logger
  /** Seconds. */
  clock(): number
  open(state: BookState, bundle: Bundle, stops: Stops): Promise<OpenServing<S>>
}

export interface Following<S> {
  /** What requests are answered by. */
  readonly first: OpenServing<S>
  state(): BookState
  /** Asks once, and puts in force what is new. */
  follow(servings: Pick<Holder<S>, 'replace'>): Promise<void>
}

/** Opens with what an earlier life knew, judged again; with version 1 if there is nothing, or nothing that opens. */
export async function openFollowing<S>(options: FollowOptions<S>): Promise<Following<S>> {
  const { first, cache, log } = options
  const known = remembered(cache, log)
  const remembers = known === undefined ? openBook(first) : openBook(first).take({ ...known, stops: [] }).state
  const opened = await tryOpen(options, remembers, noStops())
  const state = opened === undefined ? openBook(first) : remembers
  const follower = new Follower(options, state, opened ?? (await options.open(state, options.bundle, noStops())))
  if (known !== undefined) await follower.learnStops(known.stops)
  return follower
}

class Follower<S> implements Following<S> {
  readonly first: OpenServing<S>
  readonly #options: FollowOptions<S>
  #state: BookState
  #serving: OpenServing<S>
  readonly #facts = new Map<Base64url, StopFact>()
  /** Stops that made no sense by what is in force. */
  #senseless = new Set<Base64url>()

  constructor(options: FollowOptions<S>, state: BookState, serving: OpenServing<S>) {
    this.first = serving
    this.#options = options
    this.#state = state
    this.#serving = serving
  }

  state(): BookState {
    return this.#state
  }

  async follow(servings: Pick<Holder<S>, 'replace'>): Promise<void> {
    for (let before = -1; before !== this.#state.version(); ) {
      before = this.#state.version()
      const answer = await this.#options.wire.book(before)
      if (!answer.ok) return void this.#options.log.debug({ code: answer.code }, 'the book could not be read')
      await this.#take(answer.value, servings)
    }
  }

  async #take(part: Book, servings: Pick<Holder<S>, 'replace'>): Promise<void> {
    const { log, cache } = this.#options
    const { state, taken, problems } = this.#state.take({ ...part, stops: [] })
    if (problems.length > 0) log.warn({ problems: problems.slice(0, 8) }, 'parts of a book were not taken')
    if (taken.versions.length + taken.entries.length > 0) await this.#install(state, servings)
    const learned = await this.learnStops(part.stops)
    if (taken.versions.length + taken.entries.length + learned === 0) return
    const problem = cache.write(utf8(JSON.stringify(this.#state.after(1))))
    if (problem !== undefined) log.warn({ code: problem }, 'the book could not be kept; it will be fetched again')
  }

  /** What is new is opened beside what is in force, and takes its place at once. */
  async #install(state: BookState, servings: Pick<Holder<S>, 'replace'>): Promise<void> {
    const { log } = this.#options
    const next = await tryOpen(this.#options, state, this.#stops())
    if (next === undefined) return
    this.#state = state
    this.#serving = next
    this.#senseless = new Set()
    log.info({ roster: state.version(), entries: state.entries.length, policy: state.document.policy }, 'in force')
    // Old requests end in their own time; nobody waits for them here.
    servings.replace(next).catch((error: unknown) => log.error({ err: error }, 'what was replaced could not be closed'))
  }

  /** Each is judged here: the coordinator is not believed. @returns how many are new */
  async learnStops(stops: readonly Stop[]): Promise<number> {
    const now = this.#options.clock()
    const fresh: Stop[] = []
    for (const stop of this.#state.take({ v: 1, versions: [], entries: [], stops: [...stops] }).stops) {
      const id = stopId(stop)
      if (this.#senseless.has(id)) continue
      const ruling = await this.#serving.judges.rule({ intent: bytesOf(stop.intent), evidence: stop.evidence, approvals: [], whenever: true }, now)
      // Its issuer's keys may be had later; it comes again.
      if (ruling.verdict === 'unavailable') continue
      if (ruling.verdict === 'granted' && ruling.stop !== undefined && untilOf(ruling.stop) > now) {
        this.#facts.set(id, ruling.stop)
        fresh.push(stop)
      } else this.#senseless.add(id)
    }
    if (fresh.length === 0) return 0
    for (const [id, fact] of this.#facts) if (untilOf(fact) <= now) this.#facts.delete(id)
    this.#state = this.#state.withStops(fresh.map((stop) => ({ stop, until: untilOf(this.#facts.get(stopId(stop))) }))).pruned(now)
    await this.#serving.judges.setStops(this.#stops())
    return fresh.length
  }

  #stops(): Stops {
    const facts = [...this.#facts.values()]
    return { revoked: facts.flatMap((fact) => (fact.kind === 'revoked' ? [fact.revoked] : [])), locked: facts.flatMap((fact) => (fact.kind === 'locked' ? [fact.locked] : [])) }
  }
}

const noStops = (): Stops => ({ revoked: [], locked: [] })
const untilOf = (fact: StopFact | undefined): number => (fact === undefined ? 0 : fact.kind === 'revoked' ? fact.revoked.until : fact.locked.until)

/** @returns undefined, and says so in the log, for a version whose policy is not here or cannot be evaluated: what is in force stays */
async function tryOpen<S>(options: FollowOptions<S>, state: BookState, stops: Stops): Promise<OpenServing<S> | undefined> {
  const bundle = bundleFor(options.bundle, state)
  if (bundle === undefined) return void options.log.error({ roster: state.version(), policy: state.document.policy }, 'the policy that this version names did not come with it')
  try {
    return await options.open(state, bundle, stops)
  } catch (error) {
    options.log.error({ err: error, roster: state.version() }, 'this version cannot be put in force')
    return undefined
  }
}

/** The first one, or one that came with a version. */
function bundleFor(first: Bundle, { document, versions }: BookState): Bundle | undefined {
  if (document.policy === first.digest) return first
  for (const { change: { bundle } } of versions.toReversed()) {
    const opened = bundle === undefined ? undefined : bundleOf(document, { wasm: bytesOf(bundle.wasm), data: bytesOf(bundle.data) })
    if (opened?.ok === true) return opened.bundle
  }
  return undefined
}

function remembered(cache: CacheFile, log: Logger): Book | undefined {
  const { bytes, problem } = cache.read()
  const decoded = bytes === undefined ? undefined : decodeAs(bookShape, bytes, bookLimit)
  if (problem !== undefined || decoded?.ok === false) log.warn({ code: problem ?? 'malformed' }, 'the remembered book cannot be read; it will be fetched again')
  return decoded?.ok === true ? decoded.value : undefined
}
