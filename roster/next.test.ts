import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { approvalsOf, judgeNext, type Base, type NextInput, type Voices } from './next.ts'
import { removePerson, setGuardians, setRoles, successor, type Edit } from './edit.ts'
import { enrolmentOf, filled, first, intentFor, keyOf, nextOf, passkeyFor, peopled, personOf, registrationOf, verified, voicesOf } from './roster.testkit.ts'
import { passkeyOf } from './credential.ts'
import { decodeRoster, encodeRoster, rosterDigest, type Person, type Roster } from './roster.ts'

const bootstrap: Voices = voicesOf('bootstrap', [], { kind: 'bootstrap', touch: false, passkeyUses: [] })
const ask = (document: Roster, next: Roster, voices: Voices, change: Partial<NextInput> = {}): NextInput =>
  ({ current: { document, voices }, accepted: [], split: [], earlier: [], entries: [], intent: intentFor(next, { sub: voices.proposer.id }), next, registrations: [], ...change })
const codes = (input: NextInput) => {
  const result = judgeNext(input)
  return result.ok ? 'ok' : [...new Set(result.reasons.map(({ code, rule }) => `${code} ${rule ?? ''}`))].join(', ')
}

const two = peopled()
const registrations = two.people.flatMap((row) => verified(row.id, ...row.passkeys))
const grown = nextOf(two, { rate: 601 })
const annAndBob = voicesOf('ann', ['bob'])
const withPerson = (document: Roster, id: string, change: (row: Person) => Person, more: Partial<Roster> = {}) => nextOf(document, { people: document.people.map((row) => (row.id === id ? change(row) : row)), ...more })

describe('version 2', () => {
  const asked = ask(first, two, bootstrap, { registrations })
  test('is what the bootstrap key signs: slot and digest', () => expect(judgeNext(asked)).toEqual({ ok: true, slot: { of: 'roster', version: 2 }, subject: rosterDigest(two) }))
  const single = peopled(['ann'])
  const invited = peopled(['ann', 'bob'], 1, { people: [personOf('ann'), personOf('bob', { passkeys: [], invitation: { key: keyOf('b'), exp: 1_900_000_000, uses: ['approve'] } })] })
  test.each<[string, Partial<NextInput> & { voices?: Voices }, string]>([
    ['O-2 by a service', { current: { document: first, voices: voicesOf('svc-deploy', [], { kind: 'service' }) }, intent: intentFor(two, { sub: 'svc-deploy' }) }, 'not_a_guardian roster.bootstrap'],
    ['O-2 by somebody it names itself', { current: { document: first, voices: voicesOf('ann') }, intent: intentFor(two) }, 'not_a_guardian roster.bootstrap'],
    ['waiting longer than any intent', { intent: intentFor(two, { sub: 'bootstrap', exp: 1_800_000_301 }) }, 'intent_window_too_long roster.window'],
    ['W-6 with a passkey that nobody registered', { registrations: registrations.slice(1) }, 'change_unsound roster.registration'],
    ['W-6 with a passkey that another row registered', { registrations: registrations.map(({ passkey }) => ({ row: 'cleo', passkey })) }, 'change_unsound roster.registration'],
    ['with a guardian who could never decide', { next: peopled(['ann', 'bob'], 1, { people: [personOf('ann')] }) }, 'change_unsound roster.to, change_unsound roster.problems, change_unsound roster.guardians'],
    ['with guardians of whom too few could decide', { next: invited, intent: intentFor(invited, { sub: 'bootstrap' }) }, 'change_unsound roster.guardians'],
    ['with a guardian who may only sign in', { next: peopled(['ann'], 1, { people: [personOf('ann', { passkeys: [passkeyFor('ann-1', ['sign_in'])] })] }), registrations: verified('ann', passkeyFor('ann-1', ['sign_in'])) }, 'change_unsound roster.to, change_unsound roster.guardians'],
  ])('%s is refused', (_, change, code) => expect(codes({ ...asked, ...change })).toBe(code))
  test('needs one guardian at least', () => expect(codes(ask(first, single, bootstrap, { registrations: registrations.slice(0, 1) }))).toBe('ok'))
})

