import type { ExplainResponse } from '@symbolon/protocol/http.ts'
import type { Explained, Judgement, Unavailable } from './judgement.ts'

/** What is told of a judgement: would it be granted, who asks, which rule, which fact, what would change it. */
export type Explanation = Pick<ExplainResponse, 'granted' | 'principal' | 'decision' | 'reasons' | 'claims'>

/** The judgement itself in other words. Nothing is decided or evaluated here, so it cannot disagree. */
export function explanationOf(judgement: Exclude<Judgement | Explained, Unavailable>): Explanation {
  const decision = judgement.decision === undefined ? {} : { decision: judgement.decision }
  if (judgement.verdict === 'granted') return { granted: true, principal: judgement.principal.id, ...decision, reasons: [], ...(judgement.grants === 'token' ? { claims: { ...judgement.claims } } : {}) }
  return { granted: false, ...(judgement.principal === undefined ? {} : { principal: judgement.principal.id }), ...decision, reasons: [...judgement.reasons] }
}
