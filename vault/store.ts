import { sql, type Kysely, type Transaction } from 'kysely'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { SignedRecord, VaultRecord } from '@symbolon/protocol/record.ts'
import type { Tables } from './tables.ts'

/* What the database is asked. What it answers is nobody's word: whoever uses a row decodes and verifies it first. */

/** The newest record of a path, as it lies there. */
export interface StoredSecret {
  readonly path: string
  readonly seq: number
  readonly digest: Base64url
  readonly signed: SignedRecord
  /** Fewer than t signers have receipted it, as far as the vault knows. */
  readonly pending: boolean
}

/** A record whose signature was verified. */
export interface Verified {
  readonly record: VaultRecord
  readonly digest: Base64url
  readonly signed: SignedRecord
}

export interface Ciphertext {
  readonly digest: Base64url
  readonly version: number
  readonly head: CiphertextHead
  readonly body: Uint8Array
}
export interface StoredCiphertext {
  readonly digest: Base64url
  readonly path: string
  readonly version: number
  /** Bytes of JSON. */
  readonly head: Uint8Array
  readonly body: Uint8Array
}

/** Rows in the order of their paths, from behind `after` (or from `from` on), before `before`. */
export interface Range {
  readonly from: string
  readonly before: string
  readonly limit: number
  /** Only rows in which it occurs are `hit`. */
  readonly search?: string | undefined
}
export interface Scanned {
  readonly path: string
  readonly hit: boolean
}

export interface SecretStore {
  newest(paths: readonly string[]): Promise<ReadonlyMap<string, StoredSecret>>
  /** One record of a path, by its digest. */
  recordAt(path: string, digest: Base64url): Promise<SignedRecord | undefined>
  ciphertexts(digests: readonly Base64url[]): Promise<ReadonlyMap<Base64url, StoredCiphertext>>
  /** Puts `next` in the place of the record that it follows. @returns false if another stands there by now */
  advance(next: Verified, ciphertext?: Ciphertext): Promise<boolean>
  /** Puts a record where there is an older one, or `instead` of the very one that is there, or none; with what belongs to it. */
  adopt(next: Verified, more?: { readonly history?: readonly Verified[]; readonly ciphertexts?: readonly Ciphertext[]; readonly instead?: Base64url }): Promise<boolean>
  /** Adds ciphertexts that a record names and that are lost here. @returns how many were */
  fill(path: string, ciphertexts: readonly Ciphertext[]): Promise<number>
  /** Names of secrets that were not removed. */
  scan(range: Range): Promise<readonly Scanned[]>
  /** Newest first. */
  history(path: string, range: { readonly below: number; readonly limit: number }): Promise<readonly { readonly seq: number; readonly signed: SignedRecord }[]>
  /** t signers have receipted it. */
  settled(path: string, digest: Base64url): Promise<void>
  /** Those that were not asked about for longest; from now on they were. @param now seconds */
  unsettled(limit: number, now: number): Promise<readonly StoredSecret[]>
  cursorKey(): Promise<Uint8Array>
}

type Db = Kysely<Tables> | Transaction<Tables>

export function secretStore(db: Kysely<Tables>): SecretStore {
  return {
    async newest(paths) {
      const rows = await selectSecrets(db).where('path', 'in', [...new Set(paths)]).execute()
      return new Map(rows.map((row) => [row.path, secretOf(row)]))
    },
    async recordAt(path, digest) {
      const row = await db.selectFrom('secret_record').select([bounded('record', limits.recordBytes), bounded('signature', 64)]).where('path', '=', path).where('digest', '=', binary(digest)).executeTakeFirst()
      return row === undefined ? undefined : signedOf(row)
    },
    async ciphertexts(digests) {
      if (digests.length === 0) return new Map()
      const rows = await db.selectFrom('ciphertext').select(['digest', 'path', 'version', bounded('head', headBytes), bounded('body', limits.secretBodyBytes)]).where('digest', 'in', digests.map(binary)).execute()
      return new Map(rows.map((row) => [toBase64url(row.digest), { ...row, digest: toBase64url(row.digest) }]))
    },
    advance: (next, ciphertext) => db.transaction().execute(async (trx) => (await follow(trx, next)) && (await keep(trx, next, { ciphertexts: ciphertext === undefined ? [] : [ciphertext] }))),
    adopt: (next, more = {}) => db.transaction().execute(async (trx) => (await supersede(trx, next, more.instead)) && (await keep(trx, next, more))),
    fill: async (path, ciphertexts) => {
      let added = 0
      for (const each of ciphertexts) added += await addCiphertext(db, path, each)
      return added
    },
    async scan({ from, before, limit, search }) {
      const hit = search === undefined ? sql<boolean>`true` : sql<boolean>`strpos(search, ${search}) > 0`
      return db.selectFrom('secret').select(['path', hit.as('hit')]).where('path', '>=', from).where('path', '<', before).where('removed', '=', false).orderBy('path').limit(limit).execute()
    },
    async history(path, { below, limit }) {
      const rows = await db.selectFrom('secret_record').select(['seq', bounded('record', limits.recordBytes), bounded('signature', 64)]).where('path', '=', path).where('seq', '<', below).orderBy('seq', 'desc').limit(limit).execute()
      return rows.map((row) => ({ seq: row.seq, signed: signedOf(row) }))
    },
    async settled(path, digest) {
      await db.updateTable('secret').set({ pending: false }).where('path', '=', path).where('digest', '=', binary(digest)).execute()
    },
    async unsettled(limit, now) {
      const oldest = db.selectFrom('secret').select('path').where('pending', '=', true).where('tried', '<', `${now}`).orderBy('tried').limit(limit)
      const rows = await db.updateTable('secret').set({ tried: `${now}` }).where('path', 'in', oldest).returning(secretColumns).execute()
      return rows.map(secretOf)
    },
    async cursorKey() {
      const { key } = await db.selectFrom('cursor_key').select('key').executeTakeFirstOrThrow()
      return key
    },
  }
}

