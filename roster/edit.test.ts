import { describe, expect, test } from 'vitest'
import { addPasskey, addService, firstPeople, invite, inviteAgain, recover, removePasskey, removePerson, removeTrust, rename, setAttestation, setClient, setConsoleOrigins, setGroups, setGuardians, setIssuer, setPasskeyUses, setPolicy, setRoles, setServiceKeys, setTrust, successor, withdrawInvitation, type Edit } from './edit.ts'
import { judgeNext } from './next.ts'
import { enrolmentOf, filled, first, intentFor, keyOf, lineage, peopled, personOf, passkeyFor, verified, voicesOf } from './roster.testkit.ts'
import { rosterDigest, type Roster } from './roster.ts'

const invitation = { key: keyOf('code-dora'), exp: 1_800_003_600, uses: ['sign_in' as const] }
const two = peopled(['ann', 'bob', 'cleo'], 1, { people: [...peopled().people, personOf('dora', { passkeys: [], invitation })] })
const edited = (...edits: Edit[]): Roster => {
  const result = successor({ document: two, entries: [] }, ...edits)
  if (!result.ok) throw new Error(result.problems.join())
  return result.document
}
const problemsOfEdit = (...edits: Edit[]) => {
  const result = successor({ document: two, entries: [] }, ...edits)
  return result.ok ? [] : result.problems
}
const bob = two.people[1]?.passkeys[0]?.id ?? filled(32, 0)

test('version 2 names the first people, and those of them who may approve as guardians', () => {
  const result = successor({ document: first, entries: [] }, firstPeople([personOf('ann'), personOf('eve', { passkeys: [passkeyFor('eve-1', ['sign_in'])] })]))
  if (!result.ok) throw new Error(result.problems.join())
  const { document } = result
  expect(document).toMatchObject({ version: 2, previous: [rosterDigest(first)], lineage, guardians: { people: ['ann'], count: 1, window: 86_400 } })
  expect(document.bootstrap).toBeUndefined()
  const voices = voicesOf('bootstrap', [], { kind: 'bootstrap', touch: false, passkeyUses: [] })
  expect(judgeNext({ current: { document: first, voices }, accepted: [], split: [], earlier: [], entries: [], intent: intentFor(document, { sub: 'bootstrap' }), next: document, registrations: document.people.flatMap((row) => verified(row.id, ...row.passkeys)) })).toMatchObject({ ok: true })
})

