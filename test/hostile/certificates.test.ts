import { sign, type KeyObject } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { entryBytes, entryDigest, slotOfEntry, type AcceptCertificate, type Change, type Entry, type EntryStatement, type Slot } from '@symbolon/protocol/book.ts'
import { encodeIntent, type RosterIntent } from '@symbolon/protocol/intent.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { addService, removeService, setRoles, successor } from '@symbolon/roster/edit.ts'
import { encodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import { must, type Somebody } from '../people.testkit.ts'
import { developmentKeyOf, serviceKeyOf, type ServiceKey } from './people.ts'
import { asked, codesOf, documentOf, entered, intentIn, now, openScene, otherDigest, proofOfKey, touch, type Scene } from './scene.ts'

/*
 * Certificates. The attacker's signer puts its word to anything, so one honest word makes a certificate: what honest signers accept is the whole
 * defence. Tests go on from one another.
 */

let scene: Scene
let ada: Somebody
let first: number
let second: number

beforeAll(async () => {
  scene = await openScene()
  ada = await scene.town.first('ada')
  await scene.town.enter(await scene.town.invite(ada, 'dan', ['engineer']), 'dan')
  await scene.attacker.learn()
  ;[first, second] = [scene.attacker.victims[0] ?? 0, scene.attacker.victims[1] ?? 0]
})
afterAll(() => scene?.close())

const slotOf = (change: Change): Slot => ({ of: 'roster', version: documentOf(change).version })
const subjectOf = (change: Change) => rosterDigest(documentOf(change))
const roles = (...names: readonly string[]) => scene.town.change(ada, [setRoles('dan', names)])
/** With one honest signer's word and the owned one's. */
const certified = async (change: Change, victim: number): Promise<AcceptCertificate> => {
  const [slot, subject] = [slotOf(change), subjectOf(change)]
  return { slot, subject, accepts: [await scene.ownWord(slot, subject), await scene.wordOf(victim, asked(change))] }
}
const versionAt = async (signer: number) => (await scene.report(signer)).roster

describe('a certificate that proves nothing', () => {
  test('I-3 with too few words, with one word twice, with words about something else', async () => {
    const change = await roles('engineer', 'sre')
    const [slot, subject] = [slotOf(change), subjectOf(change)]
    const word = await scene.wordOf(first, asked(change))
    const own = await scene.ownWord(slot, subject)
    const later = await scene.ownWord(slot, subject, now() + 1)
    const attackers: Roster = { ...documentOf(change), people: documentOf(change).people.map((row) => ({ ...row, name: 'Eve' })) }
    const other: Change = { ...change, document: toBase64url(encodeRoster(attackers)) }
    const others = rosterDigest(attackers)
    const before = await versionAt(second)
    const forged: readonly (readonly [Change, AcceptCertificate])[] = [
      [change, { slot, subject, accepts: [word] }],
      [change, { slot, subject, accepts: [own] }],
      [change, { slot, subject, accepts: [word, word] }],
      [change, { slot, subject, accepts: [own, later] }],
      [change, { slot, subject, accepts: [word, { ...word, signer: second }] }],
      [change, { slot, subject, accepts: [word, { ...own, signer: second }] }],
      [change, { slot, subject, accepts: [own, { ...word, iat: word.iat + 1 }] }],
      [change, { slot, subject, accepts: [own, { ...word, signer: 99 }] }],
      [change, { slot: { of: 'roster', version: before + 2 }, subject, accepts: [own, word] }],
      [change, { slot: { of: 'row', row: 'dan', key: subject, seq: 1 }, subject, accepts: [own, word] }],
      [change, { slot, subject: others, accepts: [await scene.ownWord(slot, others), word] }],
      [other, { slot, subject, accepts: [own, word] }],
      [other, { slot, subject: others, accepts: [await scene.ownWord(slot, others), word] }],
    ]
    for (const [at, [claimed, certificate]] of forged.entries()) expect({ at, codes: codesOf(await scene.adopt(second, { versions: [{ change: claimed, certificate }] })) }).toEqual({ at, codes: ['change_unsound'] })
    expect(await versionAt(second)).toBe(before)
    // The control: the same words under what they are about.
    expect(await scene.adopt(second, { versions: [{ change, certificate: { slot, subject, accepts: [own, word] } }] })).toEqual({ v: 1, result: 'adopted', version: before + 1, stops: 0 })
    await scene.settled(before + 1, ada)
  })
})

describe('I-3 two successors of one version', () => {
  /** What heals it: by its proposer, on top of all that the split left. */
  const healing = async (...split: readonly Change[]): Promise<Change> => {
    const [one] = split
    if (one === undefined) throw new Error('a split leaves something')
    const from = split.map(documentOf)
    const edited = successor({ document: documentOf(one), entries: [], from }, setRoles('dan', ['sre']))
    if (!edited.ok) throw new Error(edited.problems.join('; '))
    const intent: RosterIntent = { ...scene.common(), kind: 'roster', sub: 'ada', version: edited.document.version, from: from.map(rosterDigest).sort(), to: rosterDigest(edited.document) }
    return { v: 1, document: toBase64url(encodeRoster(edited.document)), intent: toBase64url(encodeIntent(intent)), evidence: touch(intent, ada.passkey), approvals: [], registrations: [], split: split.map(({ document }) => document) }
  }

  test('accepted by one signer each: each stays by its word, and what names both heals it', async () => {
    const [one, two] = [await roles('engineer'), await roles('sre')]
    await scene.wordOf(first, asked(one))
    await scene.wordOf(second, asked(two))
    expect(codesOf(await scene.accept(first, asked(two)))).toEqual(['change_conflict'])
    expect(codesOf(await scene.accept(second, asked(one)))).toEqual(['change_conflict'])
    const half = await healing(one)
    expect(codesOf(await scene.accept(second, asked(half)))).toEqual(['change_conflict'])
    // Nor by a third that the attacker invents beside them.
    const invented: Change = { ...two, document: toBase64url(encodeRoster({ ...documentOf(two), rate: 7 })) }
    expect(codesOf(await scene.accept(second, asked(await healing(one, invented))))).toContain('change_conflict')
    const both = await healing(one, two)
    must(await scene.town.propose(both))
    await scene.settled(documentOf(both).version, ada)
  })

  test('certified both, with the help of the corrupt signer: an alarm, and what names both heals it', async () => {
    const [one, two] = [await roles('engineer'), await roles('engineer', 'sre')]
    const words = [await certified(one, first), await certified(two, second)] as const
    expect(codesOf(await scene.adopt(first, { versions: [{ change: one, certificate: words[0] }] }))).toEqual(['adopted'])
    expect(codesOf(await scene.adopt(second, { versions: [{ change: two, certificate: words[1] }] }))).toEqual(['adopted'])
    // What is held stays: showing the other one takes nothing back.
    expect(codesOf(await scene.adopt(first, { versions: [{ change: two, certificate: words[1] }] }))).toEqual(['change_conflict'])
    await expect.poll(() => [first, second].map((id) => scene.stack.log(`signer-${id}`).includes('"alarm":"roster_forked"')), { timeout: 30_000 }).toEqual([true, true])
    const both = await healing(one, two)
    const [slot, subject] = [slotOf(both), subjectOf(both)]
    const accepts = [await scene.wordOf(first, asked(both)), await scene.wordOf(second, asked(both))]
    for (const victim of scene.attacker.victims) expect(codesOf(await scene.adopt(victim, { versions: [{ change: both, certificate: { slot, subject, accepts } }] }))).toEqual(['adopted'])
    await scene.settled(documentOf(both).version, ada)
    expect(intentIn(both).from).toHaveLength(2)
    const token = scene.token('ada')
    await scene.expectMinted(token, touch(token, ada.passkey))
  })
})

describe('a service that rotates its own key', () => {
  let service: ServiceKey
  let next: ServiceKey
  let after: ServiceKey
  const link = (by: ServiceKey, to: ServiceKey, seq: number, change: Partial<EntryStatement> = {}, keys: { readonly by?: KeyObject; readonly to?: KeyObject } = {}): Entry => {
    const statement = { v: 1, kind: 'rotation', lineage: scene.town.lineage, row: service.sub, root: thumbprint(service.jwk), seq, by: thumbprint(by.jwk), key: { id: to.kid, jwk: to.jwk }, iat: now(), ...change } as EntryStatement
    return { statement, signature: toBase64url(sign(null, entryBytes(statement), keys.by ?? by.key)), possession: toBase64url(sign(null, entryBytes(statement), keys.to ?? to.key)) }
  }
  const by = (key: ServiceKey) => {
    const token = scene.token(key.sub)
    return [token, proofOfKey(token, key)] as const
  }

  beforeAll(() => {
    service = developmentKeyOf(scene.stack.home.path)
    next = serviceKeyOf(service.sub, `${service.sub}-2`)
    after = serviceKeyOf(service.sub, `${service.sub}-3`)
  })

  test.each<[string, string, () => Entry]>([
    ['to the attacker’s key, with the old signatures', 'proof_invalid', () => ((honest) => ({ ...honest, statement: { ...honest.statement, key: { id: after.kid, jwk: after.jwk } } as EntryStatement }))(link(service, next, 1))],
    ['by a key that is not the row’s', 'change_conflict', () => link(after, next, 1)],
    ['under its name, by another key', 'proof_invalid', () => link(service, next, 1, {}, { by: after.key })],
    ['to a key that nobody holds', 'proof_invalid', () => link(service, next, 1, {}, { to: after.key })],
    ['out of turn', 'change_conflict', () => link(service, next, 2)],
    ['of another row', 'key_unknown', () => link(service, next, 1, { row: 'ada' })],
    ['from another root', 'key_unknown', () => link(service, next, 1, { root: otherDigest() })],
    ['I-1 of another deployment', 'wrong_deployment', () => link(service, next, 1, { lineage: otherDigest() })],
  ])('%s: refused', async (_, code, make) => {
    await scene.expectNotAccepted(entered(make()), code)
  })

  test('the control: its own entry is accepted, and the new key is its key', async () => {
    must(await scene.town.client.sendEntry(link(service, next, 1)))
    await scene.attacker.learn()
    await scene.expectMinted(...by(next))
  })

  test('I-3 removed, it cannot come back: neither by a new link, nor by one that was certified and held back, nor with its first key', async () => {
    const held = link(next, after, 2)
    const row = scene.attacker.book.document.services.find(({ id }) => id === service.sub)
    if (row === undefined) throw new Error('it is there')
    const [slot, subject] = [slotOfEntry(held.statement), entryDigest(held.statement)]
    const certificate = { slot, subject, accepts: [await scene.ownWord(slot, subject), await scene.wordOf(first, entered(held))] }
    await scene.town.accepted(ada, removeService(service.sub))
    await scene.attacker.learn()
    await scene.expectNotAccepted(entered(held), 'key_unknown')
    for (const victim of scene.attacker.victims) await scene.adopt(victim, { entries: [{ entry: held, certificate }] })
    await scene.attacker.learn()
    for (const key of [service, next, after]) await scene.expectRefused(...by(key), 'key_unknown')
    // With the key that its chain began at, the links that the attacker kept would hold again.
    await scene.expectNotAccepted(asked(await scene.town.change(ada, [addService(row)])), 'change_unsound')
    const fresh = serviceKeyOf(service.sub, `${service.sub}-4`)
    await scene.town.accepted(ada, addService({ ...row, keys: [{ id: fresh.kid, jwk: fresh.jwk }] }))
    await scene.attacker.learn()
    await scene.expectMinted(...by(fresh))
    for (const key of [service, next, after]) await scene.expectRefused(...by(key), 'key_unknown')
  })
})
