import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { limits } from '@symbolon/protocol/limits.ts'
import { errorCodes } from '@symbolon/protocol/errors.ts'
import type { MintOutcome } from '@symbolon/protocol/mint.ts'
import { intentDigest } from '@symbolon/protocol/intent.ts'
import { deploy } from './fake-signer.testkit.ts'
import type { LogRow } from './log.ts'
import { openRoom } from './logged.ts'
import type { Minting } from './mint.ts'
import { callRoute, served } from './routes.testkit.ts'

const deployment = deploy(2, 3)
const item = (change: object = {}) => ({ ...deployment.wanted().item, ...change })
/** As the api calls it. */
const mint = (minting: Minting, given: Uint8Array, role = 'api') => callRoute(served({ minting }), { role, path: '/v1/mint', body: given })
const body = (...items: object[]) => Buffer.from(JSON.stringify({ v: 1, items }))
const signed: MintOutcome = { outcome: 'signed', signature: 'A'.repeat(86) as never, parts: [] }

function open(change: Partial<Minting> = {}) {
  const order: string[] = []
  const rows: LogRow[] = []
  const minting: Minting = {
    roster: () => 1,
    room: openRoom(100),
    clock: () => performance.now(),
    write: async (given) => {
      rows.push(...given)
      await new Promise((resolve) => setTimeout(resolve, 5))
      order.push('log')
      return { ok: true }
    },
    sign: async () => {
      order.push('sign')
      return signed
    },
    observe: vi.fn(),
    ...change,
  }
  return { minting, order, rows }
}

test('logs every item in one write before any signer is asked', async () => {
  const { minting, order, rows } = open()
  const items = [item(), item(), item()]
  const reply = await mint(minting, body(...items))
  expect(reply).toMatchObject({ status: 200, body: { outcomes: [signed, signed, signed], timings: { log_us: expect.any(Number) } } })
  expect(order).toEqual(['log', 'sign', 'sign', 'sign'])
  expect(rows).toEqual(items.map(({ request_id }) => expect.objectContaining({ requestId: request_id, kind: 'token', digest: intentDigest(Buffer.from('{}')) })))
  expect(minting.observe).toHaveBeenCalledTimes(3)
})

test('U-4 L-3 without the log row no signer is asked, and the outcome is ill', async () => {
  const { minting, order } = open({ write: async () => ({ ok: false, detail: 'too_slow' }) })
  expect(await mint(minting, body(item(), item()))).toMatchObject({ status: 200, body: { outcomes: [{ outcome: 'unreachable', code: 'ill' }, { outcome: 'unreachable', code: 'ill' }] } })
  expect(order).toEqual([])
})

test('D-4 more than there is room for is answered busy before anything is done; the room is free again afterwards', async () => {
  const { minting, rows } = open({ room: openRoom(3) })
  const first = mint(minting, body(item(), item()))
  expect(await mint(minting, body(item(), item()))).toMatchObject({ status: 200, body: { outcomes: [{ outcome: 'unreachable', code: 'busy', retry_after: 1 }, { code: 'busy' }] } })
  expect(rows).toHaveLength(2)
  expect(await first).toMatchObject({ status: 200, body: { outcomes: [signed, signed] } })
  expect(await mint(minting, body(item(), item(), item()))).toMatchObject({ status: 200, body: { outcomes: [signed, signed, signed] } })
})

test('U-4 an item that makes our code throw leaves the room free', async () => {
  const { minting } = open({
    room: openRoom(1),
    sign: async () => {
      throw new RangeError('bug')
    },
  })
  await expect(mint(minting, body(item()))).rejects.toThrow(RangeError)
  expect(minting.room.enter(1)).toBe(true)
})

test('an item for another roster version is not signed and not logged; the others go on', async () => {
  const { minting, rows } = open()
  expect(await mint(minting, body(item({ roster: 2 }), item()))).toMatchObject({ status: 200, body: { outcomes: [{ outcome: 'unreachable', code: 'roster_behind' }, signed] } })
  expect(rows).toHaveLength(1)
})

const bad: readonly [string, unknown][] = [
  ['no items', { v: 1, items: [] }],
  ['too many items', { v: 1, items: Array.from({ length: limits.batchItems + 1 }, () => item()) }],
  ['another version', { v: 2, items: [item()] }],
  ['an unknown field', { v: 1, items: [item()], signers: ['https://evil.example'] }],
  ['a signer named by the request', { v: 1, items: [item({ signers: [{ id: 1, address: 'evil:1' }] })] }],
  ['a principal named by the request', { v: 1, items: [item({ principal: { id: 'root' } })] }],
  ['approvals', { v: 1, items: [item({ approvals: [{}] })] }],
  ['bytes that are no signing input', { v: 1, items: [item({ bytes: 'a.b.c' })] }],
  ['bytes that are no record’s message', { v: 1, items: [item({ purpose: 'record', bytes: 'symbolon/record/v2\u0000{"v":1}' })] }],
  ['another purpose', { v: 1, items: [item({ purpose: 'vault' as 'token' })] }],
  ['no evidence', { v: 1, items: [item({ evidence: [] })] }],
]
test.each(bad)('D-1 U-3 %s: refused before anything is logged', async (_, request) => {
  const { minting, order, rows } = open()
  expect(await mint(minting, Buffer.from(JSON.stringify(request)))).toMatchObject({ status: 400, body: { code: 'malformed', detail: 'wrong_shape' } })
  expect([order, rows]).toEqual([[], []])
})

test.each([
  ['not JSON', 'nonsense', 'not_json'],
  ['cut short', '{"v":1,"items":[', 'not_json'],
  ['not UTF-8', Buffer.from([0x7b, 0xff]), 'not_utf8'],
  ['a duplicate member', '{"v":1,"v":1,"items":[]}', 'duplicate_member'],
  ['deep nesting', '['.repeat(100_000), 'too_deep'],
])('D-1 %s is refused', async (_, given, reason) => {
  const { minting } = open()
  expect(await mint(minting, Buffer.from(given))).toMatchObject({ status: 400, body: { code: 'malformed', detail: reason } })
})

test('D-1 property: whatever comes, the answer is a value', async () => {
  const { minting } = open()
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map((text) => Buffer.from(text)), fc.object().map((more) => body(item(more)))), async (bytes) => {
      const reply = await mint(minting, bytes)
      expect([200, 400]).toContain(reply.status)
    }),
    { numRuns: 300 },
  )
})

test('every outcome’s codes are in the closed list', () => {
  expect(errorCodes).toEqual(expect.arrayContaining(['ill', 'roster_behind', 'quorum_unavailable', 'timed_out', 'quorum_faulty']))
})
