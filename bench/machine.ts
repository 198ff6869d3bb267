import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'

export interface Machine {
  readonly cpu: string
  /** That the bench used. */
  readonly cores: number
  readonly memory_gb: number
  readonly system: string
  /** Of the last minute, when the bench began: above zero, others were at work. */
  readonly load_average_before: number
}

/** A figure says little without how many cores it had: all that the bench starts runs on two. */
export const wantedCores = 2

/**
 * Keeps this process, and so whatever it starts from here on, on two cores where there are more.
 * @throws where there are more and taskset (util-linux) is not there
 */
export function confine(): void {
  if (availableParallelism() > wantedCores) execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', `0-${wantedCores - 1}`, `${process.pid}`], { stdio: 'ignore' })
}

export const machine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: Math.min(wantedCores, availableParallelism()),
  memory_gb: Math.round(totalmem() / 2 ** 30),
  system: `${platform()} ${release()}`,
  load_average_before: Math.round((loadavg()[0] ?? 0) * 10) / 10,
})

const packageVersion = (name: string): string => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../node_modules', name, 'package.json'), 'utf8')) as { version: string }
  return version
}

/** @param postgres the program that the stack runs */
export function versions(postgres: string): Record<string, string> {
  const packages = ['sodium-native', '@noble/curves', 'hono', '@hono/node-server', '@open-policy-agent/opa-wasm']
  return {
    node: process.versions.node,
    openssl: process.versions.openssl,
    postgres: execFileSync(postgres, ['--version'], { encoding: 'utf8' }).replace(/^.*\) /, '').trim(),
    ...Object.fromEntries(packages.map((name) => [name, packageVersion(name)])),
    symbolon: commit(),
  }
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch (error) {
    if (error instanceof Error) return 'not a git checkout'
    throw error
  }
}
