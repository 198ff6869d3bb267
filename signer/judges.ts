import { parseJwks } from '@symbolon/evidence/jwks.ts'
import type { MissingKey } from '@symbolon/evidence/established.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import type { Bundle } from '@symbolon/policy/bundle.ts'
import type { JudgeRequest, RuleOptions, RuleRequest } from '@symbolon/policy/judgement.ts'
import type { JudgeInit, WorkerAnswer, WorkerCall, WorkerUpdate } from '@symbolon/policy/worker.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { openIssuerKeys } from '@symbolon/runtime/issuer-keys.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import { openPool, type CallResult } from '@symbolon/runtime/workers.ts'
import { openJudging, type Batch, type JudgeAll, type RuleAll } from './judging.ts'

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

export interface OpenJudges {
  readonly judge: JudgeAll
  readonly rule: RuleAll
  /** When it resolves, no judgement is made that does not know of these. */
  setStops(stops: Stops): Promise<void>
  close(): Promise<void>
}

/** The worker threads that judge, and the issuer keys that this signer fetched itself and gives to them. */
export async function openJudges({ roster, bundle, stops, folder, workers, timeoutMs, log }: JudgesOptions): Promise<OpenJudges> {
  const pool = await openPool<WorkerCall, WorkerAnswer>({ module: new URL(import.meta.resolve('@symbolon/policy/worker.ts')), size: workers, init: { roster, bundle, stops } satisfies JudgeInit, timeoutMs, log })
  const give = (key: string, update: WorkerUpdate) => pool.broadcast(key, update)
  // The last one given: what a fetch found must have reached every worker before the judgement is tried again.
  let given = Promise.resolve()
  const keys = openIssuerKeys({ rows: roster.issuers, directory: folder, parse: parseJwks, log, onChange: (issuerKeys) => (given = give('issuer-keys', { issuerKeys })) })
  const fetchKeys = async (missing: readonly MissingKey[]) => {
    await Promise.all(missing.map(({ issuer, kid }) => keys.refresh(issuer, kid)))
    await given
  }
  const asked = async <A>(call: WorkerCall, pick: (answer: WorkerAnswer) => readonly A[]): Promise<CallResult<readonly A[]>> => {
    const result = await pool.call(call)
    return result.ok ? { ok: true, value: pick(result.value) } : result
  }
  return {
    judge: openJudging({ call: ({ requests: judge, clock }: Batch<JudgeRequest>) => asked({ judge, clock }, ({ judged }) => judged), fetchKeys }),
    rule: openJudging({ call: ({ requests: rule, clock }: Batch<RuleRequest & RuleOptions>) => asked({ rule, clock }, ({ ruled }) => ruled), fetchKeys }),
    setStops: (newest) => give('stops', { stops: newest }),
    async close() {
      await keys.close()
      await pool.close()
    },
  }
}
