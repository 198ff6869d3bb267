import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { openWishes } from '@symbolon/protocol/open.ts'
import { readResponse } from '@symbolon/protocol/vault-http.ts'
import { memoryLimiter } from '@symbolon/front/front.testkit.ts'
import { memoryStore, type MemoryStore } from './memory-store.testkit.ts'
import { asking, change, listIntent, makeVaultWorld, post, read, readIntent, startVault, write, type TestVault } from './vault.testkit.ts'

let vault: TestVault
let store: MemoryStore
beforeEach(async () => {
  store = memoryStore()
  vault = await startVault({ store })
  for (const each of ['app/db', 'app/db', 'app/mail', 'app/payments/prod/db']) await write(vault, each)
  vault.world.signers.asked.length = 0
})
afterEach(() => vault.close())

const codeOf = ({ status, body }: { status: number; body: Record<string, unknown> }) => [status, body['code']]
const row = (of: string) => store.secrets.get(of) ?? fail(of)
const fail = (of: string): never => {
  throw new Error(`no ${of}`)
}

describe('a reading', () => {
  test('gives records, ciphertexts and t sealed parts, in the order of the intent', async () => {
    const answer = await read(vault, 'app/mail', { path: 'app/db', version: 1 }, { path: 'app/db', version: 2 })
    expect(answer.status, answer.text).toBe(200)
    const { secrets, opened, epoch } = readResponse.parse(answer.body)
    expect(secrets.map(({ path, head }) => [path, head.label.name, head.label.version])).toEqual([['app/mail', 'mail', 1], ['app/db', 'db', 1], ['app/db', 'db', 2]])
    expect(secrets.map(({ record }) => record)).toEqual([row('app/mail').signed, row('app/db').signed, row('app/db').signed])
    expect([opened.length, epoch]).toEqual([2, 1])
  })

  test('is one call to the coordinator, with each label’s record and head, and never a body', async () => {
    await read(vault, 'app/mail', 'app/db')
    const [{ route, body } = { route: '', body: '{}' }, ...more] = vault.world.signers.asked
    expect([route, more]).toEqual(['/v1/open', []])
    const [wish] = openWishes.parse(JSON.parse(body)).items
    expect([wish?.records.length, wish?.heads.map(({ label }) => label.name)]).toEqual([2, ['mail', 'db']])
    for (const { body: bytes } of store.kept.values()) expect(body).not.toContain(toBase64url(bytes))
  })

  test('is written down: who, which paths and versions; nothing of what they hold', async () => {
    const answer = await read(vault, 'app/db')
    const event = vault.events.at(-1)
    expect(event).toMatchObject({ event: 'secret_read', principal: 'ci', code: 'ok', read: ['app/db@2'], decision: 'granted', scope: 'secret:read' })
    expect(event?.intent).toMatch(/^[A-Za-z0-9_-]{43}$/)
    const { secrets } = readResponse.parse(answer.body)
    for (const { body, head } of secrets) for (const never of [body, head.wrapped]) expect([...vault.lines, ...vault.logged].join('')).not.toContain(never)
  })

  test('needs evidence', async () => {
    const { intent } = asking(vault.world, readIntent(vault.world, 'app/db'))
    expect(codeOf(await post(vault, 'read', { intent, evidence: [] }))).toEqual([401, 'unauthenticated'])
  })

  test('an intent of another kind opens nothing', async () => {
    expect(codeOf(await post(vault, 'read', asking(vault.world, listIntent(vault.world, { prefix: 'app' }))))).toEqual([400, 'intent_malformed'])
    expect(codeOf(await post(vault, 'change', asking(vault.world, readIntent(vault.world, 'app/db'))))).toEqual([400, 'intent_malformed'])
    expect(vault.world.signers.asked).toEqual([])
  })

  test('a principal is counted', async () => {
    await vault.close()
    vault = await startVault({ store, world: vault.world, identities: memoryLimiter('identity', 1) })
    expect((await read(vault, 'app/db')).status).toBe(200)
    expect(codeOf(await read(vault, 'app/db'))).toEqual([429, 'limited'])
  })
})

