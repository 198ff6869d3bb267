import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SoftPasskey } from '@symbolon/evidence/passkey.testkit.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { entryBytes, type CertifiedEntry, type Change, type Entry, type EntryStatement } from '@symbolon/protocol/book.ts'
import { encodeIntent, type RosterIntent } from '@symbolon/protocol/intent.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { invite, removePerson, withdrawInvitation } from '@symbolon/roster/edit.ts'
import { encodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import { newCode, type Code, type Somebody } from '../people.testkit.ts'
import { asked, codesOf, documentOf, entered, intentIn, now, openScene, otherDigest, proofOfKey, someKey, touch, type Scene } from './scene.ts'

/*
 * How people come in, with api and coordinator in the attacker's hands: it sees all that is relayed while the first guardian and those that she
 * invites enrol, knows every challenge, and has an authenticator of its own. It gets in nowhere.
 */

let scene: Scene
let eve: SoftPasskey
beforeAll(async () => {
  scene = await openScene()
  eve = scene.town.passkey('eve')
})
afterAll(() => scene?.close())

describe('I-4 the first guardian’s change, as it is relayed', () => {
  let first: { readonly change: Change; readonly who: Somebody }
  const intent = () => intentIn(first.change)
  /** The same with a person of the attacker's, in her place or beside her. */
  const withEve = (beside: boolean): Roster => {
    const made = documentOf(first.change)
    const row = { id: 'eve', name: 'Eve', roles: ['engineer', 'sre'], groups: [], passkeys: [eve.row()] }
    return { ...made, people: beside ? [...made.people, row] : [row], guardians: { people: ['eve'], count: 1, window: 3_600 } }
  }
  const bootstrapKey = () => {
    const { bootstrap } = scene.attacker.roster
    if (bootstrap === undefined) throw new Error('version 1 has a bootstrap key')
    return thumbprint(bootstrap)
  }
  const register = (row: string) => eve.register({ lineage: scene.town.lineage, row, by: bootstrapKey() })

  beforeAll(async () => {
    first = await scene.town.firstChange('ada')
    await scene.attacker.learn()
  })

  test.each([true, false])('a document with the attacker as guardian (beside her: %s)', async (beside) => {
    const registrations = [...(beside ? first.change.registrations : []), { row: 'eve', ...register('eve') }]
    await scene.expectNotAccepted(asked({ ...first.change, document: toBase64url(encodeRoster(withEve(beside))), registrations }), 'change_unsound')
  })

  test('nor with an intent that names it', async () => {
    const made = withEve(false)
    const bytes = encodeIntent({ ...intent(), to: rosterDigest(made) })
    await scene.expectNotAccepted(asked({ ...first.change, document: toBase64url(encodeRoster(made)), intent: toBase64url(bytes), registrations: [{ row: 'eve', ...register('eve') }] }), 'proof_mismatch')
  })

  test('nor with a bootstrap key of its own', async () => {
    const made = withEve(false)
    const forged: RosterIntent = { ...intent(), to: rosterDigest(made) }
    const evidence = proofOfKey(forged, { kid: 'bootstrap', key: someKey() })
    await scene.expectNotAccepted(asked({ ...first.change, document: toBase64url(encodeRoster(made)), intent: toBase64url(encodeIntent(forged)), evidence, registrations: [{ row: 'eve', ...register('eve') }] }), 'proof_invalid')
  })

  test('another passkey’s registration in place of hers, or for another row, or none', async () => {
    const [hers] = first.change.registrations
    if (hers === undefined) throw new Error('there is a registration')
    const swaps: [Change['registrations'], string][] = [
      [[{ row: 'ada', ...register('ada') }], 'change_unsound'],
      [[{ ...hers, registration: register('ada').registration }], 'registration_invalid'],
      [[{ ...hers, row: 'eve' }], 'change_unsound'],
      [[], 'change_unsound'],
    ]
    for (const [registrations, code] of swaps) await scene.expectNotAccepted(asked({ ...first.change, registrations }), code)
  })

  test('what the bootstrap key said to make version 2 mints nothing', async () => {
    const token = scene.token('bootstrap')
    await scene.expectRefused(token, first.change.evidence, 'evidence_kind_unsupported')
  })

  test('the control: untouched it is accepted, and then neither again nor anew', async () => {
    await scene.town.agreed(first.change)
    await scene.attacker.learn()
    await scene.expectNotAccepted(asked(first.change), 'key_unknown')
    const hers = scene.token('ada')
    await scene.expectMinted(hers, touch(hers, first.who.passkey))
    const key = createPrivateKey(readFileSync(join(scene.stack.home.path, 'bootstrap.key')))
    const [version] = scene.attacker.book.versions
    const forged: RosterIntent = { ...scene.common(), kind: 'roster', sub: 'bootstrap', version: 3, from: [version?.digest ?? otherDigest()], to: otherDigest() }
    await scene.expectNotAccepted(asked({ ...first.change, intent: toBase64url(encodeIntent(forged)), evidence: proofOfKey(forged, { kid: 'bootstrap', key }) }), 'key_unknown')
    ada = first.who
  })
})

let ada: Somebody

describe('I-4 an invited person’s entry, as it is relayed', () => {
  let code: Code
  let ben: SoftPasskey
  let honest: Entry
  /** His, as it was certified. */
  let entries: readonly CertifiedEntry[]
  const stated = (change: Partial<EntryStatement>): Entry => ({ ...honest, statement: { ...honest.statement, ...change } as EntryStatement })
  const signedBy = (key: Code['key'], change: Partial<EntryStatement> = {}): Entry => {
    const { statement } = stated(change)
    return { statement, signature: toBase64url(sign(null, entryBytes(statement), key)) }
  }
  const register = (passkey: SoftPasskey, change: { row?: string; by?: Code['thumbprint'] } = {}, lies: Parameters<SoftPasskey['register']>[1] = {}) =>
    passkey.register({ lineage: scene.town.lineage, row: 'ben', by: code.thumbprint, ...change }, lies).registration

  beforeAll(async () => {
    code = await scene.town.invite(ada, 'ben', ['engineer'])
    await scene.town.invite(ada, 'cat', ['engineer'])
    ben = scene.town.passkey('ben')
    honest = scene.town.entry(code, 'ben', ben)
    await scene.attacker.learn()
  })

  test.each<[string, string, () => Entry]>([
    ['with the attacker’s passkey', 'proof_invalid', () => stated({ registration: register(eve) })],
    ['with the attacker’s passkey, under its own key', 'proof_invalid', () => signedBy(someKey(), { registration: register(eve) })],
    ['for another row that waits for somebody', 'invitation_invalid', () => stated({ row: 'cat' })],
    ['for a row that has a passkey', 'invitation_invalid', () => stated({ row: 'ada' })],
    ['for a row that is not there', 'invitation_invalid', () => stated({ row: 'eve' })],
    ['under another name', 'proof_invalid', () => stated({ name: 'Backup key' })],
    ['by an invitation of the attacker’s', 'invitation_invalid', () => ((own) => signedBy(own.key, { invitation: own.thumbprint, registration: register(eve, { by: own.thumbprint }) }))(newCode())],
    ['I-1 for another deployment', 'wrong_deployment', () => stated({ lineage: otherDigest() })],
    ['with a second signature', 'proof_invalid', () => ({ ...honest, possession: honest.signature })],
    ['W-1 with a registration for another row', 'registration_invalid', () => signedBy(code.key, { registration: register(ben, { row: 'cat' }) })],
    ['W-1 with a registration for another code', 'registration_invalid', () => signedBy(code.key, { registration: register(ben, { by: otherDigest() }) })],
    ['W-2 registered without the user verified', 'user_not_verified', () => signedBy(code.key, { registration: register(ben, {}, { userVerified: false }) })],
    ['W-3 registered on another origin', 'origin_mismatch', () => signedBy(code.key, { registration: register(ben, {}, { origin: 'https://evil.example' }) })],
    ['W-3 registered for another RP id', 'registration_invalid', () => signedBy(code.key, { registration: register(ben, {}, { rpId: 'evil.example' }) })],
    ['W-4 with a passkey that somebody has', 'registration_invalid', () => signedBy(code.key, { registration: register(ada.passkey) })],
  ])('%s', async (_, refusal, make) => {
    await scene.expectNotAccepted(entered(make()), refusal)
  })

  test('Z-2 the row of an invitation mints nothing before somebody came in', async () => {
    const token = scene.token('ben')
    await scene.expectRefused(token, touch(token, ben), 'passkey_unknown')
  })

  test('the control: untouched it is accepted; a second one by the same code is not, nor does the first one serve again', async () => {
    const victim = scene.attacker.victims[0] ?? 0
    expect(codesOf(await scene.accept(victim, entered(honest)))).toEqual(['accepted'])
    // Somebody who holds the code after all: before the first one is certified, and after.
    const second = signedBy(code.key, { registration: register(eve) })
    expect(codesOf(await scene.accept(victim, entered(second)))).toEqual(['change_conflict'])
    expect(await scene.town.client.sendEntry(honest)).toMatchObject({ ok: true })
    entries = (await scene.attacker.learn()).entries
    expect(entries.map(({ entry }) => entry.statement.row)).toEqual(['ben'])
    const token = scene.token('ben')
    await scene.expectMinted(token, touch(token, ben))
    await scene.expectNotAccepted(entered(second), 'invitation_spent')
    const hers = scene.token('ben')
    await scene.expectRefused(hers, touch(hers, eve), 'passkey_unknown')
  })

  test('an invitation that has expired, that was withdrawn, and of somebody who was removed', async () => {
    const brief = newCode()
    await scene.town.accepted(ada, invite({ id: 'dan', name: 'Dan', roles: ['engineer'], groups: [] }, { key: brief.jwk, exp: now() + 1, uses: ['sign_in'] }))
    const dan = scene.town.passkey('dan')
    const late = scene.town.entry(brief, 'dan', dan)
    for (const victim of scene.attacker.victims) await expect.poll(async () => codesOf(await scene.accept(victim, entered(late))), { timeout: 10_000 }).toEqual(['invitation_expired'])
    await scene.town.accepted(ada, withdrawInvitation('dan'), removePerson('ben'))
    await scene.attacker.learn()
    await scene.expectNotAccepted(entered(late), 'invitation_invalid')
    await scene.expectNotAccepted(entered(honest), 'invitation_invalid')
    // Not even with the certificate that it once had: the row that it hangs on is gone.
    for (const victim of scene.attacker.victims) await scene.adopt(victim, { entries: [...entries] })
    expect((await scene.attacker.learn()).entries).toEqual([])
    const token = scene.token('ben')
    await scene.expectRefused(token, touch(token, ben), 'passkey_unknown')
  })
})
