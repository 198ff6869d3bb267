import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { systemCode } from './secret-file.ts'

/** Writes this process's id, and nothing else, in one step: a reader never sees half of it. */
export function writePidFile(path: string): void {
  const fresh = `${path}.${process.pid}`
  writeFileSync(fresh, `${process.pid}`, { mode: 0o600 })
  renameSync(fresh, path)
}

/** Removes the file if it still names this process. */
export function removePidFile(path: string): void {
  if (readPid(path) === process.pid) rmSync(path, { force: true })
}

/**
 * The id of the live process that the file names, or undefined. `commandHas` must occur in that process's command line: ids are
 * reused, and after a reboot the file may name anybody.
 */
export function liveProcess(path: string, commandHas: string): number | undefined {
  const pid = readPid(path)
  if (pid === undefined) return undefined
  return commandOf(pid)?.includes(commandHas) === true ? pid : undefined
}

function readPid(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : undefined
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The command line of a process that runs; undefined if there is none, or only a zombie, which signal 0 would call alive. */
export function commandOf(pid: number): string | undefined {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
}

function fromProc(pid: number): string | undefined {
  try {
    // The state follows the name in parentheses, which may itself hold parentheses and blanks.
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0]
    if (state === 'Z' || state === 'X') return undefined
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(systemCode(error))) return undefined
    throw error
  }
}

function fromPs(pid: number): string | undefined {
  try {
    const [, state, command] = /^\s*(\S+)\s+(.*)$/s.exec(execFileSync('ps', ['-o', 'stat=,command=', '-p', `${pid}`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })) ?? []
    return state === undefined || state.startsWith('Z') ? undefined : command?.trim()
  } catch (error) {
    // ps exits 1 when there is no such process.
    if (error instanceof Error && 'status' in error && error.status === 1) return undefined
    throw error
  }
}
