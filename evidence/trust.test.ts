import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '@symbolon/protocol/json.ts'
import type { Condition, Trust } from '@symbolon/roster/roster.ts'
import { nearMisses, show } from './near-miss.ts'
import { matchesPattern } from './pattern.ts'
import { claimAt, matches, type Claims } from './trust.ts'

const trust = (...when: Condition[]): Trust => ({ id: 't', name: 'T', issuer: 'ci', when, roles: [], groups: [] })

describe('Z-6 patterns are anchored, and * stays within its segment', () => {
  test.each<[string, string, boolean]>([
    ['refs/heads/*', 'refs/heads/main', true],
    ['refs/heads/*', 'refs/heads/a/b', false],
    ['refs/heads/*', 'refs/heads/', false],
    ['refs/heads/*', 'refs/heads', false],
    ['refs/heads/*', 'x/refs/heads/main', false],
    ['refs/heads/*', 'refs/heads/main/', false],
    ['refs/heads/release-*', 'refs/heads/release-1.2', true],
    ['refs/heads/release-*', 'refs/heads/prerelease-1', false],
    ['refs/tags/v*.*', 'refs/tags/v1.2', true],
    ['refs/tags/v*.*', 'refs/tags/v1', false],
    ['v*-rc*', 'v1-rc2', true],
    ['v*-rc*', 'v1', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*bc*c', 'abcc', true],
    ['a*bc*c', 'abc', false],
    ['ab*ba', 'aba', false],
    ['*', 'any', true],
    ['*', 'a/b', false],
    ['*', '', false],
    ['*/*', 'a/b', true],
    ['main', 'main', true],
    ['main', 'mainx', false],
    ['a.c', 'abc', false],
    ['*', 'a\nb', false],
    ['refs/heads/*', 'refs/heads/main\n', false],
    ['refs/heads/*', 'refs/heads/má', false],
    ['refs/heads/*', `refs/heads/${'a'.repeat(600)}`, false],
  ])('%s on %j: %s', (pattern, value, expected) => expect(matchesPattern(pattern, value)).toBe(expected))

  const literal = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', '*', '?', '+', '$', '^', '(', '[', '{', '|', '\\', ':', ',', ' '), maxLength: 12 })

  test('property: agrees with the regular expression that says the same', () => {
    fc.assert(
      fc.property(literal, literal, (pattern, value) => {
        const segments = pattern.split('/').map((segment) => {
          const body = segment.split('*').map((text) => text.replaceAll(/[.?+$^()[\]{}|\\]/g, String.raw`\$&`)).join('[ -.0-~]*')
          return segment.includes('*') ? `(?=[ -.0-~])${body}` : body
        })
        expect(matchesPattern(pattern, value)).toBe(new RegExp(`^${segments.join('/')}$`).test(value))
      }),
      { numRuns: 5000 },
    )
  })

  test('Z-2 property: what a claim holds is text, never a pattern', () => {
    fc.assert(
      fc.property(literal, literal, (pattern, value) => {
        if (!pattern.includes('*')) expect(matchesPattern(pattern, value)).toBe(pattern === value)
      }),
    )
    expect(matchesPattern('main', '*')).toBe(false)
    expect(matchesPattern('refs/heads/main', 'refs/heads/*')).toBe(false)
  })

  test('D-3 the worst pattern on the worst value is done at once', () => {
    const started = process.hrtime.bigint()
    for (let round = 0; round < 200; round += 1) matchesPattern('a*'.repeat(127) + 'b', 'a'.repeat(512))
    expect(Number(process.hrtime.bigint() - started) / 200).toBeLessThan(2e6)
  })
})

describe('conditions', () => {
  test.each<[Condition, Claims, boolean]>([
    [{ claim: 'repository_id', equals: '7' }, { repository_id: '7' }, true],
    [{ claim: 'repository_id', equals: '7' }, { repository_id: 7 }, false],
    [{ claim: 'n', equals: 7 }, { n: 7 }, true],
    [{ claim: 'n', equals: 7 }, { n: '7' }, false],
    [{ claim: 'b', equals: true }, { b: true }, true],
    [{ claim: 'b', equals: true }, { b: 'true' }, false],
    [{ claim: 'b', equals: false }, {}, false],
    [{ claim: 'e', one_of: ['a', 'b'] }, { e: 'b' }, true],
    [{ claim: 'e', one_of: ['a', 'b'] }, { e: ['a', 'b'] }, false],
    [{ claim: 'e', equals: 'a' }, { e: ['a'] }, false],
    [{ claim: 'e', pattern: '*' }, { e: 7 }, false],
    [{ claim: 'e' }, { e: 'a' }, false],
    [{ claim: 'e', equals: 'a', pattern: 'b*' }, { e: 'a' }, false],
    [{ claim: 'kubernetes.io/serviceaccount/uid', equals: 'u' }, { 'kubernetes.io': { serviceaccount: { uid: 'u' } } }, true],
    [{ claim: 'kubernetes.io/serviceaccount/uid', equals: 'u' }, { 'kubernetes.io/serviceaccount/uid': 'u' }, false],
    [{ claim: 'constructor/name', equals: 'Object' }, {}, false],
    [{ claim: 'e/length', equals: 1 }, { e: 'a' }, false],
    [{ claim: 'e/0', equals: 'a' }, { e: ['a'] }, false],
  ])('%j on %j: %s', (condition, claims, expected) => expect(matches(trust(condition), claims)).toBe(expected))

  test.each(['toString', 'constructor', 'a/constructor', 'a/__proto__', 'a/hasOwnProperty'])('what every object inherits is no claim: %s', (path) => expect(claimAt({ a: {} }, path)).toBeUndefined())

  test('all must hold', () => {
    const both = trust({ claim: 'a', equals: '1' }, { claim: 'b', equals: '2' })
    expect(matches(both, { a: '1', b: '2' })).toBe(true)
    expect(matches(both, { a: '1', b: '3' })).toBe(false)
    expect(matches(both, { b: '2' })).toBe(false)
  })

  test.each([
    ['event_name', 'pull_request_target'],
    ['event_name', 'pull_request'],
    ['pipeline_source', 'merge_request_event'],
  ])('runs with an outsider’s code (%s: %s) count only where a trust names the claim', (claim, value) => {
    const claims = { repository_id: '7', [claim]: value }
    expect(matches(trust({ claim: 'repository_id', equals: '7' }), claims)).toBe(false)
    expect(matches(trust({ claim: 'repository_id', equals: '7' }), { ...claims, [claim]: 'push' })).toBe(true)
    expect(matches(trust({ claim: 'repository_id', equals: '7' }, { claim, equals: value }), claims)).toBe(true)
  })

  test('claims of any shape are looked through without a throw', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.string(), (value, path) => void claimAt({ a: value as Json }, `a/${path}`)))
  })
})

describe('near misses', () => {
  const byId = { ...trust({ claim: 'repository_id', equals: '7' }, { claim: 'environment', one_of: ['prod', 'canary'] }, { claim: 'ref', pattern: 'refs/heads/*' }), id: 'near' }
  const far = { ...trust({ claim: 'repository_id', equals: '8' }, { claim: 'environment', equals: 'dev' }), id: 'far' }

  test('name every condition that failed, nearest trust first', () => {
    const found = nearMisses([far, byId], { repository_id: '7', environment: 'dev', ref: 'refs/tags/v1' })
    expect(found.map(({ trust: { id }, related, unmet }) => ({ id, related, unmet }))).toEqual([
      { id: 'near', related: true, unmet: [{ claim: 'environment', found: 'dev', wanted: 'one of "prod", "canary"' }, { claim: 'ref', found: 'refs/tags/v1', wanted: 'of the form refs/heads/*' }] },
      { id: 'far', related: false, unmet: [{ claim: 'repository_id', found: '7', wanted: '"8"' }] },
    ])
  })

  test('a missing claim is told from an empty one', () => {
    expect(nearMisses([far], { repository_id: '8' })[0]?.unmet).toEqual([{ claim: 'environment', wanted: '"dev"' }])
    expect(nearMisses([far], { repository_id: '8', environment: '' })[0]?.unmet).toEqual([{ claim: 'environment', found: '', wanted: '"dev"' }])
  })

  test('a part of an id makes nobody related', () => {
    expect(nearMisses([trust({ claim: 'repository_id', pattern: '4*' }, { claim: 'environment', equals: 'dev' })], { repository_id: '42' })[0]?.related).toBe(false)
  })

  test('a trust that matches is none', () => expect(nearMisses([far], { repository_id: '8', environment: 'dev' })).toEqual([]))

  test('A-8 values are shown as one short line of ASCII', () => {
    expect(show('a\u202Eb\n\u0000é\uD800')).toBe(String.raw`"a\u202eb\n\u0000\u00e9\ud800"`)
    expect(show('x'.repeat(999)).length).toBe(200)
    expect(show(undefined)).toBe('undefined')
  })
})