describe('an edit', () => {
  test.each<[string, Edit, (document: Roster) => unknown, unknown]>([
    ['invites', invite({ id: 'eve', name: 'Eve', roles: ['sre'], groups: [] }, { ...invitation, key: keyOf('eve') }), ({ people }) => people.at(-1), { id: 'eve', name: 'Eve', roles: ['sre'], groups: [], passkeys: [], invitation: { ...invitation, key: keyOf('eve') } }],
    ['invites again', inviteAgain('bob', { ...invitation, key: keyOf('bob') }), ({ people }) => [people[1]?.passkeys.length, people[1]?.invitation?.key], [1, keyOf('bob')]],
    ['recovers', recover('bob', { ...invitation, key: keyOf('bob') }), ({ people }) => [people[1]?.passkeys, people[1]?.invitation?.key], [[], keyOf('bob')]],
    ['withdraws an invitation', withdrawInvitation('dora'), ({ people }) => people[3]?.invitation, undefined],
    ['removes a person, the guardian too', removePerson('bob'), ({ people, guardians }) => [people.map(({ id }) => id), guardians?.people], [['ann', 'cleo', 'dora'], ['ann', 'cleo']]],
    ['adds a passkey', addPasskey('bob', passkeyFor('bob-2')), ({ people }) => people[1]?.passkeys.map(({ name }) => name), ['bob-1', 'bob-2']],
    ['takes a passkey away', removePasskey('bob', bob), ({ people }) => people[1]?.passkeys, []],
    ['narrows a passkey', setPasskeyUses('bob', bob, ['sign_in']), ({ people }) => people[1]?.passkeys[0]?.uses, ['sign_in']],
    ['sets roles', setRoles('ci-deploy', ['x']), ({ trusts }) => trusts[0]?.roles, ['x']],
    ['sets groups', setGroups('bob', ['ops']), ({ people }) => people[1]?.groups, ['ops']],
    ['renames', rename('svc-deploy', 'Release'), ({ services }) => services[0]?.name, 'Release'],
    ['adds a service', addService({ id: 'svc-x', name: 'X', roles: [], groups: [], keys: [{ id: 'x-1', jwk: keyOf('x') }] }), ({ services }) => services.map(({ id }) => id), ['svc-deploy', 'svc-x']],
    ['sets a service’s keys', setServiceKeys('svc-deploy', [{ id: 'fresh', jwk: keyOf('fresh') }]), ({ services }) => services[0]?.keys.map(({ id }) => id), ['fresh']],
    ['puts an issuer', setIssuer({ id: 'ci', issuer: 'https://ci.example', jwks_uri: 'https://ci.example/keys', class: 'bound', max_age: 60 }), ({ issuers }) => issuers.map((row) => row.jwks_uri), ['https://ci.example/keys']],
    ['puts a trust', setTrust({ id: 'ci-test', name: 'Test', issuer: 'ci', when: [{ claim: 'project_id', equals: '7' }], roles: [], groups: [] }), ({ trusts }) => trusts.map(({ id }) => id), ['ci-deploy', 'ci-test']],
    ['takes a trust away', removeTrust('ci-deploy'), ({ trusts }) => trusts, []],
    ['puts a client', setClient({ id: 'symbolon-cli', name: 'Terminal' }), ({ clients }) => clients, [{ id: 'symbolon-cli', name: 'Terminal' }]],
    ['sets the policy', setPolicy(filled(32, 98)), ({ policy }) => policy, filled(32, 98)],
    ['sets the console’s origins', setConsoleOrigins(['https://x.example']), ({ deployment }) => deployment.console_origins, ['https://x.example']],
    ['sets and ends attestation', setAttestation(undefined), ({ attestation }) => attestation, undefined],
  ])('%s, and nothing else', (_, edit, part, expected) => {
    const document = edited(edit)
    expect(part(document)).toEqual(expected)
    expect(edited()).toEqual({ ...two, version: 3, previous: [rosterDigest(two)] })
  })

  test.each<[string, Edit, string]>([
    ['a person who is there', invite({ id: 'bob', name: 'B', roles: [], groups: [] }, invitation), 'bob is in the roster already'],
    ['a person who is not', removePerson('zoe'), 'zoe is not among the people'],
    ['an invitation that is none', withdrawInvitation('bob'), 'bob has no invitation'],
    ['a passkey that is none', removePasskey('bob', filled(32, 9)), 'bob has no such passkey'],
    ['a row that is none', setRoles('zoe', []), 'zoe is no person, service or trust'],
    ['a trust that is none', removeTrust('zoe'), 'zoe is not among the trusts'],
    ['keys whose newest stays', setServiceKeys('svc-deploy', [{ id: 'svc-deploy-1', jwk: keyOf('svc-deploy-1') }]), 'svc-deploy would keep its newest key, and with it every key that it rotated to'],
    ['A-1 too few guardians', setGuardians({ people: ['ann', 'bob'], count: 2, window: 86_400 }), 'guardians: 2 of 2 can never approve what one of them proposes'],
    ['a shape that is none', setRoles('bob', ['No Role']), 'people/1/roles/0: must be 1 to 64 of a-z 0-9 . _ : - and start with a letter or digit'],
  ])('of %s is a problem', (_, edit, problem) => expect(problemsOfEdit(edit)).toEqual([problem]))
})

test('enrolled passkeys move into the document, and their invitations go', () => {
  const result = successor({ document: two, entries: [{ entry: enrolmentOf('dora', 'code-dora', 'dora-1') }] })
  expect(result.ok && result.document.people[3]).toEqual(personOf('dora', { passkeys: [passkeyFor('dora-1', ['sign_in'])] }))
})

test('a split is healed by a document that names them all', () => {
  const [a, b] = [edited(setRoles('bob', ['x'])), edited(setRoles('bob', ['y']))]
  const result = successor({ document: a, entries: [], from: [b, a] })
  expect(result.ok && result.document).toMatchObject({ version: 4, previous: [rosterDigest(a), rosterDigest(b)].sort() })
})
