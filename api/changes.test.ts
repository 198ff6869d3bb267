import { afterEach, describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, type Intent } from '@symbolon/protocol/intent.ts'
import { reasonOf } from '@symbolon/protocol/reason.ts'
import { at, digestOf, keyEvidence } from '@symbolon/policy/judge.testkit.ts'
import { approvalOf, askOf, flipped, keys, makePeople, touch } from '@symbolon/policy/people.testkit.ts'
import { memoryLimiter } from '@symbolon/front/front.testkit.ts'
import { post, startApi, type Faked, type TestApi } from './api.testkit.ts'
import { memoryChanges, proposed, strictSigners } from './changes.testkit.ts'
import { resubmit, type ChangeParts } from './changes.ts'

const world = makePeople()
let api: TestApi
let signers: ReturnType<typeof strictSigners>
let store: ReturnType<typeof memoryChanges>
let parts: ChangeParts
async function open(more: Partial<ChangeParts> = {}, faked: Faked = {}): Promise<void> {
  signers = strictSigners(world)
  store = memoryChanges()
  api = await startApi({ ...faked, made: world, clock: () => at, changes: (honest) => (parts = { ...honest, store, wire: signers.wire, ...more }), overview: { status: async () => ({ signers: [{ id: 1, name: 'signer-1', healthy: true, epoch: 1, roster: 2, policy: '', commitments: 1 }] }) as never } })
}
afterEach(() => api.close())

const idOf = (intent: Intent) => toBase64url(digestOf(intent))
const propose = (given: ReturnType<typeof proposed>) => post(api, '/v1/changes', { change: given.change })
const approve = (intent: Intent, approval: unknown) => post(api, '/v1/changes/approvals', { digest: idOf(intent), approval })
const read = (what: 'roster' | 'changes', path = what === 'roster' ? '/v1/roster' : '/v1/changes/list') => {
  const intent = askOf(world, { kind: 'read', what })
  return post(api, path, { intent: toBase64url(encodeIntent(intent)), evidence: [touch(intent)] })
}

