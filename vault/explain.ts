import type { ExplainResponse } from '@symbolon/protocol/http.ts'
import { explanationOf } from '@symbolon/policy/explain.ts'
import type { Failure } from '@symbolon/front/failure.ts'
import { count, judge, refusalOf, type Call } from '@symbolon/front/judging.ts'
import type { Found } from './history.ts'
import type { Vaulting } from './vaulting.ts'

/** What policy says of a dry intent. What is stored is not looked at, so that nobody learns from an explanation what there is. */
export async function explainSecret(call: Call, parts: Vaulting): Promise<Found<Omit<ExplainResponse, 'request_id'>> | Failure> {
  const judged = await call.timer.measure('policy', () => judge(call, parts, 'explain'))
  // What is not dry is turned down, not explained: it should not have been shown to anybody who only explains.
  if (judged.verdict === 'unavailable' || (judged.verdict === 'refused' && judged.reasons[0].code === 'intent_dry')) return refusalOf(judged)
  const counted = judged.principal === undefined ? { ok: true as const, headers: {} } : await count(judged.principal.id, parts)
  if (!counted.ok) return counted
  return { ok: true, value: { ...explanationOf(judged), roster: parts.roster, policy: parts.policy }, headers: counted.headers }
}
