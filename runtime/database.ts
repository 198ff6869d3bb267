import { readFileSync } from 'node:fs'
import { checkServerIdentity } from 'node:tls'
import { Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'
import { z } from 'zod'
import { secretFile } from './config.ts'
import { databaseUrl, type DatabaseTarget } from './database-url.ts'
import type { Logger } from './log.ts'
import { systemCode, type SecretFile } from './secret-file.ts'

const schemaName = /^[a-z][a-z0-9_]{0,30}$/

/** The settings of a process's database. */
export const databaseFields = () =>
  z.strictObject({
    url: databaseUrl().describe('`postgres://user@/database?host=/socket/folder`, or over TCP with sslmode=verify-full, sslrootcert, sslcert and sslkey.'),
    password: secretFile().optional().describe('File with the password, where the server asks for one besides the certificate.'),
    schema: z.string().regex(schemaName).describe('The process\'s own schema: no process reads another\'s tables.'),
    pool_size: z.int().min(1).max(100).default(10).describe('Connections at most.'),
  })
export type DatabaseConfig = { readonly url: DatabaseTarget; readonly password?: SecretFile | undefined; readonly schema: string; readonly pool_size: number }

export type Database<DB> = {
  readonly db: Kysely<DB>
  readonly schema: string
  /** One small question, for readiness: whether the database answers. */
  check(): Promise<{ readonly ok: true } | { readonly ok: false; readonly code: string }>
  close(): Promise<void>
}

/** Opens a pool; connections are made when they are needed. Unqualified names mean the process's own schema. */
export function openDatabase<DB>(config: DatabaseConfig, { log, name }: { readonly log: Logger; readonly name: string }): Database<DB> {
  const { url: target, schema } = config
  if (!schemaName.test(schema)) throw new TypeError('the schema was not checked')
  const pool = new Pool({
    host: target.host,
    port: target.port,
    database: target.database,
    user: target.user,
    // A function, always: without it pg would look into the environment and ~/.pgpass. pg wants a string; it goes no further.
    password: () => readPassword(config.password),
    ssl: target.tls === undefined ? false : tlsOf(target.host, target.tls),
    max: config.pool_size,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 60_000,
    statement_timeout: 15_000,
    idle_in_transaction_session_timeout: 30_000,
    application_name: name,
    options: `-c search_path=${schema}`,
  })
  // An idle connection that breaks (the server restarted) is replaced by the next query; unheard it would end the process.
  pool.on('error', (error) => log.warn({ code: systemCode(error) }, 'database connection lost'))
  const check = async () => {
    try {
      await pool.query('select 1')
      return { ok: true } as const
    } catch (error) {
      return { ok: false, code: systemCode(error) } as const
    }
  }
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
  return { db, schema, check, close: () => db.destroy() }
}

function readPassword(file: SecretFile | undefined): string {
  if (file === undefined) return ''
  const bytes = file.read()
  const text = bytes.toString('utf8').replace(/\n$/, '')
  bytes.fill(0)
  return text
}

const tlsOf = (host: string, files: NonNullable<DatabaseTarget['tls']>) => ({
  ca: readFileSync(files.ca),
  cert: readFileSync(files.certificate),
  key: files.key.read(),
  rejectUnauthorized: true,
  minVersion: 'TLSv1.2' as const,
  // Against the host of the URL, whatever pg makes of it: for an address it would check `localhost`.
  checkServerIdentity: (_name: string, certificate: Parameters<typeof checkServerIdentity>[1]) => checkServerIdentity(host, certificate),
})
