import { rmSync, writeFileSync } from 'node:fs'
import type { Home } from './home.ts'
import { lastWords } from './last-words.ts'
import { acceptsConnections, settledServer, startPostgres } from './postgres.ts'
import type { Unit } from './unit.ts'

/** The packaged Postgres as a unit. Its pid file is written here: it does not write one in our form. */
export function postgresUnit(home: Home, roles: readonly string[]): Unit {
  return {
    name: 'postgres',
    address: 'unix socket',
    needs: [],
    // Its "fast" shutdown: connections are cut, what was committed stays.
    stopSignal: 'SIGINT',
    find: () => settledServer(home.path),
    start: async () => {
      const started = await startPostgres({ home: home.path, logFile: home.log('postgres'), roles })
      if (!started.ok) return { ok: false, message: started.message }
      writeFileSync(home.pidFile('postgres'), `${started.postgres.pid}`, { mode: 0o600 })
      return { ok: true, child: started.postgres.child }
    },
    check: async () => ((await acceptsConnections(home.path)) ? { ready: true, detail: '' } : { ready: false, detail: 'takes no connections' }),
    gone: () => rmSync(home.pidFile('postgres'), { force: true }),
    lastWords: () => lastWords(home.log('postgres')),
  }
}

