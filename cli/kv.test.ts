import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { failed } from '@symbolon/sdk/errors.ts'
import { openShell, type RunOptions, type Shell } from './cli.testkit.ts'
import { memorySecrets } from './secrets.testkit.ts'

let vault: ReturnType<typeof memorySecrets>
let shell: Shell
beforeEach(() => {
  vault = memorySecrets()
  shell = openShell({ openSecrets: vault.openSecrets })
})
afterEach(() => shell.remove())

const kv = (...args: string[]) => shell.run(['kv', ...args])
const kvWith = (more: RunOptions, ...args: string[]) => shell.run(['kv', ...args], more)
const json = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { code, out, err } = await kv(...args, '-o', 'json')
  expect(err).toBe('')
  expect(code).toBe(0)
  return JSON.parse(out) as Record<string, unknown>
}

describe('kv get and put', () => {
  test('what was put is got, by key, raw, as variables and as a table', async () => {
    expect(await json('put', 'app/db', 'user=app', 'password=s3cret word')).toMatchObject({ path: 'app/db', version: 1, act: 'secret.write', pending: false })
    expect(await json('get', 'app/db')).toMatchObject({ path: 'app/db', version: 1, type: 'string', data: { user: 'app', password: 's3cret word' } })
    expect((await kv('get', 'app/db', '--field', 'password')).out).toBe('s3cret word')
    expect((await kv('get', 'app/db', '-o', 'env')).out).toBe("user=app\npassword='s3cret word'\n")
    const { out } = await kvWith({ tty: true }, 'get', 'app/db')
    expect(out).toMatch(/password +s3cret word\n/)
    expect((await kv('get', 'app/db', '-o', 'yaml')).out).toContain('password: s3cret word')
  })

  test('stdin and files; one newline at the end of stdin is dropped, a file is taken as it is', async () => {
    const file = shell.write('pem', 'line 1\nline 2\n')
    expect((await kvWith({ input: 'from stdin\n' }, 'put', 'app/db', 'a=-', `b=@${file}`, 'c=\\@x')).code).toBe(0)
    expect(await json('get', 'app/db')).toMatchObject({ data: { a: 'from stdin', b: 'line 1\nline 2\n', c: '@x' } })
    expect((await kv('get', 'app/db', '--field', 'b')).out).toBe('line 1\nline 2\n')
    expect((await kvWith({ tty: true }, 'get', 'app/db', '--field', 'b')).out).toBe('line 1\nline 2\n')
    expect((await kvWith({ tty: true }, 'get', 'app/db', '--field', 'a')).out).toBe('from stdin\n')
  })

  test('an empty stdin is no value, and nothing is written', async () => {
    expect(await kvWith({ input: '\n' }, 'put', 'app/db', 'a=-')).toMatchObject({ code: 1, out: '', err: expect.stringContaining('stdin is empty') })
    expect((await kv('get', 'app/db')).code).toBe(1)
    expect((await kv('put', 'app/db', 'a=')).code).toBe(0)
  })

  test('a key that is not there: which ones are', async () => {
    await kv('put', 'app/db', 'user=app', 'password=s3cret')
    const { code, out, err } = await kv('get', 'app/db', '--field', 'pasword')
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('it has user, password')
    expect(err).not.toContain('s3cret')
  })

  test('an object of JSON, and keys with dots', async () => {
    expect((await kvWith({ input: '{"a.b": {"c": [1, null]}, "d": true}' }, 'put', 'app/db', '-')).code).toBe(0)
    expect((await kv('get', 'app/db', '--field', 'a.b')).out).toBe('{"c":[1,null]}')
    expect((await kv('get', 'app/db', '--field', 'data.d')).out).toBe('true')
  })

  test('nothing in a value steers the terminal', async () => {
    shell.env['NO_COLOR'] = '1'
    await kvWith({ input: '{"a": "x\\u001b[2Jy\\u202ez"}' }, 'put', 'app/db', '-')
    for (const more of [['--field', 'a'], ['-o', 'raw'], [], ['-o', 'json'], ['-o', 'yaml'], ['-o', 'env']]) {
      const { out } = await kvWith({ tty: true }, 'get', 'app/db', ...more)
      for (const steering of ['\u001b', '\u202e']) expect(out).not.toContain(steering)
      expect(out.length).toBeGreaterThan(0)
    }
  })

  test('L-2 no message quotes a value', async () => {
    const typed = [['put', 'app/db', 'hunter2canary'], ['put', 'app/db', 'k=@hunter2canary'], ['put', 'app/db', '=hunter2canary'], ['put', 'app/db', '--type', 'hunter2canary'], ['put', 'app/db', '--type', 'ssh-key', 'private_key=hunter2canary'], ['put', 'app/db', '--type', 'key-pair', 'private_key=hunter2canary']]
    for (const args of typed) {
      const { code, out, err } = await kv(...args)
      expect(code).toBe(1)
      expect(out + err).not.toContain('hunter2canary')
    }
    expect(vault.calls).toEqual([])
  })

  test('check-and-set, patch, and versions', async () => {
    await kv('put', 'app/db', 'a=1', 'b=2', '--cas', '0')
    expect((await kv('put', 'app/db', 'a=3', '--cas', '0')).code).toBe(7)
    expect((await kv('patch', 'app/db', 'b=3', '--remove', 'a')).code).toBe(0)
    expect(await json('get', 'app/db')).toMatchObject({ version: 2, data: { b: '3' } })
    expect(await json('get', 'app/db', '--version', '1')).toMatchObject({ version: 1, data: { a: '1', b: '2' } })
    expect((await kv('get', 'app/db', '--version', 'x')).code).toBe(1)
    expect((await kv('get', 'app/none')).code).toBe(1)
  })

  test('a path has one spelling', async () => {
    const { code, err } = await kv('put', 'App//db', 'a=1')
    expect([code, err]).toEqual([1, expect.stringContaining('Did you mean app/db?')])
    expect(vault.calls).toEqual([])
  })

  test('a dry run and an explanation change nothing', async () => {
    expect(await json('put', 'app/db', 'a=canary', '--dry-run')).toEqual({ sent: false, would: 'secret.write', type: 'string', keys: ['a'], path: 'app/db', current_version: 0, next_version: 1 })
    expect(await json('put', 'app/db', 'a=canary', '--explain')).toMatchObject({ granted: true, action: 'write', path: 'app/db' })
    expect(await json('delete', 'app/db', '--dry-run')).toMatchObject({ sent: false })
    expect(await json('explain', 'read', 'app/db')).toMatchObject({ granted: true })
    expect((await kv('explain', 'eat', 'app/db')).code).toBe(1)
    expect(vault.calls).toEqual([])
  })
})

