import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { explainResponse } from '@symbolon/protocol/http.ts'
import { encodeIntent, intentDigest, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { bytesHash } from '@symbolon/protocol/sign.ts'
import { assembleToken, parseToken, tokenSigningInput } from '@symbolon/protocol/token.ts'
import { noStops } from '@symbolon/evidence/stops.ts'
import { explanationOf } from './explain.ts'
import { openJudge, type Judgement } from './judge.ts'
import { at, bundleWith, idTokenEvidence, intentOf, keyEvidence, makeWorld, request, type World } from './judge.testkit.ts'
import { rehearse } from './rehearse.ts'

const scopes = ['deploy:canary', 'read:logs', 'write:prod', 'write:staging'] as const
const beyond = 'write:moon'
const audiences = ['https://api.example', 'https://other.example'] as const
const roleNames = ['engineer', 'sre', 'auditor'] as const

const someOf = <T>(list: readonly T[], minLength = 0) => fc.uniqueArray(fc.constantFrom(...list), { minLength, maxLength: list.length })

/** Mostly the first, so that yes and no are both common. */
const mostly = <T>(usual: fc.Arbitrary<T>, unusual: fc.Arbitrary<T>) => fc.oneof({ weight: 5, arbitrary: usual }, { weight: 1, arbitrary: unusual })

const role = fc.record({ allow_scopes: mostly(someOf(scopes, 3), someOf([...scopes, beyond], 1)), max_ttl_seconds: fc.integer({ min: 1, max: 7200 }), audiences: mostly(fc.constant(undefined), someOf(audiences, 1)) })
interface Deny {
  readonly principals?: string[]
  readonly scopes?: string[]
  readonly clients?: string[]
  readonly audiences?: string[]
  readonly addresses?: string[]
}
const someDeny: fc.Arbitrary<Deny> = fc.record(
  { principals: someOf(['ci', 'ann', 'bob']), scopes: someOf<string>(scopes), clients: someOf(['cli', 'other']), audiences: someOf<string>(audiences), addresses: someOf(['192.0.2.1']) },
  { requiredKeys: [] },
)
const policy = fc.record({ engineer: role, sre: role, deny: mostly<Deny>(fc.constant({}), someDeny), needs: mostly<string | undefined>(fc.constant(undefined), fc.constantFrom('touch', 'approvals')) })
const wish = fc.record({
  scope: mostly(fc.uniqueArray(fc.constantFrom<string>(...scopes), { minLength: 1, maxLength: 2 }), someOf<string>([...scopes, beyond], 1)).map((list) => [...list].sort()),
  aud: mostly<string>(fc.constantFrom(...audiences), fc.constant('https://nowhere.example')),
  ttl: mostly(fc.option(fc.integer({ min: 1, max: 900 }), { nil: undefined }), fc.integer({ min: 1, max: 8000 })),
  roles: mostly(fc.constant(['engineer', 'sre'] as (typeof roleNames)[number][]), someOf(roleNames)),
  address: mostly<string | undefined>(fc.constant(undefined), fc.constantFrom('192.0.2.1', '192.0.2.2')),
})
type Policy = typeof policy extends fc.Arbitrary<infer T> ? T : never
type Wish = typeof wish extends fc.Arbitrary<infer T> ? T : never

const dataOf = ({ engineer, sre, deny, needs }: Policy) => {
  const guarded = engineer.allow_scopes[0] ?? 'read:logs'
  const rule = needs === 'touch' ? { touch: true } : { approvals: [{ group: 'ops', count: 2 }] }
  return { roles: { engineer, sre }, deny, ...(needs === undefined ? {} : { scopes: { [guarded]: rule } }) }
}
const worldOf = (policy: Policy, { roles }: Wish) => makeWorld({ bundle: bundleWith(JSON.parse(JSON.stringify(dataOf(policy)))), roles })
const wishIntent = (world: World, { scope, aud, ttl }: Wish): TokenIntent => intentOf(world, { scope, aud, ...(ttl === undefined ? {} : { ttl }) })
const open = (world: World) => openJudge({ ...world, stops: () => noStops, issuerKeys: () => new Map() })
const assertedOf = ({ address }: Wish) => (address === undefined ? {} : { address })

/** The rules once more, in other words: what the Rego must come to. @returns the lifetime, or undefined for no */
function model(policy: Policy, { scope, aud, ttl, roles, address }: Wish): number | undefined {
  const { deny } = policy
  const denied = ['ci', 'ann'].some((id) => deny.principals?.includes(id)) || deny.clients?.includes('cli') || deny.audiences?.includes(aud) || scope.some((name) => deny.scopes?.includes(name)) || (address !== undefined && deny.addresses?.includes(address))
  if (denied || !audiences.some((name) => name === aud)) return undefined
  const held = roles.flatMap((name) => (name === 'auditor' ? [] : [policy[name]])).filter((row) => row.audiences === undefined || row.audiences.some((name) => name === aud))
  const longest = scope.map((name) => (name === beyond ? 0 : Math.max(0, ...held.filter((row) => row.allow_scopes.includes(name)).map((row) => row.max_ttl_seconds))))
  const most = Math.min(3600, ...longest)
  if (most === 0 || (ttl ?? 1) > most) return undefined
  if (policy.needs !== undefined && scope.some((name) => name === policy.engineer.allow_scopes[0])) return undefined
  return ttl ?? Math.min(900, most)
}

const bytes = (judgement: Judgement) => (judgement.verdict === 'granted' && judgement.grants === 'token' ? judgement.message : judgement.verdict)

describe('for any policy, roles and wish', () => {
  test('P-1 the judgement is what the rules say in other words', () => {
    let granted = 0
    fc.assert(
      fc.property(policy, wish, (policy, wish) => {
        const world = worldOf(policy, wish)
        const intent = wishIntent(world, wish)
        const judgement = open(world).judge({ ...request(world, intent), asserted: assertedOf(wish) }, at)
        const ttl = model(policy, wish)
        granted += ttl === undefined ? 0 : 1
        expect(judgement.verdict).toBe(ttl === undefined ? 'refused' : 'granted')
        if (judgement.verdict === 'granted' && judgement.grants === 'token') expect(judgement.claims.exp - judgement.claims.iat).toBe(ttl)
        if (judgement.verdict === 'refused') {
          expect(judgement.reasons.length).toBeGreaterThan(0)
          // Every no names the rule, the fact and what would change it.
          for (const reason of judgement.reasons) expect(reason).toMatchObject({ rule: expect.any(String), remedy: expect.any(String) })
        }
      }),
      { numRuns: 400 },
    )
    expect(granted).toBeGreaterThan(50)
  })

  test('P-3 explain and decision never disagree, nor does a rehearsal', () => {
    fc.assert(
      fc.property(policy, wish, (policy, wish) => {
        const world = worldOf(policy, wish)
        const judgement = open(world).judge(request(world, wishIntent(world, wish)), at)
        if (judgement.verdict === 'unavailable') throw new Error(judgement.code)
        const explanation = explanationOf(judgement)
        expect(explanation.granted).toBe(judgement.verdict === 'granted' && judgement.grants === 'token')
        expect(explainResponse.parse({ ...explanation, roster: 1, policy: world.bundle.digest, request_id: 'x' })).toMatchObject(explanation)
        expect(explanation.decision).toEqual(judgement.decision)
        expect(explanation.reasons).toEqual(judgement.verdict === 'refused' ? judgement.reasons : [])
        const { scope, aud, ttl } = wish
        const rehearsal = rehearse({ roster: world.roster, bundle: world.bundle, asker: { kind: 'service', id: 'ci' }, wish: { scope, aud, client: 'cli', ...(ttl === undefined ? {} : { ttl }) }, now: at })
        expect(rehearsal.explanation).toMatchObject({ granted: explanation.granted, decision: explanation.decision, reasons: explanation.reasons })
      }),
      { numRuns: 150 },
    )
  })

  test('I-2 neither what the api asserts, nor a clock, nor the judge that is asked changes the bytes', () => {
    fc.assert(
      fc.property(policy, wish, fc.integer({ min: at - 60, max: at + 299 }), fc.integer({ min: 0, max: 300 }), (policy, wish, clock, late) => {
        const world = worldOf(policy, wish)
        const intent = wishIntent(world, wish)
        const judge = open(world)
        const plain = judge.judge(request(world, intent), at)
        const asked = bytes(plain)
        expect(bytes(judge.judge(request(world, intent), clock))).toBe(asked)
        expect(bytes(open(structuredClone(world)).judge(structuredClone(request(world, intent)), clock))).toBe(asked)
        expect([asked, 'refused']).toContain(bytes(judge.judge({ ...request(world, intent), asserted: assertedOf(wish) }, clock)))
        // The same principal may prove itself a moment later: the proof is not in the bytes.
        expect(bytes(judge.judge(request(world, intent, [keyEvidence(world, intent, { iat: at + late })]), at))).toBe(asked)
        // Two proofs are one too many, in either order.
        const two = [keyEvidence(world, intent), keyEvidence(world, intent, { iat: at + late })]
        for (const evidence of [two, two.toReversed()]) expect(judge.judge(request(world, intent, evidence), at)).toMatchObject({ verdict: 'refused', reasons: [{ code: 'evidence_ambiguous' }] })
      }),
      { numRuns: 100 },
    )
  })

  test('TST-33 the bytes are exactly a token: header, claims, caps, canonical spelling', () => {
    let seen = 0
    fc.assert(
      fc.property(policy, wish, fc.boolean(), (policy, wish, bound) => {
        const world = worldOf(policy, wish)
        const jkt = toBase64url(new Uint8Array(32).fill(7))
        const intent: TokenIntent = { ...wishIntent(world, wish), ...(bound ? { cnf: { jkt } } : {}), reason: 'because', ctx: { ticket: 'OPS-1' } }
        const judgement = open(world).judge(request(world, intent), at)
        if ((judgement.verdict !== 'granted' || judgement.grants !== 'token')) return
        seen += 1
        const [head, body] = judgement.message.split('.').map((part) => JSON.parse(Buffer.from(fromBase64url(part) ?? []).toString()) as Record<string, unknown>)
        expect(head).toEqual({ alg: 'EdDSA', kid: world.roster.groups[0]?.kid, typ: 'at+jwt' })
        expect(Object.keys(body ?? {}).sort()).toEqual(['aud', 'client_id', ...(bound ? ['cnf'] : []), 'exp', 'iat', 'iss', 'jti', 'nbf', 'scope', 'sub', 'urn:symbolon:v1'])
        expect(body).toMatchObject({ iss: world.roster.deployment.issuer, sub: 'ci', aud: wish.aud, scope: wish.scope.join(' '), iat: at, nbf: at, jti: toBase64url(intentDigest(encodeIntent(intent))) })
        expect(judgement.claims.exp - at).toBeGreaterThan(0)
        expect(judgement.claims.exp - at).toBeLessThanOrEqual(Math.min(world.roster.token.max_ttl, judgement.decision.max_ttl, wish.ttl ?? 900))
        expect(judgement.bytesHash).toBe(bytesHash(judgement.message))
        const parsed = parseToken(assembleToken(judgement.message, new Uint8Array(64)))
        expect(parsed?.claims).toEqual(judgement.claims)
        if (parsed !== undefined) expect(tokenSigningInput(parsed.header.kid, parsed.claims)).toBe(judgement.message)
      }),
      { numRuns: 250 },
    )
    expect(seen).toBeGreaterThan(50)
  })

  test('TST-33 two intents never share a jti', () => {
    const world = makeWorld()
    const { judge } = open(world)
    const ids = Array.from({ length: 50 }, () => judge(request(world, intentOf(world)), at)).map((judgement) => (judgement.verdict === 'granted' && judgement.grants === 'token' ? judgement.claims.jti : 'refused'))
    expect(new Set(ids).size).toBe(50)
    expect(ids).not.toContain('refused')
  })
})

describe('claims of an ID token', () => {
  const names = fc.string({ minLength: 1, maxLength: 20 }).filter((name) => !['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'events', 'repository_id', '__proto__', 'event_name'].includes(name))
  const hostile = fc.oneof(
    fc.constantFrom('*', '**', '?', '+', '/', ',', '{', '}', '|', '$', ':', '\n', '\0', 'engineer', 'sre', 'write:prod', '${roles}', '{{principal.roles}}', '", "roles": ["sre"], "x": "', '\u202e', ']}}'),
    fc.string({ unit: 'binary', maxLength: 40 }),
    // A member of that name is refused wherever it stands, which is another test's.
    fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes('__proto__')),
  )

  test('Z-2 what they say beyond what a trust asks for never changes a decision', () => {
    const world = makeWorld()
    const { judge } = open(world)
    const outcome = (scope: string, claims: Record<string, unknown>) => {
      const intent = intentOf(world, { sub: 'deploy', scope: [scope] })
      const judgement = judge(request(world, intent, [idTokenEvidence(world, intent, claims)]), at)
      return judgement.verdict === 'unavailable' ? judgement.verdict : { verdict: judgement.verdict, decision: judgement.decision }
    }
    const plain = { yes: outcome('read:logs', {}), no: outcome('write:prod', {}) }
    expect([plain.yes, plain.no]).toMatchObject([{ verdict: 'granted' }, { verdict: 'refused', decision: { reasons: [{ code: 'scope_not_allowed' }] } }])
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(names, fc.constantFrom('roles', 'groups', 'owner', 'id', 'kind', 'scope', 'allow')), hostile, { maxKeys: 6, noNullPrototype: true }), (claims) => {
        expect(outcome('read:logs', claims)).toEqual(plain.yes)
        expect(outcome('write:prod', claims)).toEqual(plain.no)
      }),
      { numRuns: 200 },
    )
  })

  test('Z-2 text that is no text (a lone surrogate) ends in a judgement, and leaves the next one alone', () => {
    const world = makeWorld()
    const { judge } = open(world)
    const intent = intentOf(world, { sub: 'deploy' })
    expect(judge(request(world, intent, [idTokenEvidence(world, intent, { odd: '\ud800' })]), at).verdict).not.toBe('unavailable')
    expect(judge(request(world, intent, [idTokenEvidence(world, intent)]), at).verdict).toBe('granted')
  })
})
