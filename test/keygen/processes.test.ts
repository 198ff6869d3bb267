import { existsSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectChannel } from '@symbolon/runtime/channel-client.ts'
import { testCa } from '@symbolon/runtime/certificates.testkit.ts'
import type { Plan } from '@symbolon/roster/plan.ts'
import { activeFiles, lastLine, openStage, perform, type Stage } from './stage.ts'

/* Ceremonies of real processes that go wrong. */

let stage: Stage
beforeAll(async () => {
  stage = await openStage({ deadline: 60 })
})
beforeEach(() => stage.reset())
afterAll(() => stage.close())

const traitor = 'test/keygen/traitor.ts'
const nothingActive = () => expect(stage.ids.flatMap((id) => activeFiles(stage, id).filter((name) => name !== 'ceremony/shares'))).toEqual([])

async function performWith(treason: string) {
  const plan = stage.plan()
  stage.ids.forEach((id) => stage.givePlan(id, plan))
  const running = stage.ids.map((id) => [id, stage.keygen(id, 'run', id === 3 ? { entry: traitor, env: { TREASON: treason } } : {})] as const)
  return new Map(await Promise.all(running.map(async ([id, { ended }]) => [id, await ended] as const)))
}

describe('keygen against a member that was taken over', () => {
  test.each<[string, RegExp]>([
    ['bad share to member 1', /share_unreadable by member 3, which is proven/],
    ['equivocates', /equivocation by member 3, which is proven/],
    ['another package', /reveal_differs by member 3/],
  ])('SEC-15 SEC-16 it %s: every honest member names it and activates nothing', async (treason, said) => {
    const ended = await performWith(treason)
    for (const id of [1, 2]) {
      expect(ended.get(id)?.code).toBe(1)
      expect(lastLine(ended.get(id) ?? { code: 0, out: '' })).toMatch(said)
    }
    nothingActive()
  })
})

describe('SEC-20 keygen when a member is killed', () => {
  test.each(['deal', 'keyset'])('in %s: nothing is active, and the same plan is carried through by all', async (phase) => {
    // Long enough to come to the phase on a busy machine; the survivors wait it out.
    stage.ids.forEach((id) => stage.setConfig(id, { deadline_seconds: 18 }))
    const ended = await performWith(`dies in ${phase}`)
    for (const id of [1, 2]) expect(ended.get(id)?.out).toMatch(phase === 'keyset' ? /undecided: members 3 did not finish/ : /no key was made, nothing is active: timed_out by .*member 3/)
    nothingActive()
    stage.ids.forEach((id) => stage.setConfig(id, { deadline_seconds: 60 }))
    const again = await Promise.all(stage.ids.map((id) => stage.keygen(id, 'run').ended))
    expect(again.map(({ code, out }) => (code === 0 ? 0 : out))).toEqual([0, 0, 0])
    expect(new Set(stage.ids.map((id) => readFileSync(stage.file(id, 'roster.json'), 'utf8'))).size).toBe(1)
  })
})

