import { describe, expect, test } from 'vitest'
import { path, strings } from '@symbolon/envelope/envelope.testkit.ts'
import type { VaultRecord } from '@symbolon/protocol/record.ts'
import { ok } from '../result.ts'
import { askReceipts, change, isInTheWay, type Wish } from './change.ts'
import { nextOf, openedOf, refusal, testVault, type Posted, type TestVault } from './vault.testkit.ts'

const db = path('app/payments/db')
const write: Wish = { act: 'secret.write', value: strings({ password: 'p' }) }

const answerTo = (posted: Posted, { test }: TestVault, before?: VaultRecord, alter: (record: VaultRecord) => VaultRecord = (record) => record, receipts: readonly number[] = [1, 2]) => {
  const record = test.sign(alter(nextOf(posted, before, test)))
  return ok({ record, receipts: receipts.map((id) => test.receipt(id, record)), pending: false, request_id: 'r', signers: [] })
}

describe('a write', () => {
  test('the first version: signed, receipted, and remembered', async () => {
    const made: TestVault = await testVault((posted) => answerTo(posted, made))
    const written = await change({ path: db, known: undefined }, write, made.vault)
    expect(written).toMatchObject({ ok: true, value: { known: { record: { seq: 1, current: 1, path: db } }, receipts: { finished: true, signers: [1, 2] } } })
    expect(made.posted).toMatchObject([{ path: '/v1/secrets/change', intent: { kind: 'secret.write', previous: null, seq: 1, version: 1, cas: 0, combine: 'caller', type: 'string' } }])
    expect(made.vault.memory.seen(db)).toMatchObject({ seq: 1 })
  })

  test('what the vault sees holds no value', async () => {
    const made: TestVault = await testVault((posted) => answerTo(posted, made))
    await change({ path: db, known: undefined }, { act: 'secret.write', value: strings({ password: 'a planted canary' }) }, made.vault)
    const sent = JSON.stringify(made.posted)
    expect(sent).toContain('"body"')
    expect(sent).not.toContain('canary')
    expect(sent).not.toContain(Buffer.from('a planted canary').toString('base64url').slice(2, 12))
  })

  test('it follows the version that was looked at, in the mode of its namespace', async () => {
    const made: TestVault = await testVault((posted) => answerTo(posted, made, known.record))
    const at = path('secret/db')
    const known = openedOf(made.signed({ path: at, seq: 7, current: 3 }))
    await change({ path: at, known }, write, made.vault)
    expect(made.posted).toMatchObject([{ intent: { previous: known.digest, seq: 8, version: 4, cas: 3, combine: 'vault' } }])
  })

  test('a sequence number that was begun by another: the next one', async () => {
    const made: TestVault = await testVault((posted) => (made.posted.length < 3 ? refusal('sequence_taken') : answerTo(posted, made)))
    expect(await change({ path: db, known: undefined }, write, made.vault)).toMatchObject({ ok: true, value: { known: { record: { seq: 3 } } } })
  })

  test('a newer record without a newer version is no conflict', async () => {
    const known = (made: TestVault, seq: number) => made.signed({ path: db, seq, current: 2, tags: seq === 5 ? [] : ['new'] })
    const made: TestVault = await testVault((posted) => {
      if (posted.path === '/v1/secrets/records') return ok({ records: [known(made, 6)], request_id: 'r' })
      return made.posted.length === 1 ? refusal('record_stale') : answerTo(posted, made, openedOf(known(made, 6)).record)
    })
    expect(await change({ path: db, known: openedOf(known(made, 5)) }, write, made.vault)).toMatchObject({ ok: true, value: { known: { record: { seq: 7, current: 3, tags: ['new'] } } } })
  })

  test.each(['record_stale', 'check_and_set_failed'])('a newer version is a conflict, and nothing is written (%s)', async (code) => {
    const made: TestVault = await testVault((posted) => (posted.path === '/v1/secrets/records' ? ok({ records: [made.signed({ path: db, seq: 6, current: 3 })], request_id: 'r' }) : refusal(code)))
    const known = openedOf(made.signed({ path: db, seq: 5, current: 2 }))
    expect(await change({ path: db, known }, write, made.vault)).toMatchObject({ ok: false, error: { trouble: { code: 'check_and_set_failed' }, meanwhile: { record: { current: 3 } } } })
    expect(made.posted.map(({ path: at }) => at)).toEqual(['/v1/secrets/change', '/v1/secrets/records'])
  })

  test('a vault that says stale for ever is asked a few times, no more', async () => {
    let seq = 1
    const made: TestVault = await testVault((posted) => (posted.path === '/v1/secrets/records' ? ok({ records: [made.signed({ path: db, seq: (seq += 1) })], request_id: 'r' }) : refusal('record_stale')))
    expect(await change({ path: db, known: openedOf(made.signed({ path: db })) }, write, made.vault)).toMatchObject({ ok: false, error: { trouble: { code: 'record_stale' } } })
    expect(made.posted.filter(({ path: at }) => at === '/v1/secrets/change')).toHaveLength(5)
  })

  test('a lost answer: the same intent once more, not another', async () => {
    const made: TestVault = await testVault((posted) => (made.posted.length === 1 ? refusal('vault_unreachable') : answerTo(posted, made)))
    expect(await change({ path: db, known: undefined }, write, made.vault)).toMatchObject({ ok: true })
    expect(made.posted.map(({ digest }) => digest)).toEqual([made.posted[0]?.digest, made.posted[0]?.digest])
  })

  test('where policy asks for a touch, one is asked for', async () => {
    const made = await testVault(() => refusal('touch_required'))
    expect(await change({ path: db, known: undefined }, write, made.vault)).toMatchObject({ ok: false, error: { trouble: { code: 'passkey_unsupported' } } })
  })

  test('a namespace that the roster does not have', async () => {
    const made = await testVault()
    expect(await change({ path: path('other/x'), known: undefined }, write, made.vault)).toMatchObject({ ok: false, error: { trouble: { code: 'namespace_unknown' } } })
    expect(made.posted).toEqual([])
  })
})

