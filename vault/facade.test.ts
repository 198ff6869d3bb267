import { sign } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { encodeRecord, recordDigest, recordMessage } from '@symbolon/protocol/record.ts'
import type { MemoryStore } from './memory-store.testkit.ts'
import { facadeToken, startFacade, type TestFacade } from './facade.testkit.ts'

let facade: TestFacade
beforeEach(async () => void (facade = await startFacade()))
afterEach(() => facade.close())

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string
const common = { request_id: expect.any(String) as string, lease_id: '', renewable: false, lease_duration: 0, wrap_info: null, warnings: null, auth: null, mount_type: 'kv' }
const version = (number: number, changes: object = {}) => ({ created_time: time, custom_metadata: null, deletion_time: '', destroyed: false, version: number, ...changes })
const neverThere = (): never => {
  throw new Error('nothing there')
}
const errorsOf = ({ status, body }: { status: number; body: Record<string, unknown> }) => [status, body['errors']]
const denied = [403, ['permission denied', expect.any(String)]]

describe('data', () => {
  test('what is written is read, in the shape that those clients know', async () => {
    const data = { password: 'correct horse', port: 5432, ratio: 0.5, flags: { a: [true, null] } }
    const written = await facade.put('db', data)
    expect([written.status, written.body]).toEqual([200, { ...common, data: version(1) }])
    const read = await facade.get('db')
    expect([read.status, read.body]).toEqual([200, { ...common, data: { data, metadata: version(1) } }])
    expect([read.headers['cache-control'], read.headers['content-type']]).toEqual(['no-store', 'application/json'])
  })

  test('versions: each by its number, 0 and none for the newest', async () => {
    for (const n of [1, 2, 3]) await facade.put('db', { n })
    for (const [query, n] of [['?version=1', 1], ['?version=3', 3], ['?version=0', 3], ['', 3]] as const) expect((await facade.get('db', query)).body, query).toMatchObject({ data: { data: { n }, metadata: { version: n } } })
    expect(errorsOf(await facade.get('db', '?version=4'))).toEqual([404, []])
    expect((await facade.get('db', '?version=x')).status).toBe(400)
    expect((await facade.get('db', '?version=-1')).status).toBe(400)
  })

  test('a signer that seals garbage is asked last the next time, and spoils nothing', async () => {
    const { signers } = facade.world
    await facade.put('db', { n: 1 })
    const [honest, avoided] = [signers.seal, [] as unknown[]]
    signers.seal = async (signer, wish, reply) => {
      if (signer === 2) avoided.push(wish.avoid)
      const { enc, ct } = await honest(signer, wish, reply)
      return signer === 2 && wish.avoid?.includes(2) !== true ? { enc, ct: ct.replace(/^.{8}/, 'AAAAAAAA') as typeof ct } : { enc, ct }
    }
    expect((await facade.get('db')).body).toMatchObject({ data: { data: { n: 1 } } })
    expect(avoided).toEqual([[], [2]])
  })

  test('check-and-set', async () => {
    expect((await facade.put('db', { n: 1 }, { cas: 0 })).status).toBe(200)
    expect(errorsOf(await facade.put('db', { n: 2 }, { cas: 0 }))).toEqual([400, ['check-and-set parameter did not match the current version']])
    expect((await facade.put('db', { n: 2 }, { cas: 1 })).status).toBe(200)
    expect((await facade.ask('POST', 'secret/metadata/db', { cas_required: true })).status).toBe(204)
    expect(errorsOf(await facade.put('db', { n: 3 }))).toEqual([400, ['check-and-set parameter required for this call']])
    expect((await facade.get('db')).body).toMatchObject({ data: { data: { n: 2 } } })
  })

  test('twenty writers at once: each gets a version of its own', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => facade.put('db', { n })))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
    expect(answers.map(({ body }) => (body['data'] as { version: number }).version).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1))
  })

  test('twenty writers with check-and-set: exactly one wins', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => facade.put('db', { n }, { cas: 0 })))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(19)
  })

  test('a change that too few signers have confirmed is made, and comes with a warning', async () => {
    facade.world.signers.receipting = 1
    const written = await facade.put('db', { n: 1 })
    expect([written.status, written.body]).toEqual([200, { ...common, data: version(1), warnings: [expect.stringContaining('Fewer than 2 signers')] }])
    facade.world.signers.receipting = 3
    expect((await facade.put('db', { n: 2 })).body).toMatchObject({ warnings: null })
  })

  test('a row that somebody altered is an error of the vault’s, not a secret that is gone', async () => {
    await facade.put('db', { n: 1 })
    const other = await facade.put('other', { n: 2 })
    expect(other.status).toBe(200)
    const [mine, theirs] = ['secret/db', 'secret/other'].map((path) => (facade.store as MemoryStore).secrets.get(path))
    if (mine === undefined || theirs === undefined) throw new Error('not there')
    ;(facade.store as MemoryStore).secrets.set('secret/db', { ...mine, signed: theirs.signed })
    expect((await facade.get('db')).status).toBe(500)
    // The signers know better, so a writer goes on from there.
    expect((await facade.put('db', { n: 3 })).body).toMatchObject({ data: { version: 2 } })
    expect((await facade.get('db', '?version=1')).status).toBe(200)
  })

  test('PATCH merges (RFC 7396) and asks for its content type', async () => {
    await facade.put('db', { a: 1, b: { c: 2, d: 3 } })
    const merge = { 'content-type': 'application/merge-patch+json' }
    const patched = await facade.ask('PATCH', 'secret/data/db', { data: { a: null, b: { c: 4 }, e: 5 } }, merge)
    expect([patched.status, patched.body]).toEqual([200, { ...common, data: version(2) }])
    expect((await facade.get('db')).body).toMatchObject({ data: { data: { b: { c: 4, d: 3 }, e: 5 } } })
    expect((await facade.ask('PATCH', 'secret/data/db', { data: {} }, { 'content-type': 'application/json' })).status).toBe(415)
    expect(errorsOf(await facade.ask('PATCH', 'secret/data/none', { data: { a: 1 } }, merge))).toEqual([404, []])
    expect(errorsOf(await facade.ask('PATCH', 'secret/data/db', { data: { a: 1 }, options: { cas: 1 } }, merge))).toEqual([400, ['check-and-set parameter did not match the current version']])
  })

  test('subkeys show names alone', async () => {
    await facade.put('db', { a: 'CANARY', b: { c: 'CANARY', d: {} } })
    const shown = await facade.ask('GET', 'secret/subkeys/db')
    expect(shown.body['data']).toEqual({ subkeys: { a: null, b: { c: null, d: null } }, metadata: version(1) })
    expect((await facade.ask('GET', 'secret/subkeys/db?depth=1')).body['data']).toMatchObject({ subkeys: { a: null, b: null } })
    expect(shown.text).not.toContain('CANARY')
  })

  test.each([
    ['no data', '{}'],
    ['data that is none', '{"data": 1}'],
    ['no JSON', 'CANARY'],
    ['a member twice', '{"data": {"a": "CANARY", "a": 1}}'],
    ['a number that would change', '{"data": {"a": 12345678901234567890}}'],
    ['a number that is none', '{"data": {"a": 1e999}}'],
    ['too deep', `{"data": {"a": ${'['.repeat(20)}"CANARY"${']'.repeat(20)}}}`],
    ['a bad check-and-set', '{"data": {"a": 1}, "options": {"cas": "x"}}'],
  ])('a write of %s is refused, and not quoted', async (_name, text) => {
    const answer = await facade.ask('POST', 'secret/data/db', text)
    expect(answer.status).toBe(400)
    expect(answer.text).not.toContain('CANARY')
    expect(facade.logged.join()).not.toContain('CANARY')
  })
})

