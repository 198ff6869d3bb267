import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { attemptsOf, coordinate as coordinateOn, settle } from './coordinator.testkit.ts'
import { decoded, judgeAccusation } from './evidence-of-fault.ts'
import { deploy, freshBoot, suite, type Deployment, type FakeSigner, type Misbehaviour } from './fake-signer.testkit.ts'
import { signByQuorum } from './quorum.ts'

/* Schedules of faults against real FROST, on a clock that stands still until it is told to go on. */

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const advance = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const next = () => vi.advanceTimersToNextTimerAsync()
const coordinate = (deployment: Deployment) => coordinateOn(deployment, next)
const misbehave = ({ signers }: Deployment, how: Misbehaviour, ...ids: number[]) => {
  for (const signer of signers) if (ids.includes(signer.id)) signer.misbehaves = how
}
const signerOf = ({ signers }: Deployment, id: number): FakeSigner => signers.find((signer) => signer.id === id) ?? expect.unreachable()
const statesOf = (outcome: { parts: readonly { signer: number; state: string }[] }) => outcome.parts.map(({ state }) => state)

const cheats: readonly Misbehaviour[] = ['bad_share', 'short_share', 'share_over_order', 'zero_share', 'share_of_another_attempt', 'wrong_R_and_share', 'bad_commitment', 'forged_refusal', 'refusal_of_another_request', 'refusal_of_other_evidence', 'bad_share_unsigned', 'nonsense', 'too_few_answers']
const failures: readonly Misbehaviour[] = ['down', 'silent', 'slow', 'stale_nonce', 'wrong_epoch', 'ill', 'refuses', 'flapping', 'false_list_invalid']
const harmless: readonly Misbehaviour[] = ['wrong_R', 'unsigned_reply']
const groups = [[2, 3], [3, 5]] as const

describe.each(groups)('TST-30 %i of %i: one faulty signer stops nothing', (t, n) => {
  const positions = Array.from({ length: n }, (_, at) => at + 1)
  test.each([...cheats, ...failures, ...harmless].flatMap((kind) => positions.map((id) => [kind, id] as const)))('%s at signer %i', async (kind, id) => {
    const deployment = deploy(t, n)
    const coordinator = coordinate(deployment)
    await coordinator.mint()
    misbehave(deployment, kind, id)
    for (let round = 0; round < 4; round++) {
      const before = attemptsOf(deployment)
      expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
      expect(attemptsOf(deployment) - before).toBeLessThanOrEqual(n - t + 1)
      await advance(3_000)
    }
    expect(coordinator.faults.filter(({ signer }) => signer !== id)).toEqual([])
    expect(deployment.signers.map(({ overlaps }) => overlaps)).toEqual(positions.map(() => 0))
  })

  test('C-3 fewer than t signers make no signature, and it is said that too few answer', async () => {
    const deployment = deploy(t, n)
    const coordinator = coordinate(deployment)
    await coordinator.mint()
    misbehave(deployment, 'down', ...positions.slice(0, n - t + 1))
    expect(await coordinator.mint()).toMatchObject({ outcome: 'unreachable', code: 'quorum_unavailable' })
  })
})

describe('C-3 every quorum signs', () => {
  const subsets = [1, 2, 3, 4, 5].flatMap((a) => [1, 2, 3, 4, 5].flatMap((b) => (a < b ? [[a, b]] : [])))
  test.each(subsets)('3 of 5 without %i and %i', async (...dead) => {
    const deployment = deploy(3, 5)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'down', ...dead)
    const outcome = await coordinator.mint()
    expect(outcome.parts.filter(({ state }) => state === 'signed').map(({ signer }) => signer)).toEqual([1, 2, 3, 4, 5].filter((id) => !dead.includes(id)))
  })
})