describe('T-1 not there, not yours, not any more: one answer, to the byte', () => {
  const shape = ({ status, headers, text, body }: Awaited<ReturnType<typeof read>>) => {
    const { date: _d, ratelimit: _l, 'x-request-id': _r, traceparent: _t, 'server-timing': timing, ...rest } = headers
    const stages = String(timing).replaceAll(/[0-9.]+/g, '')
    return { status, rest, stages, text: text.replace(String(body['request_id']), 'ID') }
  }
  beforeEach(async () => {
    await change(vault, 'app/db', 'secret.delete', { versions: [2] })
    vault.world.signers.asked.length = 0
  })

  const cases: Readonly<Record<string, Parameters<typeof readIntent>[1]>> = {
    'denied, and there': 'other/there',
    'denied, and not there': 'other/nothing',
    'in no namespace': 'nowhere/x',
    'not there': 'app/nothing',
    'deleted': 'app/db',
    'a version that is to come': { path: 'app/mail', version: 7 },
    'a folder': 'app/payments',
  }
  test.each(Object.keys(cases))('%s', async (name) => {
    const there = row('app/mail')
    store.secrets.set('other/there', { ...there, path: 'other/there' })
    const [wanted, got] = [await read(vault, 'app/absent'), await read(vault, cases[name] ?? '')]
    expect(wanted.status).toBe(404)
    expect(shape(got)).toEqual(shape(wanted))
    expect(vault.world.signers.asked).toEqual([])
  })

  test('and by the same work: each asks the store once and the judge once', async () => {
    const done: string[] = []
    const counting: MemoryStore = { ...store, newest: (...given) => (done.push('newest'), store.newest(...given)), ciphertexts: (...given) => (done.push('ciphertexts'), store.ciphertexts(...given)), recordAt: (...given) => (done.push('recordAt'), store.recordAt(...given)) }
    await vault.close()
    vault = await startVault({ store: counting, world: vault.world, judges: (honest) => ({ ...honest, judge: (...given) => (done.push('judge'), honest.judge(...given)) }) })
    store.secrets.set('other/there', { ...row('app/mail'), path: 'other/there' })
    for (const each of Object.values(cases)) {
      done.length = 0
      await read(vault, each)
      expect([each, done]).toEqual([each, ['newest', 'judge']])
    }
    done.length = 0
    await read(vault, 'app/mail')
    expect(done).toEqual(['newest', 'judge', 'ciphertexts'])
  })

  test('one of several is enough for nothing to be opened', async () => {
    expect(shape(await read(vault, 'app/mail', 'app/nothing'))).toEqual(shape(await read(vault, 'app/absent')))
    expect(shape(await read(vault, 'app/mail', 'other/there'))).toEqual(shape(await read(vault, 'app/absent')))
  })

  test('destroyed, or removed as a whole', async () => {
    await vault.close()
    vault = await startVault({ store: (store = memoryStore()), world: makeVaultWorld({ roles: ['sre'] }) })
    for (const each of ['app/db', 'app/mail']) await write(vault, each)
    expect((await change(vault, 'app/db', 'secret.destroy', { versions: [1] })).status).toBe(200)
    expect((await change(vault, 'app/mail', 'secret.destroy', { all: true })).status).toBe(200)
    expect([store.kept.size, store.secrets.get('app/mail')?.removed]).toEqual([0, true])
    const wanted = shape(await read(vault, 'app/absent'))
    for (const each of ['app/db', 'app/mail']) expect(shape(await read(vault, each))).toEqual(wanted)
    // What was removed begins anew on top of what is left of it.
    expect((await write(vault, 'app/mail')).status).toBe(200)
    expect((await read(vault, 'app/mail')).status).toBe(200)
  })

  test('where the signers say so, too', async () => {
    const wanted = shape(await read(vault, 'app/absent'))
    vault.world.signers.refusing = 'secret_not_found'
    const got = shape(await read(vault, 'app/mail'))
    expect([got.status, got.text]).toEqual([wanted.status, wanted.text])
  })

  test('the log tells a denial from an absence, for whoever runs the vault', async () => {
    await read(vault, 'other/there')
    expect(vault.events.at(-1)).toMatchObject({ code: 'secret_not_found', denied: true, principal: 'ci' })
    await read(vault, 'app/absent')
    expect(vault.events.at(-1)).toMatchObject({ code: 'secret_not_found', denied: false })
  })
})

