import type { Decoded } from '@symbolon/protocol/json.ts'
import { reasonOf } from '@symbolon/protocol/reason.ts'
import type { Reasons } from './judgement.ts'

/** Why bytes are not an intent, with where. Values are never quoted. */
export function unreadable({ reason, problems }: Extract<Decoded<unknown>, { ok: false }>): Reasons {
  if (reason === 'not_canonical') return [reasonOf('intent_not_canonical', 'The bytes are not the canonical form of what they say.', { rule: 'intent' })]
  const [first, ...more] = problems.map(({ pointer, message }) => reasonOf('intent_malformed', message || 'malformed', { rule: `intent${pointer}` }))
  return first === undefined ? [reasonOf('intent_malformed', 'The bytes are not an intent.', { rule: 'intent', fact: reason })] : [first, ...more]
}
