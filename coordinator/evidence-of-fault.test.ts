import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { bytesHash, requestHash, type SignItem } from '@symbolon/protocol/sign.ts'
import { finishAttempt, openAttempt, type Attempt } from './attempt.ts'
import { coordinate, settle, type TestCoordinator } from './coordinator.testkit.ts'
import { accuse, judgeAccusation, type Accusation } from './evidence-of-fault.ts'
import { deploy, suite, type Deployment, type Misbehaviour } from './fake-signer.testkit.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const next = () => vi.advanceTimersToNextTimerAsync()

/** An accusation that a real fault gave rise to. */
async function accusationOf(kind: Misbehaviour): Promise<{ accusation: Accusation; coordinator: TestCoordinator; deployment: Deployment }> {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment, next)
  const [first] = deployment.signers
  if (first !== undefined) first.misbehaves = kind
  await coordinator.mint()
  return { accusation: coordinator.faults[0]?.accusation ?? expect.unreachable(), coordinator, deployment }
}

/** One attempt by hand: the items that each signer is really sent may differ, as no honest coordinator's do. */
async function runAttempt(deployment: Deployment, coordinator: TestCoordinator, alter: (item: SignItem, id: number) => SignItem = (item) => item): Promise<{ attempt: Attempt; message: Uint8Array; bytes: string }> {
  const wanted = deployment.wanted()
  const peers = coordinator.peers.slice(0, 2)
  for (const peer of peers) await settle(peer.restock(), next)
  const chosen = peers.map((peer) => ({ peer, held: peer.takeCommitment() ?? expect.unreachable() }))
  const attempt = openAttempt(wanted, 1, chosen)
  for (const { peer, held } of chosen) {
    const item = alter(attempt.item, peer.id)
    const heard = await settle(peer.ask({ item, json: JSON.stringify(item), held, wanted: () => true }), next)
    if (heard.heard === 'signed') attempt.signed.set(peer.id, heard)
  }
  return { attempt, message: wanted.message, bytes: wanted.item.bytes }
}

test.each([['bad_share', 'share_invalid'], ['wrong_R', 'r_differs']] as const)('TST-18 anyone can check the evidence of %s with the roster alone', async (kind, found) => {
  const { accusation, coordinator } = await accusationOf(kind)
  expect(judgeAccusation(JSON.parse(JSON.stringify(accusation)), coordinator.bench)).toEqual({ verdict: 'guilty', kind: found })
})

test('TST-19 the evidence holds none of the requester’s evidence and no other request', async () => {
  const { accusation } = await accusationOf('bad_share')
  expect(Object.keys(accusation.request).sort()).toEqual(['attempt', 'bytes_hash', 'commitments', 'epoch', 'intent', 'purpose'])
})

const altered: readonly [string, string, (accusation: Accusation) => Accusation][] = [
  ['another attempt', 'request_differs', (a) => ({ ...a, request: { ...a.request, attempt: toBase64url(randomBytes(16)) } })],
  ['another intent', 'request_differs', (a) => ({ ...a, request: { ...a.request, intent: toBase64url(randomBytes(16)) } })],
  ['another list', 'request_differs', (a) => ({ ...a, request: { ...a.request, commitments: [...a.request.commitments].reverse() } })],
  ['another hash of bytes', 'request_differs', (a) => ({ ...a, bytes: 'e30.e30', request: { ...a.request, bytes_hash: bytesHash('e30.e30') } })],
  ['bytes of another hash', 'bytes_differ', (a) => ({ ...a, bytes: 'e30.e30' })],
  ['another share', 'request_differs', (a) => ({ ...a, answer: { ...a.answer, share: toBase64url(randomBytes(32)) } })],
  ['another R', 'request_differs', (a) => ({ ...a, answer: { ...a.answer, R: toBase64url(randomBytes(32)) } })],
  ['a statement made up', 'statement_invalid', (a) => ({ ...a, statement: toBase64url(randomBytes(64)) })],
  ['a signature made up', 'statement_invalid', (a) => ({ ...a, signature: toBase64url(randomBytes(64)) })],
  ['a boot key of the accuser’s', 'certificate_invalid', (a) => ({ ...a, certificate: { ...a.certificate, key: toBase64url(randomBytes(32)) } })],
  ['another signer', 'signer_unknown', (a) => ({ ...a, signer: 2 })],
  ['a signer that does not exist', 'signer_unknown', (a) => ({ ...a, signer: 9, certificate: { ...a.certificate, signer: 9 } })],
]
test.each(altered)('TST-19 an accusation with %s proves nothing against the signer: %s', async (_, why, alter) => {
  const { accusation, coordinator } = await accusationOf('bad_share')
  expect(judgeAccusation(alter(accusation), coordinator.bench)).toEqual({ verdict: 'not_its_word', why })
})

