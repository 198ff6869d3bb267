import { afterEach, describe, expect, test } from 'vitest'
import { path, strings } from '@symbolon/envelope/envelope.testkit.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { Outcome } from '@symbolon/sdk/errors.ts'
import { newRecordMemory } from '@symbolon/sdk/record-memory.ts'
import { newestOf, serveVault, type Body, type Reply, type TestVault } from '@symbolon/sdk/vault.testkit.ts'

/* A hostile vault, as an honest client meets it: whatever it alters, by which code the client notices. Each lie has its control: without it the call succeeds. */

const open: TestVault[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})
/** A vault with three secrets that lies once it is told how. */
async function hostile() {
  let lie: ((body: Body, at: string, asked: Body) => Body) | undefined
  const served = await serveVault({ lie: (at, reply: Reply, asked) => (lie === undefined || reply.status >= 300 || typeof reply.body !== 'object' ? reply : { ...reply, body: lie(reply.body as Body, at, asked) }) })
  open.push(served)
  const vault = await served.open({ memory: newRecordMemory() })
  for (const [at, value] of [[mine, 'mine'], [second, 'second'], [other, 'other']] as const) valueOf(await vault.write(at, strings({ value })))
  return { served, vault, lieBy: (how: typeof lie) => void (lie = how) }
}
const [mine, second, other] = [path('app/mine/db'), path('app/mine/two'), path('app/other/db')]
const latest = (...paths: (typeof mine)[]) => paths.map((each) => ({ path: each, version: 'latest' as const }))
const valueOf = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw outcome.error
  return outcome.value
}
const said = (outcome: Outcome<unknown>): string => (outcome.ok ? 'ok' : `${outcome.error.code} ${outcome.error.details['detail'] ?? ''}`.trim())

interface Row extends Body {
  readonly record: { readonly record: string; readonly signature: string }
  readonly head: Body & { readonly label: Body }
  readonly body: string
}
const rowsOf = (body: Body): Row[] => body['secrets'] as Row[]
const altered = (change: (row: Row, all: readonly Row[]) => Row) => (body: Body) => ({ ...body, secrets: rowsOf(body).map((row, at) => (at === 0 ? change(row, rowsOf(body)) : row)) })

describe('I-7 what is read', () => {
  const ofSecond = (key: 'record' | 'head' | 'body') => altered((row, all) => ({ ...row, [key]: all[1]?.[key] as never }))
  const lies: readonly (readonly [string, (body: Body) => Body, string])[] = [
    ['the record of another', ofSecond('record'), 'answer_untrue record_foreign: app/mine/db'],
    ['the ciphertext of another', ofSecond('head'), 'answer_untrue ciphertext_differs: app/mine/db'],
    ['the body of another', ofSecond('body'), 'answer_untrue body_differs: app/mine/db'],
    ['a whole row of another under this path', altered((row, all) => ({ ...(all[1] ?? row), path: row['path'] })), 'answer_untrue record_foreign: app/mine/db'],
    ['a record that was altered', altered((row) => ({ ...row, record: { ...row.record, record: toBase64url(Buffer.from(Buffer.from(row.record.record, 'base64url').toString().replace('"by":"ann"', '"by":"eve"'))) } })), 'answer_untrue record_unsigned: app/mine/db'],
    ['a signature of another record', altered((row, all) => ({ ...row, record: { ...row.record, signature: all[1]?.record.signature ?? '' } })), 'answer_untrue record_unsigned: app/mine/db'],
    ['a head with another label', altered((row) => ({ ...row, head: { ...row.head, label: { ...row.head.label, name: 'two' } } })), 'answer_untrue ciphertext_differs: app/mine/db'],
    ['a head with another hash of its key', altered((row, all) => ({ ...row, head: { ...row.head, key_hash: all[1]?.head['key_hash'] } })), 'answer_untrue ciphertext_differs: app/mine/db'],
    ['a body with one bit changed', altered((row) => ({ ...row, body: row.body.replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) })), 'answer_untrue body_differs: app/mine/db'],
    ['a body cut short', altered((row) => ({ ...row, body: row.body.slice(0, -4) })), 'answer_untrue body_differs: app/mine/db'],
    ['the two rows changed over', (body) => ({ ...body, secrets: rowsOf(body).toReversed() }), 'answer_untrue answer_differs'],
    ['a row left out', (body) => ({ ...body, secrets: rowsOf(body).slice(0, 1) }), 'answer_untrue answer_differs'],
    ['a row too many', (body) => ({ ...body, secrets: [...rowsOf(body), rowsOf(body)[0]] }), 'answer_untrue answer_differs'],
    ['another epoch', (body) => ({ ...body, epoch: 2 }), 'answer_untrue answer_differs'],
    ['one signer’s answer twice', (body) => ({ ...body, opened: [(body['opened'] as unknown[])[0], (body['opened'] as unknown[])[0]] }), 'partials_missing partials_missing'],
    ['one signer’s answer under another’s name', (body) => ({ ...body, opened: (body['opened'] as Body[]).map((each, at) => ({ ...each, signer: at === 0 ? 3 : each['signer'] })) }), 'partials_missing partials_missing; unreadable: 3'],
    ['t−1 answers', (body) => ({ ...body, opened: (body['opened'] as unknown[]).slice(0, 1) }), 'partials_missing partials_missing'],
  ]
  test.each(lies)('%s: noticed', async (_, lie, code) => {
    const { vault, lieBy } = await hostile()
    expect(said(await vault.read(latest(mine, second)))).toBe('ok')
    lieBy((body, at) => (at === '/v1/secrets/read' ? lie(body) : body))
    expect(said(await vault.read(latest(mine, second)))).toBe(code)
    lieBy(undefined)
    expect(said(await vault.read(latest(mine, second)))).toBe('ok')
  })

  test('answers to another reading of the same secret open nothing', async () => {
    const { vault, lieBy } = await hostile()
    let before: Body | undefined
    lieBy((body, at) => (at === '/v1/secrets/read' ? (before ??= body) : body))
    expect(said(await vault.read(latest(mine)))).toBe('ok')
    expect(said(await vault.read(latest(mine)))).toBe('partials_missing partials_missing; unreadable: 1, 2')
  })
})