describe('deleting', () => {
  beforeEach(async () => {
    for (const n of [1, 2, 3]) await facade.put('db', { n })
  })
  const act = (name: string, versions: readonly unknown[]) => facade.ask('POST', `secret/${name}/db`, { versions })

  test('the newest, softly: 404 with its metadata, and back again', async () => {
    const deleted = await facade.ask('DELETE', 'secret/data/db')
    expect([deleted.status, deleted.text]).toEqual([204, ''])
    const read = await facade.get('db')
    expect([read.status, read.body]).toEqual([404, { ...common, data: { data: null, metadata: version(3, { deletion_time: time }) } }])
    expect((await facade.get('db', '?version=2')).status).toBe(200)
    expect((await act('undelete', [3])).status).toBe(204)
    expect((await facade.get('db')).body).toMatchObject({ data: { data: { n: 3 }, metadata: { deletion_time: '' } } })
  })

  test('versions, those that there are', async () => {
    expect((await act('delete', [1, '2', 99])).status).toBe(204)
    expect([(await facade.get('db', '?version=1')).status, (await facade.get('db', '?version=2')).status, (await facade.get('db')).status]).toEqual([404, 404, 200])
    expect((await act('undelete', [1, 2, 3])).status).toBe(204)
    expect((await facade.get('db', '?version=1')).status).toBe(200)
  })

  test('for good: it does not come back', async () => {
    expect((await act('destroy', [2])).status).toBe(204)
    expect((await facade.get('db', '?version=2')).body).toMatchObject({ data: { data: null, metadata: { destroyed: true, version: 2 } } })
    expect((await act('undelete', [2])).status).toBe(204)
    expect((await facade.get('db', '?version=2')).status).toBe(404)
  })

  test('what is not there is no error, as there', async () => {
    expect((await facade.ask('DELETE', 'secret/data/none')).status).toBe(204)
    expect((await facade.ask('DELETE', 'secret/metadata/none')).status).toBe(204)
    expect((await facade.ask('POST', 'secret/delete/none', { versions: [1] })).status).toBe(204)
    expect((await act('delete', [])).status).toBe(400)
  })

  test('all of it: as if it had never been; a write begins anew', async () => {
    expect((await facade.ask('DELETE', 'secret/metadata/db')).status).toBe(204)
    expect(errorsOf(await facade.get('db'))).toEqual([404, []])
    expect(errorsOf(await facade.ask('GET', 'secret/metadata/db'))).toEqual([404, []])
    expect((await facade.put('db', { n: 9 }, { cas: 0 })).body).toMatchObject({ data: { version: 4 } })
    expect((await facade.get('db')).body).toMatchObject({ data: { data: { n: 9 } } })
    expect((await facade.get('db', '?version=1')).status).toBe(404)
  })
})

