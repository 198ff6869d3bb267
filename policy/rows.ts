import type { Deployment } from './deployment.ts'
import type { Evaluator } from './evaluate.ts'
import { policyInput } from './input.ts'
import type { Listed, ListQuestion, Refused } from './judgement.ts'
import { rowsQuestionOf } from './question.ts'
import { weigh } from './weigh.ts'
import type { Weighed } from './weighed.ts'

/** Paths in one evaluation: what a policy's memory holds with ease. */
const atOnce = 500

/** Which rows of a listing may be shown. The listing itself is weighed first; then the same policy is asked about many paths at once. */
export function rowsOf(asked: Weighed, { paths, action = 'list' }: Omit<ListQuestion, 'request'>, here: Deployment, policy: Evaluator): Listed | Refused {
  const judged = weigh(asked, here, policy)
  if (judged.verdict === 'refused') return judged
  if (judged.grants !== 'listing') throw new TypeError('an intent of another kind does not suit')
  const { digest, intent, principal } = judged
  const shown = Array.from({ length: Math.ceil(paths.length / atOnce) }, (_, batch) => paths.slice(batch * atOnce, (batch + 1) * atOnce)).flatMap((some) => {
    const question = rowsQuestionOf(intent, some, action)
    // The listing was weighed by its own scope: evidence that does not reach the scope of another action does not give it by a listing either.
    if (question.scope.some((name) => asked.established.ceiling?.scope?.includes(name) === false)) return some.map(() => false)
    const places = policy.rows(policyInput({ question, established: asked.established, asserted: asked.asserted, caps: here.caps.secret }))
    return some.map((_, at) => places.has(at))
  })
  return { verdict: 'granted', digest, intent, principal, shown }
}
