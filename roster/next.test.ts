import { describe, expect, test } from 'vitest'
import { judgeNext, type NextInput, type Voices } from './next.ts'
import { first, intentFor, nextOf, passkeyFor, peopled, personOf, verified, voicesOf } from './roster.testkit.ts'
import { rosterDigest, type Roster } from './roster.ts'

const bootstrap: Voices = voicesOf('bootstrap', [], { kind: 'bootstrap', touch: false, passkeyUses: [] })
const ask = (document: Roster, next: Roster, voices: Voices, change: Partial<NextInput> = {}): NextInput =>
  ({ current: { document, voices }, accepted: [], split: [], entries: [], intent: intentFor(next, { sub: voices.proposer.id }), next, registrations: [], ...change })
const codes = (input: NextInput) => {
  const result = judgeNext(input)
  return result.ok ? 'ok' : [...new Set(result.reasons.map(({ code, rule }) => `${code} ${rule ?? ''}`))].join(', ')
}

const two = peopled()
const registrations = two.people.flatMap((row) => verified(row.id, ...row.passkeys))
const grown = nextOf(two, { rate: 601 })

describe('version 2', () => {
  test('is what the bootstrap key signs', () => expect(codes(ask(first, two, bootstrap, { registrations }))).toBe('ok'))
  test('names slot and digest', () => expect(judgeNext(ask(first, two, bootstrap, { registrations }))).toEqual({ ok: true, slot: { of: 'roster', version: 2 }, subject: rosterDigest(two) }))
  test('is not what anybody else signs', () => expect(codes(ask(first, two, voicesOf('svc-deploy', [], { kind: 'service' }), { registrations }))).toBe('not_a_guardian roster.bootstrap'))
  test('O-2 waits no longer than any intent', () => expect(codes(ask(first, two, bootstrap, { registrations, intent: intentFor(two, { sub: 'bootstrap', exp: 1_800_000_301 }) }))).toBe('intent_window_too_long roster.window'))
  test('W-6 has no passkey that nobody registered', () => expect(codes(ask(first, two, bootstrap, { registrations: registrations.slice(1) }))).toBe('change_unsound roster.registration'))
})

describe('later versions', () => {
  test('need the others’ approvals', () => {
    expect(codes(ask(two, grown, voicesOf('ann', ['bob'])))).toBe('ok')
    expect(codes(ask(two, grown, voicesOf('ann')))).toBe('approval_required roster.guardians')
  })
  test('A-2 the proposer’s own approval does not count', () => expect(codes(ask(two, grown, voicesOf('ann', ['ann'])))).toBe('approval_required roster.guardians'))
  test('W-6 a second passkey needs the person’s own touch', () => {
    const more = nextOf(two, { people: two.people.map((row) => (row.id === 'bob' ? personOf('bob', { passkeys: [...row.passkeys, passkeyFor('bob-2')] }) : row)) })
    expect(codes(ask(two, more, voicesOf('ann', ['cleo']), { registrations: verified('bob', passkeyFor('bob-2')) }))).toBe('touch_required roster.own_touch')
    expect(codes(ask(two, more, voicesOf('bob', ['cleo']), { registrations: verified('bob', passkeyFor('bob-2')) }))).toBe('ok')
  })
})