test('TST-19 a share for another epoch is no share for this one', async () => {
  const { accusation, coordinator } = await accusationOf('bad_share')
  const { groups } = coordinator.bench
  expect(judgeAccusation(accusation, { ...coordinator.bench, groups: { ...groups, token: { ...groups.token, epoch: 2 } } })).toEqual({ verdict: 'not_its_word', why: 'bytes_differ' })
})

test('TST-19 a share for a record is judged under the key for records: under another one every honest share would be wrong', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment, next)
  for (const signer of deployment.signers) signer.misbehaves = signer.id === 1 ? 'bad_share' : undefined
  await coordinator.mint(deployment.wanted({ purpose: 'record' }))
  const accusation = coordinator.faults[0]?.accusation ?? expect.unreachable()
  expect(judgeAccusation(accusation, coordinator.bench)).toEqual({ verdict: 'guilty', kind: 'share_invalid' })
  expect(judgeAccusation({ ...accusation, request: { ...accusation.request, purpose: 'token' } }, coordinator.bench)).toEqual({ verdict: 'not_its_word', why: 'request_differs' })
})

test('TST-19 different lists to two signers: neither can be accused over the other’s list, and both are innocent of their own', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment, next)
  const spare = await (async () => {
    const peer = coordinator.peers[1] ?? expect.unreachable()
    await settle(peer.restock(), next)
    return peer.takeCommitment()?.commitment ?? expect.unreachable()
  })()
  // Signer 1 is shown another commitment of signer 2 than signer 2 itself.
  const shown = new Map<number, SignItem>()
  const { attempt, message, bytes } = await runAttempt(deployment, coordinator, (item, id) => {
    const split = id === 1 ? { ...item, commitments: item.commitments.map((entry) => (entry.id === 2 ? { id: 2, ...spare } : entry)) } : item
    shown.set(id, split)
    return split
  })
  expect(attempt.signed.size).toBe(2)
  const finished = await settle(Promise.resolve(finishAttempt(attempt, message, coordinator.options.token)), next)
  expect(finished.ok).toBe(false)
  // By the list that the accuser shows, signer 1's share is wrong; but that is not what it signed for.
  for (const { accusation } of finished.faults) expect(accusation).toBeUndefined()
  const [signed, certificate] = [attempt.signed.get(1), await coordinator.peers[0]?.certificateOf(attempt.signed.get(1)?.said.boot ?? expect.unreachable())]
  const own = accuse({ signer: 1, said: signed?.said ?? expect.unreachable(), item: shown.get(1) ?? expect.unreachable(), bytes, certificate: certificate ?? expect.unreachable(), suite }) ?? expect.unreachable()
  expect(judgeAccusation(own, coordinator.bench)).toEqual({ verdict: 'innocent' })
  expect(judgeAccusation({ ...own, request: attempt.item }, coordinator.bench)).toEqual({ verdict: 'not_its_word', why: 'request_differs' })
  expect(requestHash(own.request)).not.toEqual(requestHash(attempt.item))
})

test('TST-20 a bit that flips in this process spoils no token and blames nobody', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment, next)
  const { attempt, message } = await runAttempt(deployment, coordinator)
  const { z } = attempt.signed.get(1) ?? expect.unreachable()
  z[7] = (z[7] ?? 0) ^ 16
  const finished = await settle(Promise.resolve(finishAttempt(attempt, message, coordinator.options.token)), next)
  expect(finished.faults).toEqual([])
  expect(finished.ok && suite.verify(Buffer.from(finished.signature), message, deployment.keys.token.key)).toBe(true)
})

test('TST-20 a sum that does not verify never leaves, even where nobody can be named', async () => {
  const deployment = deploy(2, 3)
  const coordinator = coordinate(deployment, next)
  const { attempt, message } = await runAttempt(deployment, coordinator)
  const { z } = attempt.signed.get(1) ?? expect.unreachable()
  z[7] = (z[7] ?? 0) ^ 16
  const blame = { judge: async () => ({ result: 'undecided' as const, why: 'no_time' as const }) }
  expect(await finishAttempt(attempt, message, { ...coordinator.options.token, blame })).toEqual({ ok: false, faults: [] })
})
