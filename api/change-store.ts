import { sql, type Kysely } from 'kysely'
import type { Approval } from '@symbolon/protocol/approval.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Tables } from './store.ts'

/*
 * Proposed changes while they wait for approvals. Nothing here is believed: what is read is decoded and judged like a request, and signers
 * judge it again. Whoever edits these rows can hide or spoil a proposal, not make one.
 */

/** Times in seconds. `body`: JSON of the change, without its approvals. */
export interface NewChange {
  readonly digest: Base64url
  readonly version: number
  readonly proposer: string
  readonly iat: number
  readonly exp: number
  readonly body: string
}

export interface StoredChange extends NewChange {
  /** JSON of each approval. */
  readonly approvals: readonly string[]
  readonly state: 'pending' | 'submitted' | 'refused'
  /** JSON: why it was refused, or what it waits for. */
  readonly outcome: string | undefined
}

export interface ChangeStore {
  /** `known`: it is there already, as it is. `full`: too many wait, of this proposer or of all. */
  add(change: NewChange, now: number): Promise<'added' | 'known' | 'full'>
  find(digest: Base64url): Promise<StoredChange | undefined>
  /** Newest first. */
  list(now: number): Promise<readonly StoredChange[]>
  /** Keeps a word; of two by one person the newer one stays. */
  keep(digest: Base64url, approval: Approval): Promise<void>
  /** One update decides: true for one caller only, until `until` has passed or the claim is given back. */
  claim(digest: Base64url, now: number, until: number): Promise<boolean>
  /** Gives a claim back. `again`: it has all it needs, and shall be submitted once more. */
  giveBack(digest: Base64url, outcome: string | undefined, again: boolean): Promise<void>
  /** The end of it. */
  refuse(digest: Base64url, outcome: string): Promise<void>
  accept(digest: Base64url): Promise<void>
  /** Nobody needs to see it: its proposer was told. */
  remove(digest: Base64url): Promise<void>
  /** Those that shall be submitted once more. */
  due(now: number): Promise<readonly Base64url[]>
  waiting(now: number): Promise<number>
}

const mostOfOne = 4
const mostOfAll = 64

export interface ChangeTables {
  change: { digest: Buffer; version: number; proposer: string; iat: string; exp: string; state: string; claimed_until: string; again: boolean; outcome: string | null; body: string }
  change_approval: { digest: Buffer; approver: string; iat: string; body: string }
}

export async function createChanges(db: Kysely<unknown>): Promise<void> {
  await sql`create table change (
    digest bytea primary key check (octet_length(digest) = 32),
    version integer not null,
    proposer text not null,
    iat bigint not null,
    exp bigint not null,
    state text not null default 'pending' check (state in ('pending', 'submitted', 'refused', 'accepted')),
    claimed_until bigint not null default 0,
    again boolean not null default false,
    outcome text,
    body text not null)`.execute(db)
  await sql`create index change_exp on change (exp)`.execute(db)
  await sql`create table change_approval (
    digest bytea not null references change on delete cascade,
    approver text not null,
    iat bigint not null,
    body text not null,
    primary key (digest, approver))`.execute(db)
}

export function changeStore(db: Kysely<Tables>): ChangeStore {
  const update = (digest: Base64url) => db.updateTable('change').where('digest', '=', idOf(digest))
  return {
    async add({ digest, version, proposer, iat, exp, body }, now) {
      const open = sql`select count(*) from change where state in ('pending', 'submitted') and exp >= ${`${now}`}`
      const { rows } = await sql`insert into change (digest, version, proposer, iat, exp, body)
        select ${idOf(digest)}::bytea, ${version}::integer, ${proposer}::text, ${`${iat}`}::bigint, ${`${exp}`}::bigint, ${body}::text
        where (${open} and proposer = ${proposer}) < ${mostOfOne} and (${open}) < ${mostOfAll}
        on conflict do nothing returning version`.execute(db)
      if (rows.length === 1) return 'added'
      return (await db.selectFrom('change').select('version').where('digest', '=', idOf(digest)).executeTakeFirst()) === undefined ? 'full' : 'known'
    },
    async find(digest) {
      const [found] = await read(db, (query) => query.where('digest', '=', idOf(digest)))
      return found
    },
    list: (now) => read(db, (query) => query.where('exp', '>=', `${now}`).where('state', '!=', 'accepted').orderBy('iat', 'desc').orderBy('digest').limit(mostOfAll)),
    async keep(digest, approval) {
      const row = { digest: idOf(digest), approver: approval.approver, iat: `${approval.iat}`, body: JSON.stringify(approval) }
      await db.insertInto('change_approval').values(row).onConflict((on) => on.columns(['digest', 'approver']).doUpdateSet({ iat: row.iat, body: row.body }).where('change_approval.iat', '<=', row.iat)).execute()
    },
    async claim(digest, now, until) {
      const open = update(digest).where((on) => on.or([on('state', '=', 'pending'), on.and([on('state', '=', 'submitted'), on('claimed_until', '<', `${now}`)])]))
      return (await open.set({ state: 'submitted', claimed_until: `${until}` }).returning('digest').executeTakeFirst()) !== undefined
    },
    async giveBack(digest, outcome, again) {
      await update(digest).where('state', '=', 'submitted').set({ state: 'pending', again, outcome: outcome ?? null }).execute()
    },
    async refuse(digest, outcome) {
      await update(digest).set({ state: 'refused', again: false, outcome }).execute()
    },
    async accept(digest) {
      await update(digest).set({ state: 'accepted', again: false, outcome: null }).execute()
    },
    async remove(digest) {
      await db.deleteFrom('change').where('digest', '=', idOf(digest)).execute()
    },
    async due(now) {
      const rows = await db.selectFrom('change').select('digest').where('exp', '>=', `${now}`).where((on) => on.or([on.and([on('state', '=', 'pending'), on('again', '=', true)]), on.and([on('state', '=', 'submitted'), on('claimed_until', '<', `${now}`)])])).limit(mostOfAll).execute()
      return rows.map(({ digest }) => digest.toString('base64url') as Base64url)
    },
    async waiting(now) {
      const row = await db.selectFrom('change').select(({ fn }) => fn.countAll<string>().as('count')).where('state', 'in', ['pending', 'submitted']).where('exp', '>=', `${now}`).executeTakeFirst()
      return Number(row?.count ?? 0)
    },
  }
}

/** Removes what has ended. @param now seconds */
export const sweepChanges = (db: Kysely<Tables>, now: number): Promise<unknown> => db.deleteFrom('change').where('exp', '<', `${now}`).execute()

const idOf = (digest: Base64url): Buffer => Buffer.from(digest, 'base64url')

const selected = (db: Kysely<Tables>) => db.selectFrom('change').selectAll()
type Query = ReturnType<typeof selected>

async function read(db: Kysely<Tables>, narrow: (query: Query) => Query): Promise<StoredChange[]> {
  const rows = await narrow(selected(db)).execute()
  if (rows.length === 0) return []
  const approvals = await db.selectFrom('change_approval').selectAll().where('digest', 'in', rows.map(({ digest }) => digest)).orderBy('approver').execute()
  return rows.map((row) => ({
    digest: row.digest.toString('base64url') as Base64url,
    version: row.version,
    proposer: row.proposer,
    iat: Number(row.iat),
    exp: Number(row.exp),
    body: row.body,
    approvals: approvals.filter(({ digest }) => digest.equals(row.digest)).map(({ body }) => body),
    state: row.state === 'submitted' || row.state === 'refused' ? row.state : 'pending',
    outcome: row.outcome ?? undefined,
  }))
}
