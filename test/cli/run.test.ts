import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const node = join(root, '.tools/bin/node')
const harness = join(root, 'test/cli/memory-cli.ts')

let folder: string
let vault: string
const started: ChildProcess[] = []
const store = (secrets: object) => writeFileSync(vault, JSON.stringify(secrets))
const db = (password: string) => ({ 'app/db': { type: 'string', data: { user: 'app', password } } })

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-run-test-'))
  vault = join(folder, 'vault.json')
  store(db('hunter2-canary'))
})
afterEach(() => {
  for (const child of started.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

const env = (): Record<string, string> => ({ PATH: '/usr/bin:/bin', HOME: folder, ODD: "it's\n$x", EMPTY: '' })
const run = (args: readonly string[], more: { input?: string } = {}) => spawnSync(node, [harness, vault, 'run', ...args], { cwd: folder, env: env(), encoding: 'utf8', ...more })

function start(args: readonly string[]) {
  const child = spawn(node, [harness, vault, 'run', ...args], { cwd: folder, env: env(), stdio: ['ignore', 'pipe', 'pipe'] })
  started.push(child)
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)))
  const until = async (holds: () => boolean): Promise<void> => {
    for (let tries = 0; !holds(); tries += 1) {
      if (tries > 400) throw new Error(`never: ${JSON.stringify(said)}`)
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
  return { child, said, ended, until }
}

const envOf = (text: string) => text.split('\u0000').filter((line) => line !== '').toSorted()

describe('what a child gets', () => {
  test('exactly what was named, and nothing else changed', () => {
    const before = envOf(spawnSync('env', ['-0'], { cwd: folder, env: env(), encoding: 'utf8' }).stdout)
    const { stdout, stderr, status } = run(['--env', 'DB_PASSWORD=app/db#password', '--', 'env', '-0'])
    expect([status, stderr]).toEqual([0, ''])
    expect(envOf(stdout)).toEqual([...before, 'DB_PASSWORD=hunter2-canary'].toSorted())
  })

  test('all keys of a secret, with a prefix; and what is named wins', () => {
    expect(envOf(run(['--secret', 'app/db', '--prefix', 'DB_', '--env', 'DB_user=app/db#password', '--no-inherit-env', '--', 'env', '-0']).stdout)).toEqual(['DB_password=hunter2-canary', 'DB_user=hunter2-canary'])
  })

  test('through ./symbolon, too', () => {
    // Where there is no PWD, sh itself makes one.
    const options = { cwd: folder, env: { ...env(), PWD: folder }, encoding: 'utf8' } as const
    const { stdout } = spawnSync(join(root, 'symbolon'), ['run', '--', 'env', '-0'], options)
    expect(envOf(stdout)).toEqual(envOf(spawnSync('env', ['-0'], options).stdout))
  })

  test('what the project file names, which flags replace, and which may not lead out of its folder', () => {
    writeFileSync(join(folder, '.symbolon.yaml'), 'run:\n  env:\n    A: app/db#user\n    B: app/db#user\n  mounts:\n    conf/user: app/db#user\n', { mode: 0o600 })
    spawnSync('mkdir', [join(folder, 'conf')])
    const { stdout } = run(['--env', 'B=app/db#password', '--', 'sh', '-c', 'echo $A $B $(cat conf/user)'])
    expect(stdout).toBe('app hunter2-canary app\n')
    expect(run(['--no-project', '--', 'sh', '-c', 'echo $A-']).stdout).toBe('-\n')
    writeFileSync(join(folder, '.symbolon.yaml'), 'run:\n  mounts:\n    ../out: app/db#user\n', { mode: 0o600 })
    expect(run(['--', 'true'])).toMatchObject({ status: 1, stderr: expect.stringContaining('leads out of its folder') })
  })

  test('nor by a link that lies in the checkout', () => {
    const outside = mkdtempSync(join(tmpdir(), 'symbolon-outside-'))
    try {
      symlinkSync(outside, join(folder, 'away'))
      mkdirSync(join(folder, 'inner'))
      symlinkSync('inner', join(folder, 'within'))
      writeFileSync(join(folder, '.symbolon.yaml'), 'run:\n  mounts:\n    away/rc: app/db#user\n', { mode: 0o600 })
      expect(run(['--', 'ls', outside])).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('leads out of its folder') })
      writeFileSync(join(folder, '.symbolon.yaml'), 'run:\n  mounts:\n    within/rc: app/db#user\n', { mode: 0o600 })
      expect(run(['--', 'cat', 'inner/rc'])).toMatchObject({ status: 0, stdout: 'app' })
    } finally {
      rmSync(outside, { recursive: true })
    }
  })

  test.each(['NPM_CONFIG_NODE_OPTIONS', 'JDK_JAVA_OPTIONS', 'OPENSSL_CONF', 'https_proxy'])('a key %s, which would decide what runs or whom it reaches, is refused', (name) => {
    store({ 'app/evil': { type: 'string', data: { [name]: 'x' } } })
    expect(run(['--secret', 'app/evil', '--', 'true'])).toMatchObject({ status: 1, stderr: expect.stringContaining(`would set ${name}`) })
  })

  test('what such secrets are for is set: keys of clouds and registries', () => {
    store({ 'app/keys': { type: 'string', data: { NPM_TOKEN: 'n', AWS_ACCESS_KEY_ID: 'a', DATABASE_URL: 'd', DOCKER_PASSWORD: 'p' } } })
    expect(run(['--secret', 'app/keys', '--', 'sh', '-c', 'echo $NPM_TOKEN$AWS_ACCESS_KEY_ID$DATABASE_URL$DOCKER_PASSWORD'])).toMatchObject({ status: 0, stdout: 'nadp\n' })
  })

  test('a key that would decide what runs is refused, unless it is named', () => {
    store({ 'app/evil': { type: 'string', data: { LD_PRELOAD: '/tmp/x.so' } } })
    expect(run(['--secret', 'app/evil', '--', 'true'])).toMatchObject({ status: 1, stderr: expect.stringContaining('would set LD_PRELOAD') })
    expect(run(['--secret', 'app/none', '--', 'true']).status).toBe(1)
    expect(run(['--env', 'X=app/evil#none', '--', 'true']).stderr).toContain('it has "LD_PRELOAD"')
  })

  test('a dry run reads nothing and shows no value', () => {
    const { stdout, status } = run(['--env', 'P=app/none#password', '--mount', 'app/none=./x', '--dry-run', '-o', 'json', '--', 'false'])
    expect([status, JSON.parse(stdout)]).toEqual([0, { sent: false, would: 'run', command: ['false'], env: { P: 'app/none#password' }, secrets: [], files: [{ from: 'app/none', file: join(folder, 'x') }] }])
  })
})

