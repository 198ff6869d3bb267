import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SoftPasskey } from '@symbolon/evidence/passkey.testkit.ts'
import type { Approval } from '@symbolon/protocol/approval.ts'
import { fromBase64url, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Change } from '@symbolon/protocol/book.ts'
import { encodeIntent, type RosterIntent } from '@symbolon/protocol/intent.ts'
import { addPasskey, removePerson, setGuardians, setRoles } from '@symbolon/roster/edit.ts'
import { encodeRoster, rosterDigest, type Passkey, type Roster } from '@symbolon/roster/roster.ts'
import { digestOf, type Somebody } from '../people.testkit.ts'
import { developmentKeyOf } from './people.ts'
import { asked, documentOf, intentIn, now, openScene, otherDigest, proofOfKey, touch, type Scene } from './scene.ts'

/*
 * Changes of who exists, and approvals of them. The attacker owns api and coordinator: it puts together what it likes from all that people
 * ever touched, and shows it to each honest signer. Two of the three guardians must say yes to what one proposes.
 */

let scene: Scene
let ada: Somebody
let ben: Somebody
let cat: Somebody
let dan: Somebody
/** Further ones of Ben's: one that may approve, one that may only sign in. */
let second: SoftPasskey
let signsIn: SoftPasskey

beforeAll(async () => {
  scene = await openScene()
  const { town } = scene
  ada = await town.first('ada')
  const come = async (id: string) => town.enter(await town.invite(ada, id, ['engineer']), id)
  ben = await come('ben')
  cat = await come('cat')
  dan = await come('dan')
  second = town.passkey('ben')
  signsIn = town.passkey('ben')
  await town.agreed(await adding('ben', ben, [second.row(), second], [signsIn.row({ uses: ['sign_in'] }), signsIn]), ada)
  await town.accepted(ada, setGuardians({ people: ['ada', 'ben', 'cat'], count: 2, window: 3_600 }))
  await scene.attacker.learn()
})
afterAll(() => scene?.close())

/** Proposes passkeys for a row, each with what an authenticator said. */
async function adding(row: string, by: Somebody, ...made: readonly (readonly [Passkey, SoftPasskey])[]): Promise<Change> {
  const { document } = await scene.town.roster(by)
  const registrations = made.map(([, passkey]) => ({ row, ...passkey.register({ lineage: scene.town.lineage, row, by: rosterDigest(document) }) }))
  return scene.town.change(by, made.map(([passkey]) => addPasskey(row, passkey)), { registrations })
}
const proposal = () => scene.town.change(ada, [setRoles('dan', ['engineer', 'sre'])])

describe('approvals that do not count', () => {
  const by = (passkey: SoftPasskey, digest: Base64url, change: Partial<Approval> = {}, lies: Parameters<SoftPasskey['approve']>[1] = {}): Approval =>
    passkey.approve({ intent: digest, approver: 'ben', decision: 'approve', iat: now(), exp: now() + 600, ...change }, lies)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

  test.each<[string, (digest: Base64url) => Approval]>([
    ['A-2 of the proposer', (digest) => scene.town.approval(ada, digest)],
    ['A-3 of the same guardian again', (digest) => by(cat.passkey, digest, { approver: 'cat', exp: now() + 60 })],
    ['of somebody who is no guardian', (digest) => scene.town.approval(dan, digest)],
    ['A-4 of another intent', () => by(ben.passkey, otherDigest())],
    ['A-4 of another intent, renamed', (digest) => ({ ...by(ben.passkey, otherDigest()), intent: digest })],
    ['A-4 of somebody else, renamed', (digest) => ({ ...by(cat.passkey, digest, { approver: 'cat' }), approver: 'ben' })],
    ['A-4 of somebody else’s passkey', (digest) => by(cat.passkey, digest)],
    ['A-4 a no, turned into a yes', (digest) => ({ ...by(ben.passkey, digest, { decision: 'deny' }), decision: 'approve' })],
    ['A-4 put off', (digest) => ({ ...by(ben.passkey, digest, { exp: now() + 1 }), exp: now() + 600 })],
    ['A-5 expired', (digest) => by(ben.passkey, digest, { iat: now() - 600, exp: now() - 1 })],
    ['A-5 that lives longer than the guardians may wait', (digest) => by(ben.passkey, digest, { exp: now() + 86_400 })],
    ['A-5 from the future', (digest) => by(ben.passkey, digest, { iat: now() + 1_200, exp: now() + 1_800 })],
    ['W-1 whose touch was a sign-in with the very intent', (digest) => ({ ...by(ben.passkey, digest), assertion: ben.passkey.assert(fromBase64url(digest) ?? new Uint8Array()) })],
    ['W-1 by a passkey that may only sign in', (digest) => by(signsIn, digest)],
    ['W-2 without the user verified', (digest) => by(ben.passkey, digest, {}, { userVerified: false })],
    ['W-2 without the user present', (digest) => by(ben.passkey, digest, {}, { userPresent: false })],
    ['W-3 on a page of another origin', (digest) => by(ben.passkey, digest, {}, { origin: 'https://console.example' })],
    ['W-3 for another RP id', (digest) => by(ben.passkey, digest, {}, { rpId: 'evil.example' })],
    ['W-4 by the attacker’s key', (digest) => by(ben.passkey, digest, {}, { key: privateKey })],
  ])('%s', async (_, make) => {
    const change = await proposal()
    const digest = digestOf(change)
    await scene.expectShort({ ...change, approvals: [scene.town.approval(cat, digest), make(digest)] }, '1 of 2')
  })

  test('A-3 of one person with two passkeys', async () => {
    const change = await proposal()
    const digest = digestOf(change)
    await scene.expectShort({ ...change, approvals: [by(ben.passkey, digest), by(second, digest)] }, '1 of 2')
  })

  test('T-2 none at all', async () => {
    await scene.expectShort(await proposal(), '0 of 2')
  })

  test('A-9 beside a guardian’s no, nothing helps', async () => {
    const change = await proposal()
    const digest = digestOf(change)
    const approvals = [scene.town.approval(cat, digest), scene.town.approval(ben, digest), scene.town.approval(ben, digest, 'deny')]
    await scene.expectNotAccepted(asked({ ...change, approvals }), 'approval_denied', 'approval_required')
  })
})

