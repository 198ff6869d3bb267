import { readFileSync, readdirSync } from 'node:fs'

/* What the kernel says of the processes of a stack. CPU time is what the kernel charged, so it holds on a busy machine too. */

/** A process and, for one that forks, what it has forked. */
export interface Watched {
  readonly name: string
  readonly pid: number
  readonly children: boolean
}

/** Of USER_HZ, which is 100 wherever Linux runs; man 5 proc_pid_stat. */
const tickMicros = 10_000

/** Microseconds of CPU since the process began, by name; children that have ended count too. */
export const cpuTimes = (watched: readonly Watched[]): Record<string, number> =>
  Object.fromEntries(watched.map((each) => [each.name, family(each).reduce((sum, pid) => sum + ticksOf(pid, pid === each.pid), 0) * tickMicros]))

/** Memory in MB, by name: pages that several processes of a family share are counted once. */
export const memory = (watched: readonly Watched[]): Record<string, number> =>
  Object.fromEntries(watched.map((each) => [each.name, Math.round(family(each).reduce((sum, pid) => sum + kilobytes(pid, each.children ? 'Pss' : 'Rss'), 0) / 1024)]))

const family = ({ pid, children }: Watched): number[] => (children ? [pid, ...childrenOf(pid)] : [pid])

/** Fields after the name, which may hold spaces and parentheses itself: `state ppid …`. */
const fieldsOf = (pid: number): string[] => readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ')

function childrenOf(parent: number): number[] {
  return readdirSync('/proc').flatMap((name) => (/^[0-9]+$/.test(name) && isChild(Number(name), parent) ? [Number(name)] : []))
}

function isChild(pid: number, parent: number): boolean {
  try {
    return fieldsOf(pid)[1] === `${parent}`
  } catch (error) {
    if (isGone(error)) return false
    throw error
  }
}

function ticksOf(pid: number, withEnded: boolean): number {
  try {
    const [utime, stime, cutime, cstime] = fieldsOf(pid).slice(11, 15).map(Number)
    return (utime ?? 0) + (stime ?? 0) + (withEnded ? (cutime ?? 0) + (cstime ?? 0) : 0)
  } catch (error) {
    // A child that ended since it was listed: its parent's sum has it.
    if (!withEnded && isGone(error)) return 0
    throw error
  }
}

function kilobytes(pid: number, what: 'Rss' | 'Pss'): number {
  const [, found] = new RegExp(`^${what}:\\s+([0-9]+) kB`, 'm').exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')) ?? []
  return Number(found ?? 0)
}

const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')
