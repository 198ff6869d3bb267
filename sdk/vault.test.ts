import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { path, strings } from '@symbolon/envelope/envelope.testkit.ts'
import type { Outcome } from './errors.ts'
import { newRecordMemory } from './record-memory.ts'
import { newestOf, serveVault, type Reply, type TestVault } from './vault.testkit.ts'

const open: TestVault[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})
const serve = async (options: Parameters<typeof serveVault>[0] = {}): Promise<TestVault> => {
  const served = await serveVault(options)
  open.push(served)
  return served
}
const valueOf = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw outcome.error
  return outcome.value
}
const codeOf = (outcome: Outcome<unknown>): string => (outcome.ok ? 'ok' : outcome.error.code)
const db = path('app/payments/prod/db')
const latest = (at = db) => [{ path: at, version: 'latest' as const }]
const canary = 'correct horse battery staple'

describe('a secret', () => {
  test('is written, and read by nobody but its reader', async () => {
    const served = await serve()
    const vault = await served.open()
    const written = valueOf(await vault.write(db, strings({ password: canary })))
    expect(written).toMatchObject({ pending: false, receipts: [1, 2, 3], record: { seq: 1, current: 1, by: 'ann' } })
    const [read] = valueOf(await vault.read(latest()))
    expect(read).toMatchObject({ path: db, version: 1, value: { type: 'string', data: { password: canary } } })
    const all = JSON.stringify([...served.held.records.values(), ...served.held.ciphertexts.values()])
    for (const form of [canary, Buffer.from(canary).toString('base64url').slice(0, -2), Buffer.from(canary).toString('hex')]) expect(all).not.toContain(form)
  })

  test('goes through all that KV v2 knows', async () => {
    const vault = await (await serve()).open()
    valueOf(await vault.write(db, strings({ a: '1' })))
    valueOf(await vault.write(db, strings({ a: '2' }), { cas: 1, tags: ['prod'], custom: { owner: 'ann' } }))
    valueOf(await vault.patch(db, { b: '3' }))
    expect(valueOf(await vault.read([{ path: db, version: 1 }, ...latest()])).map(({ value }) => value)).toEqual([strings({ a: '1' }), strings({ a: '2', b: '3' })])
    valueOf(await vault.patch(db, { b: null }))
    expect(valueOf(await vault.read(latest())).map(({ value }) => value)).toEqual([strings({ a: '2' })])
    expect(valueOf(await vault.delete(db)).record.versions.map(({ state }) => state)).toEqual(['live', 'live', 'live', 'deleted'])
    expect(codeOf(await vault.read(latest()))).toBe('secret_not_found')
    valueOf(await vault.undelete(db, [4]))
    valueOf(await vault.destroy(db, [2, 1]))
    expect(valueOf(await vault.records([db, path('app/none')])).map((record) => record?.tags)).toEqual([['prod'], undefined])
    const acts: string[] = []
    for await (const record of vault.history(db)) acts.push(valueOf(record).act)
    expect(acts).toEqual(['secret.destroy', 'secret.undelete', 'secret.delete', 'secret.write', 'secret.write', 'secret.meta', 'secret.write', 'secret.write'])
    expect(valueOf(await vault.remove(db)).record).toMatchObject({ removed: true, versions: [] })
    expect(codeOf(await vault.remove(db))).toBe('secret_not_found')
  })

  test('more than sixteen are read in several requests, and the same one once', async () => {
    const served = await serve()
    const vault = await served.open()
    const paths = Array.from({ length: 18 }, (_, at) => path(`app/many/s${at}`))
    for (const [at, one] of paths.entries()) valueOf(await vault.write(one, strings({ n: String(at) })))
    served.held.asked.length = 0
    const read = valueOf(await vault.read([...paths, ...paths.slice(0, 2)].map((one) => ({ path: one, version: 'latest' }))))
    expect(read.map(({ path: of }) => of)).toEqual([...paths, ...paths.slice(0, 2)])
    expect(served.held.asked).toEqual(['/v1/secrets/read secret.read', '/v1/secrets/read secret.read'])
  })

  test('is listed page by page, each row by its record', async () => {
    const vault = await (await serve()).open()
    for (const name of ['a', 'b', 'c', 'd', 'e']) valueOf(await vault.write(path(`app/${name}`), strings({ x: '1' })))
    const rows: string[] = []
    for await (const row of vault.list('app')) rows.push('path' in valueOf(row) ? JSON.parse(JSON.stringify(valueOf(row))).path : '')
    expect(rows).toEqual(['app/a', 'app/b', 'app/c', 'app/d', 'app/e'])
  })
})

