import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fromBase64url, fromUtf8, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { OpenOutcome } from '@symbolon/protocol/open.ts'
import { coordinate as coordinateOn, settle, type TestCoordinator } from './coordinator.testkit.ts'
import { deploy, freshBoot, type Deployment, type Misbehaviour } from './fake-signer.testkit.ts'
import { openWish } from './fake-vault-side.testkit.ts'
import { openByQuorum } from './open-quorum.ts'

/* Who opens, against signers that lie in each place, on a clock that stands still until it is told to go on. */

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const next = () => vi.advanceTimersToNextTimerAsync()
const coordinate = (deployment: Deployment) => coordinateOn(deployment, next)
const misbehave = ({ signers }: Deployment, how: Misbehaviour | undefined, ...ids: number[]) => {
  for (const signer of signers) if (ids.includes(signer.id)) signer.misbehaves = how
  const [first, second] = signers
  if (first !== undefined && second !== undefined) for (const signer of signers) signer.vault.other = signer.id === first.id ? second : first
}
const openersOf = (outcome: OpenOutcome) => (outcome.outcome === 'opened' ? outcome.opened.map(({ signer }) => signer) : expect.unreachable())
const stateOf = ({ parts }: OpenOutcome, id: number) => parts.find(({ signer }) => signer === id)
const callsOf = ({ signers }: Deployment) => signers.flatMap(({ vault }) => vault.calls)
const asked = ({ signers }: Deployment) => signers.filter(({ vault }) => vault.opened.length > 0).map(({ id }) => id)

/** Each is known to the coordinator as a fault of that signer. */
const lies: readonly [Misbehaviour, string][] = [
  ['foreign_certificate', 'signature_invalid'],
  ['certificate_of_another', 'signature_invalid'],
  ['unsigned_reply', 'signature_invalid'],
  ['reply_of_another_request', 'signature_invalid'],
  ['forged_refusal', 'signature_invalid'],
  ['refusal_of_another_request', 'signature_invalid'],
  ['refusal_of_other_evidence', 'signature_invalid'],
  ['too_few_answers', 'reply_malformed'],
  ['nonsense', 'reply_malformed'],
]
/** What it is said to have done, when all is over. */
const failures: readonly [Misbehaviour, object][] = [
  ['down', { state: 'unreachable' }],
  ['silent', { state: 'unused' }],
  ['slow', { state: 'unused' }],
  ['ill', { state: 'not_now', code: 'ill' }],
  ['wrong_epoch', { state: 'not_now', code: 'epoch_unknown' }],
  ['cannot_read', { state: 'not_now', code: 'item_malformed' }],
  ['refuses', { state: 'refused', code: 'secret_not_found' }],
]

