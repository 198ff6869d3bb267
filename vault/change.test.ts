import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest } from '@symbolon/protocol/ciphertext.ts'
import { pathDigest } from '@symbolon/protocol/label.ts'
import { memoryStore, type MemoryStore } from './memory-store.testkit.ts'
import { asking, change, newest, path, post, read, sealed, startVault, write, writing, type TestVault } from './vault.testkit.ts'

let vault: TestVault
let store: MemoryStore
beforeEach(async () => {
  store = memoryStore()
  vault = await startVault({ store })
})
afterEach(() => vault.close())

const codeOf = ({ status, body }: { status: number; body: Record<string, unknown> }) => [status, body['code']]

describe('a write', () => {
  test('comes back signed and receipted, and is kept', async () => {
    const answer = await write(vault, 'app/db')
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body).toMatchObject({ pending: false, receipts: [{ receipt: { signer: 1, seq: 1 } }, { receipt: { signer: 2 } }, { receipt: { signer: 3 } }] })
    expect((await newest(vault, 'app/db'))?.signed).toEqual(answer.body['record'])
    expect([store.kept.size, store.secrets.get('app/db')?.pending]).toEqual([1, false])
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.headers['server-timing']).toMatch(/policy;dur=.*quorum;dur=/)
  })

  test('on top of another moves the secret on, and keeps both ciphertexts', async () => {
    for (const wanted of [1, 2]) {
      expect((await write(vault, 'app/db')).status).toBe(200)
      expect((await newest(vault, 'app/db'))?.record).toMatchObject({ current: wanted, seq: wanted })
    }
    expect(store.kept.size).toBe(2)
  })

  test('that the policy denies is 403 with reasons, and no signer is asked', async () => {
    const answer = await write(vault, 'other/db')
    expect(answer.status, answer.text).toBe(403)
    expect(answer.body['reasons']).not.toEqual([])
    expect(vault.world.signers.asked).toEqual([])
  })

  test('sent again is answered again: nothing is signed twice', async () => {
    const { request } = await writing(vault, 'app/db')
    const first = await post(vault, 'change', request)
    const asked = vault.world.signers.asked.filter(({ route }) => route === '/v1/mint').length
    const second = await post(vault, 'change', request)
    expect([second.status, second.body['record']]).toEqual([200, first.body['record']])
    expect(vault.world.signers.asked.filter(({ route }) => route === '/v1/mint')).toHaveLength(asked)
  })

  test('on top of a record that is not the newest is 409', async () => {
    await write(vault, 'app/db')
    const late = await writing(vault, 'app/db')
    await write(vault, 'app/db')
    expect(codeOf(await post(vault, 'change', late.request))).toEqual([409, 'record_stale'])
  })

  test('that begins a secret which is there already is 409', async () => {
    const early = await writing(vault, 'app/db')
    await write(vault, 'app/db')
    expect(codeOf(await post(vault, 'change', early.request))).toEqual([409, 'record_stale'])
  })

  test('that follows a record which nobody knows is 409', async () => {
    const { request } = await writing(vault, 'app/db', { previous: toBase64url(new Uint8Array(32)), seq: 5 })
    expect(codeOf(await post(vault, 'change', request))).toEqual([409, 'record_stale'])
  })

  test('R-1 of twenty writers on top of one record, exactly one wins', async () => {
    await write(vault, 'app/db')
    const writers = await Promise.all(Array.from({ length: 20 }, () => writing(vault, 'app/db')))
    const answers = await Promise.all(writers.map(({ request }) => post(vault, 'change', request)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(19).fill(409)])
    expect((await newest(vault, 'app/db'))?.record.seq).toBe(2)
    expect(store.kept.size).toBe(2)
  })
})

