import { describe, expect, test } from 'vitest'
import type { Entry, EntryStatement } from '@symbolon/protocol/book.ts'
import { entryDigest } from '@symbolon/protocol/book.ts'
import { effectiveRoster } from './effective.ts'
import { lineageOf } from './keyset.ts'
import { judgeEntry, type EntryInput } from './entry.ts'
import { enrolmentOf, entryOf, filled, first, keyOf, lineage, nextOf, passkeyFor, peopled, personOf, registrationOf, rotationOf, thumb } from './roster.testkit.ts'
import type { Roster } from './roster.ts'

const now = 1_800_000_000
const invitation = { key: keyOf('code-dora'), exp: now + 3600, uses: ['sign_in' as const] }
const dora = personOf('dora', { passkeys: [], invitation })
const document = nextOf(peopled(), { people: [...peopled().people, dora] })
const enrolment = enrolmentOf('dora', 'code-dora', 'dora-1')
const passkey = passkeyFor('dora-1', ['sign_in'])
const held = (...entries: readonly Entry[]) => entries.map((entry) => ({ entry }))
const ask = (change: Partial<EntryInput>): EntryInput => ({ entry: enrolment, document, entries: [], locked: [], now, passkey, ...change })
const codeOf = (change: Partial<EntryInput>) => {
  const result = judgeEntry(ask(change))
  return result.ok ? 'ok' : result.reasons.map(({ code, rule }) => `${code} ${rule ?? ''}`).join()
}
const altered = (entry: Entry, change: object, by: string, possession?: string) => entryOf({ ...entry.statement, ...change } as EntryStatement, by, possession)

describe('an enrolment', () => {
  test('uses an invitation, and names slot and digest', () =>
    expect(judgeEntry(ask({}))).toEqual({ ok: true, slot: { of: 'row', row: 'dora', key: thumb('code-dora'), seq: 1 }, subject: entryDigest(enrolment.statement) }))
  test('may be asked for again after it was certified, even late', () => expect(codeOf({ entries: held(enrolment), now: now + 9999 })).toBe('ok'))

  const other = enrolmentOf('dora', 'code-dora', 'dora-2')
  const without = nextOf(document, { people: peopled().people })
  const reinvited = nextOf(document, { people: [...peopled().people, { ...dora, invitation: { ...invitation, key: keyOf('code-2') } }] })
  const bobs = enrolmentOf('dora', 'code-dora', 'bob-1')
  test.each<[string, Partial<EntryInput>, string]>([
    ['I-4 signed by somebody who only saw the invitation’s public key', { entry: { ...enrolment, signature: enrolmentOf('dora', 'other', 'dora-1').signature } }, 'proof_invalid entry.signature'],
    ['I-4 signed over another passkey', { entry: { ...other, signature: enrolment.signature }, passkey: passkeyFor('dora-2', ['sign_in']) }, 'proof_invalid entry.signature'],
    ['with a second signature', { entry: { ...enrolment, possession: enrolment.signature } }, 'proof_invalid entry.possession'],
    ['of a row without invitation', { entry: enrolmentOf('bob', 'code-dora', 'dora-1') }, 'invitation_invalid entry.invitation'],
    ['of nobody', { entry: enrolmentOf('zoe', 'code-dora', 'dora-1') }, 'invitation_invalid entry.invitation'],
    ['by another code', { entry: enrolmentOf('dora', 'code-2', 'dora-1') }, 'invitation_invalid entry.invitation'],
    ['I-3 of a row that is gone', { document: without }, 'invitation_invalid entry.invitation'],
    ['I-3 with a code that was replaced', { document: reinvited }, 'invitation_invalid entry.invitation'],
    ['of a locked row', { locked: ['dora'] }, 'locked entry.locked'],
    ['after the end of the invitation', { now: invitation.exp }, 'invitation_expired entry.invitation'],
    ['a second time', { entry: other, entries: held(enrolment), passkey: passkeyFor('dora-2', ['sign_in']) }, 'invitation_spent entry.invitation'],
    ['for another deployment', { entry: altered(enrolment, { lineage: filled(32, 1) }, 'code-dora') }, 'wrong_deployment entry.lineage'],
    ['without a verified registration', { passkey: undefined as never }, 'registration_invalid entry.registration'],
    ['with another passkey than was verified', { passkey: passkeyFor('dora-2', ['sign_in']) }, 'registration_invalid entry.registration'],
    ['with uses that the invitation does not give', { passkey: passkeyFor('dora-1') }, 'registration_invalid entry.registration'],
    ['W-4 with a passkey that another person has', { entry: bobs, passkey: passkeyFor('bob-1', ['sign_in']) }, 'registration_invalid entry.registration'],
  ])('%s is refused', (_, change, code) => expect(codeOf(change)).toBe(code))

  test('W-4 with a passkey that another enrolled is refused', () => {
    const eve = personOf('eve', { passkeys: [], invitation: { ...invitation, key: keyOf('code-eve') } })
    const both = nextOf(document, { people: [...document.people, eve] })
    expect(codeOf({ document: both, entry: enrolmentOf('eve', 'code-eve', 'dora-1'), entries: held(enrolment) })).toBe('registration_invalid entry.registration')
  })
})

const link = (seq: number, by: string, to: string) => rotationOf('svc-deploy', { root: 'svc-deploy-1', seq, by, to })
const one = link(1, 'svc-deploy-1', 'k2')
const two = link(2, 'k2', 'k3')

