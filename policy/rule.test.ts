import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { Approval } from '@symbolon/protocol/approval.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import type { Ruling } from './judge.ts'
import { at, digestOf, idTokenEvidence, intentOf, keyEvidence, request } from './judge.testkit.ts'
import { approvalOf, askOf, flipped, judgeOf, keys, makePeople, rosterOf, ruling, touch, type Name } from './people.testkit.ts'

const world = makePeople()
const { rule, judge, explain } = judgeOf(world)
const codes = (ruled: Ruling): readonly string[] => (ruled.verdict === 'refused' ? ruled.reasons.map(({ code }) => code) : [ruled.verdict])
const propose = (approvals: readonly Approval[] = [], intent = rosterOf(world), clock = at) => rule(ruling(intent, [touch(intent)], approvals), clock)

describe('a roster change', () => {
  test('is proposed by a person’s touch; who said what about it is told, not weighed', () => {
    const intent = rosterOf(world)
    expect(propose([approvalOf(intent, 'cat'), approvalOf(intent, 'bob')], intent)).toMatchObject({
      verdict: 'granted',
      digest: digestOf(intent),
      intent,
      principal: { id: 'ann', kind: 'person' },
      touch: true,
      passkeyUses: ['sign_in', 'approve'],
      passkey: { credential: keys.ann.id, counter: expect.any(Number) },
      approvers: ['bob', 'cat'],
      denied: [],
      dismissed: [],
    })
  })

  test('the uses of the passkey that was touched come along: one that may not approve is told', () => {
    const intent = rosterOf(world, { sub: 'dan' })
    expect(rule(ruling(intent, [touch(intent, keys.dan)]), at)).toMatchObject({ verdict: 'granted', principal: { id: 'dan' }, passkeyUses: ['sign_in'] })
  })

  test('I-1 Ann’s, with Bob’s evidence, is refused, whoever approved it', () => {
    const intent = rosterOf(world)
    const approvals = [approvalOf(intent, 'cat')]
    expect(rule(ruling(intent, [touch(intent, keys.bob)], approvals), at)).toMatchObject({ verdict: 'refused' })
    expect(rule(ruling({ ...intent, sub: 'bob' }, [touch({ ...intent, sub: 'bob' }, keys.bob)], approvals), at)).toMatchObject({ verdict: 'granted', principal: { id: 'bob' }, approvers: [], dismissed: [{ code: 'approval_invalid', rule: 'approval.intent' }] })
  })

  test('C-1 is not proposed by a service’s key, a job, or a token', () => {
    const service = rosterOf(world, { sub: 'ci' })
    const job = rosterOf(world, { sub: 'deploy' })
    expect(codes(rule(ruling(service, [keyEvidence(world, service)]), at))).toEqual(['evidence_kind_unsupported'])
    expect(codes(rule(ruling(job, [idTokenEvidence(world, job)]), at))).toEqual(['evidence_kind_unsupported'])
  })

  test.each([
    ['lives as long as the guardians wait', { exp: at + 3600 }, at, 'granted'],
    ['longer is refused', { exp: at + 3601 }, at, 'intent_window_too_long'],
    ['is granted until it ends', { exp: at + 3600 }, at + 3599, 'granted'],
    ['and not after', { exp: at + 3600 }, at + 3600, 'intent_expired'],
    ['not before it begins', {}, at - 61, 'intent_not_yet_valid'],
    ['of another deployment', { iss: 'http://localhost:1' }, at, 'wrong_deployment'],
    ['of another lineage', { lineage: toBase64url(new Uint8Array(32)) }, at, 'wrong_deployment'],
    ['on behalf of another', { as: 'bob' }, at, 'impersonation_not_allowed'],
  ] as const)('R-3 I-1 %s', (_, change, clock, code) => expect(codes(propose([], rosterOf(world, change), clock))).toEqual([code]))

  test('a touch for a request cannot become one for a change, nor the reverse', () => {
    const token = intentOf(world, { sub: 'ann' })
    const change = rosterOf(world)
    expect(codes(rule(ruling(change, [touch(token)]), at))).toEqual(['assertion_mismatch'])
    expect(judge(request(world, token, [touch(change)]), at)).toMatchObject({ reasons: [{ code: 'assertion_mismatch' }] })
  })
})