describe('a ciphertext that is not what intent and label say never reaches a signer', () => {
  const bad: Readonly<Record<string, (made: Awaited<ReturnType<typeof writing>>) => unknown>> = {
    'another body': ({ request }) => ({ ...request, body: toBase64url(new Uint8Array(48)) }),
    'a shorter body': ({ request }) => ({ ...request, body: toBase64url(new Uint8Array(20)) }),
    'another head': ({ request }) => ({ ...request, head: { ...request.head, iv: toBase64url(new Uint8Array(12)) } }),
    'no head': ({ request: { head: _, ...request } }) => request,
    'no body': ({ request: { body: _, ...request } }) => request,
  }
  test.each(Object.keys(bad))('%s', async (name) => {
    const answer = await post(vault, 'change', bad[name]?.(await writing(vault, 'app/db')))
    expect(['ciphertext_invalid', 'malformed']).toContain(answer.body['code'])
    expect([answer.status, vault.world.signers.asked]).toEqual([400, []])
  })

  const foreign: Readonly<Record<string, () => ReturnType<typeof sealed>>> = {
    'of another path': () => sealed(vault.world, { path: 'app/other', combine: 'caller', version: 1, type: 'string' }),
    'of another version': () => sealed(vault.world, { path: 'app/db', combine: 'caller', version: 2, type: 'string' }),
    'of another type': () => sealed(vault.world, { path: 'app/db', combine: 'caller', version: 1, type: 'file' }),
    'for another combiner': () => sealed(vault.world, { path: 'app/db', combine: 'vault', version: 1, type: 'string' }),
    'without its proof': () => {
      const made = sealed(vault.world, { path: 'app/db', combine: 'caller', version: 1, type: 'string' })
      const head = { ...made.head, e: made.head.f, f: made.head.e }
      return { ...made, head }
    },
  }
  test.each(Object.keys(foreign))('TST-40 one %s, named by the intent', async (name) => {
    const made = foreign[name]?.()
    if (made === undefined) throw new Error(name)
    const { intent } = await writing(vault, 'app/db', { ciphertext: ciphertextDigest(made.head), size: made.size })
    const answer = await post(vault, 'change', { ...asking(vault.world, intent), head: made.head, body: toBase64url(made.body) })
    expect(codeOf(answer)).toEqual([400, 'ciphertext_invalid'])
    expect(vault.world.signers.asked).toEqual([])
  })

  test('a deletion brings none', async () => {
    await write(vault, 'app/db')
    const { request } = await writing(vault, 'app/db')
    const before = await newest(vault, 'app/db')
    const { intent } = await writing(vault, 'app/db')
    const { version: _v, type: _t, combine: _c, ciphertext: _x, size: _s, ...rest } = intent
    const deletion = { ...rest, kind: 'secret.delete' as const, versions: [1], previous: before?.digest ?? null }
    expect(codeOf(await post(vault, 'change', { ...asking(vault.world, deletion), head: request.head, body: request.body }))).toEqual([400, 'malformed'])
  })
})

describe('deleted, destroyed, removed', () => {
  beforeEach(async () => {
    await write(vault, 'app/db')
    await write(vault, 'app/db')
  })

  test('what is deleted is kept and can come back', async () => {
    expect((await change(vault, 'app/db', 'secret.delete', { versions: [2] })).status).toBe(200)
    expect(codeOf(await read(vault, 'app/db'))).toEqual([404, 'secret_not_found'])
    expect(store.kept.size).toBe(2)
    expect((await change(vault, 'app/db', 'secret.undelete', { versions: [2] })).status).toBe(200)
    expect((await read(vault, 'app/db')).status).toBe(200)
  })

  test('of what falls out of the versions that are kept, nothing stays', async () => {
    await change(vault, 'app/db', 'secret.meta', { settings: { max_versions: 1, cas_required: false, delete_version_after: 0 } })
    await write(vault, 'app/db')
    expect([...store.kept.values()].map(({ version }) => version)).toEqual([3])
  })
})

