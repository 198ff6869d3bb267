import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** The checkout that this launcher belongs to. */
export const checkout = dirname(import.meta.dirname)

/** The folder that holds all state of one development deployment. */
export type Home = {
  readonly path: string
  /** Facts that never change and are no secret: ports, n and t, settings. Its presence marks the folder as ours. */
  readonly deployment: string
  /** A process's own folder: `signer-1/`. */
  folder(name: string): string
  config(name: string): string
  pidFile(name: string): string
  log(name: string): string
  /** What the launcher says of itself, for `make up` and `make down` in other terminals. */
  readonly state: string
}
export type HomeResult = { readonly ok: true; readonly home: Home } | { readonly ok: false; readonly message: string }

export const homePath = (environment: NodeJS.ProcessEnv): string => resolve(environment['SYMBOLON_HOME'] ?? join(checkout, '.symbolon'))

export function homeAt(path: string): Home {
  return {
    path,
    deployment: join(path, 'deployment.json'),
    folder: (name) => join(path, name),
    config: (name) => join(path, name, 'config.json'),
    pidFile: (name) => join(path, 'run', `${name}.pid`),
    log: (name) => join(path, 'log', `${name}.log`),
    state: join(path, 'run', 'state.json'),
  }
}

/** Makes sure that the folder is there, is ours, and is closed to others. Never takes over a folder that holds something else. */
export function openHome(path: string): HomeResult {
  const home = homeAt(path)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const stat = statSync(path)
  if (stat.uid !== process.geteuid?.()) return { ok: false, message: `${path} belongs to user ${stat.uid}, not to you` }
  const foreign = readdirSync(path).filter((name) => !['run', 'log'].includes(name))
  if (!existsSync(home.deployment) && foreign.length > 0) return { ok: false, message: `${path} holds something that is not a Symbolon deployment; name another folder in SYMBOLON_HOME` }
  // 0711 is what Postgres needs where root has no user namespaces; it lets nobody read or list.
  if ((stat.mode & 0o066) !== 0) chmodSync(path, 0o700)
  for (const folder of ['run', 'log']) mkdirSync(join(path, folder), { recursive: true, mode: 0o700 })
  return { ok: true, home }
}