describe('keygen refuses', () => {
  const runOne = async (plan: unknown, id = 1) => {
    stage.givePlan(id, plan)
    return lastLine(await stage.keygen(id, 'run').ended)
  }

  test.each<[string, (plan: Plan) => unknown, RegExp]>([
    ['FROST_T with 2t ≤ n', (plan) => ({ ...plan, members: [...plan.members, { id: 4, keygen: '127.0.0.1:9' }], n: 4, template: { ...plan.template, signers: [...plan.template.signers, { ...plan.template.signers[0], id: 4, name: 'signer-4', identity: plan.template.signers[1]?.hpke }] } }), /plan_refused: .*2t ≤ n/],
    ['t of one', (plan) => ({ ...plan, t: 1 }), /plan_malformed: .*\/t/],
    ['an unknown field', (plan) => ({ ...plan, dealer: 1 }), /plan_malformed/],
    ['other keys in its own row', (plan) => ({ ...plan, template: { ...plan.template, signers: plan.template.signers.map((row) => (row.id === 1 ? { ...row, identity: row.hpke } : row)) } }), /plan_other_keys/],
    ['a plan without it', (plan) => ({ ...plan, members: plan.members.map((row) => (row.id === 1 ? { ...row, id: 9 } : row)).toSorted((a, b) => a.id - b.id), template: { ...plan.template, signers: plan.template.signers.map((row) => (row.id === 1 ? { ...row, id: 9 } : row)).toSorted((a, b) => a.id - b.id) } }), /plan_without_us/],
  ])('a plan with %s', async (_, change, said) => {
    expect(await runOne(stage.plan(change as never))).toMatch(said)
  })

  test('a plan that is not there, and a second version 1', async () => {
    expect(lastLine(await stage.keygen(1, 'run').ended)).toMatch(/plan_missing/)
    expect([...(await perform(stage)).values()].map(({ code }) => code)).toEqual([0, 0, 0])
    const before = readFileSync(stage.file(1, 'roster.json'), 'utf8')
    expect(await runOne(stage.plan())).toMatch(/already_active/)
    expect(readFileSync(stage.file(1, 'roster.json'), 'utf8')).toBe(before)
  })

  test('operators who hold different plans learn it from every member', async () => {
    for (const id of [1, 2]) stage.setConfig(id, { deadline_seconds: 8 })
    for (const id of [1, 2]) stage.givePlan(id, stage.plan())
    const ended = await Promise.all([1, 2].map((id) => stage.keygen(id, 'run').ended))
    for (const each of ended) expect(lastLine(each)).toMatch(/plan_differs by member [12]/)
    nothingActive()
  })

  test('a certificate of another role at its channel', async () => {
    stage.setConfig(1, { signer: 1, tls: { key: stage.file(2, 'tls/key.pem'), certificate: stage.file(2, 'tls/cert.pem'), ca: stage.file(2, 'tls/ca.pem') } })
    expect(await runOne(stage.plan())).toMatch(/tls_other_identity/)
  })
})

test('SEC-05 D-1 nonsense and strangers at the channel stop nobody', async () => {
  const plan = stage.plan() as Plan
  stage.ids.forEach((id) => stage.givePlan(id, plan))
  const first = [1, 2].map((id) => stage.keygen(id, 'run'))
  const port = Number(plan.members[0]?.keygen.split(':')[1])
  const tls = { key: readFileSync(stage.file(3, 'tls/key.pem')), cert: readFileSync(stage.file(3, 'tls/cert.pem')), ca: readFileSync(stage.file(3, 'tls/ca.pem')) }
  const member = connectChannel({ tls, address: { host: '127.0.0.1', port }, expect: 'symbolon:keygen/1' })
  const post = async (body: string | Uint8Array) => {
    for (;;) {
      const answer = await member.post('/v1/ceremony', body, { timeoutMs: 5_000, maxBytes: 10_000 })
      if (answer.ok && answer.status !== 503) return `${answer.status} ${answer.body.toString()}`
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const malformed = '200 {"code":"malformed","result":"refused"}'
  expect(await post('')).toBe(malformed)
  expect(await post('{"v":1}')).toBe(malformed)
  expect(await post('['.repeat(100_000))).toBe(malformed)
  expect(await post(Buffer.from([0xff, 0xfe]))).toBe(malformed)
  expect(await post(JSON.stringify({ v: 1, plan: 'A'.repeat(43), session: 'A'.repeat(43), phase: 'done', sender: 3, body: {}, signature: 'A'.repeat(86) }))).toBe('200 {"code":"signature_invalid","result":"refused"}')
  expect(await post(JSON.stringify({ v: 1, plan: 'A'.repeat(43), session: 'A'.repeat(43), phase: 'done', sender: 2, body: {}, signature: 'A'.repeat(86) }))).toBe('200 {"code":"sender_mismatch","result":"refused"}')
  expect(await post(' '.repeat(2 * 1024 * 1024))).toMatch(/^413/)
  member.close()
  const stranger = connectChannel({ tls: testCa('another CA').issue('symbolon:keygen/3'), address: { host: '127.0.0.1', port }, expect: 'symbolon:keygen/1' })
  expect(await stranger.post('/v1/ceremony', '{}', { timeoutMs: 2_000, maxBytes: 10_000 })).toMatchObject({ ok: false })
  stranger.close()
  const ended = await Promise.all([...first, stage.keygen(3, 'run')].map((running) => running.ended))
  expect(ended.map(({ code, out }) => (code === 0 ? 0 : out))).toEqual([0, 0, 0])
  expect(existsSync(stage.file(1, 'roster.json'))).toBe(true)
})