describe('a change that is not what was touched', () => {
  const both = (change: Change): Change => ({ ...change, approvals: [ben, cat].map((each) => scene.town.approval(each, digestOf(change))) })
  const attackers = (document: Roster): Roster => ({ ...document, people: document.people.map((row) => (row.id === 'dan' ? { ...row, roles: ['engineer', 'sre'], name: 'Eve' } : row)) })

  test('A-4 another document than the digest', async () => {
    const change = both(await proposal())
    await scene.expectNotAccepted(asked({ ...change, document: toBase64url(encodeRoster(attackers(documentOf(change)))) }), 'change_unsound')
  })

  test('A-4 another document, with an intent that names it, and the old touches', async () => {
    const change = both(await proposal())
    const document = attackers(documentOf(change))
    const intent = encodeIntent({ ...intentIn(change), to: rosterDigest(document) })
    await scene.expectNotAccepted(asked({ ...change, document: toBase64url(encodeRoster(document)), intent: toBase64url(intent) }), 'assertion_mismatch')
  })

  test('I-1 Ann’s approvals with Ben’s evidence', async () => {
    const change = both(await proposal())
    await scene.expectNotAccepted(asked({ ...change, evidence: touch(intentIn(change), ben.passkey) }), 'subject_mismatch')
    await scene.expectNotAccepted(asked({ ...change, evidence: touch(intentIn(change), ada.passkey, { userVerified: false }) }), 'user_not_verified')
    await scene.expectNotAccepted(asked({ ...change, evidence: touch(intentIn(change), ada.passkey, { origin: 'https://evil.example' }) }), 'origin_mismatch')
    await scene.expectNotAccepted(asked({ ...change, evidence: [{ kind: 'passkey', assertion: scene.town.approval(ada, digestOf(change)).assertion }] }), 'assertion_mismatch')
  })

  test('no service proposes one, whatever its roles', async () => {
    const change = both(await proposal())
    const { sub, kid, key } = developmentKeyOf(scene.stack.home.path)
    const intent: RosterIntent = { ...intentIn(change), sub }
    await scene.expectNotAccepted(asked({ ...change, intent: toBase64url(encodeIntent(intent)), evidence: proofOfKey(intent, { kid, key }) }), 'evidence_kind_unsupported')
  })

  test('A-5 not after its own end, nor for longer than the guardians may wait', async () => {
    for (const [change, code] of [[{ iat: now() - 7_200, exp: now() - 3_600 }, 'intent_expired'], [{ exp: now() + 86_400 }, 'intent_window_too_long'], [{ iss: 'https://staging.example' }, 'wrong_deployment'], [{ lineage: otherDigest() }, 'wrong_deployment']] as const) {
      const made = await proposal()
      const intent: RosterIntent = { ...intentIn(made), ...change }
      await scene.expectNotAccepted(asked(both({ ...made, intent: toBase64url(encodeIntent(intent)), evidence: touch(intent, ada.passkey) })), code)
    }
  })

  test('W-6 nobody gets another passkey without a touch of their own', async () => {
    const planted = scene.town.passkey('cat')
    await scene.expectNotAccepted(asked(both(await adding('cat', ada, [planted.row(), planted]))), 'touch_required')
  })

  test('W-5 nor a passkey that no authenticator registered for that row and occasion', async () => {
    const planted = scene.town.passkey('ada')
    const bare = await scene.town.change(ada, [addPasskey('ada', planted.row())])
    await scene.expectNotAccepted(asked(both(bare)), 'change_unsound')
    const forBen = planted.register({ lineage: scene.town.lineage, row: 'ben', by: intentIn(bare).from[0] ?? otherDigest() })
    const before = planted.register({ lineage: scene.town.lineage, row: 'ada', by: otherDigest() })
    for (const made of [forBen, before]) await scene.expectNotAccepted(asked(both({ ...bare, registrations: [{ row: 'ada', ...made }] })), 'registration_invalid')
    const another = scene.town.passkey('ada').register({ lineage: scene.town.lineage, row: 'ada', by: intentIn(bare).from[0] ?? otherDigest() })
    await scene.expectNotAccepted(asked(both({ ...bare, registrations: [{ row: 'ada', ...another, credential: planted.id }] })), 'registration_invalid')
  })

  test.each<[string, (document: Roster) => Roster]>([
    ['signers', (document) => ({ ...document, signers: document.signers.map((row, at) => (at === 0 ? row : { ...row, identity: document.signers[0]?.identity ?? row.identity })) })],
    ['group keys', (document) => ({ ...document, groups: document.groups.map((row) => ({ ...row, t: 2, kid: otherDigest() })) })],
    ['RP id', (document) => ({ ...document, deployment: { ...document.deployment, rp_id: 'evil.example' } })],
    ['issuer', (document) => ({ ...document, deployment: { ...document.deployment, issuer: 'https://evil.example' } })],
    ['lineage', (document) => ({ ...document, lineage: otherDigest() })],
    ['policy, without its bundle', (document) => ({ ...document, policy: otherDigest() })],
    ['a version more', (document) => ({ ...document, version: document.version + 1 })],
  ])('even all guardians together change no %s', async (_, alter) => {
    const made = await proposal()
    const document = alter(documentOf(made))
    const intent: RosterIntent = { ...intentIn(made), version: document.version, to: rosterDigest(document) }
    await scene.expectNotAccepted(asked(both({ ...made, document: toBase64url(encodeRoster(document)), intent: toBase64url(encodeIntent(intent)), evidence: touch(intent, ada.passkey) })), 'change_unsound')
  })
})