describe('the database edited by hand', () => {
  const other = (of: string) => row(of).signed
  const zero = (length: number): Base64url => toBase64url(new Uint8Array(length))
  const edits: Readonly<Record<string, () => void>> = {
    'another secret’s record': () => store.secrets.set('app/db', { ...row('app/db'), signed: other('app/mail') }),
    'a record that nobody signed': () => store.secrets.set('app/db', { ...row('app/db'), signed: { ...other('app/db'), signature: zero(64) } }),
    'a signature cut short': () => store.secrets.set('app/db', { ...row('app/db'), signed: { ...other('app/db'), signature: zero(3) } }),
    'no record': () => store.secrets.set('app/db', { ...row('app/db'), signed: { record: '' as Base64url, signature: '' as Base64url } }),
    'a record that is too large': () => store.secrets.set('app/db', { ...row('app/db'), signed: { ...other('app/db'), record: zero(20_000) } }),
    'no ciphertext': () => void store.kept.clear(),
    'another body': () => { for (const [digest, each] of store.kept) store.kept.set(digest, { ...each, body: new Uint8Array(48) }) },
    'another head': () => { const [a] = store.kept.values(); for (const [digest, each] of store.kept) store.kept.set(digest, { ...each, head: a?.path === each.path && a.version === each.version ? new Uint8Array(9) : (a?.head ?? each.head), body: a?.body ?? each.body }) },
    'a head that is no JSON': () => { for (const [digest, each] of store.kept) store.kept.set(digest, { ...each, head: new Uint8Array(9) }) },
  }
  test.each(Object.keys(edits))('%s is noticed, named in the log, and answered by a code', async (name) => {
    edits[name]?.()
    expect(codeOf(await read(vault, 'app/db'))).toEqual([500, 'store_damaged'])
    expect(vault.logged.filter((line) => line.includes('"level":"error"') || line.includes('"level":50')).join('')).toContain('"path":"app/db"')
    expect(vault.world.signers.asked).toEqual([])
    // The process lives, and answers for others.
    expect(codeOf(await read(vault, 'app/absent'))).toEqual([404, 'secret_not_found'])
  })

  test('what is altered shows to nobody who may not read it', async () => {
    store.secrets.set('other/there', { ...row('app/db'), path: 'other/there' })
    expect(codeOf(await read(vault, 'other/there'))).toEqual([404, 'secret_not_found'])
  })

  test('I-7 an older record: signers that know the newer one refuse, and the vault has it back', async () => {
    const [former] = [...store.former.values()].filter(({ record }) => record.path === 'app/db' && record.seq === 1)
    const newest = row('app/db')
    if (former === undefined) throw new Error('no first record')
    store.secrets.set('app/db', { ...newest, seq: 1, digest: former.digest, signed: former.signed })
    expect(codeOf(await read(vault, 'app/db'))).toEqual([409, 'record_stale'])
    expect(row('app/db').digest).toBe(newest.digest)
    expect((await read(vault, 'app/db')).status).toBe(200)
  })
})

describe('quorum', () => {
  test('no coordinator: 503', async () => {
    vault.world.signers.down = true
    expect(codeOf(await read(vault, 'app/db'))).toEqual([503, 'quorum_unavailable'])
  })
  test('an answer that cannot be read: 503', async () => {
    vault.world.signers.lie = () => ({ v: 1, outcomes: [{ outcome: 'opened' }] })
    expect(codeOf(await read(vault, 'app/db'))).toEqual([503, 'quorum_unavailable'])
  })
  test('a veto is told with its reasons', async () => {
    vault.world.signers.refusing = 'locked'
    expect(codeOf(await read(vault, 'app/db'))).toEqual([403, 'locked'])
  })
})
