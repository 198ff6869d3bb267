import { sql, type Kysely } from 'kysely'
import type { Migration } from '@symbolon/runtime/store.ts'
import { createLimits, type LimitTables } from '@symbolon/front/store.ts'
import { createChanges, sweepChanges, type ChangeTables } from './change-store.ts'
import { createDevices, sweepDevices, type DeviceTables } from './device-store.ts'

/* The api's own tables. Losing them loses counts, the memory of proofs that are minutes old, proposals that wait, and device codes; nothing here grants anything. */

export interface Tables extends LimitTables, ChangeTables, DeviceTables {
  dpop_proofs: { id: Buffer; until: string }
}

export const migrations: Readonly<Record<string, Migration>> = {
  '0001_limits_and_proofs': {
    async up(db) {
      await createLimits(db)
      await sql`create table dpop_proofs (id bytea primary key, until bigint not null)`.execute(db)
      await sql`create index dpop_proofs_until on dpop_proofs (until)`.execute(db)
    },
  },
  '0002_changes': { up: createChanges },
  '0003_devices': { up: createDevices },
}

export interface ProofStore {
  /** @returns false when this proof was taken before, by any node; @param until seconds */
  take(id: Uint8Array, until: number): Promise<boolean>
}

export const proofStore = (db: Kysely<Tables>): ProofStore => ({
  async take(id, until) {
    const row = await db.insertInto('dpop_proofs').values({ id: Buffer.from(id), until: `${until}` }).onConflict((on) => on.doNothing()).returning('id').executeTakeFirst()
    return row !== undefined
  },
})

/** Removes what has ended. @param now seconds */
export async function sweep(db: Kysely<Tables>, now: number): Promise<void> {
  await db.deleteFrom('dpop_proofs').where('until', '<', `${now}`).execute()
  await sweepChanges(db, now)
  await sweepDevices(db, now)
}
