import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { noStops } from '@symbolon/evidence/stops.ts'
import { bundleDigest } from './bundle.ts'
import { at, bundleWith, defaultData, keyEvidence, makeKey, type World } from './judge.testkit.ts'
import { readFileSync } from 'node:fs'
import { grantOf, makePeople } from './people.testkit.ts'
import { asked, codes, explanation, listOf, makeVault, path, readOf, vaultJudge } from './secrets.testkit.ts'
import type { SecretAction } from './secret-rules.ts'
import { open } from './worker.ts'

const places = ['app/db', 'app/prod/db', 'app/prod/api/key', 'secret/db', 'ops/db', 'app/x/db']
const rules = [{ path: 'app/*', actions: ['list'] }, { path: 'app/prod/**', actions: ['read', 'list'] }, { path: 'app/x/db', actions: ['write'] }]
const data = { roles: { engineer: { allow_scopes: ['secret:list', 'secret:read', 'secret:write'], max_ttl_seconds: 60, secrets: rules } } }
const shownBy = (world: World, action?: SecretAction, paths = places, prefix = 'app') => {
  const listed = vaultJudge(world).list({ request: asked(world, listOf(world, { prefix, recursive: true })), paths: paths.map(path), ...(action === undefined ? {} : { action }) }, at)
  return listed.verdict === 'granted' ? paths.filter((_, index) => listed.shown[index] === true) : codes(listed)
}

describe('Z-5 rows of a listing', () => {
  const world = makeVault({ bundle: bundleWith(data) })
  test('are those that a rule shows', () => expect(shownBy(world)).toEqual(['app/db', 'app/prod/db', 'app/prod/api/key']))
  test('or gives something else, where that is asked about', () => {
    expect(shownBy(world, 'read')).toEqual(['app/prod/db', 'app/prod/api/key'])
    expect(shownBy(world, 'write')).toEqual(['app/x/db'])
    expect(shownBy(world, 'destroy')).toEqual([])
  })
  test('Z-5 by a role without the scope of that action, none: a rule alone gives nothing', () => {
    const scoped = makeVault({ bundle: bundleWith({ roles: { ...data.roles, engineer: { ...data.roles.engineer, allow_scopes: ['secret:list'] }, other: { allow_scopes: ['secret:read', 'secret:write'], max_ttl_seconds: 60 } } }) })
    expect([shownBy(scoped), shownBy(scoped, 'write')]).toEqual([['app/db', 'app/prod/db', 'app/prod/api/key'], []])
  })
  test('B-1 by evidence whose ceiling has not the scope of that action, none', () => {
    const on = makePeople({ bundle: bundleWith(data), roster: { scopes: world.roster.scopes, groups: world.roster.groups, namespaces: world.roster.namespaces, vault: world.roster.vault } })
    const intent = { ...listOf(on, { prefix: 'app', recursive: true }), sub: 'ann' }
    const shown = (scope: readonly string[], action: SecretAction) => {
      const listed = vaultJudge(on).list({ request: asked(on, intent, [], [grantOf(on, { ceiling: { scope: [...scope] } }).evidence(intent)]), paths: [path('app/x/db')], action }, at)
      return listed.verdict === 'granted' ? listed.shown : codes(listed)
    }
    expect(shown(['secret:list', 'secret:write'], 'write')).toEqual([true])
    expect(shown(['secret:list'], 'write')).toEqual([false])
  })
  test('Z-3 and that no deny names', () => expect(shownBy(makeVault({ bundle: bundleWith({ ...data, deny: { secrets: ['app/prod/**'] } }) }))).toEqual(['app/db']))
  test('are none where the listing itself is refused', () => {
    expect(shownBy(world, 'list', places, 'ops')).toEqual(['policy_denied'])
    expect(shownBy(makeVault({ roles: [] }))).toContain('scope_not_allowed')
    expect(shownBy(makeVault({ bundle: bundleWith({ ...data, scopes: { 'secret:list': { touch: true } } }) }))).toEqual(['touch_required'])
    expect(shownBy(makeVault({ bundle: bundleWith({ ...data, deny: { principals: ['ann'] } }) }))).toEqual(['policy_denied'])
  })
  test('are not asked about without true evidence, nor of another question', () => {
    const intent = listOf(world)
    const list = (request: Parameters<ReturnType<typeof vaultJudge>['list']>[0]['request']) => codes(vaultJudge(world).list({ request, paths: [path('app/db')] }, at))
    expect(list(asked(world, intent, [], [keyEvidence(world, intent, { key: makeKey() })]))).toEqual(['proof_invalid'])
    expect(list(asked(world, readOf(world)))).toEqual(['intent_malformed'])
    expect(list(asked(world, listOf(world, { paths: [path('app/db')] })))).toEqual(['intent_malformed'])
    expect(list(asked(world, { ...intent, dry: true }))).toEqual(['intent_dry'])
  })
  test('an address that is denied sees none', () => {
    const on = makeVault({ bundle: bundleWith({ ...data, deny: { addresses: ['192.0.2.1'] } }) })
    const from = (address: string) => vaultJudge(on).list({ request: { ...asked(on, listOf(on)), asserted: { address } }, paths: [path('app/db')] }, at)
    expect([codes(from('192.0.2.1')), from('192.0.2.2')]).toMatchObject([['policy_denied'], { verdict: 'granted', shown: [true] }])
  })
  test('are judged in threads, many at once', () => {
    const many = Array.from({ length: 1203 }, (_, index) => path(index % 3 === 0 ? `app/n${index}` : `secret/n${index}`))
    const worker = open(structuredClone({ roster: world.roster, bundle: world.bundle, stops: noStops }))
    const [listed] = structuredClone(worker.handle(structuredClone({ list: [{ request: asked(world, listOf(world)), paths: many }], clock: at }))).listed
    expect(listed).toMatchObject({ verdict: 'granted', shown: many.map((_, index) => index % 3 === 0) })
  })
  test('P-1 a bundle that knows no such question shows none', () => {
    const wasm = new Uint8Array(readFileSync(new URL('testdata/misbehaving.wasm', import.meta.url)))
    const told = bundleWith({ roles: { well: { allow_scopes: ['secret:list'], max_ttl_seconds: 60 } } }, wasm)
    expect(bundleDigest(wasm, told.data)).toBe(told.digest)
    const on = makeVault({ bundle: told })
    expect(shownBy(on)).toEqual([])
  })
})

