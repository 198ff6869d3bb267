import { afterEach, describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { acceptBytes, acceptReply, entryBytes, type Entry } from '@symbolon/protocol/book.ts'
import { ed25519Of, signEd25519 } from '@symbolon/protocol/ed25519.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { softPasskey } from '@symbolon/evidence/passkey.testkit.ts'
import { bundleWith, defaultData } from '@symbolon/policy/judge.testkit.ts'
import { addPasskey, invite, removePerson, rename, setGuardians, setLimits, setPolicy } from '@symbolon/roster/edit.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { encodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import { after, askAll, asked, at, certified, changeOf, discard, edited, openClerk, partOf, peopled, told, type Clerk, type ClerkOptions } from './book.testkit.ts'

const clerks: Clerk[] = []
afterEach(() => discard(clerks.splice(0)))
async function clerk(options: Partial<ClerkOptions> = {}): Promise<Clerk> {
  const opened = await openClerk({ ...peopled(), ...options })
  clerks.push(opened)
  return opened
}
const three = async () => {
  const ground = peopled()
  return Promise.all([1, 2, 3].map((id) => clerk({ ...ground, id }))) as Promise<[Clerk, Clerk, Clerk]>
}
const say = async (one: Clerk, change: Parameters<typeof askAll>[1]) => told((await askAll([one], change))[0])
const versions = ({ events }: Clerk) => events.filter(({ event }) => event === 'accept')

describe('a change that guardians approved', () => {
  test('is accepted, and the word is this signer’s over lineage, slot and subject', async () => {
    const one = await clerk()
    const next = after(one, removePerson('cleo'))
    const [reply] = await askAll([one], changeOf(next))
    if (reply?.result !== 'accepted') throw new Error(told(reply))
    expect(acceptReply.safeParse(JSON.parse(Buffer.from(canonical(reply)).toString())).success).toBe(true)
    const { slot, subject, accept } = reply
    expect([slot, subject, accept.signer]).toEqual([{ of: 'roster', version: 3 }, rosterDigest(next), 1])
    const row = next.signers[0]
    if (row === undefined) throw new Error('no signer')
    expect(verifyP256(row.identity, acceptBytes({ lineage: lineageOf(next), slot, subject, iat: accept.iat }), fromBase64url(accept.signature) ?? new Uint8Array())).toBe(true)
  })

  test('is in the book and in the journal before the identity key signs', async () => {
    const seen: unknown[] = []
    const one = await clerk({ certify: async () => { seen.push(one.book.acceptedBeyond().length, one.journal.head().seq); return new Uint8Array(64) } })
    const before = one.journal.head().seq
    await say(one, changeOf(after(one, removePerson('cleo'))))
    expect(seen).toEqual([1, before + 1])
  })

  test('accepted is not in force', async () => {
    const one = await clerk()
    await say(one, changeOf(after(one, removePerson('cleo'))))
    expect([one.book.state().version(), one.inForce.current().versions.roster]).toEqual([2, 2])
  })

  test('L-3 each word asked for is one event, with who asked, what, and what came of it', async () => {
    const one = await clerk()
    const next = after(one, removePerson('cleo'))
    await say(one, changeOf(next))
    await say(one, changeOf(next, { approvers: [] }))
    expect(versions(one)).toMatchObject([
      { by: asked.by, request_id: asked.requestId, what: 'change', result: 'accepted', slot: { of: 'roster', version: 3 }, subject: rosterDigest(next), codes: [] },
      { by: asked.by, request_id: asked.requestId, what: 'change', result: 'refused', codes: ['approval_required'] },
    ])
  })
})

describe('at most one successor, for good', () => {
  test('another successor of the same version is refused', async () => {
    const one = await clerk()
    expect(await say(one, changeOf(after(one, removePerson('cleo'))))).toBe('accepted')
    expect(await say(one, changeOf(after(one, rename('bob', 'Robert'))))).toBe('change_conflict')
  })

  test('also when both come at once', async () => {
    const one = await clerk()
    const replies = await Promise.all([changeOf(after(one, removePerson('cleo'))), changeOf(after(one, rename('bob', 'Robert'))), changeOf(after(one, rename('bob', 'Rob')))].map((change) => say(one, change)))
    expect(replies).toEqual(['accepted', 'change_conflict', 'change_conflict'])
  })

  test('also in the next life', async () => {
    const ground = peopled()
    const one = await openClerk(ground)
    expect(await say(one, changeOf(after(one, removePerson('cleo'))))).toBe('accepted')
    const other = changeOf(after(one, rename('bob', 'Robert')))
    one.close()
    const again = await clerk({ ...ground, folder: one.folder })
    expect(await say(again, other)).toBe('change_conflict')
  })

  test('the same one is accepted again under new approvals, when the first have expired', async () => {
    const one = await clerk()
    const next = after(one, removePerson('cleo'))
    const first = changeOf(next)
    expect(await say(one, first)).toBe('accepted')
    one.clock.now = at + 3_700
    expect(await say(one, first)).toBe('intent_expired')
    const entries = one.journal.head().seq
    expect(await say(one, changeOf(next, { iat: one.clock.now, approvers: ['cleo'] }))).toBe('accepted')
    // Nothing new was bound.
    expect(one.journal.head().seq).toBe(entries)
  })

  test('a successor’s successor is refused while another stands accepted', async () => {
    const one = await clerk()
    expect(await say(one, changeOf(after(one, removePerson('cleo'))))).toBe('accepted')
    const sideways = after(one, rename('bob', 'Robert'))
    const beyond = edited({ document: sideways, entries: [] }, rename('bob', 'Rob'))
    expect(await say(one, changeOf(beyond, { over: { split: [toBase64url(encodeRoster(sideways))] } }))).toContain('change_conflict')
  })

  test('a split is healed by a successor that names every accepted one, by each one’s rule', async () => {
    const [one, two, three_] = await three()
    const [a, b] = [after(one, rename('bob', 'Robert')), after(two, rename('bob', 'Rob'))]
    expect([await say(one, changeOf(a)), await say(two, changeOf(b))]).toEqual(['accepted', 'accepted'])
    const healed = edited({ document: a, entries: [], from: [a, b] }, rename('bob', 'Bob'))
    const change = changeOf(healed, { over: { split: [a, b].map((document) => toBase64url(encodeRoster(document))) } })
    const replies = await askAll([one, two], change)
    expect(replies.map(told)).toEqual(['accepted', 'accepted'])
    const part = partOf({ versions: [certified(change, replies)] })
    expect((await Promise.all([one, two, three_].map((each) => each.adopt(part)))).map(told)).toEqual(['adopted 4', 'adopted 4', 'adopted 4'])
  })

  test('I-3 a version that nobody approved, on top of one that was accepted, makes nobody a guardian', async () => {
    const one = await clerk()
    const a = after(one, rename('bob', 'Robert'))
    expect(await say(one, changeOf(a))).toBe('accepted')
    // Cleo alone: an invention in which she decides alone, and its successor, which she proposes by that rule.
    const invented = edited({ document: a, entries: [] }, setGuardians({ people: ['cleo'], count: 1, window: 86_400 }))
    const next = edited({ document: invented, entries: [] }, rename('cleo', 'Chief'))
    const split = [a, invented].map((document) => toBase64url(encodeRoster(document)))
    expect(await say(one, changeOf(next, { by: 'cleo', approvers: [], over: { split } }))).toContain('approval_required')
  })

  test('a split is healed though an ancestor of what it names knew nobody who speaks for it', async () => {
    const one = await clerk()
    const [a, b] = [after(one, rename('bob', 'Robert')), after(one, removePerson('bob'))]
    expect(await say(one, changeOf(a))).toBe('accepted')
    const [x, y] = ['x', 'y'].map((name) => edited({ document: a, entries: [], from: [a, b] }, rename('ann', name)))
    if (x === undefined || y === undefined) throw new Error('two documents')
    const next = edited({ document: x, entries: [], from: [x, y] }, rename('ann', 'Ann'))
    const split = [a, b, x, y].map((document) => toBase64url(encodeRoster(document)))
    // By b, bob is nobody; the rule of b was met by whoever accepted x or y.
    expect(await say(one, changeOf(next, { by: 'bob', approvers: ['cleo'], over: { split } }))).toBe('accepted')
  })
})

describe('a change is refused', () => {
  test.each([
    ['without approvals', { approvers: [] }, 'approval_required'],
    ['that only its proposer approves', { approvers: ['ann'] }, 'approval_required'],
    ['that a guardian said no to', { approvers: ['bob'], denied: ['cleo'] }, 'approval_denied'],
    ['A-6 whose approvals have expired', { iat: at - 3_000, until: at - 1 }, 'approval_required'],
    ['whose intent has expired', { iat: at - 3_600 }, 'intent_expired'],
    ['whose intent names another document', { intent: { to: toBase64url(new Uint8Array(32)) } }, 'change_unsound'],
    ['whose document cannot be read', { over: { document: toBase64url(new Uint8Array(8)) } }, 'change_unsound'],
  ] as const)('%s', async (_, proposal, code) => {
    const one = await clerk()
    expect(await say(one, changeOf(after(one, removePerson('cleo')), proposal))).toContain(code)
    expect(one.book.acceptedBeyond()).toEqual([])
  })

  test('W-1 whose evidence is a touch for another change', async () => {
    const one = await clerk()
    const other = changeOf(after(one, rename('bob', 'Robert')))
    expect(await say(one, changeOf(after(one, removePerson('cleo')), { over: { evidence: other.evidence } }))).toBe('assertion_mismatch')
  })

  test('W-1 whose approvals are for another change', async () => {
    const one = await clerk()
    const other = changeOf(after(one, rename('bob', 'Robert')))
    expect(await say(one, changeOf(after(one, removePerson('cleo')), { over: { approvals: other.approvals } }))).toContain('approval_required')
  })

  test('W-6 that gives somebody a passkey that no authenticator made', async () => {
    const one = await clerk()
    const forged = softPasskey().row({ name: 'Forged' })
    expect(await say(one, changeOf(after(one, addPasskey('bob', forged)), { by: 'bob', approvers: ['ann'] }))).toContain('change_unsound')
  })

  test('W-6 that gives somebody a second passkey without their own touch', async () => {
    const one = await clerk()
    const key = softPasskey({ rpId: 'localhost', origin: 'http://localhost:8081' })
    const { document } = one.book.state()
    const made = key.register({ lineage: lineageOf(document), row: 'bob', by: rosterDigest(document) })
    const over = { registrations: [{ row: 'bob', ...made }] }
    const next = after(one, addPasskey('bob', key.row({ name: 'Second' })))
    expect(await say(one, changeOf(next, { by: 'ann', approvers: ['cleo'], over }))).toBe('touch_required')
    expect(await say(one, changeOf(next, { by: 'bob', approvers: ['ann'], over }))).toBe('accepted')
  })
})

describe('TST-35 a new policy', () => {
  const policy = bundleWith(JSON.parse(JSON.stringify(defaultData).replaceAll(/"max_ttl_seconds":\d+/g, '"max_ttl_seconds":60')))
  const files = { wasm: toBase64url(policy.wasm), data: toBase64url(canonical(policy.data)) }

  test('comes with the bundle that the next version names', async () => {
    const one = await clerk()
    const next = after(one, setPolicy(policy.digest))
    expect(await say(one, changeOf(next))).toBe('change_unsound')
    expect(await say(one, changeOf(next, { over: { bundle: { ...files, data: toBase64url(canonical(defaultData)) } } }))).toBe('change_unsound')
    expect(await say(one, changeOf(next, { over: { bundle: files } }))).toBe('accepted')
  })

  test('must evaluate: a program without an entrypoint is not accepted', async () => {
    const one = await clerk()
    const empty = bundleWith(defaultData, new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))
    const over = { bundle: { wasm: toBase64url(empty.wasm), data: toBase64url(canonical(empty.data)) } }
    expect(await say(one, changeOf(after(one, setPolicy(empty.digest)), { over }))).toBe('change_unsound')
    expect(one.book.acceptedBeyond()).toEqual([])
  })
})