/** A head is small: five points and scalars, digests and a label. */
const headBytes = 4_096
/** One byte more than may be there is enough to be refused. */
const bounded = <N extends string>(column: N, bytes: number) => sql<Buffer>`substring(${sql.ref(column)} from 1 for ${sql.lit(bytes + 1)})`.as(column)
const binary = (text: Base64url): Buffer => Buffer.from(bytesOf(text))

const secretColumns = ['path', 'seq', 'digest', 'pending', bounded('record', limits.recordBytes), bounded('signature', 64)] as const
const selectSecrets = (db: Db) => db.selectFrom('secret').select(secretColumns)
type SecretRow = Awaited<ReturnType<ReturnType<typeof selectSecrets>['execute']>>[number]
const signedOf = (row: { readonly record: Buffer; readonly signature: Buffer }): SignedRecord => ({ record: toBase64url(row.record), signature: toBase64url(row.signature) })
const secretOf = (row: SecretRow): StoredSecret => ({ path: row.path, seq: row.seq, digest: toBase64url(row.digest), signed: signedOf(row), pending: row.pending })

const rowOf = ({ record, digest, signed }: Verified) => ({ path: record.path as string, seq: record.seq, digest: binary(digest), record: binary(signed.record), signature: binary(signed.signature) })
const newestOf = (next: Verified) => ({ ...rowOf(next), removed: next.record.removed, search: searchable(next.record), pending: true, tried: '0' })

/** Path, tags and values of its custom metadata, a line each: none of them has a line break. */
const searchable = ({ path, tags, custom }: VaultRecord): string => [path, ...tags, ...Object.values(custom)].join('\n')

/** One statement decides between writers that race. @returns whether this one won */
async function follow(trx: Db, next: Verified): Promise<boolean> {
  const { previous, seq, path } = next.record
  if (previous === null) return (await trx.insertInto('secret').values(newestOf(next)).onConflict((on) => on.doNothing()).returning('seq').executeTakeFirst()) !== undefined
  const won = await trx.updateTable('secret').set(newestOf(next)).where('path', '=', path).where('digest', '=', binary(previous)).where('seq', '<', seq).returning('seq').executeTakeFirst()
  return won !== undefined
}

async function supersede(trx: Db, next: Verified, instead: Base64url | undefined): Promise<boolean> {
  const row = newestOf(next)
  const older = await trx.insertInto('secret').values(row).onConflict((on) => on.column('path').doUpdateSet(row).where((check) => check.or([check('secret.seq', '<', row.seq), ...(instead === undefined ? [] : [check('secret.digest', '=', binary(instead))])]))).returning('seq').executeTakeFirst()
  return older !== undefined
}

async function keep(trx: Db, next: Verified, { history = [], ciphertexts = [] }: { readonly history?: readonly Verified[]; readonly ciphertexts?: readonly Ciphertext[] }): Promise<true> {
  const { path } = next.record
  for (const each of [next, ...history]) {
    const row = rowOf(each)
    await trx.insertInto('secret_record').values(row).onConflict((on) => on.columns(['path', 'seq']).doUpdateSet(row)).execute()
  }
  for (const each of ciphertexts) await addCiphertext(trx, path, each)
  // What can never be opened again, or was never written, is not kept.
  const wanted = next.record.versions.flatMap(({ state, ciphertext }) => (state === 'destroyed' ? [] : [binary(ciphertext)]))
  await trx.deleteFrom('ciphertext').where('path', '=', path).$if(wanted.length > 0, (query) => query.where('digest', 'not in', wanted)).execute()
  return true
}

/** Over one that was altered, too: the digest is of what comes now. */
async function addCiphertext(db: Db, path: string, { digest, version, head, body }: Ciphertext): Promise<number> {
  const row = { digest: binary(digest), path, version, head: Buffer.from(canonical(head)), body: Buffer.from(body) }
  const added = await db.insertInto('ciphertext').values(row).onConflict((on) => on.column('digest').doUpdateSet(row).where((check) => check.or([check('ciphertext.head', '!=', row.head), check('ciphertext.body', '!=', row.body)]))).returning('version').executeTakeFirst()
  return added === undefined ? 0 : 1
}
