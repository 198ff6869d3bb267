import { parseJwks } from '@symbolon/evidence/jwks.ts'
import type { Bundle } from '@symbolon/policy/bundle.ts'
import type { Judgement, JudgeRequest } from '@symbolon/policy/judgement.ts'
import type { JudgeBatch } from '@symbolon/policy/worker.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { batcher } from '@symbolon/runtime/batcher.ts'
import { openIssuerKeys } from '@symbolon/runtime/issuer-keys.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import { openPool, type CallResult } from '@symbolon/runtime/workers.ts'

/** What the request handlers need of judging; worker threads do it. */
export interface Judges {
  /** @param clock seconds */
  judge(request: JudgeRequest, clock: number): Promise<Judgement>
}

export interface JudgesOptions {
  readonly roster: Roster
  readonly bundle: Bundle
  /** Where fetched issuer keys are kept. */
  readonly folder: string
  readonly workers: number
  readonly timeoutMs: number
  readonly log: Logger
}

/** The worker threads, and the issuer keys that the api fetched for itself: the signers have their own and never ask for these. */
export async function openJudges({ roster, bundle, folder, workers, timeoutMs, log }: JudgesOptions): Promise<Judges & { close(): Promise<void> }> {
  const pool = await openPool<JudgeBatch, readonly Judgement[]>({ module: new URL(import.meta.resolve('@symbolon/policy/worker.ts')), size: workers, init: { roster, bundle }, timeoutMs, log })
  // The last one given: what a fetch found must have reached every worker before the judgement is tried again.
  let given = Promise.resolve()
  const keys = openIssuerKeys({ rows: roster.issuers, directory: folder, parse: parseJwks, log, onChange: (snapshot) => (given = pool.broadcast('issuer-keys', snapshot)) })
  const judges = judgesOver({
    call: (batch) => pool.call(batch),
    workers,
    async fetchKey({ issuer, kid }) {
      await keys.refresh(issuer, kid)
      await given
    },
  })
  return {
    ...judges,
    async close() {
      await keys.close()
      await pool.close()
    },
  }
}

export interface JudgingParts {
  call(batch: JudgeBatch): Promise<CallResult<readonly Judgement[]>>
  readonly workers: number
  /** Fetches a key that a roster's issuer may have and gives it to the workers. Failing to is no error. */
  fetchKey(missing: { readonly issuer: string; readonly kid: string }): Promise<void>
}

/** Batches while the workers are busy. What lacks an issuer's key is judged once more after one fetch, alone: nobody else waits for it. */
export function judgesOver({ call, workers, fetchKey }: JudgingParts): Judges {
  const ask = batcher<{ readonly request: JudgeRequest; readonly clock: number }, Judgement>({
    maxItems: limits.batchItems,
    maxRunning: workers,
    async run(items) {
      const result = await call({ requests: items.map(({ request }) => request), clock: Math.max(...items.map(({ clock }) => clock)) })
      if (result.ok) return result.value
      const code = result.reason === 'timeout' || result.reason === 'crashed' ? 'timed_out' : 'busy'
      return items.map(() => ({ verdict: 'unavailable', code }))
    },
  })
  const once = async (request: JudgeRequest, clock: number): Promise<Judgement> => {
    const judged = await ask({ request, clock })
    return 'reason' in judged ? { verdict: 'unavailable', code: 'busy' } : judged
  }
  return {
    async judge(request, clock) {
      const first = await once(request, clock)
      if (first.verdict !== 'unavailable' || first.missing === undefined) return first
      await fetchKey(first.missing)
      return once(request, clock)
    },
  }
}
