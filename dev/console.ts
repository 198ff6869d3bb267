import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, existsSync, globSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from './home.ts'
import { lastWords } from './last-words.ts'
import { plainEnvironment } from './node-process.ts'
import type { Preparation } from './row.ts'

/* The built console lies under web/dist in a folder that is named after its sources, so two launchers of one checkout never disturb each other. */

const sources = ['package-lock.json', 'web/*.ts', 'web/app/**/*', 'protocol/*.ts', 'protocol/package.json', 'roster/*.ts', 'core/*.ts', 'core/package.json', 'envelope/*.ts', 'envelope/package.json']
const isSource = (path: string): boolean => /\.(ts|tsx|css|html|svg|json)$/.test(path) && !/\.(test|testkit)\.ts$/.test(path)

/** Where the console that these sources make lies, once it is built. */
export function consoleFolder(): string {
  const hash = createHash('sha256')
  for (const path of globSync(sources, { cwd: checkout }).filter(isSource).toSorted()) hash.update(`${path}\0`).update(readFileSync(join(checkout, path))).update('\0')
  return join(checkout, 'web/dist', hash.digest('hex').slice(0, 16))
}

export const consoleBuild: Preparation = {
  name: 'console build',
  isDone: () => existsSync(consoleFolder()),
  run: ({ deployment }) => buildConsole(deployment.home.log('console-build')),
}

/** Offline, a few seconds. Older builds are removed: who serves one has it in memory. */
export async function buildConsole(log: string): Promise<{ readonly ok: true } | { readonly ok: false; readonly message: string }> {
  const target = consoleFolder()
  const parent = join(checkout, 'web/dist')
  const fresh = join(parent, `.${randomBytes(8).toString('hex')}`)
  mkdirSync(parent, { recursive: true })
  const code = await vite(fresh, log)
  if (code !== 0) {
    rmSync(fresh, { recursive: true, force: true })
    return { ok: false, message: lastWords(log) }
  }
  // Another launcher may have been first, with the same files.
  if (existsSync(target)) rmSync(fresh, { recursive: true })
  else renameSync(fresh, target)
  for (const name of readdirSync(parent)) if (!name.startsWith('.') && join(parent, name) !== target) rmSync(join(parent, name), { recursive: true, force: true })
  return { ok: true }
}

function vite(outDir: string, log: string): Promise<number> {
  const descriptor = openSync(log, 'a', 0o600)
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const child = spawn(process.execPath, [join(checkout, 'node_modules/vite/bin/vite.js'), 'build', '--config', join(checkout, 'web/vite.config.ts'), '--outDir', outDir, '--logLevel', 'warn'], { cwd: checkout, env: plainEnvironment(), stdio: ['ignore', descriptor, descriptor] })
  closeSync(descriptor)
  child.once('error', reject)
  child.once('exit', (code) => resolve(code ?? -1))
  return promise
}
