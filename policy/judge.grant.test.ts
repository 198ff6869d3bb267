import { describe, expect, test } from 'vitest'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { TokenIntent } from '@symbolon/protocol/intent.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { Judgement } from './judge.ts'
import { at, bundleWith, defaultData, intentOf, jwkOf, makeKey, request, signJws, tokenEvidence, type World, type WorldOptions } from './judge.testkit.ts'
import { grantOf, judgeOf, makePeople, type Granting } from './people.testkit.ts'

const codes = (judgement: Judgement): readonly string[] => (judgement.verdict === 'refused' ? judgement.reasons.map((reason) => reason.code) : [judgement.verdict])
const guarded = { bundle: bundleWith({ ...defaultData, scopes: { 'write:staging': { touch: true } } }) }

const ask = (changes: Partial<TokenIntent>, evidence: (intent: TokenIntent, world: World) => Evidence, options: WorldOptions = {}): Judgement => {
  const world = makePeople(options)
  const intent = intentOf(world, { sub: 'ann', ...changes })
  return judgeOf(world).judge(request(world, intent, [evidence(intent, world)]), at)
}
const byGrant = (granting: Granting = {}) => (intent: TokenIntent, world: World) => grantOf(world, granting).evidence(intent)

describe('a grant', () => {
  test('B-1 asks as its person; the token names the grant and ends with it', () => {
    const world = makePeople()
    const granted = grantOf(world, { end: at + 100 })
    const intent = intentOf(world, { sub: 'ann' })
    const judgement = judgeOf(world).judge(request(world, intent, [granted.evidence(intent)]), at)
    expect(judgement).toMatchObject({ verdict: 'granted', claims: { sub: 'ann', exp: at + 100, auth_time: at - 3600, acr: 'urn:symbolon:acr:grant', amr: ['hwk', 'user'], 'urn:symbolon:v1': { origin: { kind: 'grant', grant: granted.digest, ceiling: { end: at + 100 } } } } })
    expect(judgement).not.toHaveProperty('passkey')
  })

  test('covers no scope that asks for a touch', () => {
    expect(ask({ scope: ['write:staging'] }, byGrant(), guarded)).toMatchObject({ reasons: [{ code: 'touch_required', fact: 'evidence: grant' }] })
    expect(codes(ask({ scope: ['read:logs'] }, byGrant(), guarded))).toEqual(['granted'])
  })

  test.each<[string, Partial<TokenIntent>, Granting, string]>([
    ['an audience beyond its ceiling', { aud: 'https://other.example' }, { ceiling: { aud: ['https://api.example'] } }, 'ceiling_exceeded'],
    ['an audience within', {}, { ceiling: { aud: ['https://api.example'] } }, 'granted'],
    ['any audience where the ceiling names none', {}, { ceiling: { aud: [] } }, 'ceiling_exceeded'],
    ['a scope beyond', { scope: ['read:logs', 'write:staging'] }, { ceiling: { scope: ['read:logs'] } }, 'ceiling_exceeded'],
    ['a scope within', {}, { ceiling: { scope: ['read:logs'] } }, 'granted'],
    ['a lifetime beyond', { ttl: 61 }, { ceiling: { max_ttl: 60 } }, 'ceiling_exceeded'],
    ['a lifetime within', { ttl: 60 }, { ceiling: { max_ttl: 60 } }, 'granted'],
    ['a lifetime that outlives it', { ttl: 101 }, { end: at + 100 }, 'ceiling_exceeded'],
    ['its last second', { ttl: 1 }, { end: at + 1 }, 'granted'],
    ['nothing after its end', {}, { end: at }, 'grant_expired'],
  ])('B-1 %s: %s', (_, changes, granting, code) => expect(codes(ask(changes, byGrant(granting)))).toEqual([code]))

  test('B-1 a token made from it reaches no further than it did, nor outlives it', () => {
    const issuer = 'http://localhost:8080'
    const world = makePeople({ roster: { audiences: ['https://api.example', 'https://other.example', issuer] } })
    const holder = makeKey()
    const granted = grantOf(world, { ceiling: { aud: [issuer, 'https://api.example'] }, end: at + 400 })
    const first = intentOf(world, { sub: 'ann', aud: issuer, cnf: { jkt: thumbprint(jwkOf(holder)) } })
    const minted = judgeOf(world).judge(request(world, first, [granted.evidence(first)]), at)
    if ((minted.verdict !== 'granted' || minted.grants !== 'token')) throw new Error(JSON.stringify(minted))
    const then = (changes: Partial<TokenIntent>) => {
      const intent = intentOf(world, { sub: 'ann', ...changes })
      return judgeOf(world).judge(request(world, intent, [tokenEvidence(world, intent, { token: signJws(minted.message, world.group), holder })]), at)
    }
    expect(then({})).toMatchObject({ verdict: 'granted', claims: { exp: at + 400, auth_time: at - 3600, 'urn:symbolon:v1': { origin: { kind: 'grant', grant: granted.digest } } } })
    expect(codes(then({ aud: 'https://other.example' }))).toEqual(['ceiling_exceeded'])
    expect(codes(then({ ttl: 401 }))).toEqual(['ceiling_exceeded'])
  })
})