describe('metadata', () => {
  test('what stands beside the versions', async () => {
    await facade.put('db', { n: 1 })
    await facade.put('db', { n: 2 })
    await facade.ask('DELETE', 'secret/data/db')
    expect((await facade.ask('PUT', 'secret/metadata/db', { max_versions: 5, delete_version_after: '3h25m19s', custom_metadata: { owner: 'ann' } })).status).toBe(204)
    const read = await facade.ask('GET', 'secret/metadata/db')
    expect([read.status, read.body]).toEqual([200, { ...common, data: {
      cas_required: false, created_time: time, current_version: 2, custom_metadata: { owner: 'ann' }, delete_version_after: '3h25m19s', max_versions: 5, oldest_version: 1, updated_time: time,
      versions: { 1: { created_time: time, deletion_time: '', destroyed: false }, 2: { created_time: time, deletion_time: time, destroyed: false } },
    } }])
    expect((await facade.put('db', { n: 3 })).body).toMatchObject({ data: { custom_metadata: { owner: 'ann' }, deletion_time: time } })
  })

  test('before any version; and PATCH changes what it names', async () => {
    expect((await facade.ask('POST', 'secret/metadata/new', { custom_metadata: { a: '1', b: '2' }, max_versions: 0 })).status).toBe(204)
    const merge = { 'content-type': 'application/merge-patch+json' }
    expect((await facade.ask('PATCH', 'secret/metadata/new', { custom_metadata: { a: null, c: '3' } }, merge)).status).toBe(204)
    expect((await facade.ask('GET', 'secret/metadata/new')).body).toMatchObject({ data: { current_version: 0, custom_metadata: { b: '2', c: '3' }, max_versions: 10, versions: {} } })
    expect((await facade.ask('PATCH', 'secret/metadata/none', { max_versions: 1 }, merge)).status).toBe(404)
    expect((await facade.ask('POST', 'secret/metadata/new', { max_versions: 51 })).status).toBe(400)
    expect((await facade.ask('POST', 'secret/metadata/new', { delete_version_after: 'soon' })).status).toBe(400)
  })

  test('LIST, and GET with list=true: names in a folder', async () => {
    for (const path of ['a', 'b/c', 'b/d/e', 'b']) await facade.put(path, { n: 1 })
    for (const method of [['LIST', ''], ['LIST', '/'], ['GET', '?list=true'], ['GET', '/?list=true']] as const) expect((await facade.ask(method[0], `secret/metadata${method[1]}`)).body).toEqual({ ...common, data: { keys: ['a', 'b', 'b/'] } })
    expect((await facade.ask('GET', 'secret/metadata/b?list=true')).body).toMatchObject({ data: { keys: ['c', 'd/'] } })
    expect((await facade.ask('GET', 'secret/metadata/b/?list=true')).body).toMatchObject({ data: { keys: ['c', 'd/'] } })
    expect(errorsOf(await facade.ask('GET', 'secret/metadata/none?list=true'))).toEqual([404, []])
  })
})

