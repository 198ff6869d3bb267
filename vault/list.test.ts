import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent } from '@symbolon/protocol/intent.ts'
import { listResponse } from '@symbolon/protocol/vault-http.ts'
import { bundleWith, defaultData, idTokenEvidence } from '@symbolon/policy/judge.testkit.ts'
import { openCursors } from './cursor.ts'
import { mostLookedAt } from './list.ts'
import { memoryStore, type MemoryStore } from './memory-store.testkit.ts'
import { asking, change, list, listIntent, makeVaultWorld, post, startVault, write, type TestVault } from './vault.testkit.ts'

/** May list all of `app`, but for what lies in `app/closed` and whatever is called `hidden`; of `secret` only one folder. */
const rules = [
  { path: 'app/**', actions: ['read', 'list', 'write', 'delete'] },
  { path: 'secret/team/**', actions: ['list', 'write'] },
  { path: 'secret/drop/*', actions: ['write'] },
]
const bundle = bundleWith({
  ...defaultData,
  roles: { engineer: { ...defaultData.roles['engineer'], secrets: rules }, other: { ...defaultData.roles['engineer'], secrets: [{ path: 'app/**', actions: ['list'] }] } },
  deny: { ...defaultData.deny, secrets: ['app/closed/**', 'app/hidden', 'app/*/hidden'] },
})
const trusts = [{ id: 'deploy', name: 'Deploy', issuer: 'forge', when: [{ claim: 'repository_id', equals: '42' }], roles: ['other'], groups: [] }]

let vault: TestVault
let store: MemoryStore
const paths = ['app/a', 'app/a.b', 'app/a/x', 'app/a/y/z', 'app/b-1', 'app/b/hidden', 'app/c', 'app/closed/one', 'app/hidden', 'app/z/1', 'app/z/2', 'secret/team/x', 'secret/drop/x']

/** Rows that nobody could have written by the rules of this test. */
async function put(path: string): Promise<void> {
  const answer = await write(vault, path)
  if (answer.status === 200) return
  const [some] = store.secrets.values()
  if (some !== undefined) store.secrets.set(path, { ...some, path, search: path })
}

beforeEach(async () => {
  store = memoryStore()
  vault = await startVault({ store, world: makeVaultWorld({ bundle, trusts, roster: { policy: bundle.digest } }) })
  for (const each of paths) await put(each)
})
afterEach(() => vault.close())

const namesIn = (body: unknown): string[] => listResponse.parse(body).entries.map((entry) => ('folder' in entry ? entry.folder : entry.path))
const names = async (...asked: Parameters<typeof list> extends [unknown, ...infer A] ? A : never): Promise<string[]> => namesIn((await list(vault, ...asked)).body)
const codeOf = ({ status, body }: { status: number; body: Record<string, unknown> }) => [status, body['code']]