describe('L-5 where a secret goes', () => {
  test('not into the arguments of any process, nor into our own environment; and there are no core dumps', () => {
    const script = 'cat /proc/$PPID/environ /proc/$PPID/cmdline /proc/self/cmdline; ulimit -c'
    const { stdout } = run(['--env', 'P=app/db#password', '--', 'sh', '-c', script])
    expect(stdout).not.toContain('hunter2-canary')
    expect(stdout.trim().endsWith('0')).toBe(true)
  })

  test('files are 0600 in a folder of 0700 in memory, and gone afterwards', () => {
    const { stdout, status } = run(['--mount', 'app/db#password=./secret', '--file-env', 'P_FILE=app/db#user', '--', 'sh', '-c', 'cat secret; echo; cat $P_FILE; echo; stat -Lc %a secret; stat -c %a $(dirname $P_FILE); readlink secret; stat -f -c %T $P_FILE'])
    const [secret, user, mode, folderMode, path = '', kind] = stdout.split('\n')
    expect([status, secret, user, mode, folderMode, kind]).toEqual([0, 'hunter2-canary', 'app', '600', '700', 'tmpfs'])
    expect(existsSync(path)).toBe(false)
    expect(readdirSync(folder)).toEqual(['vault.json'])
  })

  test('nothing that is there is replaced', () => {
    writeFileSync(join(folder, 'there'), 'mine')
    expect(run(['--mount', 'app/db#password=./there', '--', 'true'])).toMatchObject({ status: 1, stderr: expect.stringContaining('there is something already') })
    expect(readFileSync(join(folder, 'there'), 'utf8')).toBe('mine')
  })

  test('each file can be read so many times as was said, by each reader once', () => {
    const { stdout } = run(['--reads', '2', '--mount', 'app/db#password=./secret', '--', 'sh', '-c', 'cat secret; echo; cat secret; echo; timeout 2 cat secret 2>/dev/null || echo no'])
    expect(stdout).toBe('hunter2-canary\nhunter2-canary\nno\n')
  })

  test('what a killed run left is swept by the next', async () => {
    const { child, said, until, ended } = start(['--file-env', 'P=app/db#password', '--', 'sh', '-c', 'echo $P; exec sleep 60'])
    await until(() => said.out.includes('\n'))
    const path = said.out.trim()
    const pid = Number(spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' }).stdout)
    child.kill('SIGKILL')
    process.kill(pid, 'SIGKILL')
    await ended
    expect(statSync(path).mode & 0o777).toBe(0o600)
    run(['--file-env', 'P=app/db#password', '--', 'true'])
    expect(existsSync(path)).toBe(false)
  })
})

describe('a child as its shell would have it', () => {
  test.each([[['true'], 0], [['sh', '-c', 'exit 42'], 42], [['sh', '-c', 'kill -TERM $$'], 128 + constants.signals.SIGTERM], [['no-such-command-here'], 127], [['/etc/passwd'], 126]] as const)('%j ends with %i', (command, status) => {
    expect(run(['--', ...command]).status).toBe(status)
  })

  test('stdin, and arguments that look like flags', () => {
    expect(run(['--', 'sh', '-c', 'cat; echo "$@"', 'sh', '--env', '-o', 'x'], { input: 'in\n' }).stdout).toBe('in\n--env -o x\n')
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const)('%s is passed on', async (signal) => {
    const { child, said, until, ended } = start(['--', 'sh', '-c', `trap 'echo got; exit 7' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`])
    await until(() => said.out.includes('ready'))
    child.kill(signal)
    expect([await ended, said.out]).toEqual([7, 'ready\ngot\n'])
  })

  test('suspended and woken together', async () => {
    const { child, said, until, ended } = start(['--', 'sh', '-c', 'echo ready; while :; do sleep 0.05; done'])
    await until(() => said.out.includes('ready'))
    const stateOf = (pid: number) => /\) (.)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
    const inner = Number(spawnSync('pgrep', ['-P', String(child.pid), 'sh'], { encoding: 'utf8' }).stdout)
    child.kill('SIGTSTP')
    await until(() => stateOf(child.pid ?? 0) === 'T' && stateOf(inner) === 'T')
    child.kill('SIGCONT')
    await until(() => stateOf(child.pid ?? 0) !== 'T' && stateOf(inner) !== 'T')
    child.kill('SIGTERM')
    expect(await ended).toBe(128 + constants.signals.SIGTERM)
  })
})

describe('masking and changes', () => {
  test('L-4 nothing of a secret leaves in what the child writes', () => {
    const { stdout, stderr } = run(['--mask', '--env', 'P=app/db#password', '--', 'sh', '-c', 'echo "a $P b"; printf hunter2; sleep 0.2; printf -- "-canary"; printf %s "$P" | base64; echo "$P" >&2'])
    expect(stdout).toBe('a *** b\n***\n')
    expect(stderr).toBe('***\n')
  })

  test('a changed secret comes into files, and the child is told', async () => {
    const { child, said, until, ended } = start(['--refresh', '1s', '--on-change', 'SIGHUP', '--mask', '--mount', 'app/db#password=./secret', '--', 'sh', '-c', 'trap "test \\$(cat secret) = second-canary && echo changed to \\$(cat secret); exit 3" HUP; echo ready; while :; do sleep 0.05; done'])
    await until(() => said.out.includes('ready'))
    const target = readlinkSync(join(folder, 'secret'))
    store(db('second-canary'))
    expect([await ended, said.out]).toEqual([3, 'ready\nchanged to ***\n'])
    expect([existsSync(target), child.exitCode]).toEqual([false, 3])
  })

  test('or it is started again with the new one', async () => {
    const { said, until, ended } = start(['--refresh', '1s', '--on-change', 'restart', '--env', 'P=app/db#password', '--', 'sh', '-c', 'echo $P; test $P = third-canary && exit 9; while :; do sleep 0.05; done'])
    await until(() => said.out.includes('hunter2-canary'))
    store(db('third-canary'))
    expect([await ended, said.out]).toEqual([9, 'hunter2-canary\nthird-canary\n'])
  })

  test('told to end while it is started again, it ends', async () => {
    const { child, said, until, ended } = start(['--refresh', '1s', '--on-change', 'restart', '--env', 'P=app/db#password', '--', 'sh', '-c', 'echo $P; trap "echo asked" TERM; trap "exit 5" INT; while :; do sleep 0.05; done'])
    await until(() => said.out.includes('hunter2-canary'))
    store(db('third-canary'))
    await until(() => said.out.includes('asked'))
    child.kill('SIGINT')
    expect([await ended, said.out]).toEqual([5, 'hunter2-canary\nasked\n'])
  })

  test('what cannot be read again is said, and the child goes on', async () => {
    const { child, said, until, ended } = start(['--refresh', '1s', '--env', 'P=app/db#password', '--', 'sh', '-c', 'echo ready; while :; do sleep 0.05; done'])
    await until(() => said.out.includes('ready'))
    store({})
    await until(() => said.err.includes('secrets were not read again'))
    child.kill('SIGTERM')
    expect(await ended).toBe(143)
    expect(said.err).not.toContain('hunter2-canary')
  })
})