describe('blame', () => {
  const provable: readonly Misbehaviour[] = ['bad_share', 'share_over_order', 'zero_share', 'share_of_another_attempt', 'wrong_R_and_share', 'wrong_R']
  test.each(provable)('TST-18 C-4 %s: the sender is named, evidence that anyone can check is kept, and it is left out', async (kind) => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    await coordinator.mint()
    await coordinator.mint()
    misbehave(deployment, kind, 1, 2)
    // Whichever of the two cheats first.
    const outcome = await coordinator.mint()
    const named = coordinator.faults.map(({ signer }) => signer)
    expect(named.length).toBeGreaterThan(0)
    expect(named.every((id) => [1, 2].includes(id))).toBe(true)
    for (const { accusation, kind: found } of coordinator.faults) expect(accusation === undefined ? undefined : judgeAccusation(accusation, coordinator.bench)).toEqual({ verdict: 'guilty', kind: found })
    expect(outcome.parts.filter(({ state }) => state === 'faulty').map(({ signer }) => signer)).toEqual([...named].sort())
    expect(coordinator.peers.filter(({ excluded }) => excluded).map(({ id }) => id)).toEqual([...named].sort())
  })

  test('TST-18 two cheaters in one attempt are both named', async () => {
    const deployment = deploy(3, 5)
    const coordinator = coordinate(deployment)
    await coordinator.mint()
    const chosen = deployment.signers.filter(({ asked }) => asked.length > 0).map(({ id }) => id)
    const [first = 0, second = 0] = chosen
    // The others answer nothing, so that this quorum is the one that is tried.
    misbehave(deployment, 'bad_share', first, second)
    misbehave(deployment, 'down', ...[1, 2, 3, 4, 5].filter((id) => !chosen.includes(id)))
    expect(await coordinator.mint()).toMatchObject({ outcome: 'unreachable' })
    expect(coordinator.faults.map(({ signer }) => signer).sort()).toEqual([first, second])
    expect(new Set(coordinator.faults.map(({ accusation }) => accusation?.request.attempt)).size).toBe(1)
  })

  test.each(['short_share', 'nonsense', 'too_few_answers'] as const)('TST-18 %s is named at once', async (kind) => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    misbehave(deployment, kind, 1)
    expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
    expect(coordinator.faults).toEqual([{ signer: 1, kind: 'reply_malformed' }])
  })

  test.each(['forged_refusal', 'refusal_of_another_request', 'refusal_of_other_evidence'] as const)('%s is no veto but a fault', async (kind) => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    misbehave(deployment, kind, 1)
    expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
    expect(coordinator.faults).toEqual([{ signer: 1, kind: 'signature_invalid' }])
  })

  test('TST-19 a bad share under a bad signature is no proof: it is kept without an accusation', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'bad_share_unsigned', 1)
    expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
    expect(coordinator.faults).toEqual([{ signer: 1, kind: 'share_invalid' }])
  })

  test('whoever hands out points that are none is named, not those who say so', async () => {
    const deployment = deploy(3, 5)
    misbehave(deployment, 'bad_commitment', 2)
    const coordinator = coordinate(deployment)
    expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
    expect(coordinator.faults).toEqual([{ signer: 2, kind: 'commitment_invalid' }])
  })

  test('with more cheaters than n−t the outcome is faulty, not unreachable', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'bad_share', 1, 2, 3)
    const outcome = await coordinator.mint()
    expect(outcome.outcome).toBe('faulty')
    expect(await coordinator.mint()).toMatchObject({ outcome: 'faulty' })
  })

  test('C-4 a cheater is not asked again while it is left out', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'bad_share', 1)
    await coordinator.mint()
    const { calls } = signerOf(deployment, 1)
    const before = calls.length
    for (let round = 0; round < 5; round++) expect((await coordinator.mint()).parts).toContainEqual({ signer: 1, state: 'faulty' })
    expect(calls.length).toBe(before)
    expect(coordinator.peers[0]?.status()).toMatchObject({ healthy: false, problem: 'left out: share_invalid' })
  })

  test('a batch that a cheater spoils leaves a few pieces of evidence, not one for each token', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'bad_share', 1)
    const outcomes = await settle(Promise.all(Array.from({ length: 24 }, () => signByQuorum(coordinator.options.token, deployment.wanted()))), next)
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(outcomes.map(() => 'signed'))
    expect(coordinator.faults).toHaveLength(4)
  })

  test('a boot key that the roster’s identity key does not vouch for is not believed', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'foreign_certificate', 1)
    expect(await coordinator.mint()).toMatchObject({ outcome: 'signed', parts: expect.arrayContaining([{ signer: 1, state: 'faulty' }]) })
    expect(coordinator.faults).toEqual([{ signer: 1, kind: 'signature_invalid' }])
    expect(signerOf(deployment, 1).calls).toEqual([])
  })

  test('TST-18 fewer answers than items: named at once, whatever the others say', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    await Promise.all(coordinator.peers.map((peer) => settle(peer.restock(), next)))
    misbehave(deployment, 'too_few_answers', 1)
    const outcomes = await settle(Promise.all([1, 2, 3, 4].map(() => signByQuorum(coordinator.options.token, deployment.wanted()))), next)
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['signed', 'signed', 'signed', 'signed'])
    expect(coordinator.faults).toEqual([{ signer: 1, kind: 'reply_malformed' }])
  })

  test('a cheater comes back after its time, and is out for longer the second time', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    const peer = coordinator.peers[0] ?? expect.unreachable()
    peer.blame({ signer: 1, kind: 'share_invalid' })
    await advance(59_000)
    expect(peer.excluded).toBe(true)
    await advance(2_000)
    expect(peer.excluded).toBe(false)
    peer.blame({ signer: 1, kind: 'share_invalid' })
    await advance(61_000)
    expect(peer.excluded).toBe(true)
    await advance(60_000)
    expect(peer.excluded).toBe(false)
  })
})

