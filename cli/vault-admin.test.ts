import { existsSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { failed, ok, SymbolonError } from '@symbolon/sdk/errors.ts'
import { parsePath } from '@symbolon/protocol/label.ts'
import { openShell, type Shell } from './cli.testkit.ts'
import type { Secrets } from './secrets.ts'
import { memorySecrets } from './secrets.testkit.ts'

let shell: Shell
let secrets: Secrets
let lines: string[]
beforeEach(() => {
  lines = []
  const importAll: Secrets['importAll'] = async (given, options) => {
    await new Promise((resolve) => setTimeout(resolve, 30))
    for await (const line of given) lines.push(line)
    return lines.at(-1) === 'end' ? ok({ taken: options?.dry === true ? 0 : lines.length, left: [], secrets: lines.length, lacking: [] }) : failed('backup_invalid')
  }
  const exportAll: Secrets['exportAll'] = async function* (options) {
    for (const line of ['head', 'one', 'end']) yield ok(`${line}\n`)
    options?.onProgress?.({ secrets: 1, bytes: 13, lacking: [] })
  }
  secrets = { ...memorySecrets().secrets, importAll, exportAll }
  shell = openShell({ openSecrets: (_settings, _io, act) => act(secrets) })
})
afterEach(() => shell.remove())
const run = (...args: string[]) => shell.run(['vault', ...args])

describe('backup and restore', () => {
  test('a backup is read again before it is put in place, for its owner alone', async () => {
    const file = join(shell.folder, 'b.jsonl')
    const { code, out } = await run('backup', file, '-o', 'json')
    expect([code, JSON.parse(out)]).toEqual([0, { file, secrets: 1, bytes: 13, lacking: [], verified: true }])
    expect(readFileSync(file, 'utf8')).toBe('head\none\nend\n')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(lines).toEqual(['head', 'one', 'end'])
    expect(await run('restore', file, '-o', 'raw')).toMatchObject({ code: 0, out: '6\n' })
    expect((await run('restore', `${file}.none`)).err).toContain('ENOENT')
  })

  test('one that does not verify, or breaks off, leaves no file', async () => {
    const file = join(shell.folder, 'b.jsonl')
    const broken = { ...secrets, exportAll: async function* () { yield ok('head\n') } }
    shell = openShell({ openSecrets: (_settings, _io, act) => act(broken) })
    expect((await run('backup', file)).code).not.toBe(0)
    const torn = { ...secrets, exportAll: async function* () { yield ok('head\n'); yield failed('unreachable') } }
    shell = openShell({ openSecrets: (_settings, _io, act) => act(torn) })
    expect((await run('backup', file)).code).toBe(2)
    expect(existsSync(file)).toBe(false)
  })

  test('O-1 nothing is overwritten unless that was said, and no link is followed', async () => {
    const target = shell.write('target', 'mine')
    const link = join(shell.folder, 'link')
    symlinkSync(target, link)
    for (const file of [target, link]) expect((await run('backup', file)).err).toContain('exists')
    expect((await run('backup', link, '--force')).code).toBe(0)
    expect(readFileSync(target, 'utf8')).toBe('mine')
    expect(readdirSync(shell.folder).toSorted()).toEqual(['link', 'target'])
  })

  test('values that the vault lost are said, and so is what it left out', async () => {
    const lossy: Secrets = {
      ...secrets,
      exportAll: async function* (options) {
        yield* secrets.exportAll()
        options?.onProgress?.({ secrets: 1, bytes: 13, lacking: ['app/db@2'] })
      },
      importAll: async (given, options) => (options?.dry === true ? secrets.importAll(given, options) : ok({ taken: 1, left: [{ path: 'app/x', why: 'denied' }, { path: 'app/y', why: 'same' }], secrets: 3, lacking: [] })),
    }
    shell = openShell({ openSecrets: (_settings, _io, act) => act(lossy) })
    const file = join(shell.folder, 'b.jsonl')
    expect(await run('backup', file)).toMatchObject({ code: 2, err: 'warning: the vault has lost the value of app/db@2\n' })
    expect(await run('restore', file)).toMatchObject({ code: 3 })
  })
})

test('re-encryption names what failed, and its exit code says so', async () => {
  const path = parsePath('app/b')
  if (path === undefined) throw new Error('no path')
  secrets = { ...secrets, reencrypt: async () => ok({ renewed: 2, kept: 1, overtaken: 0, failures: [{ path, error: new SymbolonError('policy_denied') }] }) }
  const { code, out, err } = await run('reencrypt', 'app', '-o', 'json')
  expect([code, JSON.parse(out)]).toEqual([2, { folders: ['app'], renewed: 2, kept: 1, overtaken: 0, failed: [{ path: 'app/b', code: 'policy_denied' }], finished: false }])
  expect(err).toContain('app/b: symbolon: ')
})