describe('approvals', () => {
  const intent = rosterOf(world)
  const count = (...approvals: readonly Approval[]) => {
    const ruled = propose(approvals, intent)
    return ruled.verdict === 'granted' ? { approvers: ruled.approvers, denied: ruled.denied, dismissed: ruled.dismissed.map(({ code }) => code) } : ruled
  }

  test('A-2 the requester does not count', () => expect(count(approvalOf(intent, 'ann'), approvalOf(intent, 'bob'))).toEqual({ approvers: ['bob'], denied: [], dismissed: ['approval_invalid'] }))

  test('A-3 one person counts once, however often', () => expect(count(approvalOf(intent, 'bob'), approvalOf(intent, 'bob', { exp: at + 601 }), approvalOf(intent, 'bob'))).toEqual({ approvers: ['bob'], denied: [], dismissed: [] }))

  test('A-3 one person with two passkeys is one person', () => {
    const second = keys.cat
    const people = world.roster.people.map((row) => (row.id === 'bob' ? { ...row, passkeys: [...row.passkeys, second.row()] } : row.id === 'cat' ? { ...row, passkeys: [] } : row))
    const two = makePeople({ people, roster: { guardians: { people: ['ann', 'bob'], count: 1, window: 3600 } } })
    const asked = rosterOf(two)
    const other = second.approve({ intent: toBase64url(digestOf(asked)), approver: 'bob', decision: 'approve', iat: at, exp: at + 600 }, { userHandle: null })
    expect(judgeOf(two).rule(ruling(asked, [touch(asked)], [approvalOf(asked, 'bob'), other]), at)).toMatchObject({ approvers: ['bob'], dismissed: [] })
  })

  test('A-9 a no is told, and stands above a yes of the same person', () =>
    expect([count(approvalOf(intent, 'bob', { decision: 'deny' }), approvalOf(intent, 'bob')), count(approvalOf(intent, 'bob'), approvalOf(intent, 'bob', { decision: 'deny' }))]).toEqual([{ approvers: [], denied: ['bob'], dismissed: [] }, { approvers: [], denied: ['bob'], dismissed: [] }]))

  test('A-5 one that has expired by the clock of whoever counts does not', () => {
    const short = approvalOf(intent, 'bob', { exp: at + 10 })
    expect(propose([short], intent, at + 9)).toMatchObject({ approvers: ['bob'] })
    expect(propose([short], intent, at + 10)).toMatchObject({ approvers: [], dismissed: [{ code: 'approval_expired' }] })
  })

  test('a passkey that may not approve does not', () => expect(count(approvalOf(intent, 'dan'))).toEqual({ approvers: [], denied: [], dismissed: ['passkey_use'] }))

  test('A-6 nor one of somebody locked, or removed', () => {
    const approvals = [approvalOf(intent, 'bob'), approvalOf(intent, 'cat')]
    expect(judgeOf(world, { revoked: [], locked: [{ row: 'bob', until: at + 1 }] }).rule(ruling(intent, [touch(intent)], approvals), at)).toMatchObject({ approvers: ['cat'], dismissed: [{ code: 'locked' }] })
    const without = makePeople({ people: world.roster.people.filter(({ id }) => id !== 'bob'), roster: { guardians: { people: ['ann', 'cat'], count: 1, window: 3600 } } })
    expect(judgeOf(without).rule(ruling(intent, [touch(intent)], approvals), at)).toMatchObject({ approvers: ['cat'], dismissed: [{ code: expect.stringMatching(/^(passkey_unknown|approval_invalid)$/) as string }] })
  })

  test('what does not verify is passed over: nobody on the way can undo what others said by adding to it', () => {
    const forged = { ...approvalOf(intent, 'bob'), approver: 'cat' }
    expect(count(forged, approvalOf(intent, 'bob'), approvalOf(rosterOf(world), 'cat', { decision: 'deny' }))).toMatchObject({ approvers: ['bob'], denied: [] })
  })

  test('A-4 C-1 one bit turned anywhere, and it does not count', () => {
    const approval = approvalOf(intent, 'bob')
    const text = (bit: number) =>
      fc.constantFrom<Approval>(
        { ...approval, intent: flipped(approval.intent, bit) as Approval['intent'] },
        { ...approval, approver: 'cat' },
        { ...approval, decision: 'deny' },
        { ...approval, iat: approval.iat + 1 + (bit % 7) },
        { ...approval, exp: approval.exp + 1 + (bit % 7) },
        ...(['authenticator_data', 'client_data', 'signature'] as const).map((name) => ({ ...approval, assertion: { ...approval.assertion, [name]: flipped(approval.assertion[name], bit) } })),
      )
    fc.assert(
      fc.property(fc.nat(4095).chain(text), (changed) => {
        expect(count(changed)).toMatchObject({ approvers: [], denied: [] })
      }),
      { numRuns: 150 },
    )
  })
})

