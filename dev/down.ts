import { existsSync, readdirSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { liveProcess } from '@symbolon/runtime/pid-file.ts'
import { homeAt, homePath, type Home } from './home.ts'
import { runningServer } from './postgres.ts'
import { liveLauncher } from './state.ts'
import { hasEnded } from './supervisor.ts'

/** `make down`: has the launcher stop everything, then stops what an earlier launcher left behind. Keys and data stay. */
export async function down(): Promise<number> {
  const home = homeAt(homePath(process.env))
  if (!existsSync(home.deployment)) return say(0, `nothing runs: there is no deployment in ${home.path}`)
  const stubborn = await stop(home)
  return stubborn.length > 0 ? say(1, `still running: ${stubborn.join(', ')}`) : say(0, `stopped; keys and data stay in ${home.path}`)
}

/** `make reset`: asks, stops everything, and deletes keys and data. */
export async function reset(): Promise<number> {
  const home = homeAt(homePath(process.env))
  // Only a folder with our mark is ever deleted, whatever SYMBOLON_HOME says.
  if (!existsSync(home.deployment)) return say(0, `there is no deployment in ${home.path}`)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await Promise.race([terminal.question(`This deletes all keys and data in ${home.path}. Type "yes": `), new Promise<string>((resolve) => terminal.once('close', () => resolve('')))])
  terminal.close()
  if (answer.trim() !== 'yes') return say(1, 'nothing was deleted')
  const stubborn = await stop(home)
  if (stubborn.length > 0) return say(1, `still running: ${stubborn.join(', ')}; nothing was deleted`)
  rmSync(home.path, { recursive: true })
  return say(0, `deleted ${home.path}`)
}

/** The names of what could not be stopped. */
async function stop(home: Home): Promise<readonly string[]> {
  const launcher = liveLauncher(home)
  if (launcher !== undefined) {
    process.kill(launcher, 'SIGTERM')
    if (!(await hasEnded(launcher, 120_000))) return [`the launcher (process ${launcher})`]
  }
  return sweep(home)
}

function say(code: number, line: string): number {
  process.stderr.write(`${line}\n`)
  return code
}

/** Ends every process that a pid file names and whose command line is that of our process; then removes the run folder's files. */
async function sweep(home: Home): Promise<readonly string[]> {
  const run = `${home.path}/run`
  const names = readdirSync(run).flatMap((file) => (file.endsWith('.pid') ? [file.slice(0, -'.pid'.length)] : []))
  const found = names.map((name) => ({ name, pid: liveProcess(home.pidFile(name), home.config(name)), signal: 'SIGTERM' as NodeJS.Signals }))
  const all = [...found, { name: 'postgres', pid: runningServer(home.path), signal: 'SIGINT' as NodeJS.Signals }]
  const ends = await Promise.all(all.map(async ({ name, pid, signal }) => (pid === undefined || (await end(pid, signal)) ? [] : [name])))
  const stubborn = ends.flat()
  for (const name of readdirSync(run)) if (!stubborn.includes(name.replace('.pid', ''))) rmSync(`${run}/${name}`)
  return stubborn
}

async function end(pid: number, signal: NodeJS.Signals): Promise<boolean> {
  process.kill(pid, signal)
  if (await hasEnded(pid, 20_000)) return true
  process.kill(pid, 'SIGKILL')
  return hasEnded(pid, 5_000)
}