describe('kinds', () => {
  test('a file comes back byte for byte', async () => {
    const file = shell.write('logo.bin', 'bytes \u00e9')
    await kv('put', 'app/logo', '--type', 'file', '--file', file)
    expect(await json('get', 'app/logo')).toMatchObject({ type: 'file', data: { name: 'logo.bin' } })
    expect((await kv('get', 'app/logo', '-o', 'raw')).out).toBe('bytes \u00e9')
  })

  test('a config is shown as it is kept, or filled in', async () => {
    const file = shell.write('conf', 'url: {{ app/db#password }}\n')
    await kv('put', 'app/conf', '--type', 'config', '--file', file)
    expect((await kv('get', 'app/conf', '-o', 'raw')).out).toBe('url: {{ app/db#password }}\n')
    expect((await kv('get', 'app/conf', '-o', 'raw', '--render')).out).toBe('url: rendered\n')
  })

  test('a key pair knows its public half', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const file = shell.write('k.pem', String(privateKey.export({ type: 'pkcs8', format: 'pem' })))
    await kv('put', 'app/k', '--type', 'key-pair', '--file', file)
    expect((await kv('get', 'app/k', '--field', 'public_key')).out).toBe(String(publicKey.export({ type: 'spki', format: 'pem' })))
  })
})

