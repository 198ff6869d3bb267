import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { exportResponse, type ExportResponse } from '@symbolon/protocol/vault-http.ts'
import { bundleWith, defaultData } from '@symbolon/policy/judge.testkit.ts'
import { memoryLimiter } from '@symbolon/front/front.testkit.ts'
import { memoryStore, type MemoryStore } from './memory-store.testkit.ts'
import { settlePending } from './pending.ts'
import { asking, change, listIntent, makeVaultWorld, post, read, startVault, write, type TestVault, type VaultWorld } from './vault.testkit.ts'

type Kept = ExportResponse['secrets'][number]

const bundle = bundleWith({ ...defaultData, roles: { engineer: { ...defaultData.roles['engineer'], secrets: [{ path: 'app/**', actions: ['read', 'list', 'write', 'delete'] }, { path: 'secret/seen/*', actions: ['list'] }] } }, deny: { ...defaultData.deny, secrets: ['app/hidden'] } })

let world: VaultWorld
let vault: TestVault
let store: MemoryStore
const start = async () => {
  store = memoryStore()
  vault = await startVault({ store, world })
}
beforeEach(async () => {
  world = makeVaultWorld({ bundle, roster: { policy: bundle.digest } })
  await start()
})
afterEach(() => vault.close())

const codeOf = ({ status, body }: { status: number; body: Record<string, unknown> }) => [status, body['code']]
const asked = (prefix: string) => asking(world, listIntent(world, { prefix, recursive: true }))
const restore = (secrets: readonly unknown[], prefix = 'app') => post(vault, 'import', { ...asked(prefix), secrets })

async function backup(prefix = 'app'): Promise<Kept[][]> {
  const pages: Kept[][] = []
  let cursor: string | undefined
  do {
    const answer = await post(vault, 'export', { ...asked(prefix), ...(cursor === undefined ? {} : { cursor }) })
    expect(answer.status, answer.text).toBe(200)
    const page = exportResponse.parse(answer.body)
    pages.push(page.secrets)
    cursor = page.cursor
  } while (cursor !== undefined)
  return pages
}
const empty = async () => {
  await vault.close()
  await start()
}
const pathOf = ({ record }: Kept) => vault.vaulting.records.open(record)?.record.path

describe('a backup', () => {
  test('put back into an empty vault, every secret can be read, and its history is there', async () => {
    for (const each of ['app/a', 'app/a', 'app/b/c', 'app/a']) await write(vault, each)
    await change(vault, 'app/a', 'secret.delete', { versions: [1] })
    const before = new Map([...store.secrets].map(([path, { digest }]) => [path, digest]))
    const pages = await backup()
    await empty()
    const answer = await restore(pages.flat())
    expect([answer.status, answer.body['taken'], answer.body['left']]).toEqual([200, 2, []])
    expect(new Map([...store.secrets].map(([path, { digest }]) => [path, digest]))).toEqual(before)
    expect((await read(vault, 'app/a', 'app/b/c', { path: 'app/a', version: 2 })).status).toBe(200)
    const history = await post(vault, 'history', asking(world, listIntent(world, { paths: ['app/a'] })))
    expect((history.body['records'] as unknown[]).length).toBe(4)
    await settlePending(vault.vaulting)
    expect([...store.secrets.values()].every(({ pending }) => !pending)).toBe(true)
  })

  test('goes by pages, and a large secret by parts, each with its record', async () => {
    for (let at = 0; at < 7; at++) await write(vault, 'app/large', randomBytes(1_400_000))
    for (let at = 0; at < 70; at++) await write(vault, `app/small/${at}`)
    const pages = await backup()
    expect(pages.length).toBeGreaterThan(2)
    expect(Math.max(...pages.map((page) => page.flatMap(({ versions }) => versions).reduce((sum, { head }) => sum + head.size, 0)))).toBeLessThan(8_000_000)
    const large = pages.flat().filter((kept) => pathOf(kept) === 'app/large')
    expect(large.flatMap(({ versions }) => versions.map(({ head }) => head.label.version))).toEqual([1, 2, 3, 4, 5, 6, 7])
    await empty()
    for (const page of pages) expect((await restore(page)).body['left']).toEqual([])
    expect(store.secrets.size).toBe(71)
    expect((await read(vault, ...[1, 2, 7].map((version) => ({ path: 'app/large', version })))).status).toBe(200)
  })

  test('Z-5 holds what may be listed, and nothing else', async () => {
    await write(vault, 'app/a')
    const [some] = store.secrets.values()
    for (const path of ['app/hidden', 'secret/x', 'application/x']) if (some !== undefined) store.secrets.set(path, { ...some, path })
    expect((await backup()).flat().map(pathOf)).toEqual(['app/a'])
  })

  test('what was altered is left out and named; the rest is saved', async () => {
    for (const each of ['app/a', 'app/b', 'app/c']) await write(vault, each)
    const [a] = store.secrets.values()
    for (const [digest, each] of store.kept) if (each.path === 'app/b') store.kept.set(digest, { ...each, body: new Uint8Array(3) })
    if (a !== undefined) store.secrets.set('app/c', { ...a, path: 'app/c' })
    const found = (await backup()).flat()
    expect(found.map((kept) => [pathOf(kept), kept.versions.length])).toEqual([['app/a', 1], ['app/b', 0]])
    for (const path of ['app/b', 'app/c']) expect(vault.logged.join('')).toContain(`"path":"${path}"`)
  })

  test('needs a prefix, recursive; pages are counted', async () => {
    for (const route of ['export', 'import'])
      for (const intent of [listIntent(world, { prefix: 'app' }), listIntent(world, { paths: ['app/a'] })]) {
        const answer = await post(vault, route, { ...asking(world, intent), ...(route === 'import' ? { secrets: [{ record: { record: 'AAAA', signature: toBase64url(new Uint8Array(64)) }, history: [], versions: [] }] } : {}) })
        expect(codeOf(answer)).toEqual([400, 'intent_malformed'])
      }
    await vault.close()
    vault = await startVault({ store, world, heavy: memoryLimiter('heavy', 1) })
    await post(vault, 'export', asked('app'))
    expect(codeOf(await post(vault, 'export', asked('app')))).toEqual([429, 'limited'])
  })
})