describe('vetoes', () => {
  test('TST-32 3 of 5 with 3 refusals returns at once, with reasons, asking nobody else', async () => {
    const deployment = deploy(3, 5)
    const coordinator = coordinate(deployment)
    await coordinator.mint()
    misbehave(deployment, 'refuses', 1, 2, 3, 4, 5)
    const [before, began] = [attemptsOf(deployment), performance.now()]
    const outcome = await coordinator.mint()
    expect(outcome).toMatchObject({ outcome: 'refused', refusals: [{ reasons: [{ code: 'scope_not_allowed' }] }, {}, {}] })
    expect(statesOf(outcome).sort()).toEqual(['refused', 'refused', 'refused', 'unused', 'unused'])
    expect(attemptsOf(deployment) - before).toBe(1)
    expect(performance.now() - began).toBeLessThan(15)
  })

  test('TST-32 it does not wait for those that can no longer change it', async () => {
    const deployment = deploy(3, 5)
    const coordinator = coordinate(deployment)
    await coordinator.mint()
    misbehave(deployment, 'refuses', 1, 2, 3)
    misbehave(deployment, 'slow', 4, 5)
    const began = performance.now()
    expect(await coordinator.mint()).toMatchObject({ outcome: 'refused' })
    expect(performance.now() - began).toBeLessThan(500)
  })

  test('n−t refusals are no veto of the whole', async () => {
    const deployment = deploy(3, 5)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'refuses', 2, 4)
    expect(await coordinator.mint()).toMatchObject({ outcome: 'signed', parts: expect.arrayContaining([{ signer: 2, state: 'refused', code: 'scope_not_allowed' }]) })
  })

  test.each([['ill', 'ill'], ['wrong_epoch', 'epoch_unknown']] as const)('%s is never a veto: the outcome is unreachable with its code', async (kind, code) => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    misbehave(deployment, kind, 1, 2, 3)
    expect(await coordinator.mint()).toMatchObject({ outcome: 'unreachable', code })
  })
})

