import type { Explanation } from '@symbolon/policy/explain.ts'
import type { View } from './view.ts'

/** Would it be granted, who asks, which rule, which fact, what would change it. */
export function explainedView(explained: Explanation, more: Readonly<Record<string, unknown>> = {}): View {
  const { granted, principal, reasons, claims, decision } = explained
  const reasonRows = reasons.flatMap((reason) => [
    ['why', reason.message],
    ...(reason.rule === undefined ? [] : [['  rule', reason.rule]]),
    ...(reason.fact === undefined ? [] : [['  fact', reason.fact]]),
    ...(reason.remedy === undefined ? [] : [['  would change it', reason.remedy]]),
  ])
  const claimRows = claims === undefined ? [] : Object.entries(claims).map(([name, value]) => [`  ${name}`, typeof value === 'string' ? value : JSON.stringify(value)])
  return {
    data: { ...explained, ...more },
    raw: granted ? 'granted' : 'refused',
    tables: [{ rows: [['granted', granted ? 'yes' : 'no'], ...(principal === undefined ? [] : [['who', principal]]), ...(decision === undefined || !decision.allow ? [] : [['longest', `${decision.max_ttl} s`]]), ...reasonRows, ...(claimRows.length === 0 ? [] : [['claims', ''], ...claimRows])] }],
  }
}