describe('pending', () => {
  test('fewer receipts than t: 202, and again once somebody asks', async () => {
    vault.world.signers.receipting = 1
    const answer = await write(vault, 'app/db')
    expect([answer.status, answer.body['pending'], (answer.body['receipts'] as unknown[]).length]).toEqual([202, true, 1])
    expect(store.secrets.get('app/db')?.pending).toBe(true)
    vault.world.signers.receipting = 3
    expect((await read(vault, 'app/db')).status).toBe(200)
    await expect.poll(() => store.secrets.get('app/db')?.pending).toBe(false)
  })

  test('no answer to the question for receipts is pending too: what is signed is not lost', async () => {
    vault.world.signers.lie = (route, answer) => (route === '/v1/receipts' ? { v: 1, receipts: [] } : answer)
    expect((await write(vault, 'app/db')).status).toBe(202)
  })

  test('one signer that speaks for three is one', async () => {
    vault.world.signers.lie = (route, answer) => {
      if (route !== '/v1/receipts') return answer
      const [[first]] = (answer as { receipts: [unknown[]] }).receipts
      return { v: 1, receipts: [[first, first, first]] }
    }
    const answer = await write(vault, 'app/db')
    expect([answer.status, (answer.body['receipts'] as unknown[]).length]).toEqual([202, 1])
  })

  test('a receipt under another signer’s name, or of another record, is none', async () => {
    vault.world.signers.lie = (route, answer) => {
      if (route !== '/v1/receipts') return answer
      const [[a, b, c]] = (answer as { receipts: [[Receipt, Receipt, Receipt]] }).receipts
      return { v: 1, receipts: [[{ ...a, receipt: { ...a.receipt, signer: 2 } }, { ...b, certificate: a.certificate }, { ...c, receipt: { ...c.receipt, record: toBase64url(new Uint8Array(32)) } }]] }
    }
    const answer = await write(vault, 'app/db')
    expect([answer.status, answer.body['receipts']]).toEqual([202, []])
  })

  type Receipt = { receipt: Record<string, unknown>; certificate: unknown }
})

describe('a vault that lost something', () => {
  test('I-7 signers that know a newer record refuse; the vault fetches it, and the caller goes on from there', async () => {
    await write(vault, 'app/db')
    const [lost] = [store.secrets.get('app/db')]
    store.secrets.clear()
    store.former.clear()
    expect(codeOf(await write(vault, 'app/db'))).toEqual([409, 'record_stale'])
    expect(store.secrets.get('app/db')?.digest).toBe(lost?.digest)
    expect((await write(vault, 'app/db')).status).toBe(200)
  })

  test('a record that was altered is named in the log, and what the signers know takes its place', async () => {
    await write(vault, 'app/db')
    const row = store.secrets.get('app/db')
    if (row === undefined) throw new Error('nothing written')
    const { request } = await writing(vault, 'app/db')
    store.secrets.set('app/db', { ...row, signed: { ...row.signed, signature: toBase64url(new Uint8Array(64)) } })
    expect(codeOf(await post(vault, 'change', request))).toEqual([409, 'record_stale'])
    expect(vault.logged.join('')).toContain('not one that the quorum signed')
    expect(store.secrets.get('app/db')?.signed).toEqual(row.signed)
    expect((await write(vault, 'app/db')).status).toBe(200)
  })

  test('what the coordinator passes off as a signer’s record is not taken', async () => {
    await write(vault, 'app/db')
    await write(vault, 'app/other')
    const other = store.secrets.get('app/other')
    store.secrets.delete('app/db')
    if (other !== undefined) vault.world.signers.known.set(pathDigest(path('app/db')), other.signed)
    await write(vault, 'app/db')
    expect(store.secrets.has('app/db')).toBe(false)
  })

  test('a signature that is not the quorum’s never reaches store or caller', async () => {
    vault.world.signers.lie = (route, answer) => (route === '/v1/mint' ? JSON.parse(JSON.stringify(answer).replace(/"signature":"[^"]+"/, `"signature":"${toBase64url(new Uint8Array(64))}"`)) : answer)
    expect(codeOf(await write(vault, 'app/db'))).toEqual([503, 'quorum_faulty'])
    expect(store.secrets.size).toBe(0)
  })

  test('two signers down: a clear 503', async () => {
    vault.world.signers.down = true
    expect(codeOf(await write(vault, 'app/db'))).toEqual([503, 'quorum_unavailable'])
  })
})