describe.each([[2, 3], [3, 5]] as const)('%i of %i', (t, n) => {
  const ids = Array.from({ length: n }, (_, at) => at + 1)

  test('t signers are asked, all with the very same item, and what each sealed comes back as its own, by ascending signer', async () => {
    const deployment = deploy(t, n)
    const outcome = await coordinate(deployment).open(openWish({ intent: toBase64url(utf8('{"wish":1}')) }))
    expect(openersOf(outcome)).toHaveLength(t)
    expect(openersOf(outcome)).toEqual(asked(deployment))
    expect(new Set(deployment.signers.flatMap(({ vault }) => vault.opened)).size).toBe(1)
    for (const { signer, sealed } of outcome.outcome === 'opened' ? outcome.opened : []) expect(fromUtf8(fromBase64url(sealed.ct) ?? new Uint8Array())).toBe(`${signer} opens ${toBase64url(utf8('{"wish":1}'))}`)
    expect(outcome.parts.map(({ state }) => state).sort()).toEqual(ids.map((_, at) => (at < t ? 'opened' : 'unused')))
  })

  /** So that signer `id` is among the first that are asked: of the others, n−t were just down, and are up again. */
  const putFirst = async (deployment: Deployment, coordinator: TestCoordinator, id: number) => {
    const others = ids.filter((other) => other !== id).slice(0, n - t)
    misbehave(deployment, 'down', ...others)
    expect(openersOf(await coordinator.open())).toContain(id)
    misbehave(deployment, undefined, ...others)
  }

  test.each(lies.flatMap(([kind, fault]) => ids.map((id) => [kind, id, fault] as const)))('TST-30 %s at signer %i: named, left out, and replaced', async (kind, id, fault) => {
    const deployment = deploy(t, n)
    const coordinator = coordinate(deployment)
    await putFirst(deployment, coordinator, id)
    misbehave(deployment, kind, id)
    for (let round = 0; round < 3; round++) {
      const outcome = await coordinator.open()
      expect(openersOf(outcome)).not.toContain(id)
      expect(stateOf(outcome, id)).toEqual({ signer: id, state: 'faulty' })
    }
    expect(coordinator.faults).toEqual([{ signer: id, kind: fault }])
    expect(coordinator.peers.filter(({ excluded }) => excluded).map((peer) => peer.id)).toEqual([id])
  })

  test.each(failures.flatMap(([kind, state]) => ids.map((id) => [kind, id, state] as const)))('TST-30 %s at signer %i stops nothing, and is no fault', async (kind, id, state) => {
    const deployment = deploy(t, n)
    const coordinator = coordinate(deployment)
    await putFirst(deployment, coordinator, id)
    misbehave(deployment, kind, id)
    const began = performance.now()
    const outcome = await coordinator.open()
    expect(performance.now() - began).toBeLessThan(500)
    expect(openersOf(outcome)).not.toContain(id)
    expect(stateOf(outcome, id)).toEqual({ signer: id, ...state })
    expect(coordinator.faults).toEqual([])
  })

  test('C-3 fewer than t: it is said that too few answer, and who did open', async () => {
    const deployment = deploy(t, n)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'down', ...ids.slice(0, n - t + 1))
    const outcome = await coordinator.open()
    expect(outcome).toMatchObject({ outcome: 'unreachable', code: 'quorum_unavailable' })
    expect(outcome).not.toHaveProperty('opened')
    expect(stateOf(outcome, 1)).toEqual({ signer: 1, state: 'unreachable' })
  })

  test('C-3 n−t+1 that take everything and never answer: after the time there is, no sooner and not much later', async () => {
    const deployment = deploy(t, n)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'silent', ...ids.slice(0, n - t + 1))
    const began = performance.now()
    expect(await coordinator.open()).toMatchObject({ outcome: 'unreachable', code: 'quorum_unavailable' })
    expect(performance.now() - began).toBeLessThan(5_100)
  })

  test('n−t+1 vetoes are a refusal, each checked; n−t are none', async () => {
    const deployment = deploy(t, n)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'refuses', ...ids.slice(0, n - t))
    expect(openersOf(await coordinator.open())).toEqual(ids.slice(n - t))
    misbehave(deployment, 'refuses', ...ids.slice(0, n - t + 1))
    const refused = await coordinator.open()
    expect(refused).toMatchObject({ outcome: 'refused', refusals: Array.from({ length: n - t + 1 }, () => ({ reasons: [{ code: 'secret_not_found' }] })) })
    expect(coordinator.faults).toEqual([])
  })

  test('forged vetoes refuse nothing: they are faults', async () => {
    const deployment = deploy(t, n)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'forged_refusal', ...ids.slice(0, n - t + 1))
    expect(await coordinator.open()).toMatchObject({ outcome: 'faulty' })
  })

  test('property: whatever n−t of them do, t others open, and none of those is blamed', async () => {
    const kinds = [...lies, ...failures].map(([kind]) => kind)
    await fc.assert(
      fc.asyncProperty(fc.subarray(ids, { maxLength: n - t }), fc.array(fc.constantFrom(...kinds), { minLength: n, maxLength: n }), async (corrupt, how) => {
        const deployment = deploy(t, n)
        const coordinator = coordinate(deployment)
        corrupt.forEach((id, at) => misbehave(deployment, how[at], id))
        for (let round = 0; round < 3; round++) expect(await coordinator.open()).toMatchObject({ outcome: 'opened' })
        expect(coordinator.faults.filter(({ signer }) => !corrupt.includes(signer))).toEqual([])
      }),
      { numRuns: 40 },
    )
  })
})

test('a slow signer costs one hedge; what it says later still counts for nothing worse than lateness', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  for (let round = 0; round < 8; round++) await coordinator.open()
  misbehave(deployment, 'slow', 1)
  const began = performance.now()
  const outcome = await coordinator.open()
  expect(openersOf(outcome)).toHaveLength(2)
  expect(performance.now() - began).toBeLessThan(300)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(coordinator.faults).toEqual([])
})

test('two that are slow at once are both hedged', async () => {
  const deployment = deploy(3, 5)
  const coordinator = coordinate(deployment)
  for (let round = 0; round < 8; round++) await coordinator.open()
  misbehave(deployment, 'slow', 1, 2)
  const began = performance.now()
  expect(openersOf(await coordinator.open())).toHaveLength(3)
  expect(performance.now() - began).toBeLessThan(300)
})

test('without a hedge left a slow signer is waited for, until one is earned', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  await coordinator.open()
  while (coordinator.openQuorum.hedges.spend());
  misbehave(deployment, 'slow', 1, 2, 3)
  const calls = callsOf(deployment).length
  expect(openersOf(await coordinator.open())).toHaveLength(2)
  expect(callsOf(deployment).length - calls).toBe(2)
})

