import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { homeAt } from '@symbolon/dev/home.ts'
import { openTown } from '../people.testkit.ts'
import { cloneOf, execute, must, type Clone } from './clone.ts'

/* What the README promises, on a fresh clone: as the user of the tests, and, when that is root, as an ordinary one. */

const compact = /eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/
const users = process.getuid?.() === 0 ? [{ who: 'root', user: undefined }, { who: 'an ordinary user', user: 65_534 }] : [{ who: 'an ordinary user', user: undefined }]

interface Status {
  readonly issuer: string
  readonly jwks_uri: string
  readonly console_url: string
  readonly vault_addr: string
  readonly threshold: number
  readonly signers: readonly { readonly id: number; readonly name: string; readonly healthy: boolean; readonly epoch: number; readonly policy: string }[]
}

describe.each(users)('a newcomer who is $who', ({ user }) => {
  let clone: Clone
  beforeAll(async () => {
    clone = await cloneOf(user === undefined ? {} : { user })
  })
  afterAll(() => clone.remove())

  const mint = () => clone.run('./symbolon', 'mint', '--scope', 'read:logs', '-o', 'jwt')
  const status = async () => JSON.parse((await must(clone.run('./symbolon', 'status', '-o', 'json'))).stdout) as Status

  test('`make up DETACH=1` ends with a token on the screen and says what to do next', async () => {
    const up = await must(clone.run('make', 'up', 'DETACH=1'))
    expect(up.stdout + up.stderr).toMatch(compact)
    expect(up.stdout + up.stderr).toMatch(/symbolon mint/)
    expect(up.stderr).toMatch(/^ {2}http:\/\/localhost:\d+\/enrol#[\w-]+$/m)
  })

  test('`make up` unlocks a first secret by that token, and says what the second namespace means', async () => {
    const again = await must(clone.run('make', 'up', 'DETACH=1'))
    expect(again.stderr).toMatch(/^ {2}→ signers helped to open this, and none of them has seen it$/m)
    expect(again.stderr).toMatch(/secret\/ .*the vault process opens it/)
    const { vault_addr } = await status()
    expect((await fetch(`${vault_addr}/livez`)).status).toBe(200)
  })

  test('`./symbolon mint` works at once, and jose accepts the token', async () => {
    const { stdout } = await must(mint())
    const { issuer, jwks_uri } = await status()
    const { payload, protectedHeader } = await jwtVerify(stdout.trim(), createRemoteJWKSet(new URL(jwks_uri)), { issuer, typ: 'at+jwt', algorithms: ['EdDSA'] })
    expect(payload['scope']).toBe('read:logs')
    expect(protectedHeader.kid).toBe(decodeProtectedHeader(stdout.trim()).kid)
  })

  test('J-9 Python’s cryptography and Go’s crypto/ed25519 accept it too, and refuse it for another audience', async () => {
    const token = (await must(mint())).stdout.trim()
    const { issuer, jwks_uri } = await status()
    const jwks = join(clone.folder, '.symbolon/test-jwks.json')
    await writeFile(jwks, await (await fetch(jwks_uri)).text())
    const { aud } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { aud: string }
    const verifiers: [string, string, string[], Record<string, string>][] = [
      ['python', 'python3', ['-B', 'verify.py'], {}],
      ['go', 'go', ['run', '.'], { GOTOOLCHAIN: 'local' }],
      ['node', process.execPath, ['verify.mjs'], {}],
    ]
    for (const [folder, command, args, env] of verifiers) {
      const check = (audience: string) =>
        execute('sh', ['-c', 'printf %s "$TOKEN" | exec "$@"', 'sh', command, ...args, '--jwks', jwks, '--issuer', issuer, '--audience', audience], { cwd: join(clone.folder, 'verifiers', folder), env: { ...process.env, ...env, TOKEN: token } })
      const good = await check(aud)
      expect({ folder, code: good.code, stderr: good.stderr }).toEqual({ folder, code: 0, stderr: '' })
      expect((await check('https://elsewhere.example')).stderr).toContain('audience')
    }
  })

  test('the api names the console, which answers there', async () => {
    const { console_url } = await status()
    const page = await fetch(console_url)
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<title>Symbolon')])
  })

  test('status names issuer, keys, threshold and three healthy signers of one policy', async () => {
    const { issuer, jwks_uri, threshold, signers } = await status()
    expect(jwks_uri.startsWith(`${issuer}/`)).toBe(true)
    expect(threshold).toBe(2)
    expect(signers.map(({ id, name, healthy, epoch }) => ({ id, name, healthy, epoch }))).toEqual([1, 2, 3].map((id) => ({ id, name: `signer-${id}`, healthy: true, epoch: 1 })))
    expect(new Set(signers.map(({ policy }) => policy)).size).toBe(1)
  })

  test('a refused scope exits 3 and explains itself: rule, fact, what would change it', async () => {
    const refused = await clone.run('./symbolon', 'mint', '--scope', 'write:prod')
    expect(refused.code).toBe(3)
    expect(refused.stderr).toMatch(/write:prod/)
    expect(refused.stderr).toMatch(/engineer/)
    expect(refused.stderr).toMatch(/sre/)
    const explained = await clone.run('./symbolon', 'explain', '--scope', 'write:prod')
    expect(explained.stdout + explained.stderr).toMatch(/write:prod[^]*sre|sre[^]*write:prod/)
  })

  test('a second `make up` after `make down` keeps keys, ports and data', async () => {
    const before = await status()
    const keys = await (await fetch(before.jwks_uri)).text()
    await must(clone.run('make', 'down'))
    await must(clone.run('make', 'up', 'DETACH=1'))
    const after = await status()
    expect(after.issuer).toBe(before.issuer)
    expect(await (await fetch(after.jwks_uri)).text()).toBe(keys)
  })

  test('everything that it wrote is private', async () => {
    const readable = await must(clone.run('find', '.symbolon', '-maxdepth', '0', '-not', '-perm', '700'))
    expect(readable.stdout).toBe('')
    const secrets = await must(clone.run('find', '.symbolon', '-type', 'f', '(', '-name', '*.key', '-o', '-name', '*pin*', '-o', '-name', '*pass*', '-o', '-name', '*seed*', ')', '-not', '-perm', '600'))
    expect(secrets.stdout).toBe('')
  })

  test('the README’s first use, line by line', async () => {
    const transcript = (await readFile(join(clone.folder, 'README.md'), 'utf8')).split('<!-- transcript -->')[1] ?? ''
    const steps = [...transcript.matchAll(/^\$ (.+)\n((?:(?!\$ |```).*\n)*)/gm)].map(([, command, shown]) => ({ command: command ?? '', shown: shown ?? '' }))
    expect(steps.length).toBeGreaterThan(5)
    let last = 0
    for (const { command, shown } of steps) {
      const ran = await clone.run('bash', '-c', `(exit ${last}); ${command}`)
      last = ran.code
      // `…` stands for what differs from run to run.
      const pattern = new RegExp(shown.trim().split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^]*'))
      expect(`${command}\n${ran.stdout}${ran.stderr}`).toMatch(pattern)
    }
  })

  test('once the first person has come in, `make down` and `make up` keep her, and print no link to come in by', async () => {
    const home = homeAt(join(clone.folder, '.symbolon'))
    const { ports } = JSON.parse(await readFile(home.deployment, 'utf8')) as { ports: Record<string, number> }
    const town = await openTown({ home, cli: (args) => clone.run('./symbolon', ...args), port: (name) => ports[name] ?? 0 })
    const ann = await town.first('ann')
    await must(clone.run('make', 'down'))
    const up = await must(clone.run('make', 'up', 'DETACH=1'))
    expect(up.stdout + up.stderr).toMatch(compact)
    expect(up.stderr).toContain(`http://localhost:${ports['console']}; sign in there, or in a terminal: ./symbolon login`)
    expect(up.stderr).not.toContain('/enrol#')
    expect((await town.roster(ann)).document).toMatchObject({ version: 2, guardians: { people: ['ann'] } })
    expect(JSON.parse((await must(clone.run('./symbolon', 'roster', 'show', '-o', 'json'))).stdout)).toMatchObject({ version: 2, vouched: true, people: [{ id: 'ann' }] })
    await town.close()
  })

  test('`make down` leaves no process', async () => {
    const pids = [...(await clone.pids()).values()]
    await must(clone.run('make', 'down'))
    const alive = await Promise.all(pids.map(async (pid) => ((await readFile(`/proc/${pid}/cmdline`, 'utf8').catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? '' : Promise.reject(error)))) === '' ? [] : [pid])))
    expect(alive.flat()).toEqual([])
  })
})