describe('POST /v1/changes and /v1/changes/approvals', () => {
  test('a proposal waits, approvals come one by one, the last that is needed makes it', async () => {
    await open()
    const given = proposed(world)
    expect(await propose(given)).toMatchObject({ status: 200, body: { digest: idOf(given.intent), version: 3, state: 'pending', needed: 2, approvers: [], denied: [] } })
    expect(await approve(given.intent, approvalOf(given.intent, 'bob'))).toMatchObject({ status: 200, body: { state: 'pending', approvers: ['bob'] } })
    expect(signers.accepted).toEqual([])
    expect(await approve(given.intent, approvalOf(given.intent, 'cat'))).toMatchObject({ status: 200, body: { state: 'accepted' } })
    expect(signers.accepted).toEqual([given.change.intent])
  })

  test('with its approvals it is accepted at once', async () => {
    await open()
    expect(await propose(proposed(world, { approvers: ['bob', 'cat'] }))).toMatchObject({ status: 200, body: { state: 'accepted' } })
  })

  test('A-5 fifty approvals at once hand it to the signers once', async () => {
    await open()
    const given = proposed(world, { approvers: ['bob'] })
    await propose(given)
    const before = signers.asked.length
    const answers = await Promise.all(Array.from({ length: 50 }, () => approve(given.intent, approvalOf(given.intent, 'cat'))))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect([signers.asked.length - before, signers.accepted.length]).toEqual([1, 1])
  })

  test('sent again it is the same proposal, and says how it stands', async () => {
    await open()
    const given = proposed(world)
    await propose(given)
    await approve(given.intent, approvalOf(given.intent, 'bob'))
    expect(await propose(given)).toMatchObject({ status: 200, body: { state: 'pending', approvers: ['bob'] } })
    expect(store.rows.size).toBe(1)
  })

  test('A-9 a guardian’s no ends it', async () => {
    await open()
    const given = proposed(world)
    await propose(given)
    expect(await approve(given.intent, approvalOf(given.intent, 'bob', { decision: 'deny' }))).toMatchObject({ status: 200, body: { state: 'refused', denied: ['bob'], reasons: [{ code: 'approval_denied' }] } })
    expect(await approve(given.intent, approvalOf(given.intent, 'cat'))).toMatchObject({ status: 200, body: { state: 'refused' } })
    expect(signers.accepted).toEqual([])
  })

  test('what signers find unsound is told at once, and kept for nobody', async () => {
    await open({ wire: { ...strictSigners(world).wire, change: async () => ({ ok: true, value: { v: 1, state: 'refused', reasons: [reasonOf('change_unsound', 'No.'), reasonOf('approval_required', 'Two.')], words: [{ signer: 1, state: 'refused', code: 'change_unsound' }] } }) } })
    expect(await propose(proposed(world))).toMatchObject({ status: 400, body: { code: 'change_unsound', reasons: [{}, { code: 'approval_required' }], words: [{ signer: 1, state: 'refused' }] } })
    expect(store.rows.size).toBe(0)
  })

  test('signers that cannot be asked are asked again', async () => {
    let down = true
    await open()
    const wire = { ...signers.wire, change: async (request: Parameters<typeof signers.wire.change>[0]) => (down ? ({ ok: false, code: 'quorum_unavailable' } as const) : signers.wire.change(request)) }
    await api.close()
    await open({ wire })
    const given = proposed(world, { approvers: ['bob', 'cat'] })
    expect(await propose(given)).toMatchObject({ status: 200, body: { state: 'pending', approvers: ['bob', 'cat'], waits_for: 'quorum_unavailable' } })
    down = false
    await resubmit(parts)
    expect(store.rows.get(idOf(given.intent))?.decided).toBe(true)
  })

  test.each<[string, (given: ReturnType<typeof proposed>) => unknown, string, number?]>([
    ['A-2 of the proposer', ({ intent }) => approvalOf(intent, 'ann'), 'approval_invalid'],
    ['of somebody who is no guardian', ({ intent }) => approvalOf(intent, 'dan'), 'not_a_guardian'],
    ['A-4 altered by a bit', ({ intent }) => { const good = approvalOf(intent, 'bob'); return { ...good, assertion: { ...good.assertion, signature: flipped(good.assertion.signature, 99) } } }, 'assertion_invalid', 401],
    ['A-4 under another name', ({ intent }) => ({ ...approvalOf(intent, 'bob'), approver: 'cat' }), 'subject_mismatch'],
    ['A-4 a no turned into a yes', ({ intent }) => ({ ...approvalOf(intent, 'bob', { decision: 'deny' }), decision: 'approve' }), 'assertion_mismatch'],
    ['expired', ({ intent }) => approvalOf(intent, 'bob', { iat: at - 700, exp: at - 100 }), 'approval_expired'],
    ['for another change', () => approvalOf(proposed(world, { next: { rate: 7 } }).intent, 'bob'), 'approval_invalid'],
    ['W-1 made of a sign-in', ({ intent }) => ({ ...approvalOf(intent, 'bob'), assertion: keys.bob.assert(digestOf(intent)) }), 'assertion_mismatch'],
  ])('an approval %s is turned down and not kept', async (_name, make, code, status = 403) => {
    await open()
    const given = proposed(world)
    await propose(given)
    const answer = await approve(given.intent, make(given))
    expect([answer.status, answer.body['code']]).toEqual([status, code])
    expect(store.rows.get(idOf(given.intent))?.approvals).toEqual([])
  })

  test('an approval of a change that nobody knows is 404', async () => {
    await open()
    const { intent } = proposed(world)
    expect(await approve(intent, approvalOf(intent, 'bob'))).toMatchObject({ status: 404, body: { code: 'change_unknown' } })
  })
})

describe('D-4 what costs nothing is looked at first', () => {
  const judgedNothing = async (change: unknown, code: string) => {
    let ruled = 0
    await open({}, { judges: (honest) => ({ ...honest, rule: (...given) => ((ruled += 1), honest.rule(...given)) }) })
    const answer = await post(api, '/v1/changes', { change })
    expect([answer.body['code'], ruled, signers.asked.length]).toEqual([code, 0, 0])
  }
  const { change } = proposed(world)
  test('a document that the intent does not name', () => judgedNothing({ ...change, document: proposed(world, { next: { rate: 9 } }).change.document }, 'change_unsound'))
  test('a document that is none', () => judgedNothing({ ...change, document: 'e30' }, 'change_unsound'))
  test('an intent of another kind', () => judgedNothing({ ...change, intent: toBase64url(encodeIntent(askOf(world, { kind: 'lock', row: 'bob' }))) }, 'intent_malformed'))
  test('a version that was passed', () => judgedNothing(proposed(world, { intent: { version: 2 } }).change, 'change_conflict'))
  test('no evidence', () => judgedNothing({ ...change, evidence: [] }, 'unauthenticated'))
  test('U-3 a field too many', () => judgedNothing({ ...change, approvers: ['bob', 'cat'] }, 'malformed'))

  test('large bodies are counted apart, per address', async () => {
    await open({}, { heavy: memoryLimiter('heavy', 1) })
    await propose(proposed(world))
    expect(await propose(proposed(world))).toMatchObject({ status: 429, body: { code: 'limited' } })
    expect((await read('changes')).status).toBe(200)
  })

  test('and every principal has a limit', async () => {
    await open({}, { identities: memoryLimiter('identity', 1) })
    expect((await read('changes')).status).toBe(200)
    expect(await propose(proposed(world))).toMatchObject({ status: 429, body: { code: 'limited' } })
  })

  test('only a body of this route may be large', async () => {
    await open()
    const { change: large } = proposed(world)
    expect((await post(api, '/v1/changes', JSON.stringify({ change: large }).padEnd(200_000, ' '))).status).toBe(200)
    expect((await post(api, '/v1/changes/approvals', '{}'.padEnd(70_000, ' '))).status).toBe(413)
  })
})

