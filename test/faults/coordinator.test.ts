import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Stage, signerNames } from './stage.testkit.ts'

/* The coordinator itself: who may call it, what it is started with, its log, and nonsense. */

let stage: Stage
beforeAll(async () => void (stage = await Stage.open({ coordinator: { log_ms: 500 } })))
afterAll(() => stage?.close())

const wire = { timeoutMs: 10_000, maxBytes: 1024 * 1024 }
const journalsOf = async () => Promise.all(signerNames.map(async (name) => (await stage.report(name)).journal.seq))

describe('U-6 who may call what', () => {
  test.each([
    ['symbolon:signer/1', 'POST', '/v1/mint', 403],
    ['symbolon:coordinator/1', 'POST', '/v1/mint', 403],
    ['symbolon:operator/dev', 'POST', '/v1/mint', 403],
    ['symbolon:operator/dev', 'GET', '/v1/status', 403],
    ['symbolon:api/1', 'POST', '/v1/sign', 404],
    ['symbolon:api/1', 'POST', '/v1/commitments', 404],
    ['symbolon:api/1', 'GET', '/metrics', 403],
    ['symbolon:api/1', 'GET', '/v1/mint', 405],
    ['symbolon:operator/dev', 'GET', '/readyz', 200],
    ['symbolon:operator/dev', 'GET', '/metrics', 200],
  ] as const)('%s %s %s is answered %i', async (as, method, path, status) => {
    const channel = stage.connect(as)
    const answer = method === 'POST' ? await channel.post(path, JSON.stringify({ v: 1, items: [stage.wish()] }), wire) : await channel.get(path, wire)
    channel.close()
    expect(answer).toMatchObject({ ok: true, status })
  })

  test('signers take nothing from the api: a stolen api certificate reaches no signer', async () => {
    const channel = stage.connect('symbolon:api/1', 'signer-1', 'symbolon:signer/1')
    for (const path of ['/v1/sign', '/v1/commitments']) expect(await channel.post(path, '{}', wire)).toMatchObject({ ok: true, status: 403 })
    channel.close()
  })
})

test('D-1 D-5 nonsense is refused, and the next mint is signed', async () => {
  for (const body of ['', '{', '[]', '{"v":1}', `{"v":1,"items":[${'['.repeat(1_000)}]}`, JSON.stringify({ v: 1, items: [{ ...stage.wish(), signers: [] }] })]) {
    const answer = await stage.api.post('/v1/mint', body, wire)
    expect(answer).toMatchObject({ ok: true, status: 400 })
    expect(answer.ok && JSON.parse(answer.body.toString())).toMatchObject({ code: 'malformed' })
  }
  expect(await stage.api.post('/v1/mint', Buffer.alloc(5 * 1024 * 1024), wire)).toMatchObject({ ok: true, status: 413 })
  expect((await stage.mint()).outcome.outcome).toBe('signed')
})

test.each(['update requested set kind = \'other\'', 'delete from requested', 'truncate requested', 'update fault set signer = 1', 'delete from fault', 'truncate fault'])('L-3 the log is only added to: %s is refused', async (statement) => {
  await stage.mint()
  await expect(stage.query(statement)).rejects.toMatchObject({ code: '23001' })
})

describe('U-5 wrong configuration stops it before it listens', () => {
  const address = { host: '127.0.0.1', port: 1 }
  const three = [1, 2, 3].map((id) => ({ id, address }))
  test.each([
    ['a signer that the roster does not have', { signers: [...three, { id: 4, address }] }, 1, 'signers_differ'],
    ['a signer missing', { signers: [{ id: 1, address }, { id: 2, address }, { id: 4, address }] }, 1, 'signers_differ'],
    ['a signer twice', { signers: [three[0], three[0], three[1], three[2]] }, 1, 'signers_differ'],
    ['a roster that is not there', { signers: three, roster: '/nonexistent/roster.json' }, 1, 'file_unreadable'],
    ['an unknown setting', { signers: three, trust_everyone: true }, 78, '/trust_everyone'],
    ['two wrong settings, both told', { signers: [], mint_ms: 'soon' }, 78, '/mint_ms'],
  ])('%s', async (_, over, code, says) => {
    const ended = await stage.runCoordinator(stage.writeCoordinator({ pid_file: `${stage.folder}/other.pid`, ...over }, 'wrong.json'))
    expect(ended.code).toBe(code)
    expect(ended.stderr).toContain(says)
  })
})

test('it goes on with the same store after a restart', async () => {
  await stage.kill('coordinator', 'SIGTERM')
  await stage.startCoordinator()
  expect((await stage.mint()).outcome.outcome).toBe('signed')
})

// The last one: it takes the database away.
test('U-4 L-3 without a database nothing is asked of signers, and the outcome is ill', async () => {
  expect((await stage.mint()).outcome.outcome).toBe('signed')
  const before = await journalsOf()
  await stage.postgres.stop()
  expect((await stage.mint()).outcome).toEqual({ outcome: 'unreachable', code: 'ill', parts: [] })
  expect(await journalsOf()).toEqual(before)
  const channel = stage.connect('symbolon:operator/dev')
  expect(await channel.get('/readyz', wire)).toMatchObject({ ok: true, status: 503 })
  channel.close()
})
