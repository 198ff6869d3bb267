import { sql, type Kysely } from 'kysely'
import type { Tables } from './store.ts'

/* Device codes that wait (RFC 8628). A row grants nothing: the grant in it is worthless without the client's key, and the signers judge it. */

export interface DeviceTables {
  device: { id: Buffer; user_code: string; request: Buffer; state: 'pending' | 'approved' | 'denied' | 'delivered'; grant: string | null; until: string; interval: number; asked: string }
}

export async function createDevices(db: Kysely<unknown>): Promise<void> {
  await sql`create table device (id bytea primary key, user_code text not null unique, request bytea not null, state text not null, "grant" text, until bigint not null, interval integer not null, asked bigint not null)`.execute(db)
  await sql`create index device_until on device (until)`.execute(db)
}

export interface Waiting {
  readonly request: Uint8Array
  readonly state: DeviceTables['device']['state']
  /** Seconds. */
  readonly until: number
}

export interface DeviceStore {
  /** @param id hash of the device code; @returns false if the user code waits already: the same request, sent twice */
  add(row: { readonly id: Uint8Array; readonly userCode: string; readonly request: Uint8Array; readonly until: number; readonly interval: number; readonly now: number }): Promise<boolean>
  /** What waits under a user code that people type. */
  find(userCode: string, now: number): Promise<Waiting | undefined>
  /** One decision, once. @returns false if there was nothing left to decide */
  decide(userCode: string, decision: { readonly state: 'approved'; readonly grant: string } | { readonly state: 'denied' }, now: number): Promise<boolean>
  /** What waits under a device code. */
  ask(id: Uint8Array): Promise<(Waiting & { readonly interval: number; readonly asked: number }) | undefined>
  /** Notes when it was asked, and how long the client must wait from now on. */
  pace(id: Uint8Array, pace: { readonly asked: number; readonly interval: number }): Promise<void>
  /** Hands the grant out to one, once, however many ask at the same time. */
  deliver(id: Uint8Array): Promise<string | undefined>
}

export function deviceStore(db: Kysely<Tables>): DeviceStore {
  const waiting = ({ request, state, until }: { request: Buffer; state: DeviceTables['device']['state']; until: string }): Waiting => ({ request: new Uint8Array(request), state, until: Number(until) })
  return {
    async add({ id, userCode, request, until, interval, now }) {
      // A code that has ended makes room for the same request made again.
      await db.deleteFrom('device').where('user_code', '=', userCode).where('until', '<=', `${now}`).execute()
      const row = await db.insertInto('device').values({ id: Buffer.from(id), user_code: userCode, request: Buffer.from(request), state: 'pending', grant: null, until: `${until}`, interval, asked: '0' }).onConflict((on) => on.doNothing()).returning('id').executeTakeFirst()
      return row !== undefined
    },
    async find(userCode, now) {
      const row = await db.selectFrom('device').select(['request', 'state', 'until']).where('user_code', '=', userCode).where('until', '>', `${now}`).executeTakeFirst()
      return row === undefined ? undefined : waiting(row)
    },
    async decide(userCode, decision, now) {
      const row = await db.updateTable('device').set({ state: decision.state, grant: decision.state === 'approved' ? decision.grant : null }).where('user_code', '=', userCode).where('state', '=', 'pending').where('until', '>', `${now}`).returning('id').executeTakeFirst()
      return row !== undefined
    },
    async ask(id) {
      const row = await db.selectFrom('device').select(['request', 'state', 'until', 'interval', 'asked']).where('id', '=', Buffer.from(id)).executeTakeFirst()
      return row === undefined ? undefined : { ...waiting(row), interval: row.interval, asked: Number(row.asked) }
    },
    async pace(id, { asked, interval }) {
      await db.updateTable('device').set({ asked: `${asked}`, interval }).where('id', '=', Buffer.from(id)).execute()
    },
    async deliver(id) {
      const row = await db.updateTable('device').set({ state: 'delivered' }).where('id', '=', Buffer.from(id)).where('state', '=', 'approved').returning('grant').executeTakeFirst()
      return row?.grant ?? undefined
    },
  }
}

/** Removes what has ended. @param now seconds */
export const sweepDevices = (db: Kysely<Tables>, now: number): Promise<unknown> => db.deleteFrom('device').where('until', '<', `${now}`).execute()
