import { describe, expect, test } from 'vitest'
import { makeWorld } from '@symbolon/policy/judge.testkit.ts'
import { keysetBytes, keysetOf, lineageOf, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import type { KeysetChain } from '@symbolon/roster/keyset-chain.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { first, lineage, peopled, signedBy } from '@symbolon/roster/roster.testkit.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import type { Deployment } from '@symbolon/front/deployment.ts'
import { send } from '@symbolon/front/front.testkit.ts'
import { startApi } from './api.testkit.ts'
import { openOverview } from './overview.ts'

const world = makeWorld()
const [group] = world.roster.groups
if (group === undefined) throw new Error('no group')
const deployment: Deployment = { roster: world.roster, lineage: lineageOf(world.roster), group, groupKey: world.group.key, keyset: { keyset: keysetOf(world.roster), signatures: [] } }

const signer = (id: number, healthy: boolean) => ({ id, name: `signer-${id}`, healthy, ...(healthy ? {} : { problem: 'unreachable' }), epoch: 1, roster: 1, policy: world.roster.policy, commitments: 3 })
const says = (value: unknown, status = 200): ChannelAnswer => ({ ok: true, status, body: Buffer.from(JSON.stringify(value)) })
const status = (...healthy: boolean[]) => says({ v: 1, threshold: 2, signers: healthy.map((each, at) => signer(at + 1, each)) })

function overviewOf(answers: Partial<Record<string, ChannelAnswer>>, database: { ok: true } | { ok: false; code: string } = { ok: true }, clock?: () => number, of: Deployment = deployment) {
  const asked: string[] = []
  const channel = { get: async (path: string): Promise<ChannelAnswer> => (asked.push(path), answers[path] ?? { ok: false, reason: 'unreachable', detail: 'ECONNREFUSED' }) }
  return { asked, overview: openOverview({ channel, deployment: () => of, pending: async () => 3, consoleUrl: 'http://localhost:8081', check: async () => database, ...(clock === undefined ? {} : { clock }) }) }
}

test('with t healthy signers it is ready, and says what the command line shows', async () => {
  const { overview } = overviewOf({ '/v1/status': status(true, true, false) })
  expect(await overview.status()).toMatchObject({ issuer: 'http://localhost:8080', jwks_uri: 'http://localhost:8080/.well-known/jwks.json', threshold: 2, ready: true, problems: [], lineage: deployment.lineage, signers: [{ id: 1, name: 'signer-1', healthy: true, epoch: 1, policy: world.roster.policy }, {}, { healthy: false, problem: 'unreachable' }] })
})

test('below t it names who is down', async () => {
  const { overview } = overviewOf({ '/v1/status': status(true, false, false) })
  expect(await overview.readiness()).toEqual({ ready: false, failing: [{ check: 'quorum', reason: '1 of 2 signers: signer-2 (unreachable), signer-3 (unreachable)' }] })
})

test('without a coordinator or database it says so', async () => {
  const { overview } = overviewOf({}, { ok: false, code: 'ECONNREFUSED' })
  expect((await overview.status()).problems).toEqual(['database: ECONNREFUSED', 'the coordinator cannot be reached (unreachable)'])
})

test('an answer that is none does not count as health', async () => {
  const { overview } = overviewOf({ '/v1/status': says({ v: 1, threshold: 1, signers: 'all' }) })
  expect((await overview.readiness()).ready).toBe(false)
})

test('any number of callers cost one question a second', async () => {
  let time = 0
  const { overview, asked } = overviewOf({ '/v1/status': status(true, true, true) }, { ok: true }, () => time)
  await Promise.all(Array.from({ length: 50 }, () => overview.status()))
  expect(asked).toEqual(['/v1/status'])
  time = 1_000
  await overview.status()
  expect(asked).toHaveLength(2)
})

describe('I-5 the coordinator may renew signatures and bring what follows from the first keyset, not exchange it', () => {
  const at = 1_800_000_000
  const signedAt = (document: Roster, iat: number): SignedKeyset => ({ keyset: keysetOf(document), signatures: [1, 2, 3].map((id) => ({ signer: id, iat, signature: signedBy(id, keysetBytes(keysetOf(document), iat)) })) })
  const old = signedAt(first, 1)
  const shown = async (chain: KeysetChain) => overviewOf({ '/v1/keyset': says(chain) }, { ok: true }, () => at * 1000, { ...deployment, roster: first, lineage, keyset: old }).overview.keyset()

  test('renewed', async () => {
    const renewed = { keysets: [signedAt(first, at)] }
    expect(await shown(renewed)).toEqual(renewed)
  })
  test('followed', async () => expect((await shown({ keysets: [old, signedAt(peopled(), at)] })).keysets.map(({ keyset }) => keyset.roster)).toEqual([1, 2]))
  test('exchanged', async () => expect(await shown({ keysets: [signedAt({ ...first, audiences: ['https://evil.example'], default_audience: 'https://evil.example' }, at)] })).toEqual({ keysets: [old] }))
  test('with a later one that too few signed', async () => expect(await shown({ keysets: [old, { ...signedAt(peopled(), at), signatures: signedAt(peopled(), at).signatures.slice(0, 1) }] })).toEqual({ keysets: [old] }))
})

test('/readyz is 503 with the reasons', async () => {
  const { overview } = overviewOf({ '/v1/status': status(false, false, true) })
  const api = await startApi({ overview })
  try {
    expect(await send(`${api.url}/readyz`)).toMatchObject({ status: 503, headers: { 'retry-after': '1' }, body: { code: 'not_ready', failing: [{ check: 'quorum', reason: expect.stringContaining('signer-1') }] } })
    expect(await send(`${api.url}/livez`)).toMatchObject({ status: 200, body: { live: true } })
  } finally {
    await api.close()
  }
})

test('it tells which version is in force: the newest that t signers have adopted', async () => {
  const at = (...versions: number[]) => says({ v: 1, threshold: 2, signers: versions.map((roster, index) => ({ ...signer(index + 1, true), roster })) })
  const told = async (answer: ChannelAnswer) => (await overviewOf({ '/v1/status': answer }).overview.status()).roster_in_force
  expect([await told(at(3, 3, 2)), await told(at(3, 2, 2)), await told(at(3, 0, 2)), await told(at(3, 0, 0))]).toEqual([3, 2, 2, undefined])
})

test('it tells how many changes wait, and where the console is', async () => {
  expect(await overviewOf({}).overview.status()).toMatchObject({ pending: 3, console_url: 'http://localhost:8081' })
})
