import { join } from 'node:path'
import { Client } from 'pg'
import { startPostgres } from '@symbolon/dev/postgres.ts'
import { findUnprivileged } from '@symbolon/dev/unprivileged.ts'

/* Run by the tests as several users: starts Postgres in a home, writes, stops, starts again, reads, and prints what it saw. */

const home = process.argv[2] ?? ''
const start = async () => {
  const started = await startPostgres({ home, logFile: join(home, 'postgres.log'), roles: ['api'] })
  if (!started.ok) throw new Error(started.message)
  return started.postgres
}
const query = async (socket: string, text: string) => {
  const client = new Client({ host: socket, user: 'api', database: 'symbolon', password: '' })
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

const first = await start()
await query(first.socket, 'create table api.kept (value int)')
await query(first.socket, 'insert into api.kept values (42)')
await first.stop()
const second = await start()
const rows = await query(second.socket, 'select value from api.kept')
await second.stop()
const unprivileged = findUnprivileged()
process.stdout.write(JSON.stringify({ uid: process.geteuid?.(), way: unprivileged.ok ? unprivileged.value.way : unprivileged.message, rows, socket: second.socket }))