describe('what shows no values', () => {
  test('list, search, history and metadata', async () => {
    await kv('put', 'app/db', 'password=canary1234', '--tag', 'postgres', '--custom', 'owner=ann')
    await kv('put', 'app/web/prod/key', 'a=canary1234')
    expect(await json('list', 'app/')).toMatchObject({ entries: [{ path: 'app/db', version: 1, tags: ['postgres'] }, { folder: 'app/web/' }] })
    expect((await kv('list', 'app', '-r', '-o', 'raw')).out).toBe('app/db\napp/web/prod/key\n')
    expect(await json('search', 'postgres', 'app')).toMatchObject({ entries: [{ path: 'app/db' }] })
    expect(await json('history', 'app/db')).toMatchObject({ changes: [{ act: 'secret.meta' }, { act: 'secret.write', by: 'ann' }] })
    expect(await json('metadata', 'put', 'app/db', '--max-versions', '3', '--cas-required', 'true', '--delete-after', '1h', '--untag')).toMatchObject({ settings: { max_versions: 3, cas_required: true, delete_version_after: 3600 }, tags: [], custom_metadata: { owner: 'ann' } })
    expect(await json('metadata', 'get', 'app/db')).toMatchObject({ settings: { max_versions: 3 } })
    expect((await kv('history', 'app/none')).code).toBe(1)
    const shown = await Promise.all([['list', 'app', '-r'], ['search', 'app', 'app'], ['history', 'app/db'], ['metadata', 'get', 'app/db']].flatMap((args) => ['json', 'table', 'yaml', 'raw', 'env'].map((format) => kv(...args, '-o', format))))
    for (const { out, err } of shown) expect(out + err).not.toContain('canary1234')
  })

  test('a row that does not verify is named and left out', async () => {
    await kv('put', 'app/db', 'a=1')
    const lying: typeof vault.secrets = { ...vault.secrets, list: async function* (prefix, options) { yield failed('answer_untrue', { detail: 'app/x' }); yield* vault.secrets.list(prefix, options) } }
    const elsewhere = openShell({ openSecrets: (_settings, _io, act) => act(lying) })
    const { code, out, err } = await elsewhere.run(['kv', 'list', 'app', '-o', 'raw'])
    expect([code, out, err]).toEqual([2, 'app/db\n', expect.stringContaining('answer_untrue')])
    elsewhere.remove()
  })

  test('what fails as a whole is said once', async () => {
    const refusing: typeof vault.secrets = { ...vault.secrets, list: async function* () { yield failed('policy_denied') } }
    const elsewhere = openShell({ openSecrets: (_settings, _io, act) => act(refusing) })
    const { code, out, err } = await elsewhere.run(['kv', 'list', 'app'])
    expect([code, out, err.match(/policy_denied/g)?.length]).toEqual([3, '', 1])
    elsewhere.remove()
  })

  test('delete, undelete, destroy and removal', async () => {
    await kv('put', 'app/db', 'a=1')
    expect(await json('delete', 'app/db')).toMatchObject({ act: 'secret.delete', state: 'deleted' })
    expect((await kv('get', 'app/db')).code).toBe(1)
    expect((await kv('undelete', 'app/db')).err).toContain('No version is named')
    expect(await json('undelete', 'app/db', '--versions', '1')).toMatchObject({ state: 'live' })
    expect(await json('destroy', 'app/db', '--versions', '1,1')).toMatchObject({ state: 'destroyed' })
    expect(await json('metadata', 'delete', 'app/db')).toMatchObject({ version: 0 })
  })
})

