import { describe, expect, test } from 'vitest'
import { sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Stops } from '@symbolon/evidence/stops.ts'
import type { Ruling } from './judge.ts'
import { at, digestOf, intentOf, jwkOf, makeKey, request, signJws, tokenEvidence } from './judge.testkit.ts'
import { askOf, grantOf, judgeOf, keys, makePeople, ruling, touch, type Name } from './people.testkit.ts'

const issuer = 'http://localhost:8080'
const world = makePeople({ roster: { audiences: ['https://api.example', issuer] } })
const { judge, rule } = judgeOf(world)
const codes = (ruled: Ruling): readonly string[] => (ruled.verdict === 'refused' ? ruled.reasons.map(({ code }) => code) : [ruled.verdict])
const someId = toBase64url(sha256(utf8('a grant')))

type Asked = ReturnType<typeof askOf>
const stop = (own: Parameters<typeof askOf>[1], evidence: (intent: Asked) => Evidence) => {
  const intent = askOf(world, own)
  return rule(ruling(intent, [evidence(intent)]), at)
}
const byTouch = (name: Name) => (intent: Asked) => touch(intent, keys[name])
const stopsOf = (...ruled: readonly Ruling[]): Stops => {
  const facts = ruled.flatMap((each) => (each.verdict === 'granted' && each.stop !== undefined ? [each.stop] : []))
  return { revoked: facts.flatMap((fact) => (fact.kind === 'revoked' ? [fact.revoked] : [])), locked: facts.flatMap((fact) => (fact.kind === 'locked' ? [fact.locked] : [])) }
}

describe('by a token', () => {
  const holder = makeKey()
  const made = intentOf(world, { aud: issuer, cnf: { jkt: thumbprint(jwkOf(holder)) } })
  const minted = judge(request(world, made), at)
  const token = minted.verdict === 'granted' && minted.grants === 'token' ? signJws(minted.message, world.group) : ''
  const byToken = (intent: Asked) => tokenEvidence(world, intent, { token, holder })
  const id = toBase64url(digestOf(made))

  test('R-2 is of itself', () => {
    const revoked = stop({ kind: 'revoke', what: 'token', id, sub: 'ci' }, byToken)
    expect(revoked).toMatchObject({ verdict: 'granted', stop: { revoked: { id, by: 'ci', guardian: false } } })
    const intent = intentOf(world)
    const asked = request(world, intent, [tokenEvidence(world, intent, { token, holder })])
    expect(judge(asked, at).verdict).toBe('granted')
    expect(judgeOf(world, stopsOf(revoked)).judge(asked, at)).toMatchObject({ verdict: 'refused', reasons: [{ code: 'revoked' }] })
  })
  test('of another is refused', () => expect(codes(stop({ kind: 'revoke', what: 'token', id: someId, sub: 'ci' }, byToken))).toEqual(['ceiling_exceeded']))
  test('locks nothing, not even the own row', () => expect(codes(stop({ kind: 'lock', row: 'ci', sub: 'ci' }, byToken))).toEqual(['evidence_kind_unsupported']))
})

describe('by a grant', () => {
  const granted = grantOf(world, { by: 'dan' })
  const byGrant = (intent: Asked) => granted.evidence(intent)

  test('R-2 is of itself, and of what was made from it', () => {
    const revoked = stop({ kind: 'revoke', what: 'grant', id: granted.digest, sub: 'dan' }, byGrant)
    expect(revoked).toMatchObject({ verdict: 'granted', touch: false, stop: { revoked: { id: granted.digest, by: 'dan', guardian: false } } })
    const intent = intentOf(world, { sub: 'dan' })
    expect(judge(request(world, intent, [granted.evidence(intent)]), at).verdict).toBe('granted')
    expect(judgeOf(world, stopsOf(revoked)).judge(request(world, intent, [granted.evidence(intent)]), at)).toMatchObject({ verdict: 'refused', reasons: [{ code: 'revoked' }] })
  })
  test('of another is refused', () => expect(codes(stop({ kind: 'revoke', what: 'grant', id: someId, sub: 'dan' }, byGrant))).toEqual(['ceiling_exceeded']))
  test('of a guardian is no guardian’s word', () => {
    const anns = grantOf(world, { by: 'ann' })
    expect(stop({ kind: 'revoke', what: 'grant', id: anns.digest }, (intent) => anns.evidence(intent))).toMatchObject({ stop: { revoked: { by: 'ann', guardian: false } } })
    expect(codes(stop({ kind: 'lock', row: 'dan' }, (intent) => anns.evidence(intent)))).toEqual(['evidence_kind_unsupported'])
  })
  test('bites nobody else’s: what Dan revokes of Ann’s goes on', () => {
    const anns = grantOf(world, { by: 'ann' })
    const revoked = stop({ kind: 'revoke', what: 'grant', id: anns.digest, sub: 'dan' }, byTouch('dan'))
    const intent = intentOf(world, { sub: 'ann' })
    expect(judgeOf(world, stopsOf(revoked)).judge(request(world, intent, [anns.evidence(intent)]), at).verdict).toBe('granted')
  })
})
