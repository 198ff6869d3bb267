import { describe, expect, test } from 'vitest'
import { sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import type { Ruling } from './judge.ts'
import { at, idTokenEvidence, intentOf, keyEvidence, request } from './judge.testkit.ts'
import { askOf, grantOf, judgeOf, keys, makePeople, ruling, touch, type Name } from './people.testkit.ts'

const issuer = 'http://localhost:8080'
const world = makePeople({ roster: { audiences: ['https://api.example', issuer] }, issuerRow: { class: 'bearer', bearer_audience: 'forge', ceiling: { max_ttl: 60 } } })
const { judge, rule } = judgeOf(world)
const codes = (ruled: Ruling): readonly string[] => (ruled.verdict === 'refused' ? ruled.reasons.map(({ code }) => code) : [ruled.verdict])
const someId = toBase64url(sha256(utf8('a grant')))

type Asked = ReturnType<typeof askOf>
const stop = (own: Parameters<typeof askOf>[1], evidence: (intent: Asked) => Evidence, clock = at, whenever = false) => {
  const intent = askOf(world, own)
  return rule(ruling(intent, [evidence(intent)]), clock, { whenever })
}
const byTouch = (name: Name) => (intent: Asked) => touch(intent, keys[name])
const byKey = (intent: Asked) => keyEvidence(world, intent)
const stopsOf = (...ruled: readonly Ruling[]): Stops => {
  const facts = ruled.flatMap((each) => (each.verdict === 'granted' && each.stop !== undefined ? [each.stop] : []))
  return { revoked: facts.flatMap((fact) => (fact.kind === 'revoked' ? [fact.revoked] : [])), locked: facts.flatMap((fact) => (fact.kind === 'locked' ? [fact.locked] : [])) }
}

describe('a lock', () => {
  const until = at + limits.lockTtl
  test('by a guardian’s touch stops any row for a day', () => {
    for (const row of ['dan', 'ci', 'deploy', 'bob', 'ann']) expect(stop({ kind: 'lock', row }, byTouch('ann'))).toMatchObject({ verdict: 'granted', stop: { kind: 'locked', locked: { row, until } } })
  })
  test('of one’s own row needs no guardian', () => {
    expect(stop({ kind: 'lock', row: 'dan', sub: 'dan' }, byTouch('dan'))).toMatchObject({ stop: { locked: { row: 'dan', until } } })
    expect(stop({ kind: 'lock', row: 'ci', sub: 'ci' }, byKey)).toMatchObject({ stop: { locked: { row: 'ci', until } } })
  })
  test.each<[string, Parameters<typeof askOf>[1], (intent: Asked) => Evidence, string]>([
    ['by somebody who is no guardian, of another row', { kind: 'lock', row: 'ann', sub: 'dan' }, byTouch('dan'), 'not_a_guardian'],
    ['by a service, of another row', { kind: 'lock', row: 'dan', sub: 'ci' }, byKey, 'not_a_guardian'],
    ['by a job, of another row', { kind: 'lock', row: 'dan', sub: 'deploy' }, (intent) => idTokenEvidence(world, intent), 'not_a_guardian'],
    ['of a row that is not there', { kind: 'lock', row: 'nobody' }, byTouch('ann'), 'policy_denied'],
    ['of a client, which asks nothing by itself', { kind: 'lock', row: 'cli' }, byTouch('ann'), 'policy_denied'],
    ['of the own row, by an ID token that anybody may have seen', { kind: 'lock', row: 'deploy', sub: 'deploy' }, (intent) => idTokenEvidence(world, intent, { aud: 'forge' }), 'id_token_class'],
  ])('%s is refused', (_, own, evidence, code) => expect(codes(stop(own, evidence))).toEqual([code]))

  test('R-2 bites whatever the row asks next, and what it asked before', () => {
    const stops = stopsOf(stop({ kind: 'lock', row: 'ci' }, byTouch('bob'), at, true), stop({ kind: 'lock', row: 'ci', sub: 'bob' }, byTouch('bob')))
    expect(stops.locked).toEqual([{ row: 'ci', until }])
    const intent = intentOf(world, { iat: at - 30, exp: at + 60 })
    expect(judge(request(world, intent), at).verdict).toBe('granted')
    expect(judgeOf(world, stops).judge(request(world, intent), at)).toMatchObject({ verdict: 'refused', reasons: [{ code: 'locked' }] })
    expect(judgeOf(world, stops).explain(request(world, { ...intent, dry: true }), at)).toMatchObject({ verdict: 'refused', reasons: [{ code: 'locked' }] })
  })

  test('keeps a guardian from stopping others', () => {
    const stops = stopsOf(stop({ kind: 'lock', row: 'bob' }, byTouch('ann')))
    const intent = askOf(world, { kind: 'lock', row: 'ann', sub: 'bob' })
    expect(codes(judgeOf(world, stops).rule(ruling(intent, [touch(intent, keys.bob)]), at))).toEqual(['locked'])
  })
})

describe('a revocation', () => {
  const until = at + limits.tokenTtl + limits.clockSkew
  const unseen = at + 366 * 86_400
  test('names who said it: a guardian’s bites everybody’s, anybody else’s their own', () => {
    expect(stop({ kind: 'revoke', what: 'grant', id: someId }, byTouch('ann'))).toMatchObject({ verdict: 'granted', stop: { kind: 'revoked', revoked: { id: someId, by: 'ann', guardian: true, until: unseen } } })
    expect(stop({ kind: 'revoke', what: 'grant', id: someId, sub: 'dan' }, byTouch('dan'))).toMatchObject({ stop: { revoked: { by: 'dan', guardian: false } } })
    expect(stop({ kind: 'revoke', what: 'token', id: someId, sub: 'ci' }, byKey)).toMatchObject({ stop: { revoked: { by: 'ci', guardian: false, until } } })
  })

  test('R-2 bites a grant that was dated ahead, when its time has come', () => {
    const later = at + 30 * 86_400
    const ahead = grantOf(world, { by: 'dan', iat: later, end: later + 3_600 })
    const revoked = stop({ kind: 'revoke', what: 'grant', id: ahead.digest, sub: 'dan' }, byTouch('dan'))
    expect(revoked).toMatchObject({ stop: { revoked: { until: unseen } } })
    const intent = intentOf(world, { sub: 'dan', iat: later, exp: later + 60 })
    const asked = request(world, intent, [ahead.evidence(intent)])
    expect(judgeOf(world).judge(asked, at)).toMatchObject({ reasons: [{ code: 'intent_not_yet_valid' }] })
    expect(judgeOf(world).judge(asked, later).verdict).toBe('granted')
    expect(judgeOf(world, stopsOf(revoked)).judge(asked, later)).toMatchObject({ reasons: [{ code: 'revoked' }] })
  })

  test('by an ID token of class bearer is refused', () => {
    expect(codes(stop({ kind: 'revoke', what: 'token', id: someId, sub: 'deploy' }, (intent) => idTokenEvidence(world, intent, { aud: 'forge' })))).toEqual(['id_token_class'])
    expect(codes(stop({ kind: 'revoke', what: 'token', id: someId, sub: 'deploy' }, (intent) => idTokenEvidence(world, intent)))).toEqual(['granted'])
  })
})

describe('R-3 time', () => {
  const asked = { kind: 'lock', row: 'dan' } as const
  test.each([
    ['a stop is asked for in its window', at + 299, false, 'granted'],
    ['not after it', at + 300, false, 'intent_expired'],
    ['one from the book holds whenever it is shown', at + 300, true, 'granted'],
    ['also a year later', at + 365 * 86_400, true, 'granted'],
    ['but not before it was made', at - 61, true, 'intent_not_yet_valid'],
  ] as const)('%s', (_, clock, whenever, code) => expect(codes(stop(asked, byTouch('ann'), clock, whenever))).toEqual([code]))

  test('an intent that gives itself a longer window is refused, whenever', () => expect(codes(stop({ ...asked, exp: at + 301 }, byTouch('ann'), at, true))).toEqual(['intent_window_too_long']))
})
