import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import type { Bundle } from '@symbolon/policy/bundle.ts'
import type { BookState } from '@symbolon/roster/book.ts'
import type { SignedKeyset } from '@symbolon/roster/keyset.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import type { Bench, Judges } from './judges.ts'
import type { JudgeAll, RuleAll } from './judging.ts'

export interface Versions {
  readonly epoch: number
  readonly roster: number
  readonly policy: Base64url
}

/** What is in force at this signer: parts of one version, which are only ever exchanged together. */
export interface Current {
  readonly versions: Versions
  /** The version itself. */
  readonly document: Roster
  /** The effective one: the document with the certified entries of its rows. */
  readonly roster: Roster
  readonly bundle: Bundle
  readonly judge: JudgeAll
  readonly rule: RuleAll
  /** This signer's word on the version's keyset. */
  readonly keyset: () => Promise<SignedKeyset>
  /** False where its judges could not be opened: nothing is judged then, and nothing signed. */
  readonly ready: boolean
}

/** What is in force, and how it is exchanged for what the book says next. */
export interface InForce {
  current(): Current
  /** Opens the judges of what the book will say. Until `install`, nothing changes. */
  prepare(state: BookState, bundle: Bundle, stops: Stops): Promise<Prepared>
  /** From the next batch on. Its predecessor ends when the last batch that it judges has its answer. */
  install(prepared: Prepared): void
  /** When it resolves, nothing is judged that does not know of these, nor signed that was judged before. */
  setStops(stops: Stops): Promise<void>
  /** Closes whatever is open. */
  close(): Promise<void>
}

export interface Prepared {
  readonly current: Current
  readonly judges: Judges | undefined
}

export interface InForceOptions {
  readonly bench: Bench
  readonly epoch: number
  readonly keysetOf: (document: Roster) => () => Promise<SignedKeyset>
  /** Told when judges could not be opened. */
  onFailure(error: unknown): void
}

export async function openInForce(options: InForceOptions, first: { readonly state: BookState; readonly bundle: Bundle; readonly stops: Stops }): Promise<InForce> {
  const { bench, onFailure } = options
  const judges = await bench.open({ roster: first.state.effective, bundle: first.bundle, stops: first.stops })
  let now: Prepared = { current: currentOf(options, first.state, first.bundle, judges), judges }
  bench.setIssuers(now.current.roster.issuers)
  const retiring = new Set<Promise<void>>()

  return {
    current: () => now.current,
    async prepare(state, bundle, stops) {
      const opened = await openOrNot(bench, { roster: state.effective, bundle, stops }, onFailure)
      return { current: currentOf(options, state, bundle, opened), judges: opened }
    },
    install(prepared) {
      const before = now
      now = prepared
      bench.setIssuers(now.current.roster.issuers)
      const end = before.judges?.retire().catch(onFailure).finally(() => retiring.delete(end ?? Promise.resolve()))
      if (end !== undefined) retiring.add(end)
    },
    async setStops(stops) {
      await now.judges?.setStops(stops)
      // Whatever was judged without them, and is not signed yet, finds that something else is in force.
      now = { ...now, current: { ...now.current } }
    },
    async close() {
      await Promise.all(retiring)
      await bench.close()
    },
  }
}

/** What t signers certified is in force whether or not this machine can judge by it; if it cannot, it is silent. */
async function openOrNot(bench: Bench, init: Parameters<Bench['open']>[0], onFailure: (error: unknown) => void): Promise<Judges | undefined> {
  try {
    return await bench.open(init)
  } catch (error) {
    if (!(error instanceof SafeError)) throw error
    onFailure(error)
    return undefined
  }
}

function currentOf({ epoch, keysetOf }: InForceOptions, { document, effective }: BookState, bundle: Bundle, judges: Judges | undefined): Current {
  const silent = async () => 'not_ready' as const
  return {
    versions: { epoch, roster: document.version, policy: document.policy },
    document,
    roster: effective,
    bundle,
    judge: judges?.judge ?? silent,
    rule: judges?.rule ?? silent,
    keyset: keysetOf(document),
    ready: judges !== undefined,
  }
}
