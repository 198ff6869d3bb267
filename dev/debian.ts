import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

export const onPath = (program: string): boolean => (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))

/** Installs Debian's packages if this is root on Debian; elsewhere does nothing. Whoever needs them looks whether they are there. */
export function installDebian(packages: readonly string[]): void {
  if (process.geteuid?.() !== 0 || !onPath('apt-get')) return
  process.stderr.write(`installing Debian's ${packages.join(', ')}\n`)
  const apt = (...args: readonly string[]) => spawnSync('apt-get', ['-qq', '-y', ...args], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: ['ignore', 2, 2] })
  apt('update')
  apt('install', '--no-install-recommends', ...packages)
}