describe('a restore believes nothing', () => {
  let page: Kept[]
  beforeEach(async () => {
    for (const each of ['app/a', 'app/a', 'app/b']) await write(vault, each)
    page = (await backup()).flat()
    await empty()
  })
  const only = (kept: Kept) => restore([kept])
  const [a, b] = [() => page[0] as Kept, () => page[1] as Kept]
  const forged = (kept: Kept): Kept => ({ ...kept, record: { ...kept.record, signature: toBase64url(new Uint8Array(64)) } })
  const cases: Readonly<Record<string, [() => Kept, string]>> = {
    'a record that nobody signed': [() => forged(a()), 'unsigned'],
    'a history that nobody signed': [() => ({ ...a(), history: a().history.map((each) => ({ ...each, signature: toBase64url(new Uint8Array(64)) })) }), 'unsigned'],
    'another secret’s history': [() => ({ ...b(), history: a().history }), 'unsigned'],
    'another secret’s ciphertext': [() => ({ ...b(), versions: a().versions }), 'ciphertext_invalid'],
    'another body': [() => ({ ...a(), versions: a().versions.map((each) => ({ ...each, body: toBase64url(new Uint8Array(48)) })) }), 'ciphertext_invalid'],
    'another head': [() => ({ ...a(), versions: a().versions.map(({ head, body }) => ({ head: { ...head, iv: toBase64url(new Uint8Array(12)) }, body })) }), 'ciphertext_invalid'],
  }
  test.each(Object.keys(cases))('%s', async (name) => {
    const [kept, why] = cases[name] ?? [a, '']
    const answer = await only(kept())
    expect([answer.status, answer.body['taken'], (answer.body['left'] as { why: string }[]).map((each) => each.why)]).toEqual([200, 0, [why]])
    expect([store.secrets.size, store.kept.size]).toEqual([0, 0])
  })

  test('I-7 an older state takes the place of no newer one', async () => {
    await restore(page)
    await write(vault, 'app/a')
    const newest = store.secrets.get('app/a')?.digest
    expect((await only(a())).body['left']).toEqual([{ path: 'app/a', why: 'older' }])
    expect(store.secrets.get('app/a')?.digest).toBe(newest)
  })

  test('the same state again is named, unless something of it was lost', async () => {
    await restore(page)
    expect((await only(a())).body['left']).toEqual([{ path: 'app/a', why: 'same' }])
    store.kept.clear()
    expect((await only(a())).body['left']).toEqual([])
    expect((await read(vault, 'app/a')).status).toBe(200)
  })

  test('a record that was altered here is mended', async () => {
    await restore(page)
    const row = store.secrets.get('app/a')
    if (row !== undefined) store.secrets.set('app/a', { ...row, signed: { ...row.signed, signature: toBase64url(new Uint8Array(64)) } })
    expect((await only(a())).body['left']).toEqual([])
    expect((await read(vault, 'app/a')).status).toBe(200)
  })

  test('only within the prefix, and where the requester may write', async () => {
    expect((await restore(page, 'app/a')).body['left']).toEqual([{ path: 'app/a', why: 'denied' }, { path: 'app/b', why: 'denied' }])
    expect((await restore(page, 'secret/seen')).body['left']).toEqual([{ path: 'app/a', why: 'denied' }, { path: 'app/b', why: 'denied' }])
    expect(store.secrets.size).toBe(0)
  })
})

describe('explain', () => {
  test('says what policy says of a dry intent, and nothing of what is stored', async () => {
    await write(vault, 'app/a')
    const dry = (path: string) => asking(world, { ...listIntent(world, { prefix: path }), dry: true as const })
    const granted = await post(vault, 'explain', dry('app'))
    expect(granted.body).toMatchObject({ granted: true, principal: 'ci', reasons: [] })
    const denied = await post(vault, 'explain', dry('nowhere'))
    expect(denied.body).toMatchObject({ granted: false, reasons: [{ code: 'policy_denied' }] })
    expect(codeOf(await post(vault, 'explain', asking(world, listIntent(world, { prefix: 'app' }))))).toEqual([400, 'intent_dry'])
    expect(codeOf(await post(vault, 'list', dry('app')))).toEqual([400, 'intent_dry'])
  })
})
