import { parseJwks } from '@symbolon/evidence/jwks.ts'
import type { Bundle } from '@symbolon/policy/bundle.ts'
import type { Judgement } from '@symbolon/policy/judgement.ts'
import type { JudgeBatch, JudgeInit } from '@symbolon/policy/worker.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { openIssuerKeys } from '@symbolon/runtime/issuer-keys.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import { openPool } from '@symbolon/runtime/workers.ts'
import { openJudging, type JudgeAll } from './judging.ts'

export interface JudgesOptions {
  readonly roster: Roster
  readonly bundle: Bundle
  /** Where fetched issuer keys are kept. */
  readonly folder: string
  readonly workers: number
  readonly timeoutMs: number
  readonly log: Logger
}

/** The worker threads that judge, and the issuer keys that this signer fetched itself and gives to them. */
export async function openJudges({ roster, bundle, folder, workers, timeoutMs, log }: JudgesOptions): Promise<{ readonly judge: JudgeAll; close(): Promise<void> }> {
  const pool = await openPool<JudgeBatch, readonly Judgement[]>({ module: new URL(import.meta.resolve('@symbolon/policy/worker.ts')), size: workers, init: { roster, bundle } satisfies JudgeInit, timeoutMs, log })
  // The last one given: what a fetch found must have reached every worker before the judgement is tried again.
  let given = Promise.resolve()
  const keys = openIssuerKeys({ rows: roster.issuers, directory: folder, parse: parseJwks, log, onChange: (snapshot) => (given = pool.broadcast('issuer-keys', snapshot)) })
  const judge = openJudging({
    call: (batch) => pool.call(batch),
    async fetchKeys(missing) {
      await Promise.all(missing.map(({ issuer, kid }) => keys.refresh(issuer, kid)))
      await given
    },
  })
  return {
    judge,
    async close() {
      await keys.close()
      await pool.close()
    },
  }
}
