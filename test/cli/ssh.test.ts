import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

/* Against a real ssh-agent and the real ssh. */

const root = resolve(import.meta.dirname, '../..')
const node = join(root, '.tools/bin/node')
const harness = join(root, 'test/cli/memory-cli.ts')

let folder: string
let agent: ChildProcess
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-ssh-test-'))
  agent = spawn('ssh-agent', ['-D', '-a', join(folder, 'agent')], { stdio: 'ignore' })
  for (let tries = 0; !existsSync(join(folder, 'agent')); tries += 1) {
    if (tries > 200) throw new Error('no agent')
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
})
afterEach(() => {
  agent.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

const env = () => ({ PATH: '/usr/bin:/bin', HOME: folder, SSH_AUTH_SOCK: join(folder, 'agent') })
const cli = (...args: string[]) => spawnSync(node, [harness, join(folder, 'vault.json'), ...args], { cwd: folder, env: env(), encoding: 'utf8' })
const held = () => spawnSync('ssh-add', ['-L'], { env: env(), encoding: 'utf8' }).stdout
const configured = (host: string) => spawnSync('ssh', ['-G', '-F', join(folder, '.ssh/config'), host], { env: env(), encoding: 'utf8' }).stdout.split('\n')

function store(passphrase: string, settings: object): string {
  const path = join(folder, 'id')
  expect(spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'canary', '-f', path]).status).toBe(0)
  const key = readFileSync(path, 'utf8')
  const line = readFileSync(`${path}.pub`, 'utf8').trim()
  writeFileSync(join(folder, 'vault.json'), JSON.stringify({ 'app/ssh/bastion': { type: 'ssh-key', private_key: key, public_key: line, ...(passphrase === '' ? {} : { passphrase }), settings } }))
  rmSync(path)
  rmSync(`${path}.pub`)
  return line
}

describe('S0-24 to S0-27 one command, and ssh knows the key and the host', () => {
  test('the agent holds it, ssh finds its settings, and no private key is in any file', () => {
    const line = store('', { host: 'bastion', host_name: '127.0.0.1', user: 'deploy', port: 2222 })
    mkdirSync(join(folder, '.ssh'), { mode: 0o700 })
    writeFileSync(join(folder, '.ssh/config'), 'Host other\n  User me\n', { mode: 0o600 })
    const added = cli('ssh', 'add', 'app/ssh/bastion', '-o', 'json')
    expect([added.status, JSON.parse(added.stdout)]).toMatchObject([0, { host: 'bastion', included: true, lifetime: 28_800 }])
    expect(held()).toContain(line.split(' ')[1])
    for (const wanted of ['hostname 127.0.0.1', 'user deploy', 'port 2222']) expect(configured('bastion')).toContain(wanted)
    expect(configured('other')).toContain('user me')
    const own = join(folder, '.config/symbolon/ssh')
    for (const name of readdirSync(own)) {
      expect(statSync(join(own, name)).mode & 0o777).toBe(0o600)
      expect(readFileSync(join(own, name), 'utf8')).not.toContain('PRIVATE')
    }
    // A second time changes nothing.
    const before = readFileSync(join(folder, '.ssh/config'), 'utf8')
    expect(cli('ssh', 'add', 'app/ssh/bastion').status).toBe(0)
    expect(readFileSync(join(folder, '.ssh/config'), 'utf8')).toBe(before)
  })

  test('a key with a passphrase needs nobody to type it, and it is in no environment that outlives the command', () => {
    const line = store('pass phrase canary', { host: 'bastion' })
    expect(cli('ssh', 'add', 'app/ssh/bastion', '-t', '0', '--no-include')).toMatchObject({ status: 0 })
    expect(held()).toContain(line.split(' ')[1])
    expect(existsSync(join(folder, '.ssh/config'))).toBe(false)
  })

  test('a wrong passphrase is said, and nothing hangs', () => {
    store('right', { host: 'bastion' })
    const vault = JSON.parse(readFileSync(join(folder, 'vault.json'), 'utf8')) as Record<string, { passphrase: string }>
    for (const key of Object.values(vault)) key.passphrase = 'wrong-canary'
    writeFileSync(join(folder, 'vault.json'), JSON.stringify(vault))
    const { status, stderr } = cli('ssh', 'add', 'app/ssh/bastion')
    expect([status, stderr]).toEqual([1, expect.stringContaining('The agent did not take the key')])
    expect(stderr).not.toContain('canary')
  })

  test('the agent forgets it after its lifetime, or when it is removed', async () => {
    store('', { host: 'bastion' })
    expect(cli('ssh', 'add', 'app/ssh/bastion', '-t', '1').status).toBe(0)
    for (let tries = 0; held().includes('ssh-ed25519'); tries += 1) {
      if (tries > 100) throw new Error('the agent still holds it')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(cli('ssh', 'add', 'app/ssh/bastion').status).toBe(0)
    expect(cli('ssh', 'remove', 'app/ssh/bastion').status).toBe(0)
    expect(held()).not.toContain('ssh-ed25519')
    expect(readdirSync(join(folder, '.config/symbolon/ssh'))).toEqual([])
    expect(cli('ssh', 'remove', 'app/ssh/bastion').status).toBe(1)
  })
})
