import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { GrantIntent, TokenIntent } from '@symbolon/protocol/intent.ts'
import { explanationOf } from './explain.ts'
import { at, bundleWith, intentOf, request } from './judge.testkit.ts'
import { grantOf, judgeOf, makePeople, touch } from './people.testkit.ts'
import { rehearse } from './rehearse.ts'

const scopes = ['deploy:canary', 'read:logs', 'write:prod', 'write:staging'] as const
const audiences = ['https://api.example', 'https://other.example'] as const
const some = <T>(list: readonly T[]): fc.Arbitrary<T[]> => fc.uniqueArray(fc.constantFrom(...list), { maxLength: list.length })
const many = <T>(list: readonly T[]): fc.Arbitrary<T[]> => fc.oneof({ weight: 3, arbitrary: fc.constant<T[]>([...list]) }, { weight: 1, arbitrary: some(list) })
/** Mostly the first, so that yes and no are both common. */
const mostly = <T>(usual: fc.Arbitrary<T>, unusual: fc.Arbitrary<T>) => fc.oneof({ weight: 4, arbitrary: usual }, { weight: 1, arbitrary: unusual })
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const known = <T extends object>(value: T) => Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }

const ceiling = fc.record({ aud: maybe(many(audiences)), scope: maybe(many(scopes)), max_ttl: maybe(fc.integer({ min: 1, max: 4000 })) }).map((parts): GrantIntent['ceiling'] => known(parts))
const wish = fc.record({
  scope: fc.uniqueArray(fc.constantFrom<string>(...scopes), { minLength: 1, maxLength: 2 }).map((list) => [...list].sort()),
  aud: fc.constantFrom<string>(...audiences),
  ttl: maybe(mostly(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 4000 }))),
})
const rules = fc.record({ max_ttl: fc.integer({ min: 1, max: 4000 }), touch: mostly(fc.constant<(typeof scopes)[number][]>([]), some(scopes)), deny: mostly(fc.constant<string[]>([]), some<string>(['ann', 'bob', 'cli'])) })
type Rules = typeof rules extends fc.Arbitrary<infer T> ? T : never

const worldOf = ({ max_ttl, touch, deny }: Rules) =>
  makePeople({
    bundle: bundleWith({
      roles: { engineer: { allow_scopes: [...scopes], max_ttl_seconds: max_ttl } },
      scopes: Object.fromEntries(touch.map((name) => [name, { touch: true }])),
      deny: { principals: deny.filter((name) => name !== 'cli'), clients: deny.filter((name) => name === 'cli') },
    }),
  })
const wished = ({ scope, aud, ttl }: { readonly scope: string[]; readonly aud: string; readonly ttl: number | undefined }): Partial<TokenIntent> => ({ sub: 'ann', scope, aud, ...(ttl === undefined ? {} : { ttl }) })

test('B-1 I-6 a token from a grant never goes beyond it: audience, scope, lifetime, end, nor to a touch', () => {
  let granted = 0
  fc.assert(
    fc.property(rules, ceiling, wish, mostly(fc.integer({ min: 600, max: 5000 }), fc.integer({ min: -1, max: 600 })), (rules, ceiling, wish, left) => {
      const world = worldOf(rules)
      const grant = grantOf(world, { ceiling, end: at + left })
      const intent = intentOf(world, wished(wish))
      const judged = judgeOf(world).judge(request(world, intent, [grant.evidence(intent)]), at)
      // The rules once more, in other words.
      const reach = Math.min(rules.max_ttl, 3600, ceiling.max_ttl ?? Infinity, left)
      const within = (ceiling.aud?.includes(wish.aud) ?? true) && wish.scope.every((name) => ceiling.scope?.includes(name) ?? true)
      const untouched = !wish.scope.some((name) => rules.touch.includes(name as (typeof scopes)[number]))
      const allowed = within && untouched && !rules.deny.some((name) => name !== 'bob') && reach >= 1 && (wish.ttl ?? 1) <= reach
      expect(judged.verdict).toBe(allowed ? 'granted' : 'refused')
      if ((judged.verdict !== 'granted' || judged.grants !== 'token')) return
      granted += 1
      const { claims } = judged
      expect(claims.exp - claims.iat).toBe(wish.ttl ?? Math.min(900, reach))
      expect(claims.exp).toBeLessThanOrEqual(at + left)
      expect(claims['urn:symbolon:v1'].origin).toEqual({ kind: 'grant', grant: grant.digest, ceiling: { ...ceiling, end: at + left } })
      expect(claims).toMatchObject({ acr: 'urn:symbolon:acr:grant', auth_time: grant.intent.iat })
    }),
    { numRuns: 120 },
  )
  expect(granted).toBeGreaterThan(20)
})

test('P-3 explain, mint and rehearsal never disagree about a person, by touch or by grant', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(rules, wish, fc.boolean(), (rules, wish, touched) => {
      const world = worldOf(rules)
      const judge = judgeOf(world)
      const prove = (intent: TokenIntent) => request(world, intent, [touched ? touch(intent) : grantOf(world).evidence(intent)])
      const minted = judge.judge(prove(intentOf(world, wished(wish))), at)
      const explained = judge.explain(prove(intentOf(world, { ...wished(wish), dry: true })), at)
      const rehearsed = rehearse({ roster: world.roster, bundle: world.bundle, asker: { kind: 'person', id: 'ann', touch: touched }, wish: { ...wished(wish), scope: wish.scope, client: 'cli' }, now: at }).explanation
      if (minted.verdict === 'unavailable' || explained.verdict === 'unavailable') throw new Error('keys are pinned')
      seen.add(`${minted.verdict} ${touched}`)
      for (const other of [explanationOf(explained), rehearsed]) {
        const { claims: _, ...said } = explanationOf(minted)
        expect(other).toMatchObject(said)
      }
      const said = (judged: typeof minted | typeof explained) => (judged.verdict === 'granted' && judged.grants === 'token' ? { ...judged.claims, jti: '', 'urn:symbolon:v1': judged.claims['urn:symbolon:v1'].origin.kind } : judged.verdict)
      expect(said(explained)).toEqual(said(minted))
    }),
    { numRuns: 60 },
  )
  expect([...seen].sort()).toEqual(['granted false', 'granted true', 'refused false', 'refused true'])
})
