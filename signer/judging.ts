import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import type { Judgement } from '@symbolon/policy/judgement.ts'
import type { JudgeBatch } from '@symbolon/policy/worker.ts'
import type { MissingKey } from '@symbolon/evidence/established.ts'
import type { CallResult } from '@symbolon/runtime/workers.ts'

/** Judges a batch, answers in order; a code if the machine could not. */
export type JudgeAll = (batch: JudgeBatch) => Promise<readonly Judgement[] | NotNowCode>

export interface JudgingParts {
  call(batch: JudgeBatch): Promise<CallResult<readonly Judgement[]>>
  /** Fetches keys that the roster's issuers have and this signer has not, and gives them to the workers. Failing to is no error. */
  fetchKeys(missing: readonly MissingKey[]): Promise<void>
}

/**
 * One worker call for the batch. What lacked an issuer's key is judged once more after one fetch; whoever still lacks it then
 * learns `issuer_keys_unavailable`, which is no veto.
 */
export function openJudging({ call, fetchKeys }: JudgingParts): JudgeAll {
  const ask = async (batch: JudgeBatch): Promise<readonly Judgement[] | NotNowCode> => {
    const result = await call(batch)
    if (result.ok) return result.value
    return result.reason === 'overloaded' || result.reason === 'closed' ? 'busy' : 'timed_out'
  }
  return async ({ requests, clock }) => {
    const first = await ask({ requests, clock })
    if (typeof first === 'string') return first
    const lacking = [...first.entries()].filter(([, judgement]) => missingOf(judgement) !== undefined).map(([at]) => at)
    if (lacking.length === 0) return first
    await fetchKeys(lacking.flatMap((at) => missingOf(first[at]) ?? []))
    const second = await ask({ requests: lacking.flatMap((at) => requests[at] ?? []), clock })
    // The others have their judgement already; only those that were asked again share this failure.
    return first.map((judgement, at) => {
      const place = lacking.indexOf(at)
      if (place < 0) return judgement
      return typeof second === 'string' ? { verdict: 'unavailable', code: second } : (second[place] ?? judgement)
    })
  }
}

const missingOf = (judgement: Judgement | undefined): MissingKey | undefined => (judgement?.verdict === 'unavailable' ? judgement.missing : undefined)
