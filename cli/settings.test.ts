import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openShell, type Shell } from './cli.testkit.ts'

let shell: Shell
beforeEach(() => {
  shell = openShell()
  mkdirSync(join(shell.folder, 'work/deep'), { recursive: true })
})
afterEach(() => shell.remove())

type Shown = Record<string, { value: string; origin: string }>
const shown = async (...flags: string[]): Promise<Shown> => {
  const { code, out, err } = await shell.run(['config', 'show', '--origin', '-o', 'json', ...flags], { cwd: 'work/deep' })
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out) as Shown
}

const profile = { v: 1, addr: 'http://home', keyset: 'H', service: 'svc-dev', key_id: 'svc-dev-1', key_file: '/k', client: 'cli' }

describe('where a setting comes from', () => {
  test('flag, environment, project file, user profile, user file, home, default: the first that says it', async () => {
    shell.env['SYMBOLON_HOME'] = join(shell.folder, 'home')
    const home = shell.write('home/profile.json', JSON.stringify(profile))
    expect((await shown())['addr']).toEqual({ value: 'http://home', origin: home })
    const user = shell.write('user/.config/symbolon/config.yaml', 'addr: http://user\nprofiles:\n  prod: { addr: http://profile }\n')
    expect((await shown())['addr']).toEqual({ value: 'http://user', origin: user })
    expect((await shown('--profile', 'prod'))['addr']).toEqual({ value: 'http://profile', origin: `${user}, profile prod` })
    const project = shell.write('work/.symbolon.yaml', 'addr: http://project\n')
    expect((await shown('--profile', 'prod'))['addr']).toEqual({ value: 'http://project', origin: project })
    shell.env['SYMBOLON_ADDR'] = 'http://environment'
    expect((await shown())['addr']).toEqual({ value: 'http://environment', origin: 'SYMBOLON_ADDR' })
    expect((await shown('--addr', 'http://flag'))['addr']).toEqual({ value: 'http://flag', origin: '--addr' })
    expect((await shown())['timeout']).toEqual({ value: '30', origin: 'default' })
  })

  test('what `make up` left is read in its own words', async () => {
    shell.env['SYMBOLON_HOME'] = join(shell.folder, 'home')
    shell.write('home/profile.json', JSON.stringify(profile))
    const found = await shown()
    expect(['pin', 'subject', 'key_id', 'key_file', 'client'].map((name) => found[name]?.value)).toEqual(['H', 'svc-dev', 'svc-dev-1', '/k', 'cli'])
  })

  test('XDG_CONFIG_HOME and SYMBOLON_PROFILE are heard', async () => {
    shell.env['XDG_CONFIG_HOME'] = join(shell.folder, 'xdg')
    shell.env['SYMBOLON_PROFILE'] = 'ci'
    shell.write('xdg/symbolon/config.yaml', 'profiles: { ci: { subject: ci-job } }')
    expect((await shown())['subject']?.value).toBe('ci-job')
  })

  test('a relative path in a file is relative to that file', async () => {
    shell.write('user/.config/symbolon/config.yaml', 'key_file: keys/me.pem')
    expect((await shown())['key_file']?.value).toBe(join(shell.folder, 'user/.config/symbolon/keys/me.pem'))
  })

  test('an empty variable says nothing', async () => {
    shell.env['SYMBOLON_TIMEOUT'] = ''
    expect((await shown())['timeout']?.origin).toBe('default')
  })
})

describe('U-5 a file that is wrong stops the command, by name', () => {
  const failing = async (...args: string[]) => {
    const { code, out, err } = await shell.run(['status', ...args], { cwd: 'work/deep' })
    expect([code, out]).toEqual([1, ''])
    expect(err.trimEnd().split('\n').map((line) => line.slice(0, 7))).toEqual(['symbolo', '  why: ', '  do:  '])
    return err
  }

  test('an unknown member', async () => {
    const path = shell.write('work/.symbolon.yaml', 'adress: http://x')
    expect(await failing()).toContain(`${path} cannot be used\n  why: adress is not a setting here`)
  })
  test.each(['key_file', 'client_key', 'id_token_file', 'id_token_class', 'profile'])('a project file that says %s', async (name) => {
    shell.write('work/.symbolon.yaml', `${name}: /etc/shadow`)
    expect(await failing()).toContain(`${name} is not a setting here`)
  })
  test('no YAML', async () => {
    shell.write('work/.symbolon.yaml', 'addr: [')
    expect(await failing()).toContain('it is not YAML at line')
  })
  test('one member twice', async () => {
    shell.write('work/.symbolon.yaml', 'addr: http://a\naddr: http://b')
    expect(await failing()).toContain('it is not YAML at line')
  })
  test('others may write to it', async () => {
    const path = shell.write('work/.symbolon.yaml', 'addr: http://a', 0o622)
    expect(await failing()).toContain(`do:  chmod go-w ${path}`)
  })
  test('a profile that is not there', async () => {
    shell.write('user/.config/symbolon/config.yaml', 'addr: http://a')
    expect(await failing('--profile', 'prod')).toContain('There is no profile prod')
  })
  test('a format that is not there', async () => {
    shell.env['SYMBOLON_FORMAT'] = 'xml'
    const { code, err } = await shell.run(['config', 'show'])
    expect([code, err]).toEqual([1, expect.stringContaining('There is no format xml\n  why: SYMBOLON_FORMAT names it')])
  })
})
