import { describe, expect, test } from 'vitest'
import { filled, first, keyOf, passkeyFor, peopled, personOf } from './roster.testkit.ts'
import { mayApprove } from './people.ts'
import { problemsOf, roster, type Roster } from './roster.ts'

const two = peopled()
const [ann, bob, cleo] = two.people
if (ann === undefined || bob === undefined || cleo === undefined) throw new Error('three people')
const invitation = { key: keyOf('code'), exp: 1, uses: ['sign_in' as const] }
const annsKey = ann.passkeys[0]?.key ?? keyOf('none')
const differ = 'people, services: keys of passkeys, invitations and services must differ'

describe('people', () => {
  test('of the fixture are sound', () => expect([problemsOf(two), problemsOf(first)]).toEqual([[], []]))

  test.each<[string, Partial<Roster>, readonly string[]]>([
    ['W-4 one passkey of two people', { people: [ann, { ...bob, passkeys: [{ ...bob.passkeys[0], id: ann.passkeys[0]?.id } as typeof bob.passkeys[number]] }, cleo] }, ['people: a passkey belongs to one person, once']],
    ['W-4 one passkey twice in one row', { people: [{ ...ann, passkeys: [...ann.passkeys, ...ann.passkeys] }, bob, cleo] }, ['people: a passkey belongs to one person, once', differ]],
    ['one key under two ids', { people: [ann, { ...bob, passkeys: [{ ...passkeyFor('bob-1'), key: annsKey }] }, cleo] }, [differ]],
    ['I-4 one code for two rows', { people: [ann, { ...bob, invitation }, { ...cleo, invitation }] }, [differ]],
    ['I-4 a code that is a service’s key', { people: [ann, bob, { ...cleo, invitation: { ...invitation, key: keyOf('svc-deploy-1') } }] }, [differ]],
    ['a passkey that is a service’s key', { people: [ann, { ...bob, passkeys: [{ ...passkeyFor('bob-1'), key: keyOf('svc-deploy-1') }] }, cleo] }, [differ]],
    ['a key of small order', { people: [ann, { ...bob, passkeys: [{ ...passkeyFor('bob-1'), key: { kty: 'OKP', crv: 'Ed25519', x: filled(32, 0) } }] }, cleo] }, ['people: bob: the key of passkey bob-1 is none']],
    ['a key off the curve', { people: [ann, { ...bob, passkeys: [{ ...passkeyFor('bob-1'), key: { kty: 'EC', crv: 'P-256', x: filled(32, 1), y: filled(32, 2) } }] }, cleo] }, ['people: bob: the key of passkey bob-1 is none']],
    ['a code of small order, which anybody could use', { people: [ann, bob, { ...cleo, invitation: { ...invitation, key: { kty: 'OKP', crv: 'Ed25519', x: filled(32, 0) } } }] }, ['people: cleo: the key of the invitation is none']],
    ['one id for a person and a trust', { people: [ann, bob, cleo, personOf('ci-deploy')] }, ['ids of people, clients, services and trusts must differ']],
    ['Z-4 a person named bootstrap', { people: [ann, bob, cleo, personOf('bootstrap')] }, ['bootstrap: is a reserved id']],
    ['Z-4 a client named root', { clients: [...two.clients, { id: 'root', name: 'x' }] }, ['root: is a reserved id']],
    ['Z-4 an issuer named admin', { issuers: [...two.issuers, { ...two.issuers[0], id: 'admin', issuer: 'https://x.example' } as Roster['issuers'][number]] }, ['admin: is a reserved id']],
    ['A-1 a guardian who is nobody', { guardians: { people: ['ann', 'zoe'], count: 1, window: 60 } }, ['guardians: zoe is not among the people']],
    ['A-1 a guardian twice', { guardians: { people: ['ann', 'ann'], count: 1, window: 60 } }, ['guardians: each may be named once']],
    ['A-1 A-3 a count that only a name twice could reach', { guardians: { people: ['ann', 'bob', 'bob'], count: 2, window: 60 } }, ['guardians: each may be named once', 'guardians: 2 of 2 can never approve what one of them proposes']],
    ['A-1 as many approvals as guardians', { guardians: { people: ['ann', 'bob', 'cleo'], count: 3, window: 60 } }, ['guardians: 3 of 3 can never approve what one of them proposes']],
    ['W-5 a model that is not listed', { attestation: { roots: ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'], aaguids: ['11111111-1111-1111-1111-111111111111'] }, people: [ann, { ...bob, passkeys: [passkeyFor('bob-1', ['sign_in'])] }] , guardians: { people: ['ann'], count: 1, window: 60 } }, ['attestation: passkey ann-1 of ann may approve, but is of a model that is not listed']],
  ])('%s is a problem', (_, change, problems) => expect(problemsOf({ ...two, ...change })).toEqual(problems))

  test.each<[string, object]>([
    ['A-1 no approvals at all', { guardians: { people: ['ann'], count: 0, window: 60 } }],
    ['A-1 no guardian at all', { guardians: { people: [], count: 1, window: 60 } }],
    ['A-1 no rule at all', { guardians: undefined }],
    ['Z-4 a person in another case', { people: [{ ...ann, id: 'Bootstrap' }] }],
    ['O-2 a bootstrap key after version 1', { bootstrap: keyOf('bootstrap') }],
    ['a passkey without a use', { people: [{ ...ann, passkeys: [{ ...passkeyFor('ann-1'), uses: [] }] }] }],
    ['A-3 a use twice', { people: [{ ...ann, passkeys: [{ ...passkeyFor('ann-1'), uses: ['approve', 'approve'] }] }] }],
  ])('%s is refused', (_, change) => expect(roster.safeParse({ ...two, ...change }).success).toBe(false))

  test('may approve by a passkey that may', () => expect([mayApprove(ann), mayApprove({ ...ann, passkeys: [passkeyFor('ann-1', ['sign_in'])] }), mayApprove({ ...ann, passkeys: [] })]).toEqual([true, false, false]))
})
