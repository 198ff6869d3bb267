import { parseJwks } from '@symbolon/evidence/jwks.ts'
import type { MissingKey } from '@symbolon/evidence/established.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import type { JudgeRequest, RuleOptions, RuleRequest } from '@symbolon/policy/judgement.ts'
import type { JudgeInit, WorkerAnswer, WorkerCall, WorkerUpdate } from '@symbolon/policy/worker.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { openIssuerKeys } from '@symbolon/runtime/issuer-keys.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import { openPool, type CallResult, type Pool } from '@symbolon/runtime/workers.ts'
import { openJudging, type Batch, type JudgeAll, type RuleAll } from './judging.ts'
import { unsealing, type Unseal } from './sealed.ts'

export interface BenchOptions {
  /** Whose keys are wanted from the start: what was fetched from others before is thrown away. */
  readonly issuers: Roster['issuers']
  /** Where fetched issuer keys are kept. */
  readonly folder: string
  readonly workers: number
  readonly timeoutMs: number
  /** Opens what was sealed to this signer, before anything is judged. */
  readonly unseal: Unseal
  readonly log: Logger
}

/** Where judges are made: one version's at a time in force, the next one's while they open. The issuer keys are everybody's. */
export interface Bench {
  /** The worker threads that judge by this roster and this bundle. Throws a SafeError (`workers_cannot_open`) if they cannot. */
  open(init: JudgeInit): Promise<Judges>
  /** From now on, keys of these issuers are fetched, and of no others. */
  setIssuers(rows: Roster['issuers']): void
  close(): Promise<void>
}

/** Judges by one version. */
export interface Judges {
  readonly judge: JudgeAll
  readonly rule: RuleAll
  /** When it resolves, no judgement is made that does not know of these. */
  setStops(stops: Stops): Promise<void>
  /** Ends the threads once whatever was asked has its answer. */
  retire(): Promise<void>
}

type JudgePool = Pool<WorkerCall, WorkerAnswer>

/** Issuer keys are fetched by this signer itself, and given to whoever judges. */
export function openBench({ issuers, folder, workers, timeoutMs, unseal, log }: BenchOptions): Bench {
  const pools = new Set<JudgePool>()
  // The last ones given: what a fetch found must have reached every worker before a judgement is tried again.
  let given: Promise<unknown> = Promise.resolve()
  const keys = openIssuerKeys({ rows: issuers, directory: folder, parse: parseJwks, log, onChange: (issuerKeys) => (given = Promise.all([...pools].map((pool) => give(pool, 'issuer-keys', { issuerKeys })))) })
  const fetchKeys = async (missing: readonly MissingKey[]) => {
    await Promise.all(missing.map(({ issuer, kid }) => keys.refresh(issuer, kid)))
    await given
  }
  return {
    async open(init) {
      const pool: JudgePool = await openPool({ module: new URL(import.meta.resolve('@symbolon/policy/worker.ts')), size: workers, init, timeoutMs, log })
      pools.add(pool)
      await give(pool, 'issuer-keys', { issuerKeys: keys.keys() })
      return judgesOf(pool, { fetchKeys, unseal }, () => pools.delete(pool))
    },
    setIssuers: (rows) => keys.setRows(rows),
    async close() {
      await keys.close()
      await Promise.all([...pools].map((pool) => pool.close()))
    },
  }
}

const give = (pool: JudgePool, key: string, update: WorkerUpdate): Promise<void> => pool.broadcast(key, update)

type Helping = Pick<BenchOptions, 'unseal'> & { readonly fetchKeys: (missing: readonly MissingKey[]) => Promise<void> }

function judgesOf(pool: JudgePool, { fetchKeys, unseal }: Helping, gone: () => void): Judges {
  const asked = async <A>(call: WorkerCall, pick: (answer: WorkerAnswer) => readonly A[]): Promise<CallResult<readonly A[]>> => {
    const result = await pool.call(call)
    return result.ok ? { ok: true, value: pick(result.value) } : result
  }
  const judge = unsealing(unseal, openJudging({ call: ({ requests, clock }: Batch<JudgeRequest>) => asked({ judge: requests, clock }, ({ judged }) => judged), fetchKeys }))
  const rule = unsealing(unseal, openJudging({ call: ({ requests, clock }: Batch<RuleRequest & RuleOptions>) => asked({ rule: requests, clock }, ({ ruled }) => ruled), fetchKeys }))
  // A judgement that waits for an issuer's key asks a second time: it must find its judges still there.
  const underWay = new Set<Promise<unknown>>()
  const counted = <Q, A>(ask: (batch: Batch<Q>) => Promise<A>) => (batch: Batch<Q>): Promise<A> => {
    const answered = ask(batch)
    underWay.add(answered)
    return answered.finally(() => underWay.delete(answered))
  }
  return {
    judge: counted(judge),
    rule: counted(rule),
    setStops: (stops) => give(pool, 'stops', { stops }),
    async retire() {
      await Promise.allSettled(underWay)
      gone()
      await pool.close()
    },
  }
}