describe('the guardians’ rule', () => {
  const strict = peopled(['ann', 'bob', 'cleo', 'dan'], 2)
  const next = nextOf(strict, { rate: 601 })
  const dora = peopled(['ann', 'bob'], 1, { people: [...peopled(['ann', 'bob']).people, personOf('dora')] })
  test.each<[string, Roster, Roster, Voices, string]>([
    ['one of one', two, grown, annAndBob, 'ok'],
    ['none of one', two, grown, voicesOf('ann'), 'approval_required roster.guardians'],
    ['two of two', strict, next, voicesOf('ann', ['dan', 'cleo']), 'ok'],
    ['A-3 one guardian twice', strict, next, voicesOf('ann', ['dan', 'dan']), 'approval_required roster.guardians'],
    ['A-2 the proposer and one', strict, next, voicesOf('ann', ['ann', 'dan']), 'approval_required roster.guardians'],
    ['A-6 one guardian and one who is none', strict, next, voicesOf('ann', ['dan', 'zoe']), 'approval_required roster.guardians'],
    ['one of one for a proposer who is no guardian', dora, nextOf(dora), voicesOf('dora', ['bob']), 'ok'],
    ['A-2 a proposer who is no guardian alone', dora, nextOf(dora), voicesOf('dora', ['dora']), 'approval_required roster.guardians'],
    ['A-9 enough, and a guardian’s no', two, grown, voicesOf('ann', ['bob'], { denied: ['cleo'] }), 'approval_denied roster.guardians'],
    ['A-9 enough, and the proposer’s own no', two, grown, voicesOf('ann', ['bob'], { denied: ['ann'] }), 'approval_denied roster.guardians'],
    ['enough, and the no of one who is no guardian', two, grown, voicesOf('ann', ['bob'], { denied: ['zoe'] }), 'ok'],
    ['O-2 a proposer without a touch', two, grown, voicesOf('ann', ['bob'], { touch: false }), 'touch_required roster.proposer'],
    ['O-2 a service', two, grown, voicesOf('svc-deploy', ['bob'], { kind: 'service' }), 'touch_required roster.proposer, not_a_guardian roster.proposer'],
    ['O-2 the bootstrap key, after version 1', two, grown, bootstrap, 'touch_required roster.proposer, not_a_guardian roster.proposer, approval_required roster.guardians'],
    ['W-1 a proposer whose passkey may only approve', two, grown, voicesOf('ann', ['bob'], { passkeyUses: ['approve'] }), 'touch_required roster.proposer'],
    ['a proposer who is not among the people', two, grown, voicesOf('zoe', ['bob']), 'not_a_guardian roster.proposer'],
  ])('%s', (_, document, wanted, voices, code) => expect(codes(ask(document, wanted, voices))).toBe(code))

  const alone = peopled(['ann'])
  test('a sole guardian’s own touch is enough, by a passkey that may approve', () => {
    expect(codes(ask(alone, nextOf(alone), voicesOf('ann')))).toBe('ok')
    expect(codes(ask(alone, nextOf(alone), voicesOf('ann', [], { passkeyUses: ['sign_in'] })))).toBe('passkey_use roster.guardians')
    expect(codes(ask(alone, nextOf(alone), voicesOf('ann', [], { denied: ['ann'] })))).toBe('approval_denied roster.guardians')
  })
  test('a change may wait as long as the guardians said, and no second longer', () => {
    expect(codes(ask(two, grown, annAndBob, { intent: intentFor(grown, { exp: 1_800_086_400 }) }))).toBe('ok')
    expect(codes(ask(two, grown, annAndBob, { intent: intentFor(grown, { exp: 1_800_086_401 }) }))).toBe('intent_window_too_long roster.window')
  })
  test('I-1 the evidence yields whom the intent names', () => expect(codes(ask(two, grown, annAndBob, { intent: intentFor(grown, { sub: 'cleo' }) }))).toBe('subject_mismatch roster.proposer'))
  test('an unmet rule says who could still approve', () => {
    const result = judgeNext(ask(strict, next, voicesOf('ann', ['dan'])))
    expect(result.ok ? undefined : result.reasons[0]).toMatchObject({ code: 'approval_required', fact: '1 of 2', remedy: 'Ask bob, cleo.' })
  })

  test('A-3 approvals count by distinct guardians other than the proposer, whatever the list', () => {
    const people = ['ann', 'bob', 'cleo', 'dan', 'eve']
    const pool = [...people, 'zoe', 'svc-deploy']
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pool), { maxLength: 12 }), fc.constantFrom(...people), fc.integer({ min: 1, max: 4 }), (approvers, proposer, count) => {
        const guarded = peopled(people, count)
        const expected = new Set(approvers.filter((id) => people.includes(id) && id !== proposer)).size >= count
        expect(judgeNext(ask(guarded, nextOf(guarded), voicesOf(proposer, approvers))).ok).toBe(expected)
        expect(approvalsOf(guarded, { proposer: { id: proposer }, approvers }).approved.length >= count).toBe(expected)
      }),
      { numRuns: 150 },
    )
  })
})

