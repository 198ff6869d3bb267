import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, intentDigest, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { bytesHash } from '@symbolon/protocol/sign.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { openJudge, type Judgement } from './judge.ts'
import { at, bundleWith, defaultData, idTokenEvidence, intentOf, jwkOf, keyEvidence, makeKey, makeWorld, program, request, signJws, tokenEvidence, type World, type WorldOptions } from './judge.testkit.ts'

const open = (world: World) => openJudge({ ...world, stops: () => noStops, issuerKeys: () => new Map() })
const ask = (changes: Partial<TokenIntent> = {}, options: WorldOptions = {}, clock = at): Judgement => {
  const world = makeWorld(options)
  return open(world).judge(request(world, intentOf(world, changes)), clock)
}
const codes = (judgement: Judgement): readonly string[] => (judgement.verdict === 'refused' ? judgement.reasons.map((reason) => reason.code) : [judgement.verdict])

describe('a service with a registered key', () => {
  test('is granted what its role has', () => {
    const world = makeWorld()
    const intent = intentOf(world, { scope: ['deploy:canary', 'read:logs'] })
    const judgement = open(world).judge(request(world, intent), at)
    expect(judgement).toMatchObject({
      verdict: 'granted',
      principal: { id: 'ci', kind: 'service' },
      decision: { allow: true, max_ttl: 3600 },
      claims: {
        iss: 'http://localhost:8080',
        sub: 'ci',
        aud: 'https://api.example',
        client_id: 'cli',
        scope: 'deploy:canary read:logs',
        iat: at,
        nbf: at,
        exp: at + 900,
        jti: toBase64url(intentDigest(encodeIntent(intent))),
        'urn:symbolon:v1': { policy: world.bundle.digest, origin: { kind: 'key' } },
      },
      singleUse: [],
    })
    if (judgement.verdict === 'granted' && judgement.grants === 'token') expect(judgement.bytesHash).toBe(bytesHash(judgement.message))
  })

  test('is told the rule, the fact and what would change it', () => {
    expect(ask({ scope: ['write:prod'] })).toMatchObject({
      verdict: 'refused',
      reasons: [{ code: 'scope_not_allowed', rule: 'symbolon.scope', fact: 'roles: engineer', remedy: 'A role that has it: sre (1800 s).' }],
    })
  })

  test('may be its own client', () => expect(codes(ask({ client: 'ci' }))).toEqual(['granted']))
})

describe('an intent', () => {
  test.each([
    ['of another issuer', { iss: 'http://localhost:8081' }, 'wrong_deployment'],
    ['of another lineage', { lineage: toBase64url(new Uint8Array(32)) }, 'wrong_deployment'],
    ['for another subject', { sub: 'deploy' }, 'subject_mismatch'],
    ['of an unknown client', { client: 'nobody' }, 'client_unknown'],
    ['to act as another', { as: 'ann' }, 'impersonation_not_allowed'],
    ['valid for too long', { exp: at + 301 }, 'intent_window_too_long'],
    ['that ends before it begins', { exp: at }, 'intent_malformed'],
    ['for an audience that the roster lacks', { aud: 'https://nowhere.example' }, 'audience_not_allowed'],
    ['for a scope that the deployment lacks', { scope: ['write:moon'] }, 'scope_not_allowed'],
    ['for one second more than the role has', { ttl: 3601 }, 'ttl_too_long'],
  ] as const)('I-1 %s is refused', (_, changes, code) => expect(codes(ask(changes as Partial<TokenIntent>))).toEqual([code]))

  test.each([
    [at - 61, 'intent_not_yet_valid'],
    [at - 60, 'granted'],
    [at + 299, 'granted'],
    [at + 300, 'intent_expired'],
    [Number.NaN, 'intent_not_yet_valid'],
  ])('R-3 judged by a clock of %d: %s', (clock, code) => expect(codes(ask({}, {}, clock))).toEqual([code]))

  test.each([
    ['not JSON', '{', 'intent_malformed'],
    ['empty', '', 'intent_malformed'],
    ['not an intent', '{"v":1}', 'intent_malformed'],
    ['a list', '[]', 'intent_malformed'],
  ])('D-1 %s is refused', (_, text, code) => {
    const world = makeWorld()
    const judgement = open(world).judge({ intent: Buffer.from(text), evidence: [keyEvidence(world, intentOf(world))], approvals: [], asserted: {} }, at)
    expect(codes(judgement)[0]).toBe(code)
  })

  test('I-1 not in canonical form is refused', () => {
    const world = makeWorld()
    const intent = intentOf(world)
    const judgement = open(world).judge({ ...request(world, intent), intent: Buffer.from(JSON.stringify(intent, undefined, 1)) }, at)
    expect(codes(judgement)).toEqual(['intent_not_canonical'])
  })

  test('with a member that no schema names is refused, with where', () => {
    const world = makeWorld()
    const judgement = open(world).judge({ ...request(world, intentOf(world)), intent: encodeIntent({ ...intentOf(world), admin: true } as TokenIntent) }, at)
    expect(codes(judgement)).toEqual(['intent_malformed'])
  })
})