describe('reading', () => {
  test('the roster, its history, and which version each signer has', async () => {
    await open()
    expect(await read('roster')).toMatchObject({ status: 200, body: { version: 2, entries: [], stops: [], history: [], signers: [{ id: 1, name: 'signer-1', version: 2 }], document: expect.any(String), digest: expect.any(String) } })
  })

  test('the changes that wait, with all that was signed', async () => {
    await open()
    const given = proposed(world)
    await propose(given)
    await approve(given.intent, approvalOf(given.intent, 'bob'))
    expect(await read('changes')).toMatchObject({ status: 200, body: { version: 2, changes: [{ digest: idOf(given.intent), state: 'pending', proposer: 'ann', approvers: ['bob'], needed: 2, change: { document: given.change.document, approvals: [{ approver: 'bob' }] } }] } })
  })

  test('an intent for one thing reads no other, and one that is no read reads nothing', async () => {
    await open()
    expect(await read('roster', '/v1/changes/list')).toMatchObject({ status: 400, body: { code: 'intent_malformed' } })
    const intent = askOf(world, { kind: 'lock', row: 'bob' })
    expect(await post(api, '/v1/roster', { intent: toBase64url(encodeIntent(intent)), evidence: [touch(intent)] })).toMatchObject({ status: 400, body: { code: 'intent_malformed' } })
  })

  test('a service reads by its key; somebody else’s touch reads nothing', async () => {
    await open()
    const intent = askOf(world, { kind: 'read', what: 'roster', sub: 'ci' })
    expect((await post(api, '/v1/roster', { intent: toBase64url(encodeIntent(intent)), evidence: [keyEvidence(world, intent)] })).status).toBe(200)
    expect(await post(api, '/v1/roster', { intent: toBase64url(encodeIntent(intent)), evidence: [touch(intent)] })).toMatchObject({ status: 403 })
  })
})

describe('POST /v1/stops', () => {
  const lock = askOf(world, { kind: 'lock', row: 'bob' })
  const body = { intent: toBase64url(encodeIntent(lock)), evidence: [touch(lock)] }
  const words = (...states: ('kept' | 'refused' | 'unreachable')[]) => ({ ...strictSigners(world).wire, stop: async () => ({ ok: true as const, value: { v: 1 as const, words: states.map((state, at) => ({ signer: at + 1, state })), reasons: [reasonOf('not_a_guardian', 'No.')] } }) })

  test('kept by t signers it holds, and this process hears of it at once', async () => {
    let followed = 0
    await open({ wire: words('kept', 'unreachable', 'kept'), follow: async () => void (followed += 1) })
    expect(await post(api, '/v1/stops', body)).toMatchObject({ status: 200, body: { digest: idOf(lock), signers: [{ state: 'kept' }, {}, { state: 'kept' }] } })
    expect(followed).toBe(1)
  })
  test('kept by fewer it is to be sent again', async () => {
    await open({ wire: words('kept', 'unreachable', 'unreachable') })
    expect(await post(api, '/v1/stops', body)).toMatchObject({ status: 503, body: { code: 'quorum_unavailable', words: [{ state: 'kept' }, {}, {}] } })
  })
  test('refused by so many that it cannot be kept, it says why', async () => {
    await open({ wire: words('refused', 'refused', 'kept') })
    expect(await post(api, '/v1/stops', body)).toMatchObject({ status: 403, body: { code: 'not_a_guardian' } })
  })
  test('an early no asks no signer', async () => {
    await open()
    const intent = askOf(world, { kind: 'lock', row: 'bob', sub: 'dan' })
    expect(await post(api, '/v1/stops', { intent: toBase64url(encodeIntent(intent)), evidence: [touch(intent, keys.dan)] })).toMatchObject({ status: 403, body: { code: 'not_a_guardian' } })
  })
})

test('H-5 the console may call all of these', async () => {
  await open()
  const given = proposed(world)
  expect(await post(api, '/v1/changes', { change: given.change }, { origin: 'http://localhost:8081' })).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': 'http://localhost:8081' } })
  for (const path of ['/v1/roster', '/v1/changes', '/v1/changes/list', '/v1/changes/approvals', '/v1/entries', '/v1/stops']) expect((await post(api, path, '{}', { origin: 'https://evil.example' })).body['code']).toBe('origin_not_allowed')
})
