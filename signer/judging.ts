import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import type { Judgement, JudgeRequest, RuleOptions, RuleRequest, Ruling, Unavailable } from '@symbolon/policy/judgement.ts'
import type { MissingKey } from '@symbolon/evidence/established.ts'
import type { CallResult } from '@symbolon/runtime/workers.ts'

export interface Batch<Q> {
  readonly requests: readonly Q[]
  /** Seconds; one for the batch. */
  readonly clock: number
}
/** Judges a batch, answers in order; a code if the machine could not. */
export type All<Q, A> = (batch: Batch<Q>) => Promise<readonly A[] | NotNowCode>
export type JudgeAll = All<JudgeRequest, Judgement>
export type RuleAll = All<RuleRequest & RuleOptions, Ruling>

export interface JudgingParts<Q, A> {
  call(batch: Batch<Q>): Promise<CallResult<readonly A[]>>
  /** Fetches keys that the roster's issuers have and this signer has not, and gives them to the workers. Failing to is no error. */
  fetchKeys(missing: readonly MissingKey[]): Promise<void>
}

type Verdict = { readonly verdict: 'granted' | 'refused' } | Unavailable

/**
 * One worker call for the batch. What lacked an issuer's key is judged once more after one fetch; whoever still lacks it then
 * learns `issuer_keys_unavailable`, which is no veto.
 */
export function openJudging<Q, A extends Verdict>({ call, fetchKeys }: JudgingParts<Q, A | Unavailable>): All<Q, A | Unavailable> {
  const ask = async (batch: Batch<Q>): Promise<readonly (A | Unavailable)[] | NotNowCode> => {
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

const missingOf = (judgement: Verdict | undefined): MissingKey | undefined => (judgement?.verdict === 'unavailable' ? judgement.missing : undefined)