describe('Z-5 a listing shows only what may be shown one by one', () => {
  test('a folder: its rows, and folders that hold a row that may be shown', async () => {
    expect(await names({ prefix: 'app' })).toEqual(['app/a', 'app/a.b', 'app/a/', 'app/b-1', 'app/c', 'app/z/'])
    expect(await names({ prefix: 'app/a' })).toEqual(['app/a/x', 'app/a/y/'])
    expect(await names({ prefix: 'app/b' })).toEqual([])
  })

  test('recursively: every row, and no folder', async () => {
    expect(await names({ prefix: 'app', recursive: true })).toEqual(['app/a', 'app/a.b', 'app/a/x', 'app/a/y/z', 'app/b-1', 'app/c', 'app/z/1', 'app/z/2'])
  })

  test('a namespace of which only a folder may be seen shows that folder', async () => {
    expect(await names({ prefix: 'secret' })).toEqual(['secret/team/'])
    expect(await names({ prefix: 'secret', recursive: true })).toEqual(['secret/team/x'])
  })

  test('who may write and not list sees nothing of it', async () => {
    const answer = await list(vault, { prefix: 'secret/drop' })
    expect(codeOf(answer)).toEqual([403, 'policy_denied'])
  })

  test('a prefix is a folder, not the beginning of a name', async () => {
    expect(await names({ prefix: 'app/z' })).toEqual(['app/z/1', 'app/z/2'])
    expect(await names({ prefix: 'app/zz' })).toEqual([])
  })

  test('a search finds nothing that is hidden, in name or folder', async () => {
    expect(await names({ prefix: 'app', recursive: true }, { search: 'hidden' })).toEqual([])
    expect(await names({ prefix: 'app' }, { search: 'y/z' })).toEqual(['app/a/'])
    expect(await names({ prefix: 'app', recursive: true }, { search: '1' })).toEqual(['app/b-1', 'app/z/1'])
  })

  test('a search finds tags and custom values', async () => {
    expect((await change(vault, 'app/c', 'secret.meta', { tags: ['billing'], custom: { owner: 'team%_x' } })).status).toBe(200)
    expect(await names({ prefix: 'app', recursive: true }, { search: 'illin' })).toEqual(['app/c'])
    expect(await names({ prefix: 'app', recursive: true }, { search: '%_' })).toEqual(['app/c'])
  })

  test('each row comes with a record that verifies; one that was altered is left out, and the log names it', async () => {
    const [a, c] = [store.secrets.get('app/a'), store.secrets.get('app/c')]
    if (a === undefined || c === undefined) throw new Error('not written')
    store.secrets.set('app/c', { ...c, signed: a.signed })
    const answer = await list(vault, { prefix: 'app' })
    expect(namesIn(answer.body)).not.toContain('app/c')
    expect(vault.logged.join('')).toContain('"path":"app/c"')
    for (const entry of listResponse.parse(answer.body).entries) if ('path' in entry) expect(vault.vaulting.records.open(entry.record)?.record.path).toBe(entry.path)
  })

  test('what was removed is not there', async () => {
    const row = store.secrets.get('app/c')
    if (row !== undefined) store.secrets.set('app/c', { ...row, removed: true })
    expect(await names({ prefix: 'app' })).not.toContain('app/c')
  })
})

describe('Z-5 pages', () => {
  async function pages(asked: Parameters<typeof list>[1], more: Readonly<Record<string, unknown>>): Promise<string[][]> {
    const found: string[][] = []
    let cursor: string | undefined
    do {
      const answer = await list(vault, asked, { ...more, ...(cursor === undefined ? {} : { cursor }) })
      found.push(namesIn(answer.body))
      cursor = answer.body['cursor'] as string | undefined
    } while (cursor !== undefined && found.length < 50)
    return found
  }
  test.each([1, 2, 3, 7, 500])('of %i hold together what one page would', async (limit) => {
    for (const asked of [{ prefix: 'app' }, { prefix: 'app', recursive: true as const }]) {
      const found = await pages(asked, { limit })
      expect(found.flat()).toEqual(await names(asked))
      expect(found.every((page) => page.length <= limit)).toBe(true)
    }
  })

  test.each([0, -1, 501, 1e9, 1.5, null, '10'])('a limit of %s is refused', async (limit) => {
    expect(codeOf(await list(vault, { prefix: 'app' }, { limit }))).toEqual([400, 'malformed'])
  })

  const first = async (): Promise<string> => String((await list(vault, { prefix: 'app' }, { limit: 1 })).body['cursor'])
  const flip = (cursor: string) => `${cursor.slice(0, -5)}${cursor.at(-5) === 'A' ? 'B' : 'A'}${cursor.slice(-4)}`

  test('a forged cursor is refused', async () => {
    const cursor = await first()
    const forged = [flip(cursor), cursor.slice(0, 20), `${cursor}AA`, 'AAAA', openCursors(new Uint8Array(32).fill(1)).seal({ kind: 'list', principal: 'ci', prefix: 'app' }, 'app/hidden'), toBase64url(Buffer.from('app/hidden'))]
    for (const each of forged) expect(codeOf(await list(vault, { prefix: 'app' }, { cursor: each }))).toEqual([400, 'malformed'])
    expect((await list(vault, { prefix: 'app' }, { cursor })).status).toBe(200)
  })

  test('a cursor of another question is refused', async () => {
    const cursor = await first()
    for (const [asked, more] of [[{ prefix: 'app/a' }, {}], [{ prefix: 'app', recursive: true }, {}], [{ prefix: 'app' }, { search: 'a' }], [{ prefix: 'secret' }, {}]] as const)
      expect(codeOf(await list(vault, asked, { ...more, cursor }))).toEqual([400, 'malformed'])
    expect(codeOf(await post(vault, 'export', { ...asking(vault.world, listIntent(vault.world, { prefix: 'app', recursive: true })), cursor }))).toEqual([400, 'malformed'])
  })

  test('a cursor of another principal is refused', async () => {
    const intent = { ...listIntent(vault.world, { prefix: 'app' }), sub: 'deploy', client: 'cli' }
    const request = { intent: toBase64url(encodeIntent(intent)), evidence: [idTokenEvidence(vault.world, intent)] }
    expect((await post(vault, 'list', request)).status).toBe(200)
    expect(codeOf(await post(vault, 'list', { ...request, cursor: await first() }))).toEqual([400, 'malformed'])
  })

  test('a cursor does not tell where it stands: that may be the name of something hidden', async () => {
    const cursor = await first()
    expect(Buffer.from(cursor, 'base64url').toString('latin1')).not.toContain('app')
  })

  test('whatever is hidden, one request looks at so many rows and no more', async () => {
    const [some] = store.secrets.values()
    if (some === undefined) throw new Error('nothing')
    for (let at = 0; at < 2 * mostLookedAt; at++) store.secrets.set(`app/closed/${at}`, { ...some, path: `app/closed/${at}` })
    const answer = await list(vault, { prefix: 'app' }, { limit: 500 })
    expect(namesIn(answer.body)).toEqual(['app/a', 'app/a.b', 'app/a/', 'app/b-1', 'app/c'])
    expect((await pages({ prefix: 'app' }, {})).flat()).toContain('app/z/')
  })
})

