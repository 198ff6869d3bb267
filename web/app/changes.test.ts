import { describe, expect, test } from 'vitest'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { ChangesResponse } from '@symbolon/protocol/http.ts'
import { encodeIntent, intentDigest, rosterIntent, type RosterIntent } from '@symbolon/protocol/intent.ts'
import { setRoles, successor } from '@symbolon/roster/edit.ts'
import { encodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import { judgeChange, mayDecide, prepareDraft } from './changes.ts'
import { now } from './intents.ts'
import { filled, lineage, peopled, viewOf } from './roster.testkit.ts'

type Listed = ChangesResponse['changes'][number]

const document = peopled(['ann', 'bob'])
const view = viewOf(document)

function nextWith(...edits: Parameters<typeof successor>[1][]): Roster {
  const edited = successor({ document, entries: [] }, ...edits)
  if (!edited.ok) throw new Error(edited.problems.join())
  return edited.document
}
const next = nextWith(setRoles('bob', ['sre']))

const assertion = { credential: filled(16, 1), authenticator_data: filled(37, 1), client_data: filled(8, 1), signature: filled(64, 1) }
const approvalBy = (approver: string, intent: Base64url, decision: 'approve' | 'deny' = 'approve', iat = 1_800_000_000): Listed['change']['approvals'][number] => ({ v: 1, intent, approver, decision, iat, exp: iat + 300, assertion })

const intentFor = (change: Partial<RosterIntent>): RosterIntent =>
  rosterIntent.parse({ v: 1, kind: 'roster', nonce: filled(16, 7), iat: now(), exp: now() + 300, iss: view.deployment.issuer, lineage, sub: 'ann', version: next.version, from: next.previous, to: rosterDigest(next), ...change })

function listed(change: Partial<RosterIntent> = {}, more: Partial<Listed> = {}): Listed {
  const bytes = encodeIntent(intentFor(change))
  const digest = toBase64url(intentDigest(bytes))
  return { digest, version: next.version, state: 'pending', needed: 1, approvers: [], denied: [], proposer: 'ann', iat: 0, exp: 0, change: { v: 1, document: toBase64url(encodeRoster(next)), intent: toBase64url(bytes), evidence: [{ kind: 'key', proof: 'a.a.a' }], approvals: [], registrations: [], split: [] }, ...more }
}
const withApprovals = (told: Listed, ...approvals: Listed['change']['approvals']): Listed => ({ ...told, change: { ...told.change, approvals } })

function seen(told: Listed) {
  const judged = judgeChange(told, view)
  if (!judged.ok) throw new Error(judged.error.title)
  return judged.value
}
const whyNot = (told: Listed): string => {
  const judged = judgeChange(told, view)
  return judged.ok ? 'shown' : `${judged.error.code}: ${judged.error.title}`
}

describe('a change is what its proposer signed', () => {
  test('its difference, proposer and approvals follow from the bytes', () => {
    const told = listed()
    const change = seen(withApprovals(told, approvalBy('bob', told.digest)))
    expect(change.diff[0]).toMatchObject({ sentence: 'bob gets role sre.', weight: 'danger' })
    expect(change).toMatchObject({ digest: told.digest, intent: { sub: 'ann' }, approvals: { needed: 1, approved: ['bob'] }, overtaken: false })
  })

  test.each<[string, (told: Listed) => Listed, string]>([
    ['A-4 another document', (told) => ({ ...told, change: { ...told.change, document: toBase64url(encodeRoster(nextWith(setRoles('bob', ['admin-of-all'])))) } }), 'The api shows another document than the proposer signed'],
    ['no document', (told) => ({ ...told, change: { ...told.change, document: filled(12, 1) } }), 'The api shows another document than the proposer signed'],
    ['another name', (told) => ({ ...told, digest: filled(32, 5) }), 'The api shows a change under the name of another'],
    ['no intent', (told) => ({ ...told, change: { ...told.change, intent: filled(12, 1) } }), 'The api shows a change that nobody signed as such'],
    ['an intent of another kind', (told) => ({ ...told, change: { ...told.change, intent: toBase64url(encodeIntent({ v: 1, kind: 'lock', nonce: filled(16, 1), iat: 1, exp: 2, iss: view.deployment.issuer, lineage, sub: 'ann', row: 'bob' })) } }), 'The api shows a change that nobody signed as such'],
    ['another version', () => listed({ version: 9 }), 'The api shows another document than the proposer signed'],
    ['another deployment', () => listed({ lineage: filled(32, 6) }), 'This change was signed for another deployment'],
    ['another issuer', () => listed({ iss: 'https://evil.example' }), 'This change was signed for another deployment'],
  ])('%s is not shown', (_case, lie, title) => expect(whyNot(lie(listed()))).toBe(`change_untrusted: ${title}`))

  test('words of the api about proposer, approvals and version change nothing', () => {
    const change = seen(listed({}, { proposer: 'bob', approvers: ['ann', 'bob'], needed: 0, version: 77 }))
    expect(change).toMatchObject({ intent: { sub: 'ann', version: 3 }, approvals: { needed: 1, approved: [] } })
  })

  test('A-2 A-3 neither the proposer’s approval counts, nor a stranger’s, nor one of another change, nor one twice', () => {
    const told = listed()
    const change = seen(withApprovals(told, approvalBy('ann', told.digest), approvalBy('eve', told.digest), approvalBy('bob', filled(32, 8)), approvalBy('bob', told.digest), approvalBy('bob', told.digest)))
    expect(change.approvals.approved).toEqual(['bob'])
    expect(seen(withApprovals(told, approvalBy('bob', filled(32, 8)))).approvals.approved).toEqual([])
  })

  test('of two words of one person the newer one counts', () => {
    const told = listed()
    const change = seen(withApprovals(told, approvalBy('bob', told.digest, 'deny', 1_800_000_010), approvalBy('bob', told.digest)))
    expect(change).toMatchObject({ denied: ['bob'], approvals: { approved: [] } })
  })

  test('what builds on another version is overtaken, and cannot be decided on', () => {
    const change = seen(listed({ from: [filled(32, 9)] }))
    expect(change).toMatchObject({ overtaken: true, diff: [] })
    expect(mayDecide(change, view, 'bob')).toBe(false)
  })
})

describe('who may decide', () => {
  test.each<[string, string, Listed, boolean]>([
    ['another guardian', 'bob', listed(), true],
    ['A-2 its proposer', 'ann', listed(), false],
    ['somebody else', 'eve', listed(), false],
    ['a guardian, when it is refused', 'bob', listed({}, { state: 'refused' }), false],
    ['A-5 a guardian, when it has ended', 'bob', listed({ iat: 1, exp: 2 }), false],
  ])('%s', (_case, who, told, may) => expect(mayDecide(seen(told), view, who)).toBe(may))
})

describe('a draft from elsewhere', () => {
  const draft = (document: Roster) => prepareDraft({ v: 1, document: toBase64url(encodeRoster(document)) }, view, 'ann')
  const whyNotDraft = (document: Roster): string => {
    const prepared = draft(document)
    return prepared.ok ? 'prepared' : prepared.error.title
  }

  test('becomes an intent that is built here, over exactly its digest', () => {
    const prepared = draft(next)
    expect(prepared.ok && prepared.value).toMatchObject({ asked: { intent: { kind: 'roster', sub: 'ann', version: 3, from: [view.digest], to: rosterDigest(next), lineage } }, approvals: { needed: 1, open: ['bob'], alone: false } })
    expect(prepared.ok && prepared.value.asked.intent.exp - prepared.value.asked.intent.iat).toBe(86_400)
  })

  test.each<[string, Roster, string]>([
    ['one that follows another version', { ...next, previous: [filled(32, 3)] }, 'This draft does not follow version 2, which is in force'],
    ['one that skips a version', { ...next, version: 4 }, 'This draft does not follow version 2, which is in force'],
    ['one of another deployment', { ...next, lineage: filled(32, 3) }, 'This draft is for another deployment'],
    ['another policy without a bundle', { ...next, policy: filled(32, 3) }, 'This draft names another policy and brings none'],
    ['an unsound one', { ...next, default_audience: 'https://elsewhere.example' }, 'default_audience: must be one of audiences'],
    ['one that changes nothing', { ...document, version: 3, previous: [view.digest] }, 'Nothing would change'],
  ])('%s is not taken', (_case, document, title) => expect(whyNotDraft(document)).toBe(title))

  test('nor what is no roster', () => expect(prepareDraft({ v: 1, document: filled(9, 1) }, view, 'ann')).toMatchObject({ ok: false, error: { title: 'This draft is no roster' } }))
})