describe('what a version may not change', () => {
  const [one, ...others] = two.signers
  if (one === undefined) throw new Error('no signer')
  test.each<[string, Partial<Roster>, string]>([
    ['the lineage', { lineage: filled(32, 1) }, 'change_unsound roster.lineage'],
    ['the issuer', { deployment: { ...two.deployment, issuer: 'https://other.example' } }, 'change_unsound roster.deployment.issuer'],
    ['the RP id, with which every passkey would go', { deployment: { ...two.deployment, rp_id: 'other.example' } }, 'change_unsound roster.deployment.rp_id'],
    ['a signer', { signers: [{ ...one, address: '127.0.0.1:9' }, ...others] }, 'change_unsound roster.signers'],
    ['a group key', { groups: two.groups.map((group) => ({ ...group, key: filled(32, 200) })) }, 'change_unsound roster.groups'],
    ['the policy, without its bundle', { policy: filled(32, 1) }, 'change_unsound roster.policy'],
    ['A-1 more approvals than guardians could give', { guardians: { people: ['ann', 'bob', 'cleo'], count: 3, window: 60 } }, 'change_unsound roster.problems'],
    ['A-1 a guardian twice', { guardians: { people: ['ann', 'bob', 'bob'], count: 1, window: 60 } }, 'change_unsound roster.problems'],
    ['A-1 a guardian who is nobody', { guardians: { people: ['ann', 'zoe'], count: 1, window: 60 } }, 'change_unsound roster.problems, change_unsound roster.guardians'],
    ['its number', { version: 4 }, 'change_unsound roster.version'],
    ['its predecessor', { previous: [filled(32, 1)] }, 'change_unsound roster.from'],
  ])('%s', (_, change, code) => {
    const next = nextOf(two, change)
    expect(codes(ask(two, next, annAndBob))).toBe(code)
  })
  test('but the policy, with the bundle of that digest', () => {
    const next = nextOf(two, { policy: filled(32, 1) })
    expect(codes(ask(two, next, annAndBob, { bundle: filled(32, 1) }))).toBe('ok')
    expect(codes(ask(two, next, annAndBob, { bundle: filled(32, 2) }))).toBe('change_unsound roster.policy')
  })
  test('an intent that names another document, number or predecessor is refused', () => {
    const wrong: [Parameters<typeof intentFor>[1], string][] = [[{ to: filled(32, 1) }, 'to'], [{ version: 4 }, 'to'], [{ from: [filled(32, 1)] }, 'from']]
    for (const [change, rule] of wrong)
      expect(codes(ask(two, grown, annAndBob, { intent: intentFor(grown, change) }))).toBe(`change_unsound roster.${rule}`)
  })
  test('A-4 a document with one other bit is refused', () => {
    const bytes = encodeRoster(grown)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length * 8 - 1 }), (bit) => {
        const flipped = Uint8Array.from(bytes)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const decoded = decodeRoster(flipped)
        expect(decoded.ok ? judgeNext({ ...ask(two, grown, annAndBob), next: decoded.value }).ok : false).toBe(false)
      }),
      { numRuns: 400 },
    )
  })
})

