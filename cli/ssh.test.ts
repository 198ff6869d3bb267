import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openShell, type Shell } from './cli.testkit.ts'
import { LocalFailure } from './failure.ts'
import { memorySecrets } from './secrets.testkit.ts'
import { sshBlock } from './ssh-config.ts'
import { publicLineOf } from './ssh-public.ts'

let vault: ReturnType<typeof memorySecrets>
let shell: Shell
beforeEach(() => {
  vault = memorySecrets()
  shell = openShell({ openSecrets: vault.openSecrets })
})
afterEach(() => shell.remove())

const files = { identity: '/x/k.pub', knownHosts: '/x/k.known_hosts' }
const keygen = (args: readonly string[], name = 'k'): string => {
  const path = join(shell.folder, name)
  expect(spawnSync('ssh-keygen', ['-q', '-N', '', '-f', path, ...args]).status).toBe(0)
  return path
}

describe('public halves', () => {
  test.each([['ed25519', ['-t', 'ed25519']], ['ecdsa', ['-t', 'ecdsa', '-b', '256']], ['rsa', ['-t', 'rsa', '-b', '2048']], ['encrypted', ['-t', 'ed25519', '-N', 'pass phrase']], ['rsa as PEM', ['-t', 'rsa', '-b', '2048', '-m', 'PKCS8']], ['ecdsa as PEM', ['-t', 'ecdsa', '-b', '256', '-m', 'PKCS8']]] as const)('%s, as ssh-keygen has it', (_name, args) => {
    const path = keygen(args)
    expect(publicLineOf(readFileSync(path, 'utf8')).split(' ').slice(0, 2)).toEqual(readFileSync(`${path}.pub`, 'utf8').split(' ').slice(0, 2))
  })

  test('PKCS#8 of an Ed25519 key', () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const line = publicLineOf(String(privateKey.export({ type: 'pkcs8', format: 'pem' })))
    expect(spawnSync('ssh-keygen', ['-l', '-f', '-'], { input: `${line}\n`, encoding: 'utf8' }).stdout).toContain('ED25519')
  })

  test('what is no key is refused, and not quoted', () => {
    for (const text of ['', 'canary', '-----BEGIN OPENSSH PRIVATE KEY-----\nY2FuYXJ5\n-----END OPENSSH PRIVATE KEY-----']) {
      let message = ''
      try {
        publicLineOf(text)
      } catch (error) {
        if (!(error instanceof LocalFailure)) throw error
        message = `${error.what} ${error.why} ${error.fix}`
      }
      expect(message).toContain('private SSH key')
      expect(message).not.toMatch(/canary|Y2FuYXJ5/)
    }
  })
})

