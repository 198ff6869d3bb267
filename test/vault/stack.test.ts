import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack, type Stack } from '../stack.ts'

/* The vault as its users have it: the launcher's deployment, real signers, a real database, the command line. One story, in order. */

let stack: Stack
const value = `value-${randomBytes(16).toString('hex')}`
beforeAll(async () => {
  stack = await startStack()
})
afterAll(() => stack.stop())

const kv = (...args: string[]) => stack.cli(['kv', ...args])
const password = async (...args: string[]): Promise<unknown> => {
  const { code, stdout, stderr } = await kv('get', ...args, '-o', 'json')
  return code === 0 ? (JSON.parse(stdout) as { data: { password: unknown } }).data.password : stderr
}

test('what is put can be got; the log says who read what, and no process’s log has the value', async () => {
  expect((await kv('put', 'app/db', `password=${value}`)).code).toBe(0)
  expect(await password('app/db')).toBe(value)
  const events = stack.log('vault').split('\n').filter((line) => line.includes('"event":"secret_read"')).map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(events.at(-1)).toMatchObject({ read: ['app/db@1'], code: 'ok', scope: 'secret:read', decision: 'granted' })
  for (const name of ['vault', 'api', 'coordinator', 'signer-1', 'signer-2', 'signer-3']) expect(stack.log(name)).not.toContain(value)
})

test('the vault starts again where it was', async () => {
  await stack.kill('vault')
  expect((await stack.up()).code).toBe(0)
  expect(await password('app/db')).toBe(value)
})

test('with one signer gone everything goes on, and a change that it missed reaches it', async () => {
  await stack.kill('signer-3')
  expect(await password('app/db')).toBe(value)
  expect((await kv('put', 'app/db', `password=${value}-2`)).code).toBe(0)
  expect(await password('app/db')).toBe(`${value}-2`)
  expect((await stack.up()).code).toBe(0)
  await stack.kill('signer-2')
  await expect.poll(() => password('app/db'), { timeout: 60_000, interval: 1_000 }).toBe(`${value}-2`)
  expect((await stack.up()).code).toBe(0)
})

test('with two gone: 503, and its code', async () => {
  await stack.kill('signer-2')
  await stack.kill('signer-3')
  expect(await password('app/db')).toContain('quorum_unavailable')
  expect((await kv('put', 'app/db', 'password=x')).stderr).toContain('quorum_unavailable')
  expect((await stack.up()).code).toBe(0)
})

test('what is not there and what is not yours are told alike', async () => {
  const [absent, foreign] = [String(await password('app/nothing')), String(await password('elsewhere/x'))].map((text) => text.replaceAll(/[0-9a-f-]{36}/g, 'ID'))
  expect(absent).toContain('secret_not_found')
  expect(foreign).toBe(absent)
})
