import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startStack, type Stack } from '../stack.ts'
import { formsInFolder, formsOf } from './forms.ts'

/*
 * Canaries: values and tokens planted through the command line, a child's environment and the façade, by requests that succeed and by such that are
 * refused or cannot be read. Afterwards each file of the deployment is searched: logs, the database with its journal, temporary files, what clients remember.
 */

let stack: Stack
beforeAll(async () => {
  const started = await startStack()
  stack = started
  expect(started.first.code, started.first.stderr).toBe(0)
})
afterAll(() => stack?.stop())

const newCanary = () => `canary-${randomBytes(20).toString('hex')}`
const [put, denied, ofFacade, unread, header] = [newCanary(), newCanary(), newCanary(), newCanary(), newCanary()]

test('TST-54 L-1 what was planted is found in no log, trace, table, journal or temporary file, nor in any error', async () => {
  expect((await stack.cli(['kv', 'put', 'app/walk/db', `password=${put}`])).code).toBe(0)
  const got = await stack.cli(['kv', 'get', 'app/walk/db', '-o', 'json'])
  expect(got.stdout).toContain(put)
  const refused = await stack.cli(['kv', 'put', 'elsewhere/db', `password=${denied}`])
  expect(refused.code).not.toBe(0)
  const minted = await stack.cli(['mint', '--audience', `${stack.issuer}/secrets`, '--scope', 'secret:read', '--scope', 'secret:write', '-o', 'jwt'])
  const token = minted.stdout.trim()
  const ask = async (method: string, path: string, body?: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`http://localhost:${stack.port('vault')}/v1/${path}`, { method, headers: { 'x-vault-token': token, 'content-type': 'application/json', ...headers }, ...(body === undefined ? {} : { body }) })
    return { status: answer.status, text: await answer.text() }
  }
  expect((await ask('POST', 'secret/data/walk', JSON.stringify({ data: { password: ofFacade } }))).status).toBe(200)
  expect((await ask('GET', 'secret/data/walk')).text).toContain(ofFacade)
  const failed = [
    await ask('POST', 'secret/data/walk', `{"data":{"password":"${unread}`),
    await ask('POST', 'secret/data/walk', JSON.stringify({ data: unread })),
    await ask('POST', 'secret/data/walk', JSON.stringify({ data: { password: unread }, options: { cas: 99 } })),
    await ask('POST', 'app/data/walk', JSON.stringify({ data: { password: unread } })),
    await ask('GET', 'secret/data/walk', undefined, { 'x-vault-token': header }),
    await ask('POST', 'secrets/read', JSON.stringify({ intent: unread, evidence: [{ kind: 'token', token: header, proof: header }] })),
  ]
  expect(failed.every(({ status }) => status >= 400)).toBe(true)
  for (const { text } of [...failed, { text: refused.stderr + refused.stdout }]) for (const canary of [put, denied, ofFacade, unread, header, token]) expect(text).not.toContain(canary)

  const signature = token.split('.')[2] ?? expect.unreachable()
  const needles = [put, denied, ofFacade, unread, header, signature].flatMap((canary) => formsOf(Buffer.from(canary)))
  expect(formsInFolder(stack.home.path, needles)).toEqual([])
  // The same search finds what is there: the path, in a log and in the database.
  const found = formsInFolder(stack.home.path, formsOf(Buffer.from('app/walk/db')).slice(0, 1))
  expect(found.some((each) => each.includes('/log/vault.log'))).toBe(true)
  expect(found.some((each) => each.includes('/postgres/'))).toBe(true)
})