describe('settings that somebody else chose', () => {
  test.each([
    ['host', { host: '*' }],
    ['host', { host: 'a b' }],
    ['host', { host: 'a\n  ProxyCommand sh' }],
    ['host_name', { host: 'a', host_name: '-oProxyCommand=sh' }],
    ['host_name', { host: 'a', host_name: '$(id)' }],
    ['user', { host: 'a', user: 'x\nProxyCommand sh' }],
    ['user', { host: 'a', user: '%h' }],
    ['proxy_jump', { host: 'a', proxy_jump: '-oProxyCommand=sh' }],
    ['known_hosts', { host: 'a', known_hosts: ['x\ny'] }],
    ['ConnectTimeout', { host: 'a', options: { ConnectTimeout: '5\nProxyCommand sh' } }],
  ])('%s that ssh could read otherwise is refused', (name, settings) => {
    expect(() => sshBlock('app/k', settings, files)).toThrow(`The key’s ${name} cannot be used`)
  })

  test('a host that is another’s name is refused: `ssh github.com` goes nowhere else', () => {
    for (const settings of [{ host: 'github.com', host_name: 'evil.example' }, { host: '10.0.0.1', host_name: '10.0.0.2' }, { host: '::1', host_name: 'evil.example' }]) expect(() => sshBlock('app/k', settings, files)).toThrow('The key’s host cannot be used')
    expect(() => sshBlock('app/github.com', { host_name: 'evil.example' }, files)).not.toThrow()
    for (const settings of [{ host: 'github.com' }, { host: 'github.com', host_name: 'GitHub.com' }, { host: 'bastion', host_name: '10.0.0.1' }]) expect(sshBlock('app/k', settings, files).host).toBe(settings.host)
  })

  test('options that run, reach or read something are left out and named', () => {
    const options = { ProxyCommand: 'sh', LocalCommand: 'sh', PermitLocalCommand: 'yes', Include: 'x', Match: 'exec', ForwardAgent: 'yes', LocalForward: '1', KnownHostsCommand: 'sh', PKCS11Provider: 'x', SetEnv: 'x', Compression: 'yes' }
    const { text, left } = sshBlock('app/k', { host: 'a', options }, files)
    expect(left).toEqual(Object.keys(options).filter((name) => name !== 'Compression'))
    expect(text).toContain('  Compression yes\n')
    expect(text).not.toContain('sh\n')
  })

  test('whatever is written has no line of its own making', () => {
    const wild = fc.string({ unit: fc.constantFrom(...'ab.-%$"\n\r #*?'.split('')), maxLength: 12 })
    fc.assert(
      fc.property(fc.record({ host: wild, host_name: wild, user: wild, proxy_jump: wild, options: fc.record({ ConnectTimeout: wild }) }), (settings) => {
        try {
          const lines = sshBlock('app/k', settings, files).text.trimEnd().split('\n')
          expect(lines.length).toBe(9)
        } catch (error) {
          expect(error).toBeInstanceOf(LocalFailure)
        }
      }),
    )
  })

  test('ssh reads the block as it is meant', () => {
    const { text } = sshBlock('app/k', { host: 'bastion', host_name: '10.0.0.1', user: 'deploy', port: 2222, proxy_jump: 'jump@gate:22', known_hosts: ['10.0.0.1 ssh-ed25519 AAAA'], options: { ServerAliveInterval: '30' } }, files)
    const config = shell.write('config', text)
    const { stdout } = spawnSync('ssh', ['-G', '-F', config, 'bastion'], { encoding: 'utf8' })
    for (const line of ['hostname 10.0.0.1', 'user deploy', 'port 2222', 'proxyjump jump@gate:22', 'identityfile /x/k.pub', 'identitiesonly yes', 'userknownhostsfile /x/k.known_hosts', 'stricthostkeychecking true', 'serveraliveinterval 30']) expect(stdout.split('\n')).toContain(line)
  })
})

describe('ssh put and add', () => {
  test('what would be left out is not stored', async () => {
    const key = keygen(['-t', 'ed25519'])
    const refused = await shell.run(['ssh', 'put', 'app/k', '--key', key, '--host', 'b', '--option', 'ProxyCommand=sh'])
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('ProxyCommand cannot be stored')])
    expect(vault.calls).toEqual([])
  })

  test('print shows the settings and never the key', async () => {
    const key = keygen(['-t', 'ed25519'])
    expect((await shell.run(['ssh', 'put', 'app/k', '--key', key, '--host', 'b', '--host-name', '10.0.0.1'])).code).toBe(0)
    const shown = await shell.run(['ssh', 'add', 'app/k', '--print', '-o', 'raw'])
    expect(shown.out).toMatch(/^# app\/k, by `symbolon ssh add`\nHost b\n {2}HostName 10\.0\.0\.1\n/)
    for (const format of ['json', 'yaml', 'table']) expect((await shell.run(['ssh', 'add', 'app/k', '--print', '-o', format])).out).not.toContain('PRIVATE KEY')
    expect((await shell.run(['ssh', 'add', 'app/k'])).err).toContain('No SSH agent runs here')
  })

  test('a key that others may read is not taken, nor a secret that is no key', async () => {
    const key = shell.write('open.pem', 'x', 0o644)
    expect((await shell.run(['ssh', 'put', 'app/k', '--key', key])).err).toContain('open to others')
    await shell.run(['kv', 'put', 'app/db', 'a=1'])
    expect((await shell.run(['ssh', 'add', 'app/db'])).err).toContain('is no SSH key')
  })
})
