import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from './home.ts'

/** Starts `node <program>/main.ts [command] --config file`; what it says goes to the end of the log. */
export function startNode({ program, command, config, log }: { readonly program: string; readonly command?: string; readonly config: string; readonly log: string }): ChildProcess {
  const descriptor = openSync(log, 'a', 0o600)
  const args = [join(checkout, program, 'main.ts'), ...(command === undefined ? [] : [command]), '--config', config]
  // A group of its own: Ctrl-C in the terminal is for the launcher, which stops others first.
  const child = spawn(process.execPath, args, { env: plainEnvironment(), cwd: checkout, detached: true, stdio: ['ignore', descriptor, descriptor] })
  closeSync(descriptor)
  return child
}

/** Configuration comes from files; of the environment a process gets only what a program needs to run at all. */
export const plainEnvironment = (): Record<string, string> => Object.fromEntries(['PATH', 'HOME', 'LANG', 'TMPDIR', 'XDG_STATE_HOME'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])))