describe('W-6 passkeys', () => {
  const more = withPerson(two, 'bob', (row) => ({ ...row, passkeys: [...row.passkeys, passkeyFor('bob-2')] }))
  const second = verified('bob', passkeyFor('bob-2'))
  const invitation = { key: keyOf('code'), exp: 1_900_000_000, uses: ['sign_in' as const, 'approve' as const] }
  const swapped = withPerson(two, 'bob', (row) => ({ ...row, passkeys: [passkeyFor('bob-2')] }))
  const altered = (change: object) => withPerson(two, 'bob', (row) => ({ ...row, passkeys: row.passkeys.map((held) => ({ ...held, ...change })) }))
  const stranger = nextOf(two, { people: [...two.people, personOf('dora')] })
  test.each<[string, Roster, Voices, NextInput['registrations'], string]>([
    ['a second one, with its person’s touch and a guardian', more, voicesOf('bob', ['cleo']), second, 'ok'],
    ['a second one, by guardians alone', more, voicesOf('ann', ['cleo']), second, 'touch_required roster.own_touch'],
    ['a second one, with its person’s approval but another’s touch', more, voicesOf('ann', ['bob']), second, 'touch_required roster.own_touch'],
    ['a second one, with its person’s touch alone', more, voicesOf('bob'), second, 'approval_required roster.guardians'],
    ['a second one, unregistered', more, voicesOf('bob', ['cleo']), [], 'change_unsound roster.registration'],
    ['another in place of the last', swapped, voicesOf('ann', ['cleo']), second, 'touch_required roster.own_touch'],
    ['a second invitation, by guardians alone', withPerson(two, 'bob', (row) => ({ ...row, invitation })), voicesOf('ann', ['cleo']), [], 'touch_required roster.own_touch'],
    ['a second invitation, with its person’s touch', withPerson(two, 'bob', (row) => ({ ...row, invitation })), voicesOf('bob', ['cleo']), [], 'ok'],
    ['an invitation in place of a lost one', withPerson(two, 'bob', (row) => ({ ...row, passkeys: [], invitation }), { guardians: { people: ['ann', 'cleo'], count: 1, window: 86_400 } }), voicesOf('ann', ['cleo']), [], 'ok'],
    ['an invitation in place of a guardian’s, who stays one', withPerson(two, 'bob', (row) => ({ ...row, passkeys: [], invitation })), voicesOf('ann', ['cleo']), [], 'change_unsound roster.guardians'],
    ['another key under the same id', altered({ key: keyOf('evil') }), voicesOf('bob', ['cleo']), [], 'change_unsound roster.passkey'],
    ['another model under the same id', altered({ aaguid: '11111111-1111-1111-1111-111111111111' }), voicesOf('bob', ['cleo']), [], 'change_unsound roster.passkey'],
    ['one that is said to stay in its device', altered({ synced: true }), voicesOf('bob', ['cleo']), [], 'change_unsound roster.passkey'],
    ['another name', altered({ name: 'blue' }), annAndBob, [], 'ok'],
    ['a registration of another key', more, voicesOf('bob', ['cleo']), verified('bob', { ...passkeyFor('bob-2'), key: keyOf('evil') }), 'change_unsound roster.registration'],
    ['a registration for fewer uses', more, voicesOf('bob', ['cleo']), verified('bob', passkeyFor('bob-2', ['sign_in'])), 'change_unsound roster.registration'],
    ['a newcomer with a registration', stranger, annAndBob, verified('dora', passkeyFor('dora-1')), 'ok'],
    ['a newcomer without one', stranger, annAndBob, [], 'change_unsound roster.registration'],
    ['a newcomer with somebody’s passkey', nextOf(two, { people: [...two.people, personOf('dora', { passkeys: [passkeyFor('bob-1')] })] }), annAndBob, verified('dora', passkeyFor('bob-1')), 'change_unsound roster.problems'],
    ['one handed from row to row', nextOf(two, { people: [...two.people.map((row) => (row.id === 'bob' ? { ...row, passkeys: [] } : row)), personOf('dora', { passkeys: [passkeyFor('bob-1')] })], guardians: { people: ['ann', 'cleo'], count: 1, window: 60 } }), voicesOf('ann', ['cleo']), [], 'change_unsound roster.registration'],
  ])('%s', (_, next, voices, made, code) => expect(codes(ask(two, next, voices, { registrations: made }))).toBe(code))

  const invited = nextOf(two, { people: [...two.people, personOf('dora', { passkeys: [], invitation })] })
  const entries = [{ entry: enrolmentOf('dora', 'code', 'dora-1') }]
  const fold = nextOf(invited, { people: [...two.people, personOf('dora')], guardians: { people: ['ann', 'bob', 'cleo', 'dora'], count: 1, window: 60 } })
  test('an enrolled one needs no further registration, and makes a guardian', () => {
    expect(codes(ask(invited, fold, annAndBob, { entries }))).toBe('ok')
    expect(codes(ask(invited, fold, annAndBob))).toBe('change_unsound roster.registration')
  })
  test('whoever enrolled has a passkey: another needs the own touch', () => {
    const next = nextOf(invited, { people: [...two.people, personOf('dora', { passkeys: [passkeyFor('dora-1'), passkeyFor('dora-2')] })] })
    expect(codes(ask(invited, next, annAndBob, { entries, registrations: verified('dora', passkeyFor('dora-2')) }))).toBe('touch_required roster.own_touch')
  })

  test('W-5 what an invitation was for is not changed while it stands', () => {
    const modest = nextOf(two, { people: [...two.people, personOf('dora', { passkeys: [], invitation: { ...invitation, uses: ['sign_in'] } })] })
    const widened = withPerson(modest, 'dora', (row) => ({ ...row, invitation }))
    const enrolled = [{ entry: enrolmentOf('dora', 'code', 'dora-1') }]
    expect(codes(ask(modest, widened, annAndBob, { entries: enrolled }))).toBe('change_unsound roster.invitation')
    expect(codes(ask(modest, withPerson(modest, 'dora', (row) => ({ ...row, invitation: { ...invitation, uses: ['sign_in'], exp: invitation.exp + 1 } })), annAndBob))).toBe('ok')
  })

  const attestation = { roots: ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'], aaguids: ['00000000-0000-0000-0000-000000000000'] }
  test('W-5 where models are listed, one that was never checked cannot begin to approve', () => {
    const narrow = peopled(['ann', 'bob', 'cleo'], 1, { attestation, people: [...two.people, personOf('dora', { passkeys: [passkeyFor('dora-1', ['sign_in'])] })] })
    const widened = withPerson(narrow, 'dora', (row) => ({ ...row, passkeys: [passkeyFor('dora-1')] }))
    expect(codes(ask(narrow, widened, annAndBob))).toBe('change_unsound roster.passkey')
    const { attestation: _, ...open } = widened
    expect(codes(ask(narrow, { ...open }, annAndBob, { intent: intentFor(open) }))).toBe('ok')
  })
  test('W-5 one that may approve is of a listed model', () =>
    expect(codes(ask(two, nextOf(two, { attestation: { ...attestation, aaguids: ['11111111-1111-1111-1111-111111111111'] } }), annAndBob))).toBe('change_unsound roster.problems'))
  test('the flags of a registration are read', () => expect(passkeyOf(registrationOf('x', 0x4d), { name: 'x', uses: ['approve'] })?.synced).toBe(true))
})

describe('I-3 a split', () => {
  const edited = (...edits: Edit[]): Roster => {
    const result = successor({ document: two, entries: [] }, ...edits)
    if (!result.ok) throw new Error(result.problems.join())
    return result.document
  }
  const a = edited(removePerson('cleo'))
  const b = edited(setRoles('bob', ['sre']))
  const healed = (() => {
    const result = successor({ document: a, entries: [], from: [a, b] })
    if (!result.ok) throw new Error(result.problems.join())
    return result.document
  })()
  const base = (document: Roster, voices = annAndBob): Base => ({ document, voices })
  const accepted = (document: Roster) => [{ version: document.version, digest: rosterDigest(document) }]
  const heal = (change: Partial<NextInput> = {}) => codes(ask(two, healed, annAndBob, { split: [base(a), base(b)], accepted: accepted(a), ...change }))

  test('is healed by a successor that names all and satisfies each one’s rule', () => {
    expect(heal()).toBe('ok')
    expect(heal({ accepted: accepted(b) })).toBe('ok')
    expect(heal({ accepted: [] })).toBe('ok')
  })
  const c = edited(setGuardians({ people: ['cleo'], count: 1, window: 86_400 }))
  const forged = { ...nextOf(two, { rate: 999 }), guardians: { people: ['cleo'], count: 1, window: 86_400 } }
  const overForged = nextOf(forged, { previous: [rosterDigest(forged)] })
  test.each<[string, Partial<NextInput>, string]>([
    ['that leaves out what this signer accepted', { accepted: accepted(c) }, 'change_conflict roster.accepted'],
    ['of which one was not brought along', { split: [base(a)] }, 'change_unsound roster.from'],
    ['whose rule is not met by one of them', { split: [base(a, voicesOf('ann')), base(b)] }, 'approval_required roster.guardians'],
    ['A-6 approved by one whom one of them removed', { current: base(two, voicesOf('ann', ['cleo'])), split: [base(a, voicesOf('ann', ['cleo'])), base(b, voicesOf('ann', ['cleo']))] }, 'approval_required roster.guardians'],
    ['of a signer that accepted another of that number already', { accepted: [...accepted(a), { version: 4, digest: filled(32, 1) }] }, 'change_conflict roster.accepted'],
  ])('%s is not healed', (_, change, code) => expect(heal(change)).toBe(code))

  test('one that nobody accepted does not replace the rule that the signer knows', () => {
    const mallory = voicesOf('cleo', [], { passkeyUses: ['sign_in', 'approve'] })
    expect(codes(ask(two, overForged, mallory, { split: [base(forged, mallory)] }))).toBe('approval_required roster.guardians')
    expect(codes(ask(two, overForged, mallory, { split: [base(forged, mallory)], accepted: accepted(a) }))).toBe('change_conflict roster.accepted, approval_required roster.guardians')
  })
  test('one that does not come from the version in force is none', () => {
    const foreign = { ...a, previous: [filled(32, 3)] }
    const next = nextOf(foreign)
    expect(codes(ask(two, next, annAndBob, { split: [base(foreign)] }))).toBe('change_unsound roster.from')
  })
  test('what a signer accepted is accepted again, and nothing else of that number', () => {
    expect(codes(ask(two, a, annAndBob, { accepted: accepted(a) }))).toBe('ok')
    expect(codes(ask(two, b, annAndBob, { accepted: accepted(a) }))).toBe('change_conflict roster.accepted')
  })
  test('of a split itself is healed too, with the documents between', () => {
    const [x, y] = [nextOf(healed, { previous: healed.previous, version: 4, rate: 700 }), nextOf(healed, { previous: healed.previous, version: 4, rate: 701 })]
    const next = nextOf(x, { previous: [rosterDigest(x), rosterDigest(y)].sort(), version: 5 })
    expect(codes(ask(two, next, annAndBob, { split: [base(a), base(b), base(x), base(y)], accepted: [...accepted(a), ...accepted(x)] }))).toBe('ok')
    expect(codes(ask(two, next, annAndBob, { split: [base(x), base(y)], accepted: [...accepted(a), ...accepted(x)] }))).toBe('change_unsound roster.from')
  })
  test('of two certified versions is healed by one that names both', () => {
    const next = nextOf(a, { previous: [rosterDigest(a), rosterDigest(b)].sort() })
    expect(codes(ask(a, next, annAndBob, { split: [base(a), base(b)] }))).toBe('ok')
  })
})
