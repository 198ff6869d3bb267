import { parseJwks } from '@symbolon/evidence/jwks.ts'
import type { MissingKey } from '@symbolon/evidence/established.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import type { Bundle } from '@symbolon/policy/bundle.ts'
import type { Explained, Judgement, JudgeRequest, Listing, ListQuestion, RuleOptions, RuleRequest, Ruling, Unavailable } from '@symbolon/policy/judgement.ts'
import type { JudgeInit, WorkerAnswer, WorkerCall, WorkerUpdate } from '@symbolon/policy/worker.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { batcher } from '@symbolon/runtime/batcher.ts'
import { openIssuerKeys } from '@symbolon/runtime/issuer-keys.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import { openPool, type CallResult } from '@symbolon/runtime/workers.ts'

/** What the request handlers need of judging; worker threads do it. `clock`: seconds. */
export interface Judges {
  judge(request: JudgeRequest, clock: number): Promise<Judgement>
  /** The same of a dry intent. */
  explain(request: JudgeRequest, clock: number): Promise<Explained>
  /** Which rows of a listing may be shown. */
  list(question: ListQuestion, clock: number): Promise<Listing>
  /** What mints nothing. */
  rule(request: RuleRequest & RuleOptions, clock: number): Promise<Ruling>
}

export interface JudgesOptions {
  readonly roster: Roster
  readonly bundle: Bundle
  readonly stops: Stops
  /** Where fetched issuer keys are kept. */
  readonly folder: string
  readonly workers: number
  readonly timeoutMs: number
  readonly log: Logger
}

export interface OpenJudges extends Judges {
  /** When it resolves, no judgement is made that does not know of these. */
  setStops(stops: Stops): Promise<void>
  close(): Promise<void>
}

/** The worker threads, and the issuer keys that this process fetched for itself: the signers have their own and never ask for these. */
export async function openJudges({ roster, bundle, stops, folder, workers, timeoutMs, log }: JudgesOptions): Promise<OpenJudges> {
  const pool = await openPool<WorkerCall, WorkerAnswer>({ module: new URL(import.meta.resolve('@symbolon/policy/worker.ts')), size: workers, init: { roster, bundle, stops, presumesSealed: true } satisfies JudgeInit, timeoutMs, log })
  const give = (key: string, update: WorkerUpdate) => pool.broadcast(key, update)
  // The last one given: what a fetch found must have reached every worker before the judgement is tried again.
  let given = Promise.resolve()
  const keys = openIssuerKeys({ rows: roster.issuers, directory: folder, parse: parseJwks, log, onChange: (issuerKeys) => (given = give('issuer-keys', { issuerKeys })) })
  const judges = judgesOver({
    call: (call) => pool.call(call),
    workers,
    async fetchKey({ issuer, kid }) {
      await keys.refresh(issuer, kid)
      await given
    },
  })
  return {
    ...judges,
    setStops: (newest) => give('stops', { stops: newest }),
    async close() {
      await keys.close()
      await pool.close()
    },
  }
}

export interface JudgingParts {
  call(call: WorkerCall): Promise<CallResult<WorkerAnswer>>
  readonly workers: number
  /** Fetches a key that a roster's issuer may have and gives it to the workers. Failing to is no error. */
  fetchKey(missing: MissingKey): Promise<void>
}

/** Batches while the workers are busy. What lacks an issuer's key is judged once more after one fetch, alone: nobody else waits for it. */
export function judgesOver({ call, workers, fetchKey }: JudgingParts): Judges {
  const asking = <Q, A extends { readonly verdict: 'granted' | 'refused' } | Unavailable>(callOf: (requests: readonly Q[]) => Omit<WorkerCall, 'clock'>, answersOf: (answer: WorkerAnswer) => readonly A[]) => {
    const ask = batcher<{ readonly request: Q; readonly clock: number }, A | Unavailable>({
      maxItems: limits.batchItems,
      maxRunning: workers,
      async run(items) {
        const result = await call({ ...callOf(items.map(({ request }) => request)), clock: Math.max(...items.map(({ clock }) => clock)) })
        if (result.ok) return answersOf(result.value)
        const code = result.reason === 'timeout' || result.reason === 'crashed' ? 'timed_out' : 'busy'
        return items.map(() => ({ verdict: 'unavailable', code }))
      },
    })
    const once = async (request: Q, clock: number): Promise<A | Unavailable> => {
      const judged = await ask({ request, clock })
      return 'verdict' in judged ? judged : { verdict: 'unavailable', code: 'busy' }
    }
    return async (request: Q, clock: number): Promise<A | Unavailable> => {
      const first = await once(request, clock)
      if (first.verdict !== 'unavailable' || first.missing === undefined) return first
      await fetchKey(first.missing)
      return once(request, clock)
    }
  }
  return {
    judge: asking((judge: readonly JudgeRequest[]) => ({ judge }), ({ judged }) => judged),
    explain: asking((explain: readonly JudgeRequest[]) => ({ explain }), ({ explained }) => explained),
    list: asking((list: readonly ListQuestion[]) => ({ list }), ({ listed }) => listed),
    rule: asking((rule: readonly (RuleRequest & RuleOptions)[]) => ({ rule }), ({ ruled }) => ruled),
  }
}
