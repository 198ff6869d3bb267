import { expect, test } from 'vitest'
import { makeWorld } from '@symbolon/policy/judge.testkit.ts'
import { fingerprint, keysetOf, lineageOf } from '@symbolon/roster/keyset.ts'
import type { ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import { send, startApi } from './api.testkit.ts'
import type { Deployment } from './deployment.ts'
import { openOverview } from './overview.ts'

const world = makeWorld()
const [group] = world.roster.groups
if (group === undefined) throw new Error('no group')
const deployment: Deployment = { roster: world.roster, lineage: lineageOf(world.roster), group, groupKey: world.group.key, keyset: { keyset: keysetOf(world.roster), signatures: [] } }

const signer = (id: number, healthy: boolean) => ({ id, name: `signer-${id}`, healthy, ...(healthy ? {} : { problem: 'unreachable' }), epoch: 1, roster: 1, policy: world.roster.policy, commitments: 3 })
const says = (value: unknown, status = 200): ChannelAnswer => ({ ok: true, status, body: Buffer.from(JSON.stringify(value)) })
const status = (...healthy: boolean[]) => says({ v: 1, threshold: 2, signers: healthy.map((each, at) => signer(at + 1, each)) })

function overviewOf(answers: Partial<Record<string, ChannelAnswer>>, database: { ok: true } | { ok: false; code: string } = { ok: true }, clock?: () => number) {
  const asked: string[] = []
  const channel = { get: async (path: string): Promise<ChannelAnswer> => (asked.push(path), answers[path] ?? { ok: false, reason: 'unreachable', detail: 'ECONNREFUSED' }) }
  return { asked, overview: openOverview({ channel, deployment: () => deployment, pending: async () => 3, consoleUrl: 'http://localhost:8081', check: async () => database, ...(clock === undefined ? {} : { clock }) }) }
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

test('I-5 the coordinator may renew signatures, not exchange the keyset', async () => {
  const renewed = { keyset: deployment.keyset.keyset, signatures: [{ signer: 1, iat: 5, signature: 'A'.repeat(86) }] }
  expect(await overviewOf({ '/v1/keyset': says(renewed) }).overview.keyset()).toEqual(renewed)
  const other = { ...renewed, keyset: { ...renewed.keyset, audiences: ['https://evil.example'], default_audience: 'https://evil.example' } }
  expect(fingerprint((await overviewOf({ '/v1/keyset': says(other) }).overview.keyset()).keyset)).toBe(deployment.lineage)
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