describe('who was removed', () => {
  test('the control: what two guardians approve is accepted', async () => {
    const change = await proposal()
    expect(await scene.town.agreed(change, ben, cat)).toMatchObject({ state: 'accepted' })
    // Again, word by word: it is built on what is no longer in force.
    await scene.attacker.learn()
    await scene.expectNotAccepted(asked({ ...change, approvals: [ben, cat].map((each) => scene.town.approval(each, digestOf(change))) }), 'change_unsound')
  })

  test('A-6 counts for nothing any more, for what they approved before, and as proposer', async () => {
    const removal = await scene.town.change(ada, [removePerson('ben'), setGuardians({ people: ['ada', 'cat'], count: 1, window: 3_600 })])
    await scene.town.agreed(removal, ben, cat)
    const change = await scene.town.change(ada, [setRoles('dan', ['engineer'])])
    await scene.expectShort({ ...change, approvals: [scene.town.approval(ben, digestOf(change))] }, '0 of 1')
    const intent: RosterIntent = { ...intentIn(change), sub: 'ben' }
    const his: Change = { ...change, intent: toBase64url(encodeIntent(intent)), evidence: touch(intent, ben.passkey) }
    await scene.expectNotAccepted(asked({ ...his, approvals: [scene.town.approval(cat, digestOf(his))] }), 'passkey_unknown')
    await scene.town.agreed(change, cat)
  })

  test('A-6 a locked guardian’s yes counts for nothing while the lock lasts', async () => {
    const change = await scene.town.change(ada, [setRoles('dan', ['engineer', 'sre'])])
    const yes = scene.town.approval(cat, digestOf(change))
    const lock = { ...scene.common(), kind: 'lock', sub: 'ada', row: 'cat' } as const
    for (const victim of scene.attacker.victims) expect(await scene.adopt(victim, { stops: [{ intent: toBase64url(encodeIntent(lock)), evidence: touch(lock, ada.passkey) }] })).toMatchObject({ stops: 1 })
    await scene.expectShort({ ...change, approvals: [yes] }, '0 of 1')
  })
})
