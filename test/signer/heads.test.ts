import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, type LockIntent } from '@symbolon/protocol/intent.ts'
import { keyEvidence } from '@symbolon/policy/judge.testkit.ts'
import { Stage, askSigner, commitmentsOf, outcomes, reportOf, type Running } from './signer.testkit.ts'

/* Three real signers that hear each other over mutual TLS. The tests go on from one another, as an operator's day would. */

let stage: Stage
const running = new Map<number, Running>()
const image = () => join(stage.folder, 'image')

const start = async (id: number): Promise<Running> => {
  const signer = await stage.start(stage.signer(id).config(`signer-${id}`, { listen: { host: '127.0.0.1', port: stage.ports[id - 1] } }))
  running.set(id, signer)
  return signer
}
const at = (id: number): Running => {
  const signer = running.get(id)
  if (signer === undefined) throw new Error(`signer ${id} does not run`)
  return signer
}
/** What a signer answers to a fresh request of the service `ci`. */
async function asked(id: number): Promise<string> {
  const signer = at(id)
  const [own, other] = (await commitmentsOf(signer, 2)).commitments
  if (own === undefined || other === undefined) throw new Error('two commitments')
  // The other's part of the list is only looked at for being a valid point.
  const list = [{ id, commitment: own }, { id: id === 1 ? 2 : 1, commitment: other }].toSorted((one, two) => one.id - two.id)
  return outcomes(await askSigner(signer, [stage.item(stage.intent(), list)])).join()
}
const alarms = ({ lines }: Running) => lines.filter(({ event }) => event === 'alarm').map(({ alarm }) => alarm)
const soon = (what: () => Promise<unknown> | unknown, timeout = 25_000) => expect.poll(what, { timeout, interval: 200 })
/** How long a journal of signer 1 signer 2 remembers, on its disk. */
function seenOfOne(): number {
  const file = join(stage.signer(2).state, 'peers.json')
  const { peers } = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { peers: { signer: number; longest?: { statement: { journal: { seq: number } } } }[] }) : { peers: [] }
  return peers.find(({ signer }) => signer === 1)?.longest?.statement.journal.seq ?? 0
}

beforeAll(async () => {
  stage = await Stage.open({ alone: true })
})
afterAll(() => stage.close())

test('I-3 one alone signs nothing; with a second one it does, once the third had ten seconds to answer', async () => {
  await start(1)
  expect(await asked(1)).toBe('peers_unheard')
  expect((await reportOf(at(1))).problems).toEqual([expect.stringMatching(/^peers_unheard: /)])
  await start(2)
  await soon(() => asked(1), 15_000).toBe('signed')
  await soon(() => asked(2), 5_000).toBe('signed')
})

test('TST-15 an old disk image is noticed by what the others saw, and stays silent', async () => {
  await at(1).kill('SIGTERM')
  cpSync(stage.signer(1).state, image(), { recursive: true })
  await start(1)
  await soon(() => asked(1)).toBe('signed')
  const { seq } = (await reportOf(at(1))).journal
  await soon(() => seenOfOne(), 20_000).toBeGreaterThanOrEqual(seq)
  const later = join(stage.folder, 'later')
  await at(1).kill('SIGKILL')
  cpSync(stage.signer(1).state, later, { recursive: true })
  rmSync(stage.signer(1).state, { recursive: true })
  cpSync(image(), stage.signer(1).state, { recursive: true })

  const restored = await start(1)
  await soon(() => asked(1)).toBe('journal_behind')
  await soon(() => alarms(restored)).toContain('journal_behind')
  await soon(() => alarms(at(2))).toContain('peer_journal_lost')
  // Its own disk again: nothing is lost, and it signs.
  await restored.kill('SIGTERM')
  rmSync(stage.signer(1).state, { recursive: true })
  cpSync(later, stage.signer(1).state, { recursive: true })
  await start(1)
  await soon(() => asked(1)).toBe('signed')
}, 90_000)

test('TST-15 two live copies of one signer raise an alarm at the others', async () => {
  const before = alarms(at(2)).length
  const folder = join(stage.folder, 'copy')
  cpSync(stage.signer(1).state, folder, { recursive: true })
  const copy = await stage.start(stage.signer(1).config('signer-1-copy', { state: folder }))
  await soon(() => alarms(at(2)).slice(before), 15_000).toContain('two_boots')
  await copy.kill('SIGKILL')
}, 30_000)

test('B-3 a lock that one signer was shown holds at another within ten seconds, and at one that was down before it answers', async () => {
  const { iss, lineage, iat, exp, nonce } = stage.intent()
  const lock: LockIntent = { v: 1, kind: 'lock', iss, lineage, iat, exp, nonce, sub: 'ci', row: 'ci' }
  const part = { v: 1, versions: [], entries: [], stops: [{ intent: toBase64url(encodeIntent(lock)), evidence: [keyEvidence(stage.deployment.world, lock)] }] }
  const reply = await at(2).channel.post('/v1/adopt', JSON.stringify(part), { timeoutMs: 5_000, maxBytes: 65_536 })
  expect(reply.ok && JSON.parse(reply.body.toString())).toMatchObject({ result: 'adopted', stops: 1 })
  expect(await asked(2)).toBe('refused locked')
  await soon(() => asked(1), 10_500).toBe('refused locked')
  await start(3)
  const first: string[] = []
  await soon(async () => {
    const answer = await asked(3)
    first.push(answer)
    return answer
  }).toBe('refused locked')
  expect(first).not.toContain('signed')
}, 40_000)

test('I-3 a partitioned signer is silent after thirty seconds', async () => {
  await Promise.all([at(2).kill('SIGKILL'), at(3).kill('SIGKILL')])
  const cut = Date.now()
  expect(await asked(1)).toBe('refused locked')
  await soon(() => asked(1), 40_000).toBe('peers_unheard')
  // Whatever it last heard, it heard at most one turn of questions before.
  expect(Date.now() - cut).toBeGreaterThan(19_000)
  expect(Date.now() - cut).toBeLessThan(32_000)
}, 60_000)