describe('I-7 a vault that lies', () => {
  const bodyOf = (reply: Reply) => reply.body as Record<string, unknown>

  test('about the record that it shows before a write', async () => {
    const other = path('app/payments/prod/other')
    const served = await serve({ lie: (at, reply) => (at === '/v1/secrets/records' ? { status: 200, body: { ...bodyOf(reply), records: [newestOf(served.held, other)?.signed ?? null] } } : reply) })
    const vault = await served.open()
    valueOf(await vault.write(other, strings({ a: '1' })))
    const got = await vault.write(db, strings({ a: '1' }))
    expect(got.ok ? {} : got.error).toMatchObject({ code: 'answer_untrue', kind: 'trust', details: { detail: `record_foreign: ${db}` } })
  })

  test('by answering a write with the record of another one', async () => {
    const served = await serve({
      lie: (at, reply) => {
        const [first] = served.held.records.get(db) ?? []
        return at === '/v1/secrets/change' && newestOf(served.held, db) !== first ? { status: 200, body: { ...bodyOf(reply), record: first?.signed } } : reply
      },
    })
    const vault = await served.open()
    valueOf(await vault.write(db, strings({ a: '1' })))
    const got = await vault.write(db, strings({ a: '2' }))
    expect(got.ok ? {} : got.error).toMatchObject({ code: 'record_differs', details: { detail: `${db}: intent, previous, seq, versions` } })
  })

  test('by serving an older record to a reader that saw a newer one', async () => {
    const memory = newRecordMemory()
    let old: unknown
    const served = await serve({
      lie: (at, reply) => {
        if (at === '/v1/secrets/read' && old === undefined) old = (bodyOf(reply)['secrets'] as unknown[] | undefined)?.[0]
        return reply
      },
    })
    const vault = await served.open({ memory })
    valueOf(await vault.write(db, strings({ a: '1' })))
    valueOf(await vault.read(latest()))
    const before = [...(served.held.records.get(db) ?? [])]
    valueOf(await vault.write(db, strings({ a: '2' })))
    served.held.records.set(db, before)
    const got = await vault.read(latest())
    expect(got.ok ? {} : got.error).toMatchObject({ code: 'record_rolled_back', kind: 'trust' })
    expect(codeOf(await vault.records([db]))).toBe('record_rolled_back')
    expect(codeOf(await vault.write(db, strings({ a: '3' })))).toBe('record_rolled_back')
    for await (const row of vault.list('app/payments/prod')) expect(codeOf(row)).toBe('record_rolled_back')
    // A reader that never saw the newer one has only the signers to rely on.
    expect(codeOf(await (await served.open()).read(latest()))).toBe('ok')
  })

  test('by hiding a record that was seen', async () => {
    const memory = newRecordMemory()
    const served = await serve()
    const vault = await served.open({ memory })
    valueOf(await vault.write(db, strings({ a: '1' })))
    served.held.records.clear()
    const got = await vault.write(db, strings({ a: '2' }))
    expect(got.ok ? {} : got.error).toMatchObject({ code: 'record_rolled_back', details: { detail: `${db}: shown none, seen 1` } })
  })

  const spoiled = (reply: Reply, signers: readonly number[]) => {
    const opened = bodyOf(reply)['opened'] as { signer: number; sealed: { enc: string; ct: string } }[]
    return { status: 200, body: { ...bodyOf(reply), opened: opened.map((each) => (signers.includes(each.signer) ? { ...each, sealed: { ...each.sealed, ct: each.sealed.ct.replace(/^.{8}/, 'AAAAAAAA') } } : each)) } }
  }

  test('a signer that seals garbage spoils one answer: the same intent is asked again without it', async () => {
    const asked: Record<string, unknown>[] = []
    const served = await serve({
      lie: (at, reply, body) => {
        if (at !== '/v1/secrets/read') return reply
        asked.push(body)
        return body['avoid'] === undefined ? spoiled(reply, [2]) : reply
      },
    })
    const vault = await served.open()
    valueOf(await vault.write(db, strings({ a: '1' })))
    expect(valueOf(await vault.read(latest())).map(({ value }) => value)).toEqual([strings({ a: '1' })])
    expect(asked.map(({ avoid }) => avoid)).toEqual([undefined, [2]])
    expect(asked[1]?.['intent']).toBe(asked[0]?.['intent'])
  })

  test('a vault that spoils every answer is asked t times, and believed nothing', async () => {
    const served = await serve({ lie: (at, reply, body) => (at === '/v1/secrets/read' ? spoiled(reply, [body['avoid'] === undefined ? 1 : 2]) : reply) })
    const vault = await served.open()
    valueOf(await vault.write(db, strings({ a: '1' })))
    served.held.asked.length = 0
    const got = await vault.read(latest())
    expect(got.ok ? {} : got.error).toMatchObject({ code: 'partials_missing', details: { detail: 'partials_missing; unreadable: 2' } })
    expect(served.held.asked).toHaveLength(2)
  })

  test('I-5 with a keyset that nobody pinned gets no secret', async () => {
    const served = await serve()
    const vault = await served.open({ unpinned: true })
    expect(codeOf(await vault.write(db, strings({ a: canary })))).toBe('keyset_unpinned')
    expect(served.held.ciphertexts.size).toBe(0)
  })

  test('two records of one sequence are noticed', async () => {
    const memory = newRecordMemory()
    const served = await serve()
    const vault = await served.open({ memory })
    valueOf(await vault.write(db, strings({ a: '1' })))
    const [stored] = served.held.records.get(db) ?? []
    if (stored === undefined) throw new Error('nothing was stored')
    const plain = { ...stored.plain, by: 'bob' }
    served.held.records.set(db, [{ plain, signed: served.deployment.sign(plain) }])
    expect(codeOf(await vault.records([db]))).toBe('record_forked')
  })

  test('by receipts that nobody gave: the write stays pending', async () => {
    const served = await serve({ lie: (at, reply) => (at === '/v1/secrets/change' || at === '/v1/secrets/receipts' ? { status: 200, body: { ...bodyOf(reply), pending: false, receipts: [(bodyOf(reply)['receipts'] as unknown[])[0], (bodyOf(reply)['receipts'] as unknown[])[0]] } } : reply) })
    const written = valueOf(await (await served.open()).write(db, strings({ a: '1' })))
    expect(written).toMatchObject({ pending: true, receipts: [1] })
  })

  test('rows of a list that no quorum signed, or that lie elsewhere, are failures in their place', async () => {
    const served = await serve({
      lie: (at, reply, body) => {
        if (at !== '/v1/secrets/list' || body['cursor'] !== undefined) return reply
        const [row] = bodyOf(reply)['entries'] as { path: string; record: { record: string; signature: string } }[]
        const forged = { path: 'app/x', record: { record: row?.record.record, signature: Buffer.alloc(64).toString('base64url') } }
        return { status: 200, body: { entries: [forged, { ...row, path: 'app/y' }, { ...row, path: 'secret/y' }, { folder: 'secret/x/' }, { folder: 'app/\u001b[2J/' }, { folder: 'app/sub/' }, row], request_id: 'r' } }
      },
    })
    const vault = await served.open()
    valueOf(await vault.write(path('app/a'), strings({ x: '1' })))
    const rows: string[] = []
    for await (const row of vault.list('app')) rows.push(row.ok ? ('folder' in row.value ? row.value.folder : row.value.path) : `${row.error.code} ${row.error.details.detail}`)
    expect(rows).toEqual(['answer_untrue record_unsigned: app/x', 'answer_untrue record_foreign: app/y', 'answer_untrue a row outside app', 'answer_untrue a folder outside app', 'answer_untrue a folder outside app', 'app/sub/', 'app/a'])
  })

  test('a cursor that leads in a circle ends the list', async () => {
    const served = await serve({ lie: (at, reply) => (at === '/v1/secrets/list' ? { status: 200, body: { entries: [], cursor: 'again', request_id: 'r' } } : reply) })
    const rows: string[] = []
    for await (const row of (await served.open()).list('app')) rows.push(codeOf(row))
    expect(rows).toEqual(['answer_untrue'])
    expect(served.held.asked.length).toBeLessThan(4)
  })

  test('a history that leaves a record out is noticed', async () => {
    const served = await serve({ lie: (at, reply) => (at === '/v1/secrets/history' ? { status: 200, body: { ...bodyOf(reply), records: (bodyOf(reply)['records'] as unknown[]).filter((_, index) => index !== 1) } } : reply) })
    const vault = await served.open()
    for (const a of ['1', '2', '3']) valueOf(await vault.write(db, strings({ a })))
    const codes: string[] = []
    for await (const record of vault.history(db)) codes.push(codeOf(record))
    expect(codes).toEqual(['ok', 'answer_untrue', 'ok'])
  })

  test('answers for other paths than were asked for', async () => {
    const served = await serve({ lie: (at, reply) => (at === '/v1/secrets/read' ? { status: 200, body: { ...bodyOf(reply), secrets: (bodyOf(reply)['secrets'] as unknown[]).toReversed() } } : reply) })
    const vault = await served.open()
    for (const name of ['app/a', 'app/b']) valueOf(await vault.write(path(name), strings({ x: '1' })))
    expect(codeOf(await vault.read([...latest(path('app/a')), ...latest(path('app/b'))]))).toBe('answer_untrue')
  })
})