describe('records and history', () => {
  const records = (...of: string[]) => post(vault, 'records', asking(vault.world, listIntent(vault.world, { paths: of })))
  const history = (of: string, more: Readonly<Record<string, unknown>> = {}) => post(vault, 'history', { ...asking(vault.world, listIntent(vault.world, { paths: [of] })), ...more })

  test('the newest record of each path, null where there is none', async () => {
    expect((await records('app/c', 'app/nothing')).body['records']).toEqual([store.secrets.get('app/c')?.signed, null])
  })

  test('of all that may be seen, or of nothing', async () => {
    const denied = await records('app/c', 'app/hidden')
    expect(denied.status).toBeGreaterThanOrEqual(403)
    expect(denied.body['records']).toBeUndefined()
    const nothing = await records('app/c', 'app/closed/nothing')
    expect([nothing.status, nothing.body['code']]).toEqual([denied.status, denied.body['code']])
  })

  test('one that was altered spoils the answer: to leave it out would say that there is none', async () => {
    const row = store.secrets.get('app/c')
    if (row !== undefined) store.secrets.set('app/c', { ...row, seq: 9 })
    expect(codeOf(await records('app/a', 'app/c'))).toEqual([500, 'store_damaged'])
  })

  test('who changed what, newest first, page by page', async () => {
    for (let at = 0; at < 3; at++) await write(vault, 'app/c')
    await change(vault, 'app/c', 'secret.delete', { versions: [1] })
    const seqs = (body: Record<string, unknown>) => (body['records'] as Parameters<typeof vault.vaulting.records.open>[0][]).map((each) => vault.vaulting.records.open(each)?.record.seq)
    const first = await history('app/c', { limit: 2 })
    const second = await history('app/c', { limit: 2, cursor: first.body['cursor'] })
    const third = await history('app/c', { limit: 2, cursor: second.body['cursor'] })
    expect([first, second, third].map(({ body }) => seqs(body))).toEqual([[5, 4], [3, 2], [1]])
    expect(third.body['cursor']).toBeUndefined()
    expect(codeOf(await history('app/a', { limit: 2, cursor: first.body['cursor'] }))).toEqual([400, 'malformed'])
  })

  test('needs one path', async () => {
    const two = asking(vault.world, listIntent(vault.world, { paths: ['app/a', 'app/c'] }))
    for (const route of ['history', 'receipts']) expect(codeOf(await post(vault, route, two))).toEqual([400, 'intent_malformed'])
    for (const route of ['history', 'receipts', 'records']) expect(codeOf(await post(vault, route, asking(vault.world, listIntent(vault.world, { prefix: 'app' }))))).toEqual([400, 'intent_malformed'])
  })

  test('receipts of a change that was pending', async () => {
    vault.world.signers.receipting = 1
    expect((await write(vault, 'app/c')).status).toBe(202)
    vault.world.signers.receipting = 3
    const answer = await post(vault, 'receipts', asking(vault.world, listIntent(vault.world, { paths: ['app/c'] })))
    expect([answer.status, answer.body['pending'], (answer.body['receipts'] as unknown[]).length, store.secrets.get('app/c')?.pending]).toEqual([200, false, 3, false])
  })
})
