import { CompiledQuery, sql, type Kysely } from 'kysely'
import type { LimitStore } from './limiter.ts'

/* The one table that every process here has. Losing it loses counts. */

export interface LimitTables {
  rate_limits: { key: string; points: number; expire: string | null }
}

/** For the first migration of a process. The shape that rate-limiter-flexible writes. Unlogged: after a crash of the database a minute starts anew. */
export async function createLimits(db: Kysely<unknown>): Promise<void> {
  await sql`create unlogged table rate_limits (key varchar(255) primary key, points integer not null default 0, expire bigint)`.execute(db)
  await sql`create index rate_limits_expire on rate_limits (expire)`.execute(db)
}

/** What the rate limiter writes through. */
export const limitStore = (db: Pick<Kysely<unknown>, 'executeQuery'>): LimitStore => ({
  async query({ text, values = [] }) {
    const { rows } = await db.executeQuery(CompiledQuery.raw(text, [...values]))
    return { rows, rowCount: rows.length }
  },
})

/** Removes minutes that have ended. @param now seconds */
export const sweepLimits = (db: Pick<Kysely<unknown>, 'executeQuery'>, now: number): Promise<unknown> => db.executeQuery(CompiledQuery.raw('delete from rate_limits where expire < $1', [`${(now - 60) * 1000}`]))
