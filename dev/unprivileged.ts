import { spawnSync } from 'node:child_process'
import { onPath } from './debian.ts'

/*
 * Postgres refuses to run as root. A root clone still has to work, also under a home that nobody else may enter, so this
 * finds a way to run a program as somebody else who can reach its files.
 */

export type Unprivileged = {
  /** `plain`: we are an ordinary user. `namespace`: root outside, nobody inside; files stay root's. `switched`: really user 65534. */
  readonly way: 'plain' | 'namespace' | 'switched'
  /** The command line that runs this one unprivileged, and on Linux so that it ends (SIGINT) when its parent does. */
  wrap(command: readonly string[]): readonly string[]
  /** Who owns what the program writes, seen from here; undefined if that is us. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined
}
export type UnprivilegedResult = { readonly ok: true; readonly value: Unprivileged } | { readonly ok: false; readonly message: string }

const nobody = 65534
const inNamespace = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`, '--']
const dieWithParent = ['setpriv', '--pdeathsig=INT', '--']

export function findUnprivileged(): UnprivilegedResult {
  const tether = onPath('setpriv') ? dieWithParent : []
  if (process.geteuid?.() !== 0) return { ok: true, value: { way: 'plain', owner: undefined, wrap: (command) => [...tether, ...command] } }
  if (works([...inNamespace, 'true'])) return { ok: true, value: { way: 'namespace', owner: undefined, wrap: (command) => [...inNamespace, ...tether, ...command] } }
  const switched = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', '--no-new-privs', '--pdeathsig=INT', '--']
  if (works([...switched, 'true'])) return { ok: true, value: { way: 'switched', owner: { uid: nobody, gid: nobody }, wrap: (command) => [...switched, ...command] } }
  return { ok: false, message: 'Postgres refuses to run as root, and neither unshare nor setpriv (util-linux) can run it as somebody else here. Run this as an ordinary user, or set DATABASE_URL.' }
}

const works = ([program = '', ...rest]: readonly string[]): boolean => spawnSync(program, rest, { stdio: 'ignore' }).status === 0