describe('hedging', () => {
  test('a signer that falls silent costs one hedge, and then nothing', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    for (let round = 0; round < 3; round++) await coordinator.mint()
    misbehave(deployment, 'silent', 1)
    const times: number[] = []
    for (let round = 0; round < 20; round++) {
      const began = performance.now()
      expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
      times.push(performance.now() - began)
    }
    expect(times.filter((ms) => ms > 10).length).toBeLessThanOrEqual(1)
    expect(Math.max(...times)).toBeLessThan(100)
    expect(signerOf(deployment, 1).calls.length).toBeLessThanOrEqual(4)
  })

  test('a dead signer is found alive again by a probe, not by a user', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    misbehave(deployment, 'down', 1)
    await coordinator.mint()
    expect(coordinator.peers[0]?.health.state).toBe('down')
    signerOf(deployment, 1).misbehaves = undefined
    await advance(10_000)
    expect(coordinator.peers[0]?.health.state).toBe('well')
    expect(coordinator.peers[0]?.status()).toMatchObject({ healthy: true, commitments: 8 })
  })

  test('the late answer of the first attempt is as good as the hedge’s', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    await coordinator.mint()
    misbehave(deployment, 'slow', 1, 2, 3)
    expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
    expect(deployment.signers.map(({ overlaps }) => overlaps)).toEqual([0, 0, 0])
  })

  test('a signer that says it cannot sign now costs one attempt a second, not one for each token', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    for (let round = 0; round < 3; round++) await coordinator.mint()
    misbehave(deployment, 'ill', 1)
    const before = attemptsOf(deployment)
    for (let round = 0; round < 20; round++) expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
    expect(attemptsOf(deployment) - before).toBeLessThanOrEqual(21)
    await advance(1_500)
    for (let round = 0; round < 20; round++) expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
    expect(attemptsOf(deployment) - before).toBeLessThanOrEqual(42)
  })

  test('a signer of another epoch is not asked for shares, and its status says why', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    signerOf(deployment, 1).epoch = 2
    for (let round = 0; round < 3; round++) expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
    expect(signerOf(deployment, 1).calls).toEqual([])
    expect(coordinator.peers[0]?.status()).toMatchObject({ healthy: false, problem: 'holds epoch 2', epoch: 2 })
  })

  test('healthy signers share the load', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    await Promise.all(coordinator.peers.map((peer) => settle(peer.restock(), next)))
    await settle(Promise.all(Array.from({ length: 90 }, () => signByQuorum(coordinator.options.token, deployment.wanted()))), next)
    for (const { asked } of deployment.signers) expect(asked.length).toBeGreaterThan(40)
  })

  test('a deployment that is slow as a whole is not hedged to death', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    await Promise.all(coordinator.peers.map((peer) => settle(peer.restock(), next)))
    // Whoever comes last in a list takes a second: each attempt has one prompt and one late member, so each could be hedged.
    for (const signer of deployment.signers) signer.plan = ({ commitments }) => (commitments.at(-1)?.id === signer.id ? 'slow' : undefined)
    const waves: Promise<unknown>[] = []
    for (let wave = 0; wave < 30; wave++) {
      for (let each = 0; each < 8; each++) waves.push(signByQuorum(coordinator.options.token, deployment.wanted()))
      await advance(100)
    }
    await settle(Promise.all(waves), next)
    // 240 messages need 240 attempts; hedges are a reserve of 64 and a tenth of all attempts.
    expect(attemptsOf(deployment)).toBeLessThanOrEqual((240 + 64) / 0.9)
  })

  test('when nobody answers, the deadline ends it', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    await coordinator.mint()
    misbehave(deployment, 'silent', 1, 2, 3)
    const outcome = await coordinator.mint()
    expect(outcome).toMatchObject({ outcome: 'unreachable', code: 'quorum_unavailable' })
    expect(statesOf(outcome)).toContain('unreachable')
  })
})

describe('boots', () => {
  test('after a restart the dead commitments are dropped and the message is signed all the same', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    await coordinator.mint()
    for (const signer of deployment.signers) signer.restart()
    expect(await coordinator.mint()).toMatchObject({ outcome: 'signed' })
    expect(coordinator.alarms).toEqual([])
    expect(coordinator.faults).toEqual([])
  })

  test('TST-15 two live boot ids of one signer raise an alarm', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    await coordinator.mint()
    const [peer, copied] = [coordinator.peers[0] ?? expect.unreachable(), signerOf(deployment, 1)]
    const probe = () => settle(peer.probe(), next)
    const first = copied.swapBoot(freshBoot())
    await probe()
    expect(coordinator.alarms).toEqual([])
    copied.swapBoot(first)
    await probe()
    expect(coordinator.alarms).toEqual(['two_live_boots'])
  })

  test('a refusal of a boot not seen before counts once its certificate is fetched', async () => {
    const deployment = deploy(2, 3)
    const coordinator = coordinate(deployment)
    await coordinator.mint()
    for (const signer of deployment.signers) signer.restart()
    misbehave(deployment, 'refuses', 1, 2, 3)
    expect(await coordinator.mint()).toMatchObject({ outcome: 'refused' })
    expect(coordinator.faults).toEqual([])
  })
})

test('TST-38 a burst larger than the stock waits for commitments, and never asks for more than the signer keeps', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  const outcomes = await settle(Promise.all(Array.from({ length: 700 }, () => signByQuorum(coordinator.options.token, deployment.wanted()))), next)
  expect(outcomes.filter(({ outcome }) => outcome === 'signed').length).toBe(700)
  expect(coordinator.alarms).toEqual([])
  expect(Math.max(...deployment.signers.map(({ mostHeld }) => mostHeld))).toBeLessThanOrEqual(512)
})