describe('an entry of a row', () => {
  const seed = new Uint8Array(32).fill(5)
  const code = ed25519Of(seed)
  const key = softPasskey({ rpId: 'localhost', origin: 'http://localhost:8081' })
  const enrolment = (roster: Roster, passkey = key): Entry => {
    const [lineage, invitation] = [lineageOf(roster), thumbprint(code)]
    const statement = { v: 1, kind: 'enrolment', lineage, row: 'dan', invitation, name: 'Key of Dan', registration: passkey.register({ lineage, row: 'dan', by: invitation }).registration, iat: at } as const
    return { statement, signature: toBase64url(signEd25519(seed, entryBytes(statement))) }
  }
  const invited = async () => {
    const all = await three()
    const [one, two] = all
    const change = changeOf(after(one, invite({ id: 'dan', name: 'Dan', roles: ['engineer'], groups: [] }, { key: code, exp: at + 1_000, uses: ['sign_in'] })))
    const part = partOf({ versions: [certified(change, await askAll([one, two], change))] })
    await Promise.all(all.map((each) => each.adopt(part)))
    return all
  }

  test('lets the invited person in, once certified', async () => {
    const [one, two, last] = await invited()
    const entry = enrolment(one.book.state().document)
    const replies = await Promise.all([one, two].map((each) => each.accept(asked, { v: 1, what: 'entry', entry })))
    expect(replies.map(told)).toEqual(['accepted', 'accepted'])
    const accepts = replies.flatMap((reply) => (reply.result === 'accepted' ? [reply] : []))
    const [first] = accepts
    if (first === undefined) throw new Error('nobody')
    expect(told(await last.adopt(partOf({ entries: [{ entry, certificate: { slot: first.slot, subject: first.subject, accepts: accepts.map(({ accept }) => accept) } }] })))).toBe('adopted 3')
    expect(last.inForce.current().roster.people.find(({ id }) => id === 'dan')?.passkeys.map(({ id }) => id)).toEqual([key.id])
  })

  test('another passkey for the same invitation is refused, for good', async () => {
    const [one] = await invited()
    const { document } = one.book.state()
    expect(told(await one.accept(asked, { v: 1, what: 'entry', entry: enrolment(document) }))).toBe('accepted')
    const other = softPasskey({ rpId: 'localhost', origin: 'http://localhost:8081' })
    expect(told(await one.accept(asked, { v: 1, what: 'entry', entry: enrolment(document, other) }))).toBe('change_conflict')
  })

  test('after the invitation has ended by this signer’s clock it is refused', async () => {
    const [one] = await invited()
    one.clock.now = at + 1_000
    expect(told(await one.accept(asked, { v: 1, what: 'entry', entry: enrolment(one.book.state().document) }))).toBe('invitation_expired')
  })

  test('by another key than the invitation’s it is refused', async () => {
    const [one] = await invited()
    const entry = enrolment(one.book.state().document)
    expect(told(await one.accept(asked, { v: 1, what: 'entry', entry: { ...entry, signature: toBase64url(signEd25519(new Uint8Array(32).fill(6), entryBytes(entry.statement))) } }))).toBe('proof_invalid')
  })
})