describe('I-7 what a write is answered with', () => {
  const receipts = (change: (list: Body[], served: TestVault) => unknown[]) => (served: TestVault) => (body: Body) => (Array.isArray(body['receipts']) ? { ...body, pending: false, receipts: change(body['receipts'] as Body[], served) } : body)
  const lies: readonly (readonly [string, (served: TestVault) => (body: Body) => Body])[] = [
    ['none', receipts(() => [])],
    ['too few', receipts((list) => list.slice(0, 1))],
    ['one signer’s, many times', receipts((list) => list.flatMap(() => list[0] ?? []))],
    ['those of another record', receipts((_, served) => [1, 2, 3].map((id) => served.deployment.receipt(id, newestOf(served.held, other)?.signed ?? expect.unreachable())))],
    ['a signer’s under another’s name', receipts(([one = expect.unreachable(), two = expect.unreachable()]) => [one, { ...two, receipt: { ...(two['receipt'] as Body), signature: (one['receipt'] as Body)['signature'] } }])],
  ]
  test.each(lies)('receipts: %s: it stays pending', async (_, lie) => {
    const { served, vault, lieBy } = await hostile()
    expect(valueOf(await vault.write(mine, strings({ value: 'control' }))).pending).toBe(false)
    lieBy(lie(served))
    expect(valueOf(await vault.write(mine, strings({ value: 'new' }))).pending).toBe(true)
  })

  test('a record that it hides, or an older one: nothing is written on top of what was not seen last', async () => {
    const { vault, lieBy, served } = await hostile()
    const old = newestOf(served.held, mine)?.signed
    valueOf(await vault.write(mine, strings({ value: 'newer' })))
    for (const shown of [null, old]) {
      lieBy((body, at) => (at === '/v1/secrets/records' ? { ...body, records: [shown] } : body))
      const got = await vault.write(mine, strings({ value: 'lost' }))
      expect(got.ok ? 'ok' : got.error.code).toBe('record_rolled_back')
    }
  })

  test('a record hidden from a client that never saw it: the first write of a “new” secret is refused by whoever knows it', async () => {
    const { served, lieBy } = await hostile()
    const fresh = await served.open()
    lieBy((body, at) => (at === '/v1/secrets/records' ? { ...body, records: [null] } : body))
    const got = await fresh.write(mine, strings({ value: 'anew' }))
    expect(got.ok ? 'ok' : got.error.code).toBe('record_stale')
  })
})
