import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { softhsm } from '../keystore/softhsm.ts'
import { startStack, type Stack } from '../stack.ts'

/* `symbolon doctor hsm` beside signers whose keys lie in tokens. */

let stack: Stack
beforeAll(async () => {
  const started = await startStack({ env: { KEYSTORE: 'pkcs11' } })
  stack = started
  expect(started.first.code, started.first.stderr).toBe(0)
})
afterAll(() => stack?.stop())

interface Report {
  readonly ok: boolean
  readonly findings: readonly { check: string; ok: boolean; detail: string; fix: string }[]
}
const doctor = async () => {
  const { code, stdout } = await stack.cli(['doctor', 'hsm', '-o', 'json'])
  return { code, ...(JSON.parse(stdout) as Report) }
}

test('every token, key and share is well, while the signers run', async () => {
  const { code, ok, findings } = await doctor()
  expect([code, ok]).toEqual([0, true])
  expect(findings.map(({ check }) => check)).toEqual([1, 2, 3].flatMap((id) => ['files', 'keystore', 'device', 'keys', 'signing', 'sealing', 'derived objects', 'shares', 'share'].map((check) => `signer ${id} (pkcs11) ${check}`)))
  expect((await stack.cli(['mint', '--scope', 'read:logs'])).code).toBe(0)
})

test('a key that is gone is named, and the other signers are well', async () => {
  const folder = join(stack.home.path, 'signer-2')
  const tool = (...args: string[]) => execFileSync('pkcs11-tool', ['--module', softhsm, '--token-label', 'symbolon-signer-2', '--login', '--pin', `env:PIN`, ...args], { env: { PATH: process.env['PATH'], SOFTHSM2_CONF: join(folder, 'softhsm2.conf'), PIN: execFileSync('cat', [join(folder, 'pin')], { encoding: 'utf8' }).trim() }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const ids = [...tool('--list-objects', '--type', 'privkey').matchAll(/ID: +([0-9a-f]+)/g)].map((found) => found[1] ?? '')
  expect(ids.length).toBeGreaterThan(0)
  for (const id of ids) tool('--delete-object', '--type', 'privkey', '--id', id)
  const { code, findings } = await doctor()
  expect(code).toBe(1)
  const ill = findings.filter((finding) => !finding.ok)
  expect(ill).toEqual([{ check: 'signer 2 (pkcs11) device', ok: false, detail: expect.stringContaining('key_missing'), fix: expect.any(String) }])
})
