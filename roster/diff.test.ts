import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { diffRosters } from './diff.ts'
import { show } from './diff-words.ts'
import { addService, invite, removePerson, setGuardians, setLimits, setPolicy, setRoles, setTrust, successor, type Edit } from './edit.ts'
import { enrolmentOf, filled, keyOf, nextOf, passkeyFor, peopled, personOf, rotationOf } from './roster.testkit.ts'
import type { Roster } from './roster.ts'

const pem = (letter: string) => `-----BEGIN CERTIFICATE-----\n${letter.repeat(64)}\n-----END CERTIFICATE-----\n`
const base = peopled(['ann', 'bob', 'cleo'], 1, {
  attestation: { roots: [pem('A')], aaguids: ['00000000-0000-0000-0000-000000000000'] },
  issuers: [
    { id: 'ci', issuer: 'https://ci.example', jwks_uri: 'https://ci.example/jwks', ca: pem('B'), class: 'bound', max_age: 600, allowed_addresses: ['10.0.0.1'] },
    { id: 'old', issuer: 'https://old.example', keys: [{ kid: 'k', alg: 'EdDSA', jwk: keyOf('issuer') }], class: 'bearer', bearer_audience: 'x', ceiling: { scope: ['read:logs'], max_ttl: 60 }, max_age: 60 },
  ],
  people: [...peopled().people, personOf('dora', { passkeys: [], roles: ['engineer'], invitation: { key: keyOf('code-dora'), exp: 1_800_000_000, uses: ['sign_in', 'approve'] } })],
})
const after = (...edits: Edit[]): Roster => {
  const result = successor({ document: base, entries: [] }, ...edits)
  if (!result.ok) throw new Error(result.problems.join())
  return result.document
}
const dangers = (...edits: Edit[]) => diffRosters(base, after(...edits)).filter(({ weight }) => weight === 'danger').map(({ sentence }) => sentence)

/* Documents as JSON, leaf by leaf */

type Path = readonly (string | number)[]
const leaves = (value: unknown, path: Path = []): Path[] => (typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([name, inner]) => leaves(inner, [...path, Array.isArray(value) ? Number(name) : name])) : [path])
const at = (value: unknown, path: Path): unknown => path.reduce((inner, name) => (inner as Record<string, unknown>)[name], value)
function changed(document: Roster, path: Path, change: (value: unknown) => unknown): Roster {
  const copy = structuredClone(document)
  const parent = at(copy, path.slice(0, -1)) as Record<string, unknown>
  parent[path.at(-1) ?? ''] = change(parent[path.at(-1) ?? ''])
  return copy
}
const another = (value: unknown): unknown => (typeof value === 'string' ? `${value}x` : typeof value === 'number' ? value + 1 : value !== true)
const isShownAsItself = (path: Path, value: unknown) => !path.some((part) => part === 'key' || part === 'jwk' || part === 'bootstrap' || part === 'identity' || part === 'hpke') && !String(value).startsWith('-----')
const told = (before: Roster, next: Roster) => diffRosters(before, next).map(({ sentence }) => sentence)

describe('A-8 a diff', () => {
  test('is empty for the same document, and for no other', () => {
    expect(diffRosters(base, structuredClone(base))).toEqual([])
    expect(diffRosters(base, nextOf(base))).not.toEqual([])
  })

  test('shows every leaf that changed', () => {
    const all = leaves(base)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: all.length - 1 }), (index) => {
        const path = all[index] ?? []
        const next = changed(base, path, another)
        const value = at(next, path)
        const sentences = told(base, next)
        expect(sentences, path.join('/')).not.toEqual([])
        // What is shown by a digest is shown by the new one: no sentence of the unchanged document could say it.
        if (typeof value === 'boolean') return
        if (isShownAsItself(path, value)) expect(sentences.join('\n'), path.join('/')).toContain(show(value as string))
        else expect(told(base, changed(base, path, (old) => another(another(old)))), path.join('/')).not.toEqual(sentences)
      }),
      { numRuns: all.length * 2 },
    )
  })

  test('shows everything that comes and everything that goes', () => {
    const rows = (['people', 'services', 'issuers', 'trusts', 'clients'] as const).flatMap((table) => base[table].map((_, index) => ({ table, index })))
    for (const { table, index } of rows) {
      const without = { ...base, [table]: base[table].filter((_, place) => place !== index) } as Roster
      const values = leaves(base[table][index]).map((path) => ({ path, value: at(base[table][index], path) }))
      for (const sentences of [told(base, without), told(without, base)])
        for (const { path, value } of values.filter(({ path, value }) => isShownAsItself(path, value) && typeof value !== 'boolean')) expect(sentences.join('\n'), `${table} ${path.join('/')}`).toContain(String(value))
    }
  })

  test('shows a list in another order, and a row twice', () => {
    expect(told(base, { ...base, scopes: ['write:x', ...base.scopes] })).toHaveLength(1)
    expect(told(base, { ...base, people: base.people.toReversed() })).toEqual(['people: the order changes.'])
    expect(told(base, { ...base, people: [...base.people, ...base.people.slice(0, 1)] })).not.toEqual([])
  })

  test('says of a new row what is empty in it, and when its invitation ends', () => {
    const sentences = told(base, after(invite({ id: 'eve', name: 'Eve', roles: ['sre'], groups: [] }, { key: keyOf('eve'), exp: 1_800_000_000, uses: ['sign_in'] })))
    expect(sentences).toEqual(expect.arrayContaining(['eve: no groups.', 'eve: no passkeys.', 'eve: the invitation ends at 2027-01-15T08:00:00Z (1800000000).']))
    expect(sentences.join()).not.toContain('order')
  })

  test('is one line of ASCII each, whatever stands in the document', () => {
    const [ann, ...others] = base.people
    if (ann === undefined) throw new Error('nobody')
    for (const { sentence } of diffRosters(base, { ...base, people: [{ ...ann, name: 'A‮nn\u001b[2J\n\t' }, ...others] })) expect(sentence).toMatch(/^[\x20-\x7e]+$/)
  })

  test('shows no more of a certificate than its digest', () => expect(told(base, { ...base, attestation: undefined }).join()).not.toContain('AAAA'))
})

