import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { address, loadConfig, printProblems, secretFile } from './config.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-config-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const file = (name: string, text: string, mode = 0o600) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}
const config = (value: unknown) => file('config.json', JSON.stringify(value))
const schema = z.strictObject({ listen: address(), ttl: z.int().max(900), key: secretFile(), inner: z.strictObject({ a: z.boolean() }) })
const good = () => ({ listen: { host: '127.0.0.1', port: 1 }, ttl: 5, key: file('key', 'swordfish'), inner: { a: true } })

const codes = (value: unknown) => {
  const loaded = loadConfig(schema, config(value))
  return loaded.ok ? [] : loaded.problems.map(({ pointer, code }) => `${pointer} ${code}`).toSorted()
}

describe('loadConfig', () => {
  test('gives one object, frozen all the way down', () => {
    const loaded = loadConfig(schema, config(good()))
    expect(loaded).toMatchObject({ ok: true, config: { ttl: 5, listen: { port: 1 } } })
    expect(loaded.ok && Object.isFrozen(loaded.config) && Object.isFrozen(loaded.config.inner)).toBe(true)
  })

  test('U-5 lists every problem at once, unknown keys at every depth included', () => {
    expect(codes({ listen: { host: '', port: 1, tls: false }, ttl: 901, key: join(folder, 'none'), inner: {}, extra: 1, 'a/b': 2 })).toEqual([
      '/a~1b unknown_key',
      '/extra unknown_key',
      '/inner/a invalid_type',
      '/key secret_missing',
      '/listen/host too_small',
      '/listen/tls unknown_key',
      '/ttl too_big',
    ])
  })

  test.each([
    ['readable by others', 0o644, 'x', 'secret_not_private'],
    ['readable by the group', 0o640, 'x', 'secret_not_private'],
    ['empty', 0o600, '', 'secret_empty'],
    ['huge', 0o600, 'x'.repeat(65 * 1024), 'secret_too_large'],
  ])('a secret file that is %s is refused', (_name, mode, text, code) => {
    expect(codes({ ...good(), key: file('bad', text, mode) })).toEqual([`/key ${code}`])
  })

  test('a secret must be a regular file, under an absolute path', () => {
    expect(codes({ ...good(), key: folder })).toEqual(['/key secret_not_a_file'])
    expect(codes({ ...good(), key: 'key' })).toEqual(['/key path_not_absolute'])
  })

  test('a secret shows its bytes only to read()', () => {
    const loaded = loadConfig(schema, config(good()))
    if (!loaded.ok) throw new Error('refused')
    expect(loaded.config.key.read().toString()).toBe('swordfish')
    expect(JSON.stringify(loaded.config) + inspect(loaded.config)).not.toContain('swordfish')
  })

  test.each([
    ['absent', () => join(folder, 'absent'), 'config_unreadable'],
    ['a folder', () => folder, 'config_not_a_file'],
    ['not JSON', () => file('c', '{"password": "swordfish" oops}'), 'config_not_json'],
    ['writable by others', () => file('c', '{}', 0o666), 'config_writable_by_others'],
    ['too large', () => file('c', ' '.repeat(1024 * 1024 + 1)), 'config_too_large'],
  ])('a config that is %s is refused, and its text is not repeated', (_name, make, code) => {
    const loaded = loadConfig(schema, make())
    expect(loaded).toMatchObject({ ok: false, problems: [{ code }] })
    expect(loaded.ok ? '' : printProblems('c', loaded.problems)).not.toContain('swordfish')
  })

  test('a schema that ignores unknown keys is a bug', () => {
    expect(() => loadConfig(z.object({}), config({}))).toThrow(TypeError)
  })
})