describe('a rotation', () => {
  test('hangs on the newest key', () => {
    expect(codeOf({ entry: one })).toBe('ok')
    expect(codeOf({ entry: two, entries: held(one) })).toBe('ok')
    expect(codeOf({ entry: one, entries: held(one, two) })).toBe('ok')
  })

  const moved: Roster = nextOf(document, { services: document.services.map((row) => ({ ...row, keys: [{ id: 'fresh', jwk: keyOf('fresh') }, ...row.keys] })) })
  test.each<[string, Partial<EntryInput>, string]>([
    ['that leaves out a place', { entry: two }, 'change_conflict entry.seq'],
    ['by the key before the newest', { entry: link(2, 'svc-deploy-1', 'k3'), entries: held(one) }, 'change_conflict entry.seq'],
    ['beside another in the same place', { entry: link(1, 'svc-deploy-1', 'k9'), entries: held(one) }, 'change_conflict entry.seq'],
    ['that a stranger signed', { entry: { ...one, signature: link(1, 'k2', 'k2').signature } }, 'proof_invalid entry.signature'],
    ['without the new key’s word', { entry: entryOf(one.statement, 'svc-deploy-1') }, 'proof_invalid entry.possession'],
    ['with another’s word for the new key', { entry: entryOf(one.statement, 'svc-deploy-1', 'k9') }, 'proof_invalid entry.possession'],
    ['I-3 of a key that the guardians put another before', { document: moved, entry: one }, 'key_unknown entry.root'],
    ['I-3 of a row that is gone', { document: nextOf(document, { services: [] }), entry: one }, 'key_unknown entry.root'],
    ['of a locked row', { entry: one, locked: ['svc-deploy'] }, 'locked entry.locked'],
    ['of a person', { entry: rotationOf('bob', { root: 'svc-deploy-1', seq: 1, by: 'svc-deploy-1', to: 'k2' }) }, 'key_unknown entry.root'],
    ['to a key that it had', { entry: link(2, 'k2', 'svc-deploy-1'), entries: held(one) }, 'change_unsound entry.key'],
    ['to an id in use', { entry: altered(one, { key: { id: 'svc-deploy-1', jwk: keyOf('k2') } }, 'svc-deploy-1', 'k2') }, 'change_unsound entry.key'],
    ['to a code’s key', { entry: altered(one, { key: { id: 'k2', jwk: keyOf('code-dora') } }, 'svc-deploy-1', 'code-dora') }, 'change_unsound entry.key'],
    ['to a key of small order, which anybody can sign with', { entry: altered(one, { key: { id: 'k2', jwk: { kty: 'OKP', crv: 'Ed25519', x: filled(32, 0) } } }, 'svc-deploy-1', 'k2') }, 'proof_invalid entry.possession'],
  ])('%s is refused', (_, change, code) => expect(codeOf(change)).toBe(code))

  test('to a key that the chain left behind is refused', () => expect(codeOf({ entry: link(4, 'k4', 'k2'), entries: held(one, two, link(3, 'k3', 'k4')) })).toBe('change_unsound entry.key'))
})

describe('the effective roster', () => {
  const keysOf = (roster: Roster) => roster.services.flatMap((row) => row.keys.map(({ id }) => id))
  const passkeysOf = (roster: Roster, row: string) => roster.people.find(({ id }) => id === row)?.passkeys.map(({ name, uses }) => `${name}: ${uses.join()}`)

  test('has what was enrolled, with what the invitation gives, and the newest two keys', () => {
    const effective = effectiveRoster(document, held(two, enrolment, one))
    expect(passkeysOf(effective, 'dora')).toEqual(['dora-1: sign_in'])
    expect(keysOf(effective)).toEqual(['k3', 'k2'])
  })
  test('does not skip a missing link', () => expect([keysOf(effectiveRoster(document, held(two))), keysOf(effectiveRoster(document, held(one, link(3, 'k2', 'k9'))))]).toEqual([['svc-deploy-1'], ['k2', 'svc-deploy-1']]))
  test('I-3 a removal is not undone by what was certified before', () => {
    expect(passkeysOf(effectiveRoster(nextOf(document, { people: peopled().people }), held(enrolment)), 'dora')).toBeUndefined()
    const other = nextOf(document, { services: document.services.map((row) => ({ ...row, keys: [{ id: 'fresh', jwk: keyOf('fresh') }] })) })
    expect(keysOf(effectiveRoster(other, held(one, two)))).toEqual(['fresh'])
  })
  test('of two entries for one slot, everybody takes the same one', () => {
    const rival = enrolmentOf('dora', 'code-dora', 'dora-2')
    expect(effectiveRoster(document, held(enrolment, rival))).toEqual(effectiveRoster(document, held(rival, enrolment)))
    expect(passkeysOf(effectiveRoster(document, held(enrolment, rival)), 'dora')).toHaveLength(1)
  })
  test('W-4 gives nobody a passkey that another has', () => {
    expect(passkeysOf(effectiveRoster(document, held(enrolmentOf('dora', 'code-dora', 'bob-1'))), 'dora')).toEqual([])
  })
  test('an unreadable registration adds nothing', () => {
    const broken = entryOf({ ...enrolment.statement, registration: { ...registrationOf('dora-1'), attestation_object: filled(40, 1) } } as EntryStatement, 'code-dora')
    expect(passkeysOf(effectiveRoster(document, held(broken)), 'dora')).toEqual([])
  })
  test('I-1 stays of the document’s lineage, also in version 1, where that follows from the document', () => {
    expect(lineageOf(effectiveRoster(first, held(one)))).toBe(lineageOf(first))
    expect(lineageOf(effectiveRoster(document, held(one)))).toBe(lineageOf(first))
  })
  test('works for version 1 too', () => expect(keysOf(effectiveRoster(first, held(one)))).toEqual(['k2', 'svc-deploy-1']))
  test('lineages agree', () => expect(one.statement.lineage).toBe(lineage))
})