describe('writers', () => {
  test('concurrent ones all get through, one after the other', async () => {
    const served = await serve()
    const vaults = await Promise.all(['ann', 'bob', 'cem'].map((sub) => served.open({ sub })))
    const written = await Promise.all(vaults.map((vault, at) => vault.write(db, strings({ by: String(at) }))))
    expect(written.map(codeOf)).toEqual(['ok', 'ok', 'ok'])
    expect(newestOf(served.held, db)?.plain).toMatchObject({ seq: 3, current: 3 })
  })

  test('with check-and-set one wins, the other is told', async () => {
    const served = await serve()
    const vaults = await Promise.all(['ann', 'bob'].map((sub) => served.open({ sub })))
    const written = await Promise.all(vaults.map((vault) => vault.write(db, strings({ a: '1' }), { cas: 0 })))
    expect(written.map(codeOf).toSorted()).toEqual(['check_and_set_failed', 'ok'])
    const [loser] = written.filter((one) => !one.ok)
    expect(loser?.ok === false ? loser.error.kind : '').toBe('conflict')
  })

  test('patches of different members are never lost', async () => {
    const served = await serve()
    const vaults = await Promise.all(['ann', 'bob', 'cem'].map((sub) => served.open({ sub })))
    valueOf(await (vaults[0]?.write(db, strings({})) ?? Promise.reject(new Error('no vault'))))
    expect((await Promise.all(vaults.map((vault, at) => vault.patch(db, { [`k${at}`]: at })))).map(codeOf)).toEqual(['ok', 'ok', 'ok'])
    const [read] = valueOf(await (await served.open()).read(latest()))
    expect(read?.value).toEqual({ type: 'string', data: { k0: 0, k1: 1, k2: 2 } })
  })

  test('a number that somebody began and never finished is passed over', async () => {
    let taken = 2
    const served = await serve({ lie: (at, reply) => (at === '/v1/secrets/change' && taken-- > 0 ? (served.held.records.delete(db), { status: 409, body: { type: 'about:blank', title: 't', status: 409, code: 'sequence_taken', request_id: 'r' } }) : reply) })
    expect(valueOf(await (await served.open()).write(db, strings({ a: '1' }))).record.seq).toBe(3)
  })

  test('a vault that never lets go is given up on', async () => {
    const served = await serve({ lie: (at, reply) => (at === '/v1/secrets/change' ? { status: 409, body: { type: 'about:blank', title: 't', status: 409, code: 'record_stale', request_id: 'r' } } : reply) })
    expect(codeOf(await (await served.open()).write(db, strings({ a: '1' })))).toBe('record_stale')
    expect(served.held.asked.filter((one) => one.includes('change'))).toHaveLength(5)
  })

  test('an answer that was lost on the way is asked for again with the same intent, and nothing is written twice', async () => {
    let lost = 1
    const served = await serve({ lie: (at, reply) => (at === '/v1/secrets/change' && lost-- > 0 ? 'hang up' : reply) })
    expect(valueOf(await (await served.open()).write(db, strings({ a: '1' }))).record).toMatchObject({ seq: 1, current: 1 })
    expect(served.held.records.get(db)).toHaveLength(1)
  })

  test('a vault that forgot the intent is shown that the newest record is its own', async () => {
    let sent = 0
    const served = await serve({
      lie: (at, reply) => {
        if (at !== '/v1/secrets/change') return reply
        sent += 1
        return sent === 1 ? 'hang up' : { status: 409, body: { type: 'about:blank', title: 't', status: 409, code: 'record_stale', request_id: 'r' } }
      },
    })
    expect(valueOf(await (await served.open()).write(db, strings({ a: '1' })))).toMatchObject({ pending: false, record: { seq: 1 } })
    expect(sent).toBe(2)
  })

  test('a write that too few signers receipted is pending until they do', async () => {
    const served = await serve()
    served.held.receipting = 1
    const vault = await served.open()
    const written = valueOf(await vault.write(db, strings({ a: '1' })))
    expect(written).toMatchObject({ pending: true, receipts: [1] })
    served.held.receipting = 2
    expect(valueOf(await vault.receipts(written))).toMatchObject({ pending: false, receipts: [1, 2] })
  })
})

