import { execFile } from 'node:child_process'
import { chownSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'

/* Runs a script of this checkout as another user, although the checkout may lie where that user cannot reach. Needs root. */

const root = resolve(import.meta.dirname, '..')
// In a mount namespace of its own the checkout is bound to a path that everybody may enter. Nothing of it outlives the command.
const stage = '/mnt'
const staged = (path: string) => (path.startsWith(`${root}/`) ? join(stage, relative(root, path)) : path)

export type OtherUser = { readonly uid: number; readonly path?: string; readonly env?: Readonly<Record<string, string>> }

/** Runs `node script ...args` as that user (0 for root) and gives its stdout. */
export async function runAs({ uid, path, env = {} }: OtherUser, script: string, args: readonly string[]): Promise<string> {
  const drop = uid === 0 ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--']
  const command = [...drop, 'env', '-i', `PATH=${path ?? '/usr/bin:/bin'}`, 'TMPDIR=/tmp', ...Object.entries(env).map(([name, value]) => `${name}=${value}`), staged(realpathSync(process.execPath)), join(stage, script), ...args]
  const { stdout } = await promisify(execFile)('unshare', ['--mount', 'sh', '-c', `mount --bind "$0" ${stage} && exec "$@"`, root, ...command], { cwd: '/' })
  return stdout
}

/** A private temporary folder that belongs to that user, for the time of `work`. */
export async function withFolder<T>(uid: number, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'symbolon-user-'))
  chownSync(folder, uid, uid)
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
