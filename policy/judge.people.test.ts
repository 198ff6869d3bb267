import { describe, expect, test } from 'vitest'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { TokenIntent } from '@symbolon/protocol/intent.ts'
import type { Judgement } from './judge.ts'
import { at, bundleWith, defaultData, intentOf, keyEvidence, request, type World, type WorldOptions } from './judge.testkit.ts'
import { approvalOf, judgeOf, keys, makePeople, touch } from './people.testkit.ts'

const codes = (judgement: Judgement): readonly string[] => (judgement.verdict === 'refused' ? judgement.reasons.map((reason) => reason.code) : [judgement.verdict])
const guarded = { bundle: bundleWith({ ...defaultData, scopes: { 'write:staging': { touch: true } } }) }

const ask = (changes: Partial<TokenIntent>, evidence: (intent: TokenIntent, world: World) => Evidence, options: WorldOptions = {}): Judgement => {
  const world = makePeople(options)
  const intent = intentOf(world, { sub: 'ann', ...changes })
  return judgeOf(world).judge(request(world, intent, [evidence(intent, world)]), at)
}
const byTouch = (intent: TokenIntent) => touch(intent)

describe('a person with a passkey', () => {
  test('is granted what the roles have; the token says who was there, when and how', () => {
    const judgement = ask({}, byTouch)
    expect(judgement).toMatchObject({
      verdict: 'granted',
      principal: { id: 'ann', kind: 'person', roles: ['engineer'] },
      claims: { sub: 'ann', client_id: 'cli', exp: at + 900, auth_time: at, acr: 'urn:symbolon:acr:touch', amr: ['hwk', 'user'], 'urn:symbolon:v1': { origin: { kind: 'passkey' } } },
      passkey: { credential: keys.ann.id },
      singleUse: [],
    })
    if (judgement.verdict === 'granted' && judgement.grants === 'token') expect(judgement.claims['urn:symbolon:v1'].origin).toEqual({ kind: 'passkey' })
  })

  test('a synced key is told from one that stays in its device', () => expect(ask({ sub: 'dan' }, (intent) => touch(intent, keys.dan))).toMatchObject({ claims: { amr: ['swk', 'user'] } }))

  test('is refused what no role has, with what would change it', () => expect(ask({ scope: ['write:prod'] }, byTouch)).toMatchObject({ verdict: 'refused', reasons: [{ code: 'scope_not_allowed', fact: 'roles: engineer', remedy: 'A role that has it: sre (1800 s).' }] }))

  test('touches for what asks for a touch', () => expect(codes(ask({ scope: ['write:staging'] }, byTouch, guarded))).toEqual(['granted']))

  test('I-1 Ann’s intent with Bob’s evidence is refused, and Bob’s intent with Ann’s', () => {
    expect(ask({}, (intent) => touch(intent, keys.bob)).verdict).toBe('refused')
    expect(ask({ sub: 'bob' }, (intent) => touch(intent, keys.ann)).verdict).toBe('refused')
    expect(ask({}, (intent, world) => keyEvidence(world, intent))).toMatchObject({ reasons: [{ code: 'subject_mismatch' }] })
  })

  test('cannot act as another, nor another as them', () => {
    expect(codes(ask({ as: 'bob' }, byTouch))).toEqual(['impersonation_not_allowed'])
    expect(codes(ask({ as: 'ci' }, byTouch))).toEqual(['impersonation_not_allowed'])
  })

  test('Z-3 named on the emergency list is refused, with what they own', () => {
    const deny = (principals: readonly string[]) => ({ bundle: bundleWith({ ...defaultData, deny: { principals } }) })
    expect(ask({}, byTouch, deny(['ann']))).toMatchObject({ reasons: [{ code: 'policy_denied', rule: 'symbolon.deny', fact: 'principal: ann' }] })
    expect(ask({ sub: 'ci' }, (intent, world) => keyEvidence(world, intent), deny(['ann']))).toMatchObject({ reasons: [{ fact: 'owner: ann' }] })
    expect(codes(ask({}, byTouch, deny(['bob'])))).toEqual(['granted'])
  })

  test('approvals of a token count for nothing, so what asks for one is refused', () => {
    const options = { bundle: bundleWith({ ...defaultData, scopes: { 'read:logs': { approvals: [{ group: 'leads', count: 1 }] } } }) }
    const world = makePeople(options)
    const intent = intentOf(world, { sub: 'ann' })
    expect(codes(judgeOf(world).judge({ ...request(world, intent, [touch(intent)]), approvals: [approvalOf(intent, 'bob')] }, at))).toEqual(['approval_required'])
  })
})