describe('import and export', () => {
  test('S2-33 a .env becomes one secret, and comes back as it was', async () => {
    const text = "URL=https://x\nPASSWORD='p $w\n#2'\n"
    const file = shell.write('.env', text)
    expect(await json('import', file, '--to', 'app/prod/web', '--dry-run')).toMatchObject({ sent: false, new: 1, stored: 0 })
    expect(vault.calls).toEqual([])
    expect(await json('import', file, '--to', 'app/prod/web')).toMatchObject({ sent: true, new: 1, stored: 1, secrets: [{ path: 'app/prod/web', what: 'new', keys: ['URL', 'PASSWORD'] }] })
    expect((await kv('export', 'app/prod/web')).out).toBe(text)
  })

  test('a second run leaves what is the same, and goes on where the first one ended', async () => {
    const file = shell.write('all.yaml', 'app/a: {k: 1}\napp/b: {k: x}\n')
    await kv('put', 'app/a', '--dry-run', 'x=1')
    await shell.run(['kv', 'import', shell.write('a.json', '{"app/a": {"k": 1}}')])
    expect(await json('import', file)).toMatchObject({ new: 1, same: 1, changed: 0, stored: 1 })
    expect(await json('import', file)).toMatchObject({ new: 0, same: 2, stored: 0 })
    expect(vault.calls.filter((call) => call.startsWith('secret.write'))).toEqual(['secret.write app/a', 'secret.write app/b'])
  })

  test('who may write and not read stores all of it; keys that the file does not name are kept with --merge', async () => {
    const file = shell.write('a.json', '{"app/a": {"k": "1"}}')
    await kv('put', 'app/a', 'k=1', 'other=2')
    expect(await json('import', file, '--merge')).toMatchObject({ same: 1, stored: 0 })
    vault.calls.length = 0
    expect(await json('import', file, '--no-compare')).toMatchObject({ stored: 1 })
    expect(vault.calls).toEqual(['secret.write app/a'])
    expect(await json('get', 'app/a')).toMatchObject({ data: { k: '1' } })
    expect((await kv('import', file, '--no-compare', '--merge')).code).toBe(1)
  })

  test('S2-33 variables go to their services, and shared ones to each', async () => {
    const file = shell.write('.env', 'WEB_URL=1\nWEB_ADMIN_URL=2\nLOG=3\n')
    expect((await kv('import', file, '--to', 'app/prod', '--services', 'web,web-admin')).err).toContain('LOG names no service')
    await kv('import', file, '--to', 'app/prod', '--services', 'web,web-admin', '--shared')
    expect(await json('get', 'app/prod/web')).toMatchObject({ data: { URL: '1', LOG: '3' } })
    expect(await json('get', 'app/prod/web-admin')).toMatchObject({ data: { URL: '2', LOG: '3' } })
    expect((await kv('export', 'app/prod')).out).toBe('WEB_URL=1\nWEB_LOG=3\nWEB_ADMIN_URL=2\nWEB_ADMIN_LOG=3\n')
  })

  test('typed secrets survive JSON and YAML', async () => {
    await kv('put', 'app/conf', '--type', 'config', 'template=x')
    await kv('put', 'app/db', 'a=1')
    const out = join(shell.folder, 'all.json')
    expect((await kv('export', 'app', '--out', out)).code).toBe(0)
    const other = memorySecrets()
    const elsewhere = openShell({ openSecrets: other.openSecrets })
    expect((await elsewhere.run(['kv', 'import', out])).code).toBe(0)
    expect((await elsewhere.run(['kv', 'export', 'app', '--as', 'yaml'])).out).toBe((await kv('export', 'app', '--as', 'yaml')).out)
    elsewhere.remove()
  })

  test('O-1 a file of secrets is for its owner, is not overwritten, and is no link', async () => {
    await kv('put', 'app/db', 'A=1')
    const out = join(shell.folder, 'out.env')
    expect((await kv('export', 'app/db', '--out', out)).code).toBe(0)
    expect(statSync(out).mode & 0o777).toBe(0o600)
    expect((await kv('export', 'app/db', '--out', out)).err).toContain('exists')
    expect((await kv('export', 'app/db', '--out', out, '--force')).code).toBe(0)
    const target = shell.write('target', 'untouched')
    const link = join(shell.folder, 'link.env')
    symlinkSync(target, link)
    expect((await kv('export', 'app/db', '--out', link)).code).toBe(1)
    expect((await kv('export', 'app/db', '--out', link, '--force')).code).toBe(0)
    expect(readFileSync(target, 'utf8')).toBe('untouched')
    symlinkSync(target, join(shell.folder, 'in.env'))
    expect((await kv('import', join(shell.folder, 'in.env'), '--to', 'app/x')).err).toContain('it is a link')
    expect(existsSync(join(shell.folder, 'in.env'))).toBe(true)
  })

  test('what cannot be imported is refused as a whole', async () => {
    for (const [name, text] of [['a.json', '{"a": {"b": 1}, "c": 2}'], ['b.json', '[1]'], ['c.yaml', 'a: &x 1\nb: *x\n'], ['d.yaml', 'a: 1\na: 2\n'], ['e.env', 'A=1\nA=2\n'], ['f.txt', 'A=1'], ['g.json', '{}'], ['h.json', '{"App/x": {"a": 1}}']] as const) {
      const { code } = await kv('import', shell.write(name, text), ...(name === 'h.json' ? [] : ['--to', 'app/x']))
      expect([name, code]).toEqual([name, 1])
    }
    expect(vault.calls).toEqual([])
  })
})