test('a connection that breaks once is tried again, if nobody else is left', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  await coordinator.open()
  misbehave(deployment, 'down', 1)
  const [, second] = deployment.signers
  const real = second?.channel ?? expect.unreachable()
  let broken = 1
  vi.spyOn(second ?? expect.unreachable(), 'channel', 'get').mockReturnValue({ get: real.get, post: async (path, body, options) => (path === '/v1/open' && broken-- > 0 ? { ok: false, reason: 'unreachable', detail: 'ECONNRESET' } : real.post(path, body, options)) })
  expect(openersOf(await coordinate(deployment).open())).toEqual([2, 3])
})

test('a signer that restarts is followed: its new certificate comes with its answer, and its old commitments are dropped', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  await coordinator.mint()
  await coordinator.open()
  for (const signer of deployment.signers) signer.restart()
  for (let round = 0; round < 3; round++) expect(await coordinator.open()).toMatchObject({ outcome: 'opened' })
  expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
  expect([coordinator.alarms, coordinator.faults]).toEqual([[], []])
})

test('N-6 two live copies of a signer raise an alarm here too', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  await coordinator.open()
  let other = freshBoot()
  for (let round = 0; round < 3; round++) {
    for (const signer of deployment.signers.slice(0, 1)) other = signer.swapBoot(other)
    misbehave(deployment, 'down', 3)
    await coordinator.open()
    await vi.advanceTimersByTimeAsync(1_000)
  }
  expect(coordinator.alarms).toContain('two_live_boots')
})

test('what opens is blamed for nothing that was signed, and the other way: one that lies about secrets signs nothing either', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  await coordinator.mint()
  misbehave(deployment, 'reply_of_another_request', 1)
  for (let round = 0; round < 3; round++) await coordinator.open()
  misbehave(deployment, undefined, 1)
  expect((await coordinator.mint()).parts.find(({ signer }) => signer === 1)).toEqual({ signer: 1, state: 'faulty' })
})

test('wishes that come together go in one call per signer, at most as many as fit', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  const wishes = Array.from({ length: 40 }, (_, at) => openWish({ intent: toBase64url(utf8(`{"wish":${at}}`)) }))
  const outcomes = await settle(Promise.all(wishes.map((wish) => openByQuorum(coordinator.openQuorum, wish))), next)
  expect(outcomes.every(({ outcome }) => outcome === 'opened')).toBe(true)
  expect(Math.max(...callsOf(deployment))).toBe(limits.openItems)
  expect(callsOf(deployment).reduce((sum, size) => sum + size, 0)).toBe(80)
})

test('a reader that found a part bad asks again without that signer, which is neither blamed nor left out for others', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  const [first = 0] = openersOf(await coordinator.open())
  expect(openersOf(await coordinator.open(openWish({ avoid: [first] })))).toEqual([1, 2, 3].filter((id) => id !== first))
  expect(openersOf(await coordinator.open())).toContain(first)
  expect(coordinator.faults).toEqual([])
})

test('whom a reader would rather not have is asked all the same, if nobody else is left', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  misbehave(deployment, 'ill', 3)
  expect(openersOf(await coordinator.open(openWish({ avoid: [1, 2, 9] })))).toEqual([1, 2])
})

test('as many of the largest wishes as go in a call fit in its body', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  const sizes: number[] = []
  for (const signer of deployment.signers) {
    const real = signer.channel
    vi.spyOn(signer, 'channel', 'get').mockReturnValue({ get: real.get, post: async (path, body, options) => (sizes.push(String(body).length), real.post(path, body, options)) })
  }
  const records = Array.from({ length: limits.labels }, () => ({ record: toBase64url(new Uint8Array(limits.recordBytes)), signature: toBase64url(new Uint8Array(64)) }))
  const { heads: [head] } = openWish()
  const large = openWish({ records, heads: Array.from({ length: limits.labels }, () => head ?? expect.unreachable()), evidence: Array.from({ length: limits.evidenceItems }, () => ({ kind: 'key' as const, proof: `a.${'b'.repeat(limits.jwsBytes - 4)}.c` })) })
  const again = coordinate(deployment)
  const outcomes = await settle(Promise.all(Array.from({ length: 24 }, () => openByQuorum(again.openQuorum, large))), next)
  expect(outcomes.every(({ outcome }) => outcome === 'opened')).toBe(true)
  expect(Math.max(...callsOf(deployment))).toBe(limits.openItems)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(limits.openBodyBytes)
  expect(coordinator.faults).toEqual([])
})