test('TST-12 60 messages at once go in one call per signer, each under commitments of its own', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  await Promise.all(coordinator.peers.map((peer) => settle(peer.restock(), next)))
  const outcomes = await settle(Promise.all(Array.from({ length: 60 }, () => signByQuorum(coordinator.options.token, deployment.wanted()))), next)
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 60 }, () => 'signed'))
  expect(Math.max(...deployment.signers.map(({ calls }) => calls.length))).toBeLessThanOrEqual(6)
  expect(coordinator.alarms).toEqual([])
})

test('TST-12 tokens and records of one moment share calls and commitments, each under the key of its purpose', async () => {
  const deployment = deploy(2, 3)
  const calls: string[][] = []
  const signers = deployment.signers.map(({ row, channel }) => ({
    row,
    channel: {
      get: channel.get,
      post: (path: string, body: Uint8Array | string, options: Parameters<typeof channel.post>[2]) => {
        if (path === '/v1/sign') calls.push(JSON.parse(String(body)).items.map(({ purpose }: { purpose: string }) => purpose))
        return channel.post(path, body, options)
      },
    },
  }))
  const coordinator = coordinate({ ...deployment, signers: signers as never })
  await coordinator.mint()
  const wanted = Array.from({ length: 32 }, (_, at) => deployment.wanted({ purpose: at % 2 === 0 ? 'token' : 'record' }))
  const outcomes = await settle(Promise.all(wanted.map((each) => signByQuorum(coordinator.options[each.item.purpose], each))), next)
  expect(outcomes.every(({ outcome }) => outcome === 'signed')).toBe(true)
  outcomes.forEach((outcome, at) => {
    const [{ item, message }, signature] = [wanted[at] ?? expect.unreachable(), outcome.outcome === 'signed' ? decoded(outcome.signature) : expect.unreachable()]
    const other = item.purpose === 'token' ? 'record' : 'token'
    expect([suite.verify(signature, message, deployment.keys[item.purpose].key), suite.verify(signature, message, deployment.keys[other].key)]).toEqual([true, false])
  })
  expect(calls.some((purposes) => purposes.includes('token') && purposes.includes('record'))).toBe(true)
})

test.each(['token', 'record'] as const)('TST-18 a bad share of a %s is blamed under the key of that purpose, and the other purpose leaves the cheater out too', async (purpose) => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment)
  await coordinator.mint()
  misbehave(deployment, 'bad_share', 1)
  expect(await coordinator.mint(deployment.wanted({ purpose }))).toMatchObject({ outcome: 'signed' })
  expect(coordinator.faults).toMatchObject([{ signer: 1, kind: 'share_invalid', accusation: { request: { purpose } } }])
  const accusation = coordinator.faults[0]?.accusation ?? expect.unreachable()
  expect(judgeAccusation(accusation, coordinator.bench)).toEqual({ verdict: 'guilty', kind: 'share_invalid' })
  const outcome = await coordinator.mint(deployment.wanted({ purpose: purpose === 'token' ? 'record' : 'token' }))
  expect(outcome.parts.find(({ signer }) => signer === 1)).toEqual({ signer: 1, state: 'faulty' })
})

test('TST-30 two writers of one number: whoever promised the other record vetoes, and a quorum is found for one of them alone', async () => {
  const deployment = deploy(3, 5)
  const coordinator = coordinate(deployment)
  await coordinator.mint()
  const [mine, others] = [deployment.wanted({ purpose: 'record' }), deployment.wanted({ purpose: 'record' })]
  // Signers 1 and 2 have promised the other record under this number, the rest this one.
  for (const signer of deployment.signers) signer.plan = ({ bytes_hash }) => ((bytes_hash === mine.bytesHash) === signer.id > 2 ? undefined : 'refuses')
  const first = await coordinator.mint(mine)
  const second = await coordinator.mint(others)
  expect(first.parts.filter(({ state }) => state === 'signed').map(({ signer }) => signer)).toEqual([3, 4, 5])
  expect(second).toMatchObject({ outcome: 'refused', refusals: [{}, {}, {}] })
})
