import { describe, expect, test } from 'vitest'
import type { Trust } from '@symbolon/roster/roster.ts'
import { at, bundleWith, defaultData, makeWorld } from './judge.testkit.ts'
import { makePeople } from './people.testkit.ts'
import { rehearse, type Asker, type Wish } from './rehearse.ts'

const trust = (id: string, when: Trust['when'], roles: string[]): Trust => ({ id, name: id, issuer: 'forge', when, roles, groups: [] })
const trusts = [
  trust('deploy', [{ claim: 'repository_id', equals: '42' }, { claim: 'ref', equals: 'refs/heads/main' }], ['sre']),
  trust('build', [{ claim: 'repository_id', equals: '42' }], ['engineer']),
  trust('other', [{ claim: 'repository_id', equals: '43' }], ['engineer']),
]
const world = makeWorld({ trusts, issuerRow: { keys: undefined, jwks_uri: 'https://forge.example/jwks' } })
const claims = { iss: 'https://forge.example', sub: 'repo:42', aud: 'what the author had at hand', exp: 1, iat: 0, nbf: 2 ** 31, repository_id: '42', ref: 'refs/heads/topic' }
const ask = (asker: Asker, wish: Partial<Wish> = {}, bundle = world.bundle) => rehearse({ roster: world.roster, bundle, asker, wish: { scope: ['read:logs'], ...wish }, now: at })

describe('a rehearsal by the claims of an ID token', () => {
  test('says which trust matches, and what the policy gives it', () =>
    expect(ask({ kind: 'claims', claims })).toMatchObject({ matching: ['build'], explanation: { granted: true, principal: 'build', claims: { sub: 'build', exp: at + 900 } }, flaws: [] }))

  test('says of the others which condition did not hold', () =>
    expect(ask({ kind: 'claims', claims }).misses).toMatchObject([
      { trust: { id: 'deploy' }, related: true, unmet: [{ claim: 'ref', found: 'refs/heads/topic', wanted: '"refs/heads/main"' }] },
      { trust: { id: 'other' }, related: false, unmet: [{ claim: 'repository_id', found: '42', wanted: '"43"' }] },
    ]))

  test('says rule, fact and remedy where the policy refuses', () =>
    expect(ask({ kind: 'claims', claims }, { scope: ['write:prod'] }).explanation).toMatchObject({
      granted: false,
      principal: 'build',
      reasons: [{ code: 'scope_not_allowed', rule: 'symbolon.scope', fact: 'roles: engineer', remedy: 'A role that has it: sre (1800 s).' }],
    }))

  test('says so where two trusts match and none is named', () => {
    const main = { ...claims, ref: 'refs/heads/main' }
    expect(ask({ kind: 'claims', claims: main })).toMatchObject({ matching: ['deploy', 'build'], explanation: { granted: false, reasons: [{ code: 'trust_ambiguous' }] } })
    expect(ask({ kind: 'claims', claims: main, sub: 'deploy' }, { scope: ['write:prod'] })).toMatchObject({ explanation: { granted: true, principal: 'deploy' } })
  })

  test('S-4 says so where none matches', () => {
    expect(ask({ kind: 'claims', claims: { ...claims, repository_id: '44' } })).toMatchObject({ matching: [], explanation: { granted: false, reasons: [{ code: 'trust_none' }] } })
    expect(ask({ kind: 'claims', claims: { ...claims, iss: 'https://elsewhere.example' } })).toMatchObject({ matching: [], misses: [], explanation: { granted: false, reasons: [{ code: 'issuer_unknown' }] } })
  })

  test('I-6 claims with the audience of class bearer stay under its ceiling', () => {
    const bearer = makeWorld({ trusts, issuerRow: { class: 'bearer', bearer_audience: 'symbolon-staging', ceiling: { max_ttl: 60 } } })
    const told = (aud: string) => rehearse({ roster: bearer.roster, bundle: bearer.bundle, asker: { kind: 'claims', claims: { ...claims, aud } }, wish: { scope: ['read:logs'] }, now: at }).explanation.claims
    expect(told('symbolon-staging')).toMatchObject({ exp: at + 60, 'urn:symbolon:v1': { origin: { class: 'bearer' } } })
    expect(told('anything else')).toMatchObject({ exp: at + 900, 'urn:symbolon:v1': { origin: { class: 'bound' } } })
  })

  test('Z-6 tells its author about a trust that can match nobody', () => {
    // A draft: no plan and no process would take it.
    const draft = { ...world.roster, trusts: [trust('loose', [{ claim: 'repository_id', pattern: '*' }], ['engineer'])] }
    const { flaws, matching } = rehearse({ roster: draft, bundle: world.bundle, asker: { kind: 'claims', claims }, wish: { scope: ['read:logs'] }, now: at })
    expect(flaws.map((flaw) => flaw.trust)).toContain('loose')
    expect(matching).toEqual([])
  })
})

