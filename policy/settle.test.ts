import { describe, expect, test } from 'vitest'
import { evidenceKinds, type EvidenceKind } from '@symbolon/protocol/evidence.ts'
import type { Decision } from '@symbolon/protocol/reason.ts'
import type { Ceiling } from '@symbolon/protocol/ceiling.ts'
import { at, intentOf, makeWorld } from './judge.testkit.ts'
import { questionOf } from './question.ts'
import { settle } from './settle.ts'

const world = makeWorld()
const caps = { scopes: ['read:logs', 'write:prod'], audiences: ['https://api.example'], default_ttl: 900, max_ttl: 3600 }
const yes: Decision = { allow: true, scope: ['read:logs'], max_ttl: 1800, approvals: [], touch: false, obligations: [], reasons: [] }

interface Case {
  readonly ttl?: number
  readonly scope?: string[]
  readonly aud?: string
  readonly ceiling?: Ceiling
  readonly decision?: Partial<Decision>
  readonly caps?: Partial<typeof caps>
  readonly kind?: EvidenceKind
}
function settled({ ceiling, decision, caps: other, kind = 'key', ...changes }: Case) {
  const intent = intentOf(world, changes)
  const established = { principal: { id: 'ci', kind: 'service', roles: [], groups: [], claims: {} }, evidence: { kind, age: 0 }, origin: { kind: 'key' }, singleUse: [], ...(ceiling === undefined ? {} : { ceiling }) } as const
  const result = settle({ decision: { ...yes, scope: changes.scope ?? ['read:logs'], ...decision }, question: questionOf(intent), established, caps: { ...caps, ...other } })
  return result.ok ? result.ttl : result.reasons.map((reason) => reason.code)
}

describe('a lifetime', () => {
  test.each<[string, Case, number | readonly string[]]>([
    ['not asked for is the default', {}, 900],
    ['not asked for is the maximum where that is smaller', { decision: { max_ttl: 60 } }, 60],
    ['asked for is given', { ttl: 1 }, 1],
    ['as long as the policy allows is given', { ttl: 1800 }, 1800],
    ['longer than the policy allows is refused, not cut', { ttl: 1801 }, ['ttl_too_long']],
    ['longer than the deployment allows is refused, whatever the policy says', { ttl: 3601, decision: { max_ttl: 86_400 } }, ['ttl_too_long']],
    ['longer than any token may live is refused, whatever roster and policy say', { ttl: 86_401, decision: { max_ttl: 99_999 }, caps: { max_ttl: 99_999 } }, ['ttl_too_long']],
    ['is refused where the policy allows none', { decision: { max_ttl: 0 } }, ['ttl_too_long']],
    ['not asked for ends with the evidence', { ceiling: { end: at + 30 } }, 30],
    ['up to the end of the evidence is given', { ttl: 30, ceiling: { end: at + 30 } }, 30],
    ['that outlives the evidence is refused', { ttl: 31, ceiling: { end: at + 30 } }, ['ceiling_exceeded']],
    ['of evidence that has ended is refused', { ceiling: { end: at } }, ['ceiling_exceeded']],
    ['not asked for is what the ceiling allows', { ceiling: { max_ttl: 10 } }, 10],
    ['beyond the ceiling is refused', { ttl: 11, ceiling: { max_ttl: 10 } }, ['ceiling_exceeded']],
    ['beyond policy and ceiling is refused', { ttl: 2000, ceiling: { max_ttl: 1900 } }, ['ttl_too_long']],
  ])('B-1 %s', (_, asked, wanted) => expect(settled(asked)).toEqual(wanted))
})

describe('a scope', () => {
  test.each<[string, Case, number | readonly string[]]>([
    ['within the ceiling', { ceiling: { scope: ['read:logs', 'write:prod'] } }, 900],
    ['beyond the ceiling', { scope: ['read:logs', 'write:prod'], ceiling: { scope: ['read:logs'] } }, ['ceiling_exceeded']],
    ['T-2 with a ceiling of nothing', { ceiling: { scope: [] } }, ['ceiling_exceeded']],
    ['that only the policy knows', { scope: ['read:all'] }, ['scope_not_allowed']],
    ['that the policy granted in part', { scope: ['read:logs', 'write:prod'], decision: { scope: ['read:logs'] } }, ['policy_denied']],
    ['beyond what was asked for', { decision: { scope: ['read:logs', 'write:prod'] } }, ['policy_denied']],
    ['granted twice instead of two', { scope: ['read:logs', 'write:prod'], decision: { scope: ['read:logs', 'read:logs'] } }, ['policy_denied']],
  ])('%s', (_, asked, wanted) => expect(settled(asked)).toEqual(wanted))
})

describe('an audience', () => {
  test.each<[string, Case, number | readonly string[]]>([
    ['within the ceiling', { ceiling: { aud: ['https://api.example'] } }, 900],
    ['beyond the ceiling', { ceiling: { aud: ['https://other.example'] } }, ['ceiling_exceeded']],
    ['that begins like one within', { ceiling: { aud: ['https://api.example/'] } }, ['ceiling_exceeded']],
    ['T-2 with a ceiling of nothing', { ceiling: { aud: [] } }, ['ceiling_exceeded']],
  ])('B-1 %s', (_, asked, wanted) => expect(settled(asked)).toEqual(wanted))
})

test('a touch is a passkey’s, and nothing else stands for one', () => {
  const touched = evidenceKinds.filter((kind) => settled({ kind, decision: { touch: true } }) === 900)
  expect(touched).toEqual(['passkey'])
  expect(settled({ kind: 'passkey', decision: { touch: true, approvals: [{ group: 'ops', count: 1 }] } })).toEqual(['approval_required'])
})

test('an audience that only the policy knows is refused', () => expect(settled({ aud: 'https://nowhere.example' })).toEqual(['audience_not_allowed']))

test('all that stands in the way is told at once', () =>
  expect(settled({ scope: ['read:logs', 'write:prod'], aud: 'https://nowhere.example', ceiling: { scope: ['read:logs'] }, decision: { touch: true, approvals: [{ group: 'ops', count: 1 }] } })).toEqual([
    'approval_required',
    'touch_required',
    'audience_not_allowed',
    'ceiling_exceeded',
  ]))

test('a denial without a word is a denial', () => expect(settled({ decision: { allow: false } })).toEqual(['policy_denied']))
test('codes that only the policy knows are shown as policy_denied', () => expect(settled({ decision: { allow: false, reasons: [{ code: 'granted', message: 'Yes.' }, { code: 'scope_not_allowed', message: '' }] } })).toEqual(['policy_denied', 'scope_not_allowed']))
