import { execFile, type ExecFileException } from 'node:child_process'
import { chmod, chown, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/* A fresh clone of this checkout's HEAD, used as a newcomer would: git, make and nothing else. */

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
}

export interface Clone {
  readonly folder: string
  /** Runs a command in the clone, as the clone's user. */
  run(command: string, ...args: readonly string[]): Promise<Ran>
  /** As `run`, with more environment. */
  runWith(env: Readonly<Record<string, string>>, command: string, ...args: readonly string[]): Promise<Ran>
  /** By `.symbolon/run/<name>.pid`. */
  pid(name: string): Promise<number>
  pids(): Promise<ReadonlyMap<string, number>>
  remove(): Promise<void>
}

const root = resolve(import.meta.dirname, '../..')

/** @param user uid to run as, or undefined for the user of the tests; only root can choose */
export async function cloneOf({ user }: { user?: number } = {}): Promise<Clone> {
  const home = await mkdtemp(join(tmpdir(), 'symbolon-clone-'))
  const folder = join(home, 'symbolon')
  await must(execute('git', ['clone', '--quiet', '--no-hardlinks', root, folder], { cwd: home }))
  if (user !== undefined) await give(home, user)
  const env = { ...environment(), HOME: home, ...(user === undefined ? { npm_config_cache: process.env['npm_config_cache'] ?? join(process.env['HOME'] ?? '', '.npm') } : {}) }
  const runWith = (more: Readonly<Record<string, string>>, command: string, ...args: readonly string[]) =>
    user === undefined ? execute(command, args, { cwd: folder, env: { ...env, ...more } }) : execute('setpriv', [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', command, ...args], { cwd: folder, env: { ...env, ...more } })
  const runFolder = join(folder, '.symbolon/run')
  const pid = async (name: string) => Number(await readFile(join(runFolder, `${name}.pid`), 'utf8'))
  return {
    folder,
    run: (command, ...args) => runWith({}, command, ...args),
    runWith,
    pid,
    pids: async () => {
      const names = (await readdir(runFolder)).filter((name) => name.endsWith('.pid')).map((name) => name.slice(0, -4))
      return new Map(await Promise.all(names.map(async (name) => [name, await pid(name)] as const)))
    },
    remove: async () => {
      await runWith({}, 'make', '--silent', 'down')
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** Settings of the developer who runs the tests must not help or hinder the newcomer, and what the tests installed is not on the path. */
const environment = (): Record<string, string | undefined> => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(SYMBOLON_|FROST_|VITEST|NODE_(ENV|OPTIONS)$|KEYSTORE$|DETACH$|MAKE|MFLAGS)/.test(name))),
  PATH: (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.startsWith(join(root, '.tools')) && !folder.includes('node_modules')).join(':'),
})

async function give(path: string, user: number): Promise<void> {
  await must(execute('chown', ['-R', `${user}:${user}`, path], {}))
  await chown(path, user, user)
  await chmod(path, 0o700)
}

export async function must(running: Promise<Ran>): Promise<Ran> {
  const ran = await running
  if (ran.code !== 0) throw new Error(`exit ${ran.code}\n${ran.stdout}\n${ran.stderr}`)
  return ran
}

export function execute(command: string, args: readonly string[], options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv }): Promise<Ran> {
  const start = performance.now()
  return new Promise((settle) => {
    const child = execFile(command, [...args], { ...options, maxBuffer: 32 * 1024 * 1024, encoding: 'utf8' }, (error: ExecFileException | null, stdout, stderr) =>
      settle({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr: error === null || typeof error.code === 'number' ? stderr : `${stderr}${error.message}`, seconds: (performance.now() - start) / 1000 }),
    )
    child.stdin?.end()
  })
}
