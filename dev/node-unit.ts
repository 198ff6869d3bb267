import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { liveProcess } from '@symbolon/runtime/pid-file.ts'
import type { Authority } from './ca.ts'
import { channelCheck, httpCheck } from './checks.ts'
import type { Deployment } from './deployment.ts'
import { checkout } from './home.ts'
import { lastWords } from './last-words.ts'
import { writePrivateJson } from './private-files.ts'
import type { Row, RowContext } from './row.ts'
import type { StartResult, Unit } from './unit.ts'

export type NodeUnitOptions = { readonly row: Row; readonly deployment: Deployment; readonly authority: Authority; databaseOf(role: string): Readonly<Record<string, unknown>> }

/** A process of ours as a unit. It writes its own pid file; its command line names its config, which tells it from any other process. */
export async function nodeUnit(options: NodeUnitOptions): Promise<Unit> {
  const { row, deployment, authority } = options
  const { home } = deployment
  const operator = await authority.ensure(home.folder('operator'), { commonName: 'operator', uri: 'symbolon:operator/dev' })
  return {
    name: row.name,
    address: `${row.ready === 'http' ? 'http' : 'mtls'}://localhost:${row.port}`,
    needs: row.needs,
    stopSignal: 'SIGTERM',
    find: async () => liveProcess(home.pidFile(row.name), home.config(row.name)),
    start: () => start(options),
    check: row.ready === 'http' ? httpCheck(row.port) : channelCheck({ port: row.port, expect: row.identity, tls: operator }),
    gone: () => rmSync(home.pidFile(row.name), { force: true }),
    lastWords: () => lastWords(home.log(row.name)),
  }
}

async function start({ row, deployment, authority, databaseOf }: NodeUnitOptions): Promise<StartResult> {
  const { home } = deployment
  const main = join(checkout, row.program, 'main.ts')
  if (!existsSync(main)) return { ok: false, state: 'absent', message: `${row.program}/main.ts is not part of this checkout yet` }
  const folder = home.folder(row.name)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const context: RowContext = {
    deployment,
    folder,
    common: { name: row.name, pid_file: home.pidFile(row.name), log_level: 'info' },
    tls: await authority.ensure(folder, { commonName: row.name, uri: row.identity }),
    database: databaseOf,
  }
  writePrivateJson(home.config(row.name), row.config(context))
  const log = openSync(home.log(row.name), 'a', 0o600)
  // A group of its own: Ctrl-C in the terminal is for the launcher, which stops others first.
  const child = spawn(process.execPath, nodeArguments(main, row.command, home.config(row.name)), { env: { ...plainEnvironment(), ...row.environment }, cwd: checkout, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  return { ok: true, child }
}

export const nodeArguments = (main: string, command: string | undefined, config: string): string[] => [main, ...(command === undefined ? [] : [command]), '--config', config]

/** Configuration comes from files; of the environment a process gets only what a program needs to run at all. */
export const plainEnvironment = (): Record<string, string> => Object.fromEntries(['PATH', 'HOME', 'LANG', 'TMPDIR'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])))