describe('a vault that answers with something else', () => {
  const lying = async (alter: (record: VaultRecord) => VaultRecord) => {
    const made: TestVault = await testVault((posted) => answerTo(posted, made, undefined, alter))
    const written = await change({ path: db, known: undefined }, write, made.vault)
    return written.ok ? 'ok' : written.error.trouble.code
  }
  test('the truth first', async () => expect(await lying((record) => record)).toBe('ok'))
  test.each<[string, (record: VaultRecord) => VaultRecord, string]>([
    ['a record made for another intent', (record) => ({ ...record, intent: record.lineage }), 'record_differs'],
    ['another sequence number', (record) => ({ ...record, seq: 9 }), 'record_differs'],
    ['another predecessor', (record) => ({ ...record, previous: record.lineage }), 'record_differs'],
    ['another act', (record) => ({ ...record, act: 'secret.meta' }), 'record_differs'],
    ['another ciphertext', (record) => ({ ...record, versions: record.versions.map((version) => ({ ...version, ciphertext: record.lineage })) }), 'record_differs'],
    ['another secret', (record) => ({ ...record, path: path('app/other') }), 'record_foreign'],
    ['another deployment', (record) => ({ ...record, lineage: record.intent }), 'record_unsigned'],
  ])('%s', async (_case, alter, code) => expect(await lying(alter)).toBe(code))

  test('`pending` is what the receipts say, not what the vault says', async () => {
    const made: TestVault = await testVault((posted) => answerTo(posted, made, undefined, undefined, [1, 1]))
    expect(await change({ path: db, known: undefined }, write, made.vault)).toMatchObject({ ok: true, value: { receipts: { finished: false, signers: [1], wanted: 2 } } })
  })
})

test('receipts are asked for again, of this record alone', async () => {
  const made: TestVault = await testVault(() => ok({ record: shown, receipts: [made.test.receipt(1, shown), made.test.receipt(3, shown)], pending: false, request_id: 'r' }))
  const mine = made.signed({ path: db })
  let shown = mine
  expect(await askReceipts(openedOf(mine), made.vault)).toMatchObject({ ok: true, value: { finished: true, signers: [1, 3] } })
  shown = made.signed({ path: db, seq: 2 })
  expect(await askReceipts(openedOf(mine), made.vault)).toMatchObject({ ok: false, error: { code: 'receipts_differ' } })
})

describe('what is in the way', async () => {
  const { signed } = await testVault()
  const known = (more: Partial<VaultRecord> = {}) => openedOf(signed({ path: db, seq: 5, current: 2, ...more }))
  const meta: Wish = { act: 'secret.meta', settings: known().record.settings, custom: {}, tags: [] }
  test.each<[string, Wish, ReturnType<typeof known> | undefined, ReturnType<typeof known>, boolean]>([
    ['of creating: it is there', write, undefined, known(), true],
    ['of creating: it is there after it was removed', write, known({ removed: true }), known({ seq: 6 }), true],
    ['of creating: it is still removed', write, undefined, known({ removed: true }), false],
    ['of writing: another version', write, known(), known({ seq: 6, current: 3 }), true],
    ['of writing: other tags are not', write, known(), known({ seq: 6, tags: ['x'] }), false],
    ['of saving tags: other tags', meta, known(), known({ seq: 6, tags: ['x'] }), true],
    ['of saving tags: another version is not', meta, known(), known({ seq: 6, current: 3 }), false],
    ['of deleting: another version is not', { act: 'secret.delete', versions: [2] }, known(), known({ seq: 6, current: 3 }), false],
    ['of deleting: it was removed and made anew', { act: 'secret.delete', versions: [2] }, known(), known({ seq: 7, created: 1_900_000_000 }), true],
    ['of removing: anything', { act: 'secret.destroy', all: true }, known(), known({ seq: 6, tags: ['x'] }), true],
    ['of anything: it was removed', { act: 'secret.undelete', versions: [2] }, known(), known({ seq: 6, removed: true }), true],
  ])('%s', (_case, wish, before, meanwhile, expected) => expect(isInTheWay(wish, before, meanwhile)).toBe(expected))
})