describe('who may', () => {
  test('no token, another, a broken, an expired one, one of another audience: 403', async () => {
    await facade.put('db', { n: 1 })
    const { world } = facade
    const later = Math.floor(Date.now() / 1000) - 1000
    for (const [name, token] of Object.entries({ none: '', junk: 's.abc', broken: `${facade.token.slice(0, -4)}AAAA`, expired: facadeToken(world, { iat: later, nbf: later, exp: later + 900 }), other: facadeToken(world, { aud: 'https://api.example' }), long: facadeToken(world, { exp: later + 5000 }), bound: facadeToken(world, { cnf: { jkt: world.lineage } }) })) {
      expect(errorsOf(await facade.ask('GET', 'secret/data/db', undefined, { 'x-vault-token': token })), name).toEqual(denied)
    }
    expect((await facade.ask('GET', 'secret/data/db', undefined, { 'x-vault-token': '', authorization: `Bearer ${facade.token}` })).status).toBe(200)
    expect(errorsOf(await facade.ask('GET', 'secret/data/db', undefined, { authorization: 'Bearer x.y.z' }))).toEqual(denied)
  })

  test('a token’s scopes bind: what it may not, it may not, whether it is there or not', async () => {
    await facade.put('db', { n: 1 })
    const only = { 'x-vault-token': facadeToken(facade.world, { scope: 'secret:list' }) }
    for (const path of ['db', 'none']) {
      expect(errorsOf(await facade.ask('GET', `secret/data/${path}`, undefined, only)), path).toEqual(denied)
      expect(errorsOf(await facade.ask('DELETE', `secret/data/${path}`, undefined, only)), path).toEqual(denied)
      expect(errorsOf(await facade.ask('POST', `secret/destroy/${path}`, { versions: [7] }, only)), path).toEqual(denied)
      expect(errorsOf(await facade.ask('POST', `secret/data/${path}`, { data: { n: 2 } }, only)), path).toEqual(denied)
      expect(errorsOf(await facade.ask('DELETE', `secret/metadata/${path}`, undefined, only)), path).toEqual(denied)
      expect(errorsOf(await facade.ask('PATCH', `secret/metadata/${path}`, { max_versions: 3 }, { ...only, 'content-type': 'application/merge-patch+json' })), path).toEqual(denied)
      expect(errorsOf(await facade.ask('PATCH', `secret/data/${path}`, { data: { n: 2 } }, { ...only, 'content-type': 'application/merge-patch+json' })), path).toEqual(denied)
    }
    expect((await facade.ask('GET', 'secret/metadata/db', undefined, only)).status).toBe(200)
  })

  test('I-8 a namespace of which callers alone combine stays closed, with a word about how it opens', async () => {
    for (const [method, path] of [['GET', 'app/data/db'], ['POST', 'app/data/db'], ['GET', 'app/metadata/?list=true'], ['DELETE', 'app/metadata/db'], ['GET', 'sys/internal/ui/mounts/app/db']] as const) {
      const answer = await facade.ask(method, path, method === 'POST' ? { data: { a: 1 } } : undefined)
      expect(answer.status, path).toBe(403)
      expect(answer.text).toContain('symbolon kv get app/')
    }
    expect(errorsOf(await facade.ask('GET', 'app/data/db', undefined, { 'x-vault-token': 's.abc' }))).toEqual(denied)
  })

  test('I-8 a version from before its namespace was the vault’s to combine stays closed', async () => {
    await facade.put('db', { n: 1 })
    const { world, store, vaulting } = facade
    const held = vaulting.records.held((await store.newest(['secret/db'])).get('secret/db') ?? neverThere())
    if (held === undefined) throw new Error('not held')
    const record = { ...held.record, seq: 2, previous: held.digest, versions: held.record.versions.map((row) => ({ ...row, combine: 'caller' as const })) }
    const bytes = encodeRecord(record)
    expect(await store.adopt({ record, digest: recordDigest(bytes), signed: { record: toBase64url(bytes), signature: toBase64url(sign(null, recordMessage(bytes), world.record.key)) } })).toBe(true)
    const opened = () => world.signers.asked.filter(({ route }) => route === '/v1/open').length
    const asked = opened()
    const answer = await facade.get('db')
    expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('facade_not_allowed')])
    expect(opened()).toBe(asked)
  })

  test('a token that nobody signed costs nothing: no record is looked at, nothing is encrypted', async () => {
    const { store } = facade
    const forged = `${facade.token.slice(0, facade.token.lastIndexOf('.'))}.${toBase64url(new Uint8Array(64))}`
    const looked = vi.spyOn(store, 'newest')
    for (const method of ['GET', 'POST', 'DELETE']) expect(errorsOf(await facade.ask(method, 'secret/data/db', method === 'POST' ? { data: { n: 1 } } : undefined, { 'x-vault-token': forged }))).toEqual(denied)
    expect(looked).not.toHaveBeenCalled()
  })

  test('Z-1 a path has one spelling: it is decoded once, or refused', async () => {
    await facade.put('a@b', { n: 1 })
    expect((await facade.get('a%40b')).body).toMatchObject({ data: { data: { n: 1 } } })
    expect((await facade.ask('GET', 'secret%2Fdata/a@b')).status).toBe(404)
    for (const path of ['a%2540b', 'a@b/', '/a@b', './a@b', 'x/../a@b', 'x/%2e%2e/a@b', 'x/%2E%2E/a@b', 'a%2Fb', 'a%00b', 'a%', 'a%4', 'a%C3%A9', 'a%ff', '%EF%BC%A0', '', `${'a/'.repeat(16)}b`]) expect((await facade.get(path)).status, path).toBe(400)
    expect(errorsOf(await facade.get('A@B'))).toEqual([404, []])
  })

  test('what would change the meaning of an answer is refused', async () => {
    await facade.put('db', { n: 1 })
    expect((await facade.ask('GET', 'secret/data/db', undefined, { 'x-vault-namespace': 'team-a' })).status).toBe(400)
    for (const name of ['', '/', 'root', 'root/']) expect((await facade.ask('GET', 'secret/data/db', undefined, { 'x-vault-namespace': name })).status, name).toBe(200)
    expect((await facade.ask('GET', 'secret/data/db', undefined, { 'x-vault-wrap-ttl': '60s' })).status).toBe(400)
  })
})

test('L-1 values and tokens are in no log and no record of a decision', async () => {
  await facade.put('db', { password: 'CANARY-VALUE' })
  await facade.get('db')
  await facade.ask('PATCH', 'secret/data/db', { data: { more: 'CANARY-VALUE' } }, { 'content-type': 'application/merge-patch+json' })
  const all = [...facade.logged, ...facade.lines, JSON.stringify(facade.events)].join('\n')
  expect(all).toContain('secret/db')
  expect(all).not.toContain('CANARY-VALUE')
  expect(all).not.toContain(facade.token.slice(-40))
})
