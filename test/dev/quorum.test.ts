import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startStack, type Stack } from '../stack.ts'

/* A whole deployment as its user meets it: a token at once, one signer lost, two lost, and `make up` again. */

let stack: Awaited<ReturnType<typeof startStack>>
beforeAll(async () => {
  stack = await startStack()
})
afterAll(() => stack.stop())

const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/
const mint = (from: Stack = stack) => from.cli(['mint', '--scope', 'read:logs', '-o', 'jwt'])
const stateOf = (name: string) => stack.state().units.find((unit) => unit.name === name)

describe('make up', () => {
  test('ends with 0 and a token on stdout, nothing else', () => {
    expect(stack.first.code).toBe(0)
    expect(stack.first.stdout.trim()).toMatch(jwt)
    expect(stack.first.stderr).toContain('plays all operators')
  })

  test('C-3 minting works with any one signer lost; make up starts that one and no other', async () => {
    const others = () => ['api', 'coordinator', 'postgres'].map((name) => stack.pid(name))
    const before = others()
    for (const name of ['signer-1', 'signer-2', 'signer-3']) {
      await stack.kill(name)
      const { code, stdout, stderr } = await mint()
      expect([name, code, stderr]).toEqual([name, 0, expect.any(String)])
      expect(stdout.trim()).toMatch(jwt)
      expect((await stack.up()).code).toBe(0)
    }
    expect(others()).toEqual(before)
  })

  test('C-3 with two lost it is a 503 with reasons, and the command line says which are down; make up heals', async () => {
    await stack.kill('signer-1')
    await stack.kill('signer-3')
    await expect.poll(async () => (await fetch(`${stack.issuer}/readyz`)).status, { timeout: 20_000 }).toBe(503)
    expect(await (await fetch(`${stack.issuer}/readyz`)).text()).toContain('quorum')
    const refused = await mint()
    expect([refused.code, refused.stdout]).toEqual([2, ''])
    expect(refused.stderr).toMatch(/quorum[^]*signer-1[^]*signer-3/)
    const healed = await stack.up()
    expect(healed.code).toBe(0)
    expect(healed.stdout.trim()).toMatch(jwt)
    expect(stack.state().units.every((unit) => unit.state === 'ready')).toBe(true)
  })

  test('with a signer that refuses to start it still ends with 0, and names it and why', async () => {
    await stack.down()
    const share = join(stack.home.folder('signer-2'), 'passphrase')
    renameSync(share, `${share}.kept`)
    writeFileSync(share, 'another one', { mode: 0o600 })
    const { code, stdout, stderr } = await stack.up()
    expect(code).toBe(0)
    expect(stdout.trim()).toMatch(jwt)
    expect(stderr).toMatch(/signer-2: failed \(.+\); see .*signer-2\.log/)
    expect(stateOf('signer-2')).toMatchObject({ state: 'failed', pid: null })
    renameSync(`${share}.kept`, share)
    expect((await stack.up()).stderr).not.toContain('signer-2: failed')
    expect(stateOf('signer-2')).toMatchObject({ state: 'ready' })
  })
})