describe('a signer gives no word', () => {
  test('that it could not write down', async () => {
    let broken = false
    let signed = 0
    const one = await clerk({ record: (journal) => (...all) => (broken ? undefined : journal.record(...all)), certify: async () => { signed += 1; return new Uint8Array(64) } })
    broken = true
    expect(await say(one, changeOf(after(one, removePerson('cleo'))))).toBe('ill')
    expect(signed).toBe(0)
    expect(one.book.failing()).toBe(true)
  })

  test('while its clock cannot be trusted', async () => {
    const one = await clerk()
    const change = changeOf(after(one, setLimits({ rate: 100 })))
    one.journal.record([{ verdict: 'refused', request: new Uint8Array(32), intent: undefined }], at + 10_000)
    expect(await say(one, change)).toBe('not_ready')
  })

  test('by a version that is no longer in force when it would sign', async () => {
    const gate = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    const ground = peopled()
    const slow = await clerk({ ...ground, id: 1, steps: { async acceptJudged() { reached.resolve(); await gate.promise }, accepted() {}, certified() {} } })
    const [two, three_] = await Promise.all([clerk({ ...ground, id: 2 }), clerk({ ...ground, id: 3 })])
    const change = changeOf(after(two, removePerson('cleo')))
    const late = say(slow, changeOf(after(slow, rename('bob', 'Robert'))))
    await reached.promise
    await slow.adopt(partOf({ versions: [certified(change, await askAll([two, three_], change))] }))
    gate.resolve()
    expect(await late).toBe('roster_behind')
  })
})