describe('evidence', () => {
  test('by another key is refused', () => {
    const world = makeWorld()
    const intent = intentOf(world)
    expect(codes(open(world).judge(request(world, intent, [keyEvidence(world, intent, { key: makeKey() })]), at))).toEqual(['proof_invalid'])
  })

  test('for another intent is refused', () => {
    const world = makeWorld()
    expect(codes(open(world).judge(request(world, intentOf(world), [keyEvidence(world, intentOf(world))]), at))).toEqual(['proof_mismatch'])
  })

  test('none at all is refused', () => {
    const world = makeWorld()
    expect(codes(open(world).judge(request(world, intentOf(world), []), at))).toEqual(['evidence_malformed'])
  })

  test('a bound ID token grants to its trust and is spent', () => {
    const world = makeWorld()
    const intent = intentOf(world, { sub: 'deploy' })
    const judgement = open(world).judge(request(world, intent, [idTokenEvidence(world, intent)]), at)
    expect(judgement).toMatchObject({ verdict: 'granted', claims: { sub: 'deploy', 'urn:symbolon:v1': { origin: { kind: 'id_token', class: 'bound' } } } })
    if (judgement.verdict === 'granted' && judgement.grants === 'token') expect(judgement.singleUse).toHaveLength(1)
  })

  test('a key that nobody has fetched yet is no judgement', () => {
    const world = makeWorld({ issuerRow: { keys: undefined, jwks_uri: 'https://forge.example/jwks' } })
    const intent = intentOf(world, { sub: 'deploy' })
    expect(open(world).judge(request(world, intent, [idTokenEvidence(world, intent)]), at)).toEqual({ verdict: 'unavailable', code: 'issuer_keys_unavailable', missing: { issuer: 'forge', kid: 'f1' } })
  })
})

describe('a token as evidence', () => {
  const issuer = 'http://localhost:8080'
  const audiences = ['https://api.example', issuer]
  const holder = makeKey()
  /** Mints a token for this deployment itself, then asks with it. */
  const through = (first: Partial<TokenIntent>, then: Partial<TokenIntent>, options: WorldOptions = {}, evidence = keyEvidence as (world: World, intent: TokenIntent) => Evidence): Judgement => {
    const world = makeWorld({ ...options, roster: { audiences } })
    const { judge } = open(world)
    const made = intentOf(world, { aud: issuer, cnf: { jkt: thumbprint(jwkOf(holder)) }, ...first })
    const granted = judge(request(world, made, [evidence(world, made)]), at)
    if ((granted.verdict !== 'granted' || granted.grants !== 'token')) return granted
    const intent = intentOf(world, { sub: granted.principal.id, iat: at + 60, exp: at + 120, ...then })
    return judge(request(world, intent, [tokenEvidence(world, intent, { token: signJws(granted.message, world.group), holder })]), at + 60)
  }

  test('B-1 gives no more than it has itself, and ends with it', () => {
    const judgement = through({ scope: ['read:logs'], ttl: 100 }, { scope: ['read:logs'] })
    expect(judgement).toMatchObject({ verdict: 'granted', claims: { iat: at + 60, exp: at + 100, 'urn:symbolon:v1': { origin: { kind: 'key', ceiling: { scope: ['read:logs'], end: at + 100 } } } } })
  })

  test.each([
    ['a wider scope', { scope: ['read:logs', 'write:staging'] }, ['ceiling_exceeded']],
    ['a later end', { ttl: 41 }, ['ceiling_exceeded']],
    ['another subject', { sub: 'deploy' }, ['subject_mismatch']],
  ])('B-1 %s is refused', (_, then, wanted) => expect(codes(through({ scope: ['read:logs'], ttl: 100 }, then))).toEqual(wanted))

  test('I-6 made from class bearer stays under its ceiling', () => {
    const issuerRow = { class: 'bearer', bearer_audience: 'symbolon-test', ceiling: { max_ttl: 90, scope: ['read:logs'] } } as const
    const bearer = (world: World, intent: TokenIntent) => idTokenEvidence(world, intent, { aud: 'symbolon-test' })
    const ask = (then: Partial<TokenIntent>) => through({ sub: 'deploy' }, then, { issuerRow: { ...issuerRow, ceiling: { ...issuerRow.ceiling, scope: [...issuerRow.ceiling.scope] } } }, bearer)
    expect(ask({})).toMatchObject({ verdict: 'granted', claims: { exp: at + 90, 'urn:symbolon:v1': { origin: { kind: 'id_token', class: 'bearer', ceiling: { max_ttl: 90, scope: ['read:logs'], end: at + 90 } } } } })
    expect(codes(ask({ scope: ['write:staging'] }))).toEqual(['ceiling_exceeded'])
    expect(codes(ask({ ttl: 91 }))).toEqual(['ceiling_exceeded'])
  })
})

