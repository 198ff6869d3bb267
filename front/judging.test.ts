import { describe, expect, test } from 'vitest'
import type { RefusalCode } from '@symbolon/protocol/errors.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Judges } from './judges.ts'
import { openEvent } from './event.ts'
import { judge } from './judging.ts'

/* Somebody who came in a moment ago is known to the signers before this process has looked. */

const refusing = (code: RefusalCode): Pick<Judges, 'judge' | 'explain'> => {
  const refused = { verdict: 'refused', reasons: [{ code, message: 'No.' }] } as const
  return { judge: async () => refused, explain: async () => refused }
}

describe('who is not known here', () => {
  test.each([
    ['passkey_unknown', 1],
    ['key_unknown', 1],
    ['trust_none', 1],
    ['issuer_unknown', 1],
    ['assertion_invalid', 0],
    ['scope_not_allowed', 0],
  ] as const)('%s: the roster is looked at again %i times', async (code, times) => {
    let looked = 0
    const event = openEvent({ event: 'test', request_id: 'r', trace_id: 't', deployment: 'd', address: '127.0.0.1', roster: 1, policy: 'p' }, () => undefined)
    const parts = { judges: refusing(code) as Judges, clock: () => 0, stranger: () => void (looked += 1) }
    const judged = await judge({ request: { intent: 'e30' as Base64url, evidence: [] }, asserted: {}, event }, parts)
    expect([judged.verdict, looked]).toEqual(['refused', times])
  })
})