describe('L-2 errors', () => {
  const shows = (error: unknown) => [String(error), JSON.stringify(error), inspect(error, { depth: 20, showHidden: true }), error instanceof Error ? (error.stack ?? '') : ''].join('\n')

  test('of writing a value that is none show nothing of it', async () => {
    const vault = await (await serve()).open()
    for (const value of [
      { type: 'string', data: canary },
      { type: 'string', data: {}, [canary]: 1 },
      { type: canary, data: {} },
      { type: 'string', data: { x: 'y'.repeat(1_600_000) + canary } },
      { type: 'file', name: 'x', content: canary },
      { type: 'ssh-key', private_key: canary, public_key: 'k', settings: { [canary]: 1 } },
    ]) {
      const got = await vault.write(db, value as unknown as Parameters<typeof vault.write>[1])
      expect(codeOf(got)).toBe('value_invalid')
      expect(shows(got.ok ? '' : got.error)).not.toContain(canary)
    }
  })

  test('of reading show nothing of what a hostile vault sends back', async () => {
    const served = await serve({ lie: (at, reply) => (at === '/v1/secrets/read' ? { status: 200, body: { ...(reply.body as object), secrets: canary } } : reply) })
    const vault = await served.open()
    valueOf(await vault.write(db, strings({ password: canary })))
    const got = await vault.read(latest())
    expect(codeOf(got)).toBe('answer_malformed')
    expect(shows(got.ok ? '' : got.error)).not.toContain(canary)
  })
})

test('explain asks with a dry intent, which changes nothing', async () => {
  const served = await serve()
  expect(valueOf(await (await served.open()).explain({ kind: 'secret.list', prefix: 'app' }))).toMatchObject({ granted: true })
  expect(served.held.asked).toEqual(['/v1/secrets/explain secret.list'])
})

test('a namespace that the roster does not have is refused before anything is closed', async () => {
  const served = await serve()
  expect(codeOf(await (await served.open()).write(path('nowhere/x'), strings({ a: '1' })))).toBe('namespace_unknown')
})