describe('what the api asserts', () => {
  const bundle = bundleWith({ ...defaultData, deny: { addresses: ['192.0.2.1'] } })
  const from = (address?: string) => {
    const world = makeWorld({ bundle })
    return open(world).judge({ ...request(world, intentOf(world)), asserted: address === undefined ? {} : { address } }, at)
  }

  test('can refuse', () => expect(from('192.0.2.1')).toMatchObject({ verdict: 'refused', reasons: [{ code: 'policy_denied', rule: 'symbolon.deny', fact: 'address: 192.0.2.1' }], decision: { allow: false } }))
  test('I-2 is not in the bytes', () => expect([from('192.0.2.2'), from()].map((judgement) => judgement.verdict)).toEqual(['granted', 'granted']))
})

describe('policy data', () => {
  const guarded = (rule: object) => ({ bundle: bundleWith({ ...defaultData, scopes: { 'write:staging': rule } }) })

  test('a scope that needs approvals is refused', () => {
    const judgement = ask({ scope: ['write:staging'] }, guarded({ approvals: [{ group: 'ops', count: 2 }] }))
    expect(judgement).toMatchObject({ verdict: 'refused', reasons: [{ code: 'approval_required', fact: 'none given; needed: 2 of ops' }], decision: { allow: true } })
  })

  test('a scope marked touch is refused', () => expect(codes(ask({ scope: ['write:staging'] }, guarded({ touch: true })))).toEqual(['touch_required']))
  test('both are told', () => expect(codes(ask({ scope: ['write:staging'] }, guarded({ touch: true, approvals: [{ group: 'ops', count: 2 }] })))).toEqual(['approval_required', 'touch_required']))
  test('other scopes need nothing', () => expect(codes(ask({}, guarded({ touch: true })))).toEqual(['granted']))

  test('Z-3 the emergency list beats every role', () => {
    const bundle = bundleWith({ ...defaultData, deny: { principals: ['ann'] } })
    expect(ask({}, { bundle, roles: ['engineer', 'sre'] })).toMatchObject({ verdict: 'refused', reasons: [{ code: 'policy_denied', rule: 'symbolon.deny', fact: 'owner: ann' }] })
  })

  test('a role narrowed to an audience is worth nothing elsewhere', () => {
    const bundle = bundleWith({ roles: { engineer: { allow_scopes: ['read:logs'], max_ttl_seconds: 60, audiences: ['https://other.example'] } } })
    expect(codes(ask({}, { bundle }))).toEqual(['scope_not_allowed'])
    expect(codes(ask({ aud: 'https://other.example' }, { bundle }))).toEqual(['granted'])
  })

  test('a role unknown to the policy gives nothing', () => expect(ask({}, { roles: ['enginer'] })).toMatchObject({ reasons: [{ code: 'scope_not_allowed', fact: 'roles: enginer (unknown to the policy)' }] }))
})

describe('the bundle', () => {
  test('TST-35 other data than the roster names is refused', () => {
    const world = makeWorld()
    const other = bundleWith({ roles: { engineer: { allow_scopes: ['write:prod'], max_ttl_seconds: 3600 } } })
    expect(() => open({ ...world, bundle: { ...other, digest: world.bundle.digest } })).toThrow(/the roster names the policy/)
  })

  test('TST-35 another program than the roster names is refused', () => {
    const world = makeWorld()
    const changed = Uint8Array.from(program)
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
    expect(() => open({ ...world, bundle: { ...world.bundle, wasm: changed } })).toThrow(/the roster names the policy/)
  })
})

test('the half that believes its evidence can be reached through judge() only', () => {
  const { resolve } = createRequire(import.meta.url)
  expect(resolve('@symbolon/policy/judge.ts')).toMatch(/judge\.ts$/)
  expect(() => resolve('@symbolon/policy/weigh.ts')).toThrow(expect.objectContaining({ code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }))
})