describe('P-1 for any rules, paths and deny list', () => {
  const segment = fc.constantFrom('a', 'b', 'db', '*')
  const pattern = fc.tuple(fc.constantFrom('app', 'app', 'ops', '*'), fc.array(segment, { minLength: 1, maxLength: 3 }), fc.boolean()).map(([first, rest, open]) => [first, ...rest, ...(open ? ['**'] : [])].join('/'))
  const somePath = fc.tuple(fc.constantFrom('app', 'app', 'ops'), fc.array(fc.constantFrom('a', 'b', 'db'), { minLength: 1, maxLength: 4 })).map(([first, rest]) => [first, ...rest].join('/'))
  const actions = fc.uniqueArray(fc.constantFrom<SecretAction>('read', 'list', 'write'), { minLength: 1 })
  /** The same once more, in other words. */
  const matches = (text: string, place: string) => new RegExp(`^${text.split('/').map((part) => (part === '**' ? '.+' : part === '*' ? '[^/]+' : part)).join('/')}$`).test(place)

  test('what may be read, listed and shown is what the rules say in other words', () => {
    let shown = 0
    fc.assert(
      fc.property(fc.uniqueArray(fc.record({ path: pattern, actions }), { minLength: 1, maxLength: 4, selector: JSON.stringify }), fc.oneof({ weight: 3, arbitrary: fc.constant<string[]>([]) }, { weight: 1, arbitrary: fc.uniqueArray(pattern, { maxLength: 2 }) }), fc.uniqueArray(somePath, { minLength: 3, maxLength: 6 }), (secrets, deny, paths) => {
        const world = makeVault({ bundle: bundleWith({ roles: { engineer: { ...data.roles.engineer, secrets } }, ...(deny.length === 0 ? {} : { deny: { secrets: deny } }) }) })
        const given = (place: string, action?: SecretAction) => !deny.some((each) => matches(each, place)) && secrets.some((rule) => (action === undefined || rule.actions.includes(action)) && matches(rule.path, place))
        for (const place of paths) {
          expect(explanation(world, { ...readOf(world, [[place, 'latest']]), dry: true }).verdict).toBe(given(place, 'read') ? 'granted' : 'refused')
          expect(explanation(world, { ...listOf(world, { paths: [path(place)] }), dry: true }).verdict).toBe(given(place) ? 'granted' : 'refused')
        }
        const below = paths.filter((place) => place.startsWith('app/'))
        const rows = shownBy(world, 'list', below)
        const wanted = below.filter((place) => given(place, 'list'))
        shown += wanted.length
        // A folder that no rule reaches is refused as a whole; then it holds nothing that could be shown.
        if (rows[0] !== 'policy_denied') expect(rows).toEqual(wanted)
        else expect(wanted).toEqual([])
      }),
      { numRuns: 60 },
    )
    expect(shown).toBeGreaterThan(5)
  })

  test('the default shows engineers their two namespaces', () => expect(shownBy(makeVault({ bundle: bundleWith(defaultData) }))).toEqual(places.filter((place) => !place.startsWith('ops/'))))
})
