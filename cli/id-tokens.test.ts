import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { evidenceList, type Evidence } from '@symbolon/protocol/evidence.ts'
import { parseProof } from '@symbolon/protocol/proof.ts'
import { deployment, serveApi, type Asked } from './api.testkit.ts'
import { openShell, type Shell } from './cli.testkit.ts'

/* A job whose platform gave it one ID token for all its requests. */

let shell: Shell
let api: Awaited<ReturnType<typeof serveApi>>
beforeEach(async () => {
  shell = openShell()
  api = await serveApi()
  Object.assign(shell.env, { SYMBOLON_ADDR: api.url, SYMBOLON_PIN: deployment.pin, SYMBOLON_SUBJECT: 'job', SYMBOLON_ID_TOKEN: jwt('one') })
})
afterEach(async () => {
  await api.close()
  shell.remove()
})

const now = () => Math.floor(Date.now() / 1000)
const jwt = (sub: string, claims: object = { exp: now() + 600 }): string => [{ alg: 'RS256', kid: 'k' }, { sub, ...claims }].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') + '.c2lnbmF0dXJl'
const mint = (...args: string[]) => shell.run(['mint', '--scope', 'read:logs', '-o', 'jwt', ...args])
const minted = (): readonly Asked[] => api.requests.filter(({ path }) => path === '/v1/tokens')
const evidence = (): readonly Evidence[] => minted().flatMap(({ body }) => evidenceList.parse(JSON.parse(body).evidence))
/** Whose proof each request came with. */
const owners = () => evidence().map((item) => (item.kind === 'sealed_id_token' ? JSON.stringify(parseProof(item.proof)?.header.jwk) : item.kind))
const keys = () => join(shell.folder, 'user/.local/state/symbolon/id-token-keys')

describe('I-6 an ID token that the platform gave', () => {
  test('leaves this machine sealed to every signer, and in no other way', async () => {
    const { code, err } = await mint('--print-request')
    expect(code).toBe(0)
    expect(evidence()).toEqual([expect.objectContaining({ kind: 'sealed_id_token', sealed: [1, 2, 3].map((signer) => expect.objectContaining({ signer })) })])
    const shown = api.requests.map(({ body }) => body).join('\n') + err
    for (const part of jwt('one').split('.')) expect(shown).not.toContain(part)
  })

  test('is shown by one key as long as it is used, and another token by another', async () => {
    for (const token of [jwt('one'), jwt('one'), jwt('two')]) {
      shell.env['SYMBOLON_ID_TOKEN'] = token
      expect((await mint()).code).toBe(0)
    }
    const [first, second, third] = owners()
    expect([second, third === first]).toEqual([first, false])
  })

  test('of two requests that start together, both are by one key', async () => {
    expect((await Promise.all([mint(), mint(), mint()])).map(({ code }) => code)).toEqual([0, 0, 0])
    expect(new Set(owners()).size).toBe(1)
  })

  test('its key rests in a file of 0600 that names neither token nor job, and goes when the token is long over', async () => {
    shell.env['SYMBOLON_ID_TOKEN'] = jwt('old', { exp: now() - 3_700 })
    await mint()
    const [old = ''] = readdirSync(keys())
    expect([statSync(join(keys(), old)).mode & 0o777, statSync(keys()).mode & 0o777]).toEqual([0o600, 0o700])
    expect(readFileSync(join(keys(), old)).includes('job')).toBe(false)
    shell.env['SYMBOLON_ID_TOKEN'] = jwt('one')
    await mint()
    expect(readdirSync(keys())).toEqual([expect.not.stringContaining(old)])
  })

  test.each([
    ['is open to others', (path: string) => chmodSync(path, 0o640)],
    ['is no private key', (path: string) => shell.write(path.slice(shell.folder.length + 1), 'secret-canary')],
  ])('a kept key that %s is not used', async (said, spoil) => {
    await mint()
    spoil(join(keys(), readdirSync(keys())[0] ?? ''))
    const { code, err } = await mint()
    expect([code, minted().length, err.includes('canary')]).toEqual([1, 1, false])
    expect(err).toContain(said)
  })

  test('without a place to keep its key it is good for one request, which is said', async () => {
    shell.env['XDG_STATE_HOME'] = shell.write('no-folder', '')
    const { code, err } = await mint()
    expect(code).toBe(0)
    expect(err).toContain('another request with the same token will be refused')
  })

  test.each([
    ['an unpinned keyset', { SYMBOLON_PIN: 'unpinned' }],
    ['text that is no token', { SYMBOLON_ID_TOKEN: 'secret-canary' }],
    ['a token without an end', { SYMBOLON_ID_TOKEN: jwt('one', {}) }],
  ])('with %s nothing is sent', async (_, env) => {
    Object.assign(shell.env, env)
    const { code, err } = await mint()
    expect([code === 0, minted(), err.includes('canary')]).toEqual([false, [], false])
    expect(err).toContain('credential_unusable')
  })
})

describe('its class', () => {
  test('bearer, said aloud, sends it in clear', async () => {
    shell.env['SYMBOLON_ID_TOKEN_CLASS'] = 'bearer'
    expect((await mint()).code).toBe(0)
    expect(evidence()).toEqual([{ kind: 'id_token', token: jwt('one') }])
  })

  test('no other', async () => {
    const { code, err } = await mint('--id-token-class', 'bound')
    expect([code, minted()]).toEqual([1, []])
    expect(err).toContain('There is no class bound')
  })
})

describe('a file of the platform’s', () => {
  beforeEach(() => delete shell.env['SYMBOLON_ID_TOKEN'])

  test('is read behind its link and with the mode that a kubelet gives it, anew for each request', async () => {
    const path = shell.write('projected/..data/token', `${jwt('one')}\n`, 0o644)
    symlinkSync(path, join(shell.folder, 'projected/token'))
    shell.env['SYMBOLON_ID_TOKEN_FILE'] = join(shell.folder, 'projected/token')
    expect((await mint()).code).toBe(0)
    shell.write('projected/..data/token', jwt('renewed'), 0o644)
    expect((await mint()).code).toBe(0)
    expect(new Set(owners()).size).toBe(2)
  })

  test('that others may write is refused', async () => {
    shell.env['SYMBOLON_ID_TOKEN_FILE'] = shell.write('token', jwt('one'), 0o666)
    expect(await mint()).toMatchObject({ code: 1, err: expect.stringContaining('can be written by others') })
  })
})
