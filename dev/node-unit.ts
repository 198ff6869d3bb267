import { mkdirSync, rmSync } from 'node:fs'
import { liveProcess } from '@symbolon/runtime/pid-file.ts'
import type { Authority } from './ca.ts'
import { channelCheck, httpCheck } from './checks.ts'
import type { Deployment } from './deployment.ts'
import { lastWords } from './last-words.ts'
import { startNode } from './node-process.ts'
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
  const folder = home.folder(row.name)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const context: RowContext = {
    folder,
    common: { name: row.name, pid_file: home.pidFile(row.name), log_level: 'info' },
    tls: await authority.ensure(folder, { commonName: row.name, uri: row.identity }),
    database: databaseOf,
  }
  writePrivateJson(home.config(row.name), row.config(context))
  return { ok: true, child: startNode({ program: row.program, config: home.config(row.name), log: home.log(row.name) }) }
}
