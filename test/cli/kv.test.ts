import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startStack, type Stack } from '../stack.ts'

/* The command line against a whole deployment: api, vault, coordinator, three signers, Postgres. */

let stack: Stack
let folder: string
beforeAll(async () => {
  stack = await startStack()
  folder = mkdtempSync(join(tmpdir(), 'symbolon-kv-test-'))
}, 300_000)
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await stack.stop()
})

const canary = 'canary-Zm9vYmFy-7731'
const kv = (...args: string[]) => stack.cli(['kv', ...args, '-o', 'json'])
const json = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { code, stdout, stderr } = await kv(...args)
  expect([args[0], code, stderr]).toEqual([args[0], 0, ''])
  return JSON.parse(stdout) as Record<string, unknown>
}

describe('kv against a quorum', () => {
  test('put and get work at once, in both kinds of namespace', async () => {
    expect(await json('put', 'app/db', `password=${canary}`, 'user=app')).toMatchObject({ version: 1, pending: false })
    expect(await json('get', 'app/db')).toMatchObject({ version: 1, data: { password: canary, user: 'app' } })
    expect((await stack.cli(['kv', 'get', 'app/db', '--field', 'password'])).stdout).toBe(canary)
    expect(await json('put', 'secret/db', 'a=1')).toMatchObject({ version: 1 })
    expect(await json('get', 'secret/db')).toMatchObject({ data: { a: '1' } })
  })

  test('check-and-set, patch, delete, undelete, and what the policy gives to others', async () => {
    expect((await kv('put', 'app/v', 'a=1', '--cas', '0')).code).toBe(0)
    expect((await kv('put', 'app/v', 'a=2', '--cas', '0')).code).toBe(7)
    expect(await json('patch', 'app/v', 'b=2')).toMatchObject({ version: 2 })
    expect(await json('get', 'app/v')).toMatchObject({ data: { a: '1', b: '2' } })
    await json('delete', 'app/v')
    expect((await kv('get', 'app/v')).code).not.toBe(0)
    expect(await json('get', 'app/v', '--version', '1')).toMatchObject({ data: { a: '1' } })
    await json('undelete', 'app/v', '--versions', '2')
    expect(await json('get', 'app/v')).toMatchObject({ version: 2 })
    // An engineer may not: the policy gives that to an sre alone.
    for (const args of [['destroy', 'app/v', '--versions', '1'], ['metadata', 'delete', 'app/v']]) {
      const { code, stderr } = await kv(...args)
      expect([code, stderr]).toEqual([3, expect.stringContaining('destroy')])
    }
    expect(await json('metadata', 'put', 'app/v', '--max-versions', '3', '--tag', 'blue')).toMatchObject({ settings: { max_versions: 3 }, tags: ['blue'] })
    expect(await json('search', 'blue')).toMatchObject({ entries: [{ path: 'app/v' }] })
    const { changes } = (await json('history', 'app/v')) as { changes: { act: string }[] }
    expect(changes.map(({ act }) => act)).toEqual(['secret.meta', 'secret.undelete', 'secret.delete', 'secret.write', 'secret.write'])
  })

  test('a .env goes in and comes out', async () => {
    const file = join(folder, '.env')
    writeFileSync(file, `URL=https://x\nPASSWORD='${canary} $x\n#2'\n`)
    expect(await json('import', file, '--to', 'app/prod/web')).toMatchObject({ new: 1, stored: 1 })
    expect(await json('import', file, '--to', 'app/prod/web')).toMatchObject({ same: 1, stored: 0 })
    expect((await stack.cli(['kv', 'export', 'app/prod/web'])).stdout).toBe(readFileSync(file, 'utf8'))
    expect(await json('list', 'app')).toMatchObject({ entries: expect.arrayContaining([{ folder: 'app/prod/' }]) })
  })

  test('a config with what it refers to, and a command that gets it', async () => {
    const file = join(folder, 'conf')
    writeFileSync(file, 'pw: {{ app/db#password }}\n')
    await json('put', 'app/conf', '--type', 'config', '--file', file)
    expect((await stack.cli(['kv', 'get', 'app/conf', '-o', 'raw', '--render'])).stdout).toBe(`pw: ${canary}\n`)
    const { stdout, code } = await stack.cli(['run', '--env', 'P=app/db#password', '--mount', `app/conf=${join(folder, 'mounted')}`, '--', 'sh', '-c', `echo $P; cat ${join(folder, 'mounted')}`])
    expect([code, stdout]).toEqual([0, `${canary}\npw: ${canary}\n`])
  })

  test('explain says yes and no, and changes nothing', async () => {
    expect(await json('explain', 'write', 'app/db')).toMatchObject({ granted: true })
    expect(await json('explain', 'read', 'app/db')).toMatchObject({ granted: true })
    expect((await kv('explain', 'write', 'nowhere/db')).code).not.toBe(2)
    expect(await json('get', 'app/db')).toMatchObject({ version: 1 })
  })

  test('backup: verified, unreadable, restored where nothing is lost', async () => {
    const file = join(folder, 'backup.jsonl')
    const made = await stack.cli(['vault', 'backup', file, '-o', 'json'])
    expect([made.code, made.stderr]).toEqual([0, ''])
    expect(JSON.parse(made.stdout)).toMatchObject({ verified: true, lacking: [] })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).not.toContain(canary)
    expect((await stack.cli(['vault', 'backup', file])).stderr).toContain('exists')
    expect((await stack.cli(['vault', 'restore', file, '--dry-run'])).code).toBe(0)
    expect(JSON.parse((await stack.cli(['vault', 'restore', file, '-o', 'json'])).stdout)).toMatchObject({ taken: 0 })
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.slice(0, text.length - 40))
    expect((await stack.cli(['vault', 'restore', file])).code).not.toBe(0)
  })

  test('re-encryption finds nothing to do where no key was rotated', async () => {
    expect(JSON.parse((await stack.cli(['vault', 'reencrypt', '-o', 'json'])).stdout)).toMatchObject({ renewed: 0, failed: [], finished: true })
    expect(JSON.parse((await stack.cli(['vault', 'status', '-o', 'json'])).stdout)).toMatchObject({ ready: true, namespaces: expect.arrayContaining([{ id: 'app', combine: 'caller' }, { id: 'secret', combine: 'vault' }]) })
  })

  test('killing one signer changes nothing, killing two is a clear 503', async () => {
    await stack.kill('signer-3')
    expect(await json('get', 'app/db')).toMatchObject({ data: { password: canary } })
    expect(await json('put', 'app/db', `password=${canary}`)).toMatchObject({ version: 2 })
    await stack.kill('signer-2')
    const { code, stderr } = await kv('get', 'app/db')
    expect([code, stderr]).toEqual([2, expect.stringContaining('quorum_unavailable')])
    expect(stderr).not.toContain(canary)
  })
})