describe('reading', () => {
  const read = (sub: string, evidence: (intent: ReturnType<typeof askOf>) => Evidence) => {
    const intent = askOf(world, { kind: 'read', what: 'changes', sub })
    return codes(rule(ruling(intent, [evidence(intent)]), at))
  }
  test('is for people and services of the roster, not for jobs', () => {
    expect(read('ann', (intent) => touch(intent))).toEqual(['granted'])
    expect(read('ci', (intent) => keyEvidence(world, intent))).toEqual(['granted'])
    expect(read('deploy', (intent) => idTokenEvidence(world, intent))).toEqual(['policy_denied'])
  })
})

test('each question takes its own kinds of intent', () => {
  const token = intentOf(world, { sub: 'ann' })
  const dry = intentOf(world, { sub: 'ann', dry: true })
  const change = rosterOf(world)
  const read = askOf(world, { kind: 'read', what: 'roster' })
  const asked = (intent: Parameters<typeof touch>[0]) => ({ ...ruling(intent, [touch(intent)]), asserted: {} })
  expect([token, dry, change, read].map((intent) => codes(rule(asked(intent), at))[0])).toEqual(['intent_malformed', 'intent_malformed', 'granted', 'granted'])
  const verdicts = (ask: typeof judge | typeof explain) => [token, dry, change, read].map((intent) => ask(asked(intent), at)).map((judged) => (judged.verdict === 'refused' ? judged.reasons[0].code : judged.verdict))
  expect(verdicts(judge)).toEqual(['granted', 'intent_dry', 'intent_malformed', 'intent_malformed'])
  expect(verdicts(explain)).toEqual(['intent_dry', 'granted', 'intent_malformed', 'intent_malformed'])
})

test('the half that believes its evidence can be reached through rule() only', () => {
  const { resolve } = createRequire(import.meta.url)
  expect(() => resolve('@symbolon/policy/rule.ts')).toThrow(expect.objectContaining({ code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }))
})

test('D-1 a ruling never throws on what it is sent', () => {
  const intent = rosterOf(world)
  const good = touch(intent)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom<Name>('ann', 'bob'), (bytes, name) => {
      expect(rule({ intent: bytes, evidence: [good], approvals: [] }, at).verdict).toBe('refused')
      const assertion = { credential: keys[name].id, authenticator_data: toBase64url(bytes), client_data: toBase64url(bytes), signature: toBase64url(bytes) }
      expect(rule(ruling(intent, [{ kind: 'passkey', assertion }], [{ ...approvalOf(intent, name), assertion }]), at).verdict).toBe('refused')
    }),
    { numRuns: 50 },
  )
})
