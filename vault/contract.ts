import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { sha256, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest, type CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { labelOf, secretPath } from '@symbolon/protocol/label.ts'
import { defaultSettings, encodeRecord, recordDigest, type RecordVersion, type VaultRecord } from '@symbolon/protocol/record.ts'
import { openStored } from './ciphertext.ts'
import type { Ciphertext, SecretStore, Verified } from './store.ts'

/* What every store must do. Nothing in it verifies signatures, so these have none. */

const some = (length: number): Base64url => toBase64url(randomBytes(length))
const lineage = some(32)

export function ciphertext(path: string, version: number, body: Uint8Array = randomBytes(40)): Ciphertext {
  const label = labelOf(secretPath.parse(path), { combine: 'caller', version, type: 'string' })
  const head: CiphertextHead = { v: 1, suite: 'TDH2-edwards25519-SHA512+AES-256-GCM', group: some(32), epoch: 1, label: { ...label }, u: some(32), u_bar: some(32), e: some(32), f: some(32), wrapped: some(32), key_hash: some(32), iv: some(12), body: toBase64url(sha256(body)), size: body.length }
  return { digest: ciphertextDigest(head), version, head, body }
}

const versionOf = ({ digest, version, head }: Ciphertext, state: RecordVersion['state'] = 'live'): RecordVersion => ({ version, state, type: 'string', combine: 'caller', ciphertext: digest, size: head.size, at: 1, by: 'ci' })

export function record(path: string, seq: number, { previous, ciphertexts = [], ...more }: Partial<Omit<VaultRecord, 'previous'>> & { readonly previous?: Verified | undefined; readonly ciphertexts?: readonly Ciphertext[] } = {}): Verified {
  const value: VaultRecord = { v: 1, lineage, path: secretPath.parse(path), seq, previous: previous?.digest ?? null, current: ciphertexts.length, versions: ciphertexts.map((each) => versionOf(each)), settings: defaultSettings, custom: {}, tags: [], removed: false, created: 1, by: 'ci', at: 1, act: 'secret.write', intent: some(32), ...more }
  const bytes = encodeRecord(value)
  return { record: value, digest: recordDigest(bytes), signed: { record: toBase64url(bytes), signature: some(64) } }
}

export function storeContract(open: () => Promise<SecretStore>): void {
  let store: SecretStore
  beforeEach(async () => {
    store = await open()
  })
  const newest = async (path: string) => (await store.newest([path])).get(path)
  const first = async (path = 'app/db') => {
    const made = ciphertext(path, 1)
    const next = record(path, 1, { ciphertexts: [made] })
    expect(await store.advance(next, made)).toBe(true)
    return { next, made }
  }

  describe('a change', () => {
    test('is kept with its ciphertext, and is pending', async () => {
      const { next, made } = await first()
      expect(await newest('app/db')).toMatchObject({ path: 'app/db', seq: 1, digest: next.digest, signed: next.signed, pending: true })
      const [stored] = (await store.ciphertexts([made.digest])).values()
      expect(stored === undefined ? undefined : openStored(stored)).toEqual({ ...made, body: Buffer.from(made.body) })
      expect(await store.recordAt('app/db', next.digest)).toEqual(next.signed)
    })

    test('takes the place of its predecessor alone', async () => {
      const { next } = await first()
      const foreign = record('app/db', 2, { previous: record('app/db', 1) })
      expect(await store.advance(foreign)).toBe(false)
      expect(await store.advance(record('app/db', 2))).toBe(false)
      expect(await store.advance(record('app/db', 1, { previous: next }))).toBe(false)
      expect((await newest('app/db'))?.digest).toBe(next.digest)
      expect(await store.advance(record('app/db', 7, { previous: next }))).toBe(true)
    })

    test('R-1 of twenty on top of one record exactly one is kept, with its ciphertext and no other', async () => {
      const { next, made } = await first()
      const writers = Array.from({ length: 20 }, () => ciphertext('app/db', 2)).map((own) => ({ own, wanted: record('app/db', 2, { previous: next, ciphertexts: [made, own] }) }))
      const won = await Promise.all(writers.map(({ own, wanted }) => store.advance(wanted, own)))
      expect(won.filter(Boolean)).toHaveLength(1)
      const winner = writers[won.indexOf(true)]
      expect((await newest('app/db'))?.digest).toBe(winner?.wanted.digest)
      expect([...(await store.ciphertexts(writers.map(({ own }) => own.digest))).keys()]).toEqual([winner?.own.digest])
      expect((await store.history('app/db', { below: 100, limit: 10 })).map(({ seq }) => seq)).toEqual([2, 1])
    })

    test('R-1 of twenty that begin a secret exactly one does', async () => {
      const won = await Promise.all(Array.from({ length: 20 }, (_, at) => store.advance(record('app/new', at + 1))))
      expect(won.filter(Boolean)).toHaveLength(1)
    })

    test.each(['destroyed', 'trimmed', 'removed'])('what is %s has no body any more', async (how) => {
      const { next, made } = await first()
      const versions = how === 'destroyed' ? [versionOf(made, 'destroyed')] : []
      await store.advance(record('app/db', 2, { previous: next, versions, removed: how === 'removed' }))
      expect((await store.ciphertexts([made.digest])).size).toBe(0)
    })

    test('what is deleted keeps its body', async () => {
      const { next, made } = await first()
      await store.advance(record('app/db', 2, { previous: next, versions: [versionOf(made, 'deleted')] }))
      expect((await store.ciphertexts([made.digest])).size).toBe(1)
    })

    test('of one secret touches no other', async () => {
      const [a, b] = [await first('app/a'), await first('app/a.b')]
      await store.advance(record('app/a', 2, { previous: a.next, removed: true }))
      expect((await store.ciphertexts([b.made.digest])).size).toBe(1)
    })
  })

  describe('a record that comes from elsewhere', () => {
    test('takes the place of an older one, whatever came between', async () => {
      await first()
      const [later, earlier] = [record('app/db', 9), record('app/db', 4)]
      expect(await store.adopt(later)).toBe(true)
      expect(await store.adopt(earlier)).toBe(false)
      expect(await store.adopt(later)).toBe(false)
      expect((await newest('app/db'))?.seq).toBe(9)
    })

    test('takes the place of the very one that it is said to', async () => {
      const { next } = await first()
      const sound = record('app/db', 1)
      expect(await store.adopt(sound, { instead: some(32) })).toBe(false)
      expect(await store.adopt(sound, { instead: next.digest })).toBe(true)
      expect((await newest('app/db'))?.digest).toBe(sound.digest)
    })

    test('brings history and ciphertexts along', async () => {
      const [one, two] = [ciphertext('app/db', 1), ciphertext('app/db', 2)]
      const before = record('app/db', 1, { ciphertexts: [one] })
      const next = record('app/db', 2, { previous: before, ciphertexts: [one, two] })
      expect(await store.adopt(next, { history: [before], ciphertexts: [one, two] })).toBe(true)
      expect(await store.history('app/db', { below: 3, limit: 10 })).toEqual([{ seq: 2, signed: next.signed }, { seq: 1, signed: before.signed }])
      expect((await store.ciphertexts([one.digest, two.digest])).size).toBe(2)
    })

    test('ciphertexts that were lost can be filled in; those that are there are not counted', async () => {
      const [one, two] = [ciphertext('app/db', 1), ciphertext('app/db', 2)]
      await store.adopt(record('app/db', 2, { ciphertexts: [one, two] }), { ciphertexts: [one] })
      expect(await store.fill('app/db', [one, two])).toBe(1)
      expect(await store.fill('app/db', [one, two])).toBe(0)
    })
  })

  describe('rows', () => {
    test('come in the order of their bytes, within bounds; what was removed does not', async () => {
      for (const path of ['app/b', 'app/a/x', 'app/a-b', 'app/A', 'app/a', 'application/x', 'app/a.b']) await first(path)
      await store.advance(record('app/gone', 1, { removed: true }))
      expect((await store.scan({ from: 'app/', before: 'app0', limit: 10 })).map(({ path }) => path)).toEqual(['app/A', 'app/a', 'app/a-b', 'app/a.b', 'app/a/x', 'app/b'])
      expect((await store.scan({ from: 'app/a.', before: 'app/b', limit: 1 })).map(({ path }) => path)).toEqual(['app/a.b'])
    })

    test('are hit by what occurs in path, tag or custom value, with no character meaning anything', async () => {
      await store.advance(record('app/a', 1, { tags: ['50%_off'], custom: { owner: 'ann' } }))
      await first('app/b')
      const hits = async (search: string) => (await store.scan({ from: 'app/', before: 'app0', limit: 10, search })).filter(({ hit }) => hit).map(({ path }) => path)
      expect([await hits('%'), await hits('0%_o'), await hits('ann'), await hits('owner'), await hits('app/'), await hits('\\')]).toEqual([['app/a'], ['app/a'], ['app/a'], [], ['app/a', 'app/b'], []])
    })
  })

  describe('pending', () => {
    test('ends with the very record that was receipted', async () => {
      const { next } = await first()
      await store.settled('app/db', some(32))
      expect((await newest('app/db'))?.pending).toBe(true)
      await store.settled('app/db', next.digest)
      expect((await newest('app/db'))?.pending).toBe(false)
    })

    test('a round gives each once', async () => {
      for (const path of ['app/a', 'app/b', 'app/c']) await first(path)
      await store.settled('app/b', (await newest('app/b'))?.digest ?? some(32))
      const rounds = [await store.unsettled(1, 10), await store.unsettled(5, 11), await store.unsettled(5, 11)].map((rows) => rows.map(({ path }) => path).toSorted())
      expect(rounds[2]).toEqual([])
      expect([rounds[0]?.length, rounds[1]]).toEqual([1, ['app/a', 'app/c']])
    })
  })

  test('the key of cursors is one, of 32 bytes', async () => {
    expect((await store.cursorKey()).length).toBe(32)
    expect(await store.cursorKey()).toEqual(await store.cursorKey())
  })
}
