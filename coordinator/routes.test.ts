import { describe, expect, test, vi } from 'vitest'
import { limits } from '@symbolon/protocol/limits.ts'
import type { MintItem } from '@symbolon/protocol/mint.ts'
import type { OpenOutcome, OpenWish } from '@symbolon/protocol/open.ts'
import { deploy } from './fake-signer.testkit.ts'
import { openWish } from './fake-vault-side.testkit.ts'
import { openRoom } from './logged.ts'
import type { LogRow } from './log.ts'
import { callRoute, served } from './routes.testkit.ts'

/* Who may ask for what, and what happens before any signer is asked. */

const deployment = deploy(2, 3)
const bodyOf = (...items: unknown[]) => JSON.stringify({ v: 1, items })
const signed = { outcome: 'signed' as const, signature: 'A'.repeat(86) as never, parts: [] }
const opened: OpenOutcome = { outcome: 'opened', epoch: 1, opened: [{ signer: 1, sealed: { enc: 'A'.repeat(87) as never, ct: 'AA' as never } }], parts: [] }

function open() {
  const rows: LogRow[] = []
  const signs = vi.fn((_: MintItem) => signed)
  const opens = vi.fn((_: OpenWish) => opened)
  const logging = {
    roster: () => 1,
    room: openRoom(20),
    clock: () => performance.now(),
    write: async (given: readonly LogRow[]) => {
      rows.push(...given)
      return { ok: true } as const
    },
  }
  const coordinator = served({
    minting: { ...logging, sign: async ({ item }) => signs(item), observe: vi.fn() },
    opening: { ...logging, open: async (wish) => opens(wish), observe: vi.fn() },
    known: async () => undefined,
    receipts: async () => ({ v: 1, receipts: [[]] }),
    keyset: async () => ({ keysets: [] }),
    status: async () => ({ v: 1, threshold: 2, signers: [] }),
    book: () => ({ v: 1, versions: [], entries: [], stops: [] }),
    stop: async () => ({ v: 1, words: [], reasons: [] }),
  })
  const call = (role: string, path: string, body: Uint8Array | string = '') => callRoute(coordinator, { role, path, body })
  return { call, rows, signs, opens }
}
const item = (purpose: 'token' | 'record') => deployment.wanted({ purpose }).item

describe('U-1 roles', () => {
  test.each([
    ['api', 'token', 200],
    ['vault', 'record', 200],
    ['api', 'record', 403],
    ['vault', 'token', 403],
  ] as const)('%s asking for a %s: %i', async (role, purpose, status) => {
    const { call, rows, signs } = open()
    expect(await call(role, '/v1/mint', bodyOf(item(purpose)))).toMatchObject(status === 200 ? { status, body: { outcomes: [signed] } } : { status, body: { code: 'role_not_allowed' } })
    expect([rows.length, signs.mock.calls.length]).toEqual(status === 200 ? [1, 1] : [0, 0])
  })

  test('one item of the other purpose among its own gets the api nothing at all', async () => {
    const { call, rows, signs } = open()
    expect(await call('api', '/v1/mint', bodyOf(item('token'), item('record'), item('token')))).toMatchObject({ status: 403, body: { code: 'role_not_allowed' } })
    expect([rows, signs.mock.calls]).toEqual([[], []])
  })

  const paths = { api: ['/v1/changes'], vault: ['/v1/open', '/v1/receipts', '/v1/known'], both: ['/v1/mint', '/v1/stops', '/v1/book', '/v1/status', '/v1/keyset'] }
  test.each([
    ...paths.api.map((path) => [path, ['api']] as const),
    ...paths.vault.map((path) => [path, ['vault']] as const),
    ...paths.both.map((path) => [path, ['api', 'vault']] as const),
  ])('%s is for %s, and for nobody else', async (path, roles) => {
    const { call } = open()
    for (const role of ['api', 'vault', 'signer', 'coordinator', 'operator', 'web', 'keygen', 'constructor']) {
      const refused = (await call(role, path)).status === 403
      expect([role, refused]).toEqual([role, !(roles as readonly string[]).includes(role)])
    }
  })
})

describe('opening', () => {
  test('is logged as such before any signer is asked: the intent, and which ciphertexts', async () => {
    const { call, rows, opens } = open()
    const [head] = openWish().heads
    const other = { ...(head ?? expect.unreachable()), epoch: 2 }
    const reply = await call('vault', '/v1/open', bodyOf(openWish(), openWish({ heads: [other] }), openWish({ request_id: 'again' })))
    expect(reply).toMatchObject({ status: 200, body: { outcomes: [opened, opened, opened], timings: { log_us: expect.any(Number) } } })
    expect(rows.map(({ kind, requestId }) => [kind, requestId])).toEqual([['open', 'request'], ['open', 'request'], ['open', 'again']])
    expect(Buffer.compare(rows[0]?.bytesHash ?? new Uint8Array(), rows[1]?.bytesHash ?? new Uint8Array())).not.toBe(0)
    expect(rows[2]?.bytesHash).toEqual(rows[0]?.bytesHash)
    expect(opens).toHaveBeenCalledTimes(3)
  })

  test('a wish for another roster version is neither logged nor asked for; the others go on', async () => {
    const { call, rows } = open()
    expect(await call('vault', '/v1/open', bodyOf(openWish({ roster: 2 }), openWish()))).toMatchObject({ body: { outcomes: [{ outcome: 'unreachable', code: 'roster_behind' }, opened] } })
    expect(rows).toHaveLength(1)
  })

  const [head] = openWish().heads
  const bad: readonly [string, unknown][] = [
    ['no items', { v: 1, items: [] }],
    ['too many', { v: 1, items: Array.from({ length: limits.openItems + 1 }, () => openWish()) }],
    ['no records', { v: 1, items: [openWish({ records: [] })] }],
    ['too many heads', { v: 1, items: [openWish({ heads: Array.from({ length: limits.labels + 1 }, () => head ?? expect.unreachable()) })] }],
    ['a signer named by the request', { v: 1, items: [{ ...openWish(), signers: [1, 2] }] }],
    ['an attempt chosen by the request', { v: 1, items: [{ ...openWish(), attempt: 'A'.repeat(22) }] }],
    ['no evidence', { v: 1, items: [openWish({ evidence: [] })] }],
  ]
  test.each(bad)('D-1 U-3 %s: refused before anything is logged', async (_, request) => {
    const { call, rows, opens } = open()
    expect(await call('vault', '/v1/open', JSON.stringify(request))).toMatchObject({ status: 400, body: { code: 'malformed', detail: 'wrong_shape' } })
    expect([rows, opens.mock.calls]).toEqual([[], []])
  })
})

test('records and tokens of one moment are logged by their kind', async () => {
  const { call, rows } = open()
  await Promise.all([call('api', '/v1/mint', bodyOf(item('token'))), call('vault', '/v1/mint', bodyOf(item('record')))])
  expect(rows.map(({ kind }) => kind).sort()).toEqual(['record', 'token'])
})

test('known records of which too few signers speak: 503, and no answer that looks like there were none', async () => {
  const { call } = open()
  expect(await call('vault', '/v1/known', JSON.stringify({ v: 1, paths: ['A'.repeat(43)] }))).toMatchObject({ status: 503, body: { code: 'quorum_unavailable' } })
})
