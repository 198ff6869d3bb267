import { describe, expect, test } from 'vitest'
import { path, recordOf, testSecrets } from '@symbolon/envelope/envelope.testkit.ts'
import { ok } from '../result.ts'
import { believeHistory, believeRows, list, newest } from './browse.ts'
import { openedOf, refusal, testVault } from './vault.testkit.ts'

const db = path('app/payments/db')
const codes = (troubles: readonly { readonly code: string }[]) => troubles.map(({ code }) => code)

describe('rows', () => {
  test('those whose record verifies are shown, with folders', async () => {
    const { vault, signed } = await testVault()
    const found = believeRows({ entries: [{ folder: 'app/payments/' }, { path: path('app/mail'), record: signed({ path: path('app/mail') }) }], request_id: 'r' }, 'app', vault)
    expect(found).toMatchObject({ folders: ['app/payments'], rows: [{ record: { path: 'app/mail' } }], left: [] })
  })

  test('what was removed is no row', async () => {
    const { vault, signed } = await testVault()
    expect(believeRows({ entries: [{ path: db, record: signed({ path: db, removed: true, current: 0 }) }], request_id: 'r' }, 'app', vault)).toMatchObject({ rows: [], left: [] })
  })

  test('a record that another deployment signed, one of another secret, a row that lies elsewhere: left out and named', async () => {
    const { vault, signed } = await testVault()
    const stranger = testSecrets({ name: 'stranger' })
    const found = believeRows({ entries: [
      { path: db, record: stranger.sign(recordOf(stranger, { path: db })) },
      { path: path('app/payments/key'), record: signed({ path: db }) },
      { path: path('secret/x'), record: signed({ path: path('secret/x') }) },
      { folder: 'secret/y/' },
    ], request_id: 'r' }, 'app', vault)
    expect(found).toMatchObject({ folders: [], rows: [] })
    expect(codes(found.left)).toEqual(['record_unsigned', 'record_foreign', 'rows_differ', 'rows_differ'])
  })

  test('an older record than was seen before is not shown', async () => {
    const { vault, signed } = await testVault()
    const entry = (seq: number) => ({ entries: [{ path: db, record: signed({ path: db, seq }) }], request_id: 'r' })
    expect(believeRows(entry(5), 'app', vault).rows).toHaveLength(1)
    expect(codes(believeRows(entry(4), 'app', vault).left)).toEqual(['record_rolled_back'])
    expect(believeRows(entry(5), 'app', vault).rows).toHaveLength(1)
  })

  test('another record under the same number is not shown', async () => {
    const { vault, signed } = await testVault()
    believeRows({ entries: [{ path: db, record: signed({ path: db, tags: ['a'] }) }], request_id: 'r' }, 'app', vault)
    expect(codes(believeRows({ entries: [{ path: db, record: signed({ path: db, tags: ['b'] }) }], request_id: 'r' }, 'app', vault).left)).toEqual(['record_forked'])
  })
})

test('a search is asked for all below, with the intent of this folder', async () => {
  const { vault, posted } = await testVault(() => ok({ entries: [], request_id: 'r' }))
  expect(await list({ prefix: 'app/payments', recursive: true, search: 'db' }, vault)).toMatchObject({ ok: true })
  expect(posted).toMatchObject([{ path: '/v1/secrets/list', intent: { kind: 'secret.list', prefix: 'app/payments', recursive: true, sub: 'ann', client: 'symbolon-console' }, body: { search: 'db', evidence: [{ kind: 'grant' }] } }])
})

describe('the newest record of one', () => {
  test('none', async () => {
    const { vault } = await testVault(() => ok({ records: [null], request_id: 'r' }))
    expect(await newest(db, vault)).toEqual({ ok: true, value: undefined })
  })

  test('none, of one that was seen before: it is withheld, or no longer theirs', async () => {
    const { vault, signed } = await testVault(() => ok({ records: [null], request_id: 'r' }))
    vault.memory.remember(openedOf(signed({ path: db })))
    expect(await newest(db, vault)).toMatchObject({ ok: false, error: { code: 'record_withheld' } })
  })

  test('that of another', async () => {
    const made = await testVault(() => ok({ records: [made.signed({ path: path('app/other') })], request_id: 'r' }))
    expect(await newest(db, made.vault)).toMatchObject({ ok: false, error: { code: 'record_foreign' } })
  })

  test('a touch is asked for where policy wants one', async () => {
    const { vault, posted } = await testVault(() => refusal('touch_required'))
    // There are no passkeys here: that they were asked for is what is seen.
    expect(await newest(db, vault)).toMatchObject({ ok: false, error: { code: 'passkey_unsupported' } })
    expect(posted).toHaveLength(1)
  })
})

describe('history', () => {
  test('a chain of records, and one that is not', async () => {
    const { vault, signed } = await testVault()
    const first = signed({ path: db, seq: 1 })
    const second = signed({ path: db, seq: 2, previous: openedOf(first).digest })
    const third = signed({ path: db, seq: 4, previous: openedOf(second).digest })
    expect(believeHistory([third, second, first], db, vault)).toMatchObject({ ok: true, value: [{ record: { seq: 4 } }, { record: { seq: 2 } }, { record: { seq: 1 } }] })
    expect(believeHistory([third, first], db, vault)).toMatchObject({ ok: false, error: { code: 'history_broken' } })
    expect(believeHistory([second, first], db, vault), 'the newest is left out').toMatchObject({ ok: false, error: { code: 'record_rolled_back' } })
    expect(believeHistory([first], db, vault, openedOf(second))).toMatchObject({ ok: true })
    expect(believeHistory([first], db, vault, openedOf(third))).toMatchObject({ ok: false, error: { code: 'history_broken' } })
  })
})