describe('A-8 what widens is a danger, and comes first', () => {
  test.each<[string, Edit, readonly string[]]>([
    ['a role', setRoles('bob', ['sre']), ['bob gets role sre.']],
    ['a role less', setRoles('dora', []), []],
    ['an invitation', invite({ id: 'eve', name: 'Eve', roles: ['sre'], groups: [] }, { key: keyOf('eve'), exp: 1_800_000_000, uses: ['sign_in'] }), ['eve becomes a person of this deployment.', 'eve gets role sre.', expect.stringMatching(/^Whoever holds the invitation code becomes eve \(key [\w-]{43}\)\.$/) as string, 'eve: the invited passkey may sign in and ask (sign_in).']],
    ['fewer guardians', setGuardians({ people: ['ann', 'bob'], count: 1, window: 86_400 }), ['cleo is no guardian any more.']],
    ['one approval more', setGuardians({ people: ['ann', 'bob', 'cleo'], count: 2, window: 86_400 }), []],
    ['a service', addService({ id: 'svc-x', name: 'X', roles: ['sre'], groups: [], keys: [{ id: 'x-1', jwk: keyOf('x') }] }), ['Service svc-x is added.', 'svc-x gets role sre.', 'svc-x gets key x-1.']],
    ['a condition less', setTrust({ ...base.trusts[0], when: [{ claim: 'project_id', equals: '7' }] } as Roster['trusts'][number]), ['ci-deploy: no longer asks that repository_id equals 42.']],
    ['a scope', setLimits({ scopes: ['read:logs', 'write:prod'] }), ['Tokens may have scope write:prod.']],
    ['a longer life', setLimits({ token: { default_ttl: 900, max_ttl: 7200 } }), ['A token lasts at most: 3600 s becomes 7200 s.']],
    ['a shorter life', setLimits({ token: { default_ttl: 900, max_ttl: 1800 } }), []],
    ['another policy', setPolicy(filled(32, 98)), [`Another policy decides: ${filled(32, 98)} instead of ${filled(32, 99)}.`]],
    ['a person less', removePerson('dora'), []],
  ])('%s', (_, edit, sentences) => expect(dangers(edit)).toEqual(sentences))

  test('a change that nobody has words for', () => expect(told({ ...base, unheard: 1 } as unknown as Roster, { ...base, unheard: 2 } as unknown as Roster)).toEqual(['unheard: 1 becomes 2.']))

  test('attestation narrows when it begins, and widens when it ends', () => {
    const { attestation: _, ...open } = base
    expect(new Set(diffRosters(open, base).map(({ weight }) => weight))).toEqual(new Set(['notice']))
    expect(new Set(diffRosters(base, open).map(({ weight }) => weight))).toEqual(new Set(['danger']))
  })
})

describe('what rows did to themselves', () => {
  const enrolled = [{ entry: enrolmentOf('dora', 'code-dora', 'dora-1') }]
  test('is no danger when it moves into the document', () => {
    const result = successor({ document: base, entries: enrolled })
    const lines = result.ok ? diffRosters(base, result.document, enrolled) : []
    expect(lines.filter(({ weight }) => weight === 'danger')).toEqual([])
    expect(lines.map(({ sentence }) => sentence)).toContain(`dora: passkey dora-1, enrolled by invitation, moves into the document (${passkeyFor('dora-1').id}).`)
  })
  test('is a danger without the entry', () => expect(told(base, { ...base, people: [...base.people.slice(0, 3), personOf('dora')] }).join('\n')).toContain('dora gets passkey dora-1'))
  test('is told when it gets lost', () => {
    const people = base.people.map(({ invitation: _, ...row }) => row)
    expect(diffRosters(base, { ...base, people }, enrolled).map(({ sentence }) => sentence)).toContain('dora loses passkey dora-1, which came in by an invitation.')
    const rotated = [{ entry: rotationOf('svc-deploy', { root: 'svc-deploy-1', seq: 1, by: 'svc-deploy-1', to: 'k2' }) }]
    expect(diffRosters(base, { ...base, services: [] }, rotated).map(({ sentence }) => sentence)).toContain('svc-deploy loses key k2, to which it rotated.')
  })
})
