import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { checkout } from './home.ts'

/* The one native module that is compiled here: pkcs11js, and only for those who want a device. `make up` without one needs no compiler. */

export type Built = { readonly ok: true } | { readonly ok: false; readonly message: string }

/** Compiles pkcs11js for the Node that runs this, unless that is done. */
export function buildPkcs11(): Built {
  if (loads()) return { ok: true }
  const headers = nodeHeaders()
  if (!headers.ok) return headers
  const { status, stderr } = spawnSync('npm', ['rebuild', 'pkcs11js', `--nodedir=${headers.folder}`, '--ignore-scripts=false', '--foreground-scripts', '--no-update-notifier'], { cwd: checkout, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] })
  if (status === 0 && loads()) return { ok: true }
  return { ok: false, message: `pkcs11js cannot be compiled; it needs python3, make and g++: ${stderr.trim().split('\n').slice(-3).join(' | ')}` }
}

// In a process of its own: a module that was built for another Node may take its process with it.
const loads = (): boolean => spawnSync(process.execPath, ['-e', 'require("pkcs11js")'], { cwd: checkout, stdio: 'ignore' }).status === 0

/** A folder with `include/node/node_api.h`. node-gyp would download it, from a place that is no package registry. */
function nodeHeaders(): { readonly ok: true; readonly folder: string } | { readonly ok: false; readonly message: string } {
  const own = dirname(dirname(process.execPath))
  if (existsSync(join(own, 'include/node/node_api.h'))) return { ok: true, folder: own }
  const source = join(checkout, '.tools/node')
  const packaged = join(source, 'node_modules', `node-${process.platform}-${process.arch}`)
  if (!existsSync(packaged)) {
    cpSync(join(checkout, 'dev/node'), source, { recursive: true })
    execFileSync('npm', ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: source, stdio: ['ignore', 2, 2] })
  }
  return existsSync(join(packaged, 'include/node/node_api.h')) ? { ok: true, folder: packaged } : { ok: false, message: `there are no headers of Node for ${process.platform} ${process.arch}` }
}
