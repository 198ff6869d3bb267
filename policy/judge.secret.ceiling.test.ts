import { describe, expect, test } from 'vitest'
import type { TokenIntent } from '@symbolon/protocol/intent.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { at, bundleWith, defaultData, idTokenEvidence, intentOf, jwkOf, keyEvidence, makeKey, request, signJws, tokenEvidence, type WorldOptions } from './judge.testkit.ts'
import { grantOf, makePeople, touch, type Granting } from './people.testkit.ts'
import { answer, codes, listOf, makeVault, readOf, recordWith, signed, vaultJudge, writeOf } from './secrets.testkit.ts'

const issuer = 'http://localhost:8080'
const vault = makeVault()
const parts = { scopes: vault.roster.scopes, groups: vault.roster.groups, namespaces: vault.roster.namespaces, vault: vault.roster.vault }
const peopled = (options: WorldOptions = {}) => makePeople({ ...options, roster: { ...parts, audiences: ['https://api.example', issuer], ...options.roster } })

describe('a grant asks for secrets within its ceiling', () => {
  test.each<[string, Granting, readonly string[]]>([
    ['that names nothing', {}, ['granted']],
    ['that has the deployment and the scope', { ceiling: { aud: [issuer], scope: ['secret:read'] } }, ['granted']],
    ['that has other audiences', { ceiling: { aud: ['https://api.example'] } }, ['ceiling_exceeded']],
    ['that has other scopes', { ceiling: { scope: ['secret:list', 'read:logs'] } }, ['ceiling_exceeded']],
    ['T-2 of no audience', { ceiling: { aud: [] } }, ['ceiling_exceeded']],
    ['T-2 of no scope', { ceiling: { scope: [] } }, ['ceiling_exceeded']],
    ['until it ends', { end: at + 1 }, ['granted']],
    ['and not after', { end: at }, ['grant_expired']],
  ])('B-1 %s', (_, granting, wanted) => {
    const world = peopled()
    const intent = readOf(world, undefined, { sub: 'ann' })
    expect(codes(answer(world, intent, [signed(recordWith(world))], [grantOf(world, granting).evidence(intent)]))).toEqual(wanted)
  })

  test('asks for the software that it was made to', () => {
    const world = peopled({ roster: { clients: [{ id: 'cli', name: 'CLI' }, { id: 'other', name: 'Other' }] } })
    const intent = readOf(world, undefined, { sub: 'ann', client: 'other' })
    expect(codes(answer(world, intent, [signed(recordWith(world))], [grantOf(world).evidence(intent)]))).toEqual(['grant_invalid'])
  })

  test('is no touch', () => {
    const guarded = peopled({ bundle: bundleWith({ ...defaultData, scopes: { 'secret:read': { touch: true } } }) })
    const intent = readOf(guarded, undefined, { sub: 'ann' })
    const records = [signed(recordWith(guarded))]
    expect(codes(answer(guarded, intent, records, [grantOf(guarded).evidence(intent)]))).toEqual(['touch_required'])
    expect(answer(guarded, intent, records, [touch(intent)])).toMatchObject({ verdict: 'granted', passkey: { uses: expect.any(Array) } })
    expect(codes(answer(guarded, { ...listOf(guarded), sub: 'ann' }, [], [touch(intent)]))).toEqual(['assertion_mismatch'])
  })
})

describe('a token asks for secrets within its ceiling', () => {
  const holder = makeKey()
  const through = (first: Partial<TokenIntent>, later = 60) => {
    const world = makeVault({ roster: { audiences: ['https://api.example', issuer] } })
    const made = intentOf(world, { aud: issuer, cnf: { jkt: thumbprint(jwkOf(holder)) }, scope: ['secret:read'], ...first })
    const minted = vaultJudge(world).judge(request(world, made, [keyEvidence(world, made)]), at)
    if (minted.verdict !== 'granted' || minted.grants !== 'token') throw new Error(JSON.stringify(minted))
    const token = signJws(minted.message, world.group)
    const intents = [readOf(world, undefined, { iat: at + later, exp: at + later + 60 }), writeOf(world, { iat: at + later, exp: at + later + 60 })]
    return intents.map((intent) => codes(vaultJudge(world).judge({ ...request(world, intent, [tokenEvidence(world, intent, { token, holder })]), records: intent.kind === 'secret.read' ? [signed(recordWith(world))] : [] }, at + later))[0])
  }
  test('B-1 its scopes, and no more', () => {
    expect(through({})).toEqual(['granted', 'ceiling_exceeded'])
    expect(through({ scope: ['secret:read', 'secret:write'] })).toEqual(['granted', 'granted'])
    expect(through({ scope: ['read:logs'] })).toEqual(['ceiling_exceeded', 'ceiling_exceeded'])
  })
  test('B-1 as long as it lives', () => expect(through({ ttl: 60 })).toEqual(['token_expired', 'token_expired']))
  test('of another audience is none', () => expect(through({ aud: 'https://api.example' })).toEqual(['token_invalid', 'token_invalid']))
})

describe('I-6 an ID token of class bearer asks for secrets within its class’s ceiling', () => {
  test.each<[string, object, readonly string[]]>([
    ['that names nothing but a lifetime', {}, ['granted']],
    ['that has the scope', { scope: ['secret:read'] }, ['granted']],
    ['that has other scopes', { scope: ['read:logs'] }, ['ceiling_exceeded']],
    ['that has other audiences', { aud: ['https://api.example'] }, ['ceiling_exceeded']],
  ])('%s', (_, ceiling, wanted) => {
    const world = makeVault({ issuerRow: { class: 'bearer', bearer_audience: 'symbolon-ci', ceiling: { max_ttl: 300, ...ceiling } } })
    const intent = readOf(world, undefined, { sub: 'deploy' })
    const judged = answer(world, intent, [signed(recordWith(world))], [idTokenEvidence(world, intent, { aud: 'symbolon-ci' })])
    expect(codes(judged)).toEqual(wanted)
    // It is spent by this one intent, as by a token's.
    if (judged.verdict === 'granted') expect(judged.singleUse).toHaveLength(1)
  })
})