describe('a rehearsal by a person', () => {
  const guarded = bundleWith({ ...defaultData, scopes: { 'write:staging': { touch: true } } })
  const { roster } = makePeople({ bundle: guarded })
  const person = (id: string, touch: boolean, wish: Partial<Wish> = {}) => rehearse({ roster, bundle: guarded, asker: { kind: 'person', id, touch }, wish: { scope: ['write:staging'], client: 'cli', ...wish }, now: at }).explanation

  test('who touches has what asks for a touch', () => expect(person('ann', true)).toMatchObject({ granted: true, principal: 'ann', claims: { acr: 'urn:symbolon:acr:touch' } }))
  test('a grant has not, and is told what would change it', () => expect(person('ann', false)).toMatchObject({ granted: false, principal: 'ann', reasons: [{ code: 'touch_required', remedy: expect.stringContaining('passkey') }] }))
  test('a grant has what asks for none', () => expect(person('ann', false, { scope: ['read:logs'] })).toMatchObject({ granted: true, claims: { acr: 'urn:symbolon:acr:grant', exp: at + 900 } }))
  test('nobody of that name', () => expect(person('eve', true)).toMatchObject({ granted: false, reasons: [{ code: 'passkey_unknown' }] }))
  test('somebody without a passkey yet can be rehearsed', () => {
    const invited = { ...roster, people: roster.people.map((row) => ({ ...row, passkeys: [] })) }
    expect(rehearse({ roster: invited, bundle: guarded, asker: { kind: 'person', id: 'dan', touch: true }, wish: { scope: ['read:logs'] }, now: at }).explanation).toMatchObject({ granted: true })
  })
})

describe('a rehearsal by a row or by roles', () => {
  test('a service of the roster', () => expect(ask({ kind: 'service', id: 'ci' }).explanation).toMatchObject({ granted: true, principal: 'ci' }))
  test('a service that there is not', () => expect(ask({ kind: 'service', id: 'nobody-here' }).explanation).toMatchObject({ granted: false, reasons: [{ code: 'key_unknown' }] }))
  test('somebody with a role', () => expect(ask({ kind: 'roles', roles: ['sre'] }, { scope: ['write:prod'] }).explanation).toMatchObject({ granted: true }))
  test('somebody without', () => expect(ask({ kind: 'roles', roles: [] }).explanation).toMatchObject({ granted: false, reasons: [{ code: 'scope_not_allowed', fact: 'roles: none' }] }))
  test('the scopes may come in any order, and twice', () => expect(ask({ kind: 'roles', roles: ['sre'] }, { scope: ['write:staging', 'read:logs', 'read:logs'] }).explanation).toMatchObject({ granted: true, claims: { scope: 'read:logs write:staging' } }))
  test('a wish that no intent can say', () => expect(ask({ kind: 'roles', roles: ['sre'] }, { scope: ['no scope'] }).explanation).toMatchObject({ granted: false, reasons: [{ code: 'intent_malformed', rule: 'intent/scope/0' }] }))
})

test('a policy that is still being written is judged by, not the one in the roster', () => {
  const draft = bundleWith({ ...defaultData, deny: { groups: ['ops'] } })
  expect(ask({ kind: 'roles', roles: ['sre'], groups: ['ops'] }, {}, draft).explanation).toMatchObject({ granted: false, reasons: [{ code: 'policy_denied', rule: 'symbolon.deny', fact: 'group: ops' }] })
})

test('the roster is not changed by it, and its keys are not used', () => {
  const before = structuredClone(world.roster)
  ask({ kind: 'claims', claims })
  expect(world.roster).toEqual(before)
})
