import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deploymentProblems, openDeployment } from './deployment.ts'
import { homeAt, type Home } from './home.ts'

let home: Home
beforeEach(() => {
  home = homeAt(mkdtempSync(join(tmpdir(), 'symbolon-deployment-')))
})
afterEach(() => rmSync(home.path, { recursive: true }))

const open = async (environment: NodeJS.ProcessEnv = {}) => {
  const opened = await openDeployment(home, environment)
  if (!opened.ok) throw new Error(opened.problems.join())
  return opened.deployment
}
const stored = () => JSON.parse(readFileSync(home.deployment, 'utf8'))

describe('a deployment', () => {
  test('is 2-of-3 with the default scopes unless the environment says otherwise, once', async () => {
    const made = await open()
    expect(made.settings).toMatchObject({ FROST_N: 3, FROST_T: 2, TOKEN_DEFAULT_TTL_SECONDS: 900, ALLOWED_SCOPES: ['read:logs', 'write:staging', 'deploy:canary', 'write:prod', 'secret:read', 'secret:list', 'secret:write', 'secret:delete', 'secret:destroy'], KEYSTORE: 'file' })
    expect(made.signers).toEqual(['signer-1', 'signer-2', 'signer-3'])
    const other = homeAt(join(home.path, 'other'))
    const opened = await openDeployment(other, { FROST_N: '5', ALLOWED_SCOPES: 'a:b, c:d' })
    expect(opened.ok && [opened.deployment.signers.length, opened.deployment.settings.FROST_T, opened.deployment.settings.ALLOWED_SCOPES]).toEqual([5, 3, ['a:b', 'c:d']])
  })

  test('picks its ports once, all different, and tells the origins from them', async () => {
    const [first, second] = [await open(), await open()]
    const names = ['api', 'console', 'coordinator', 'signer-1', 'signer-2', 'signer-3', 'keygen-1', 'keygen-2', 'keygen-3']
    const ports = names.map((name) => first.port(name))
    expect(new Set(ports).size).toBe(names.length)
    expect(names.map((name) => second.port(name))).toEqual(ports)
    expect([first.issuer, first.consoleOrigin, first.rpId]).toEqual([`http://localhost:${first.port('api')}`, `http://localhost:${first.port('console')}`, 'localhost'])
  })

  test('what the environment leaves out or repeats is no difference; what differs is named', async () => {
    await open({ FROST_N: '5', FROST_T: '3' })
    expect(deploymentProblems(home, {})).toEqual([])
    expect(deploymentProblems(home, { FROST_N: '5', ALLOWED_SCOPES: 'read:logs,write:staging,deploy:canary,write:prod,secret:read,secret:list,secret:write,secret:delete,secret:destroy' })).toEqual([])
    expect(deploymentProblems(home, { FROST_N: '7', TOKEN_DEFAULT_TTL_SECONDS: '60' })).toEqual([expect.stringMatching(/^FROST_N=7, but .* 5\. .*make reset/), expect.stringMatching(/^TOKEN_DEFAULT_TTL_SECONDS=60, but .* 900\./)])
  })

  test('remembers a database of the user\'s own, its password apart', async () => {
    const made = await open({ DATABASE_URL: 'postgres://me:s%40fe@db.example:5432/symbolon?sslmode=verify-full' })
    expect(made.databaseUrl).toBe('postgres://me@db.example:5432/symbolon?sslmode=verify-full')
    expect(readFileSync(home.deployment, 'utf8')).not.toContain('s%40fe')
    expect(readFileSync(made.databasePassword ?? '', 'utf8')).toBe('s@fe')
    expect(statSync(made.databasePassword ?? '').mode & 0o777).toBe(0o600)
    expect(await open()).toMatchObject({ databaseUrl: made.databaseUrl, databasePassword: made.databasePassword })
    expect((await open({ DATABASE_URL: 'postgres://me@/symbolon?host=/run/pg' })).databaseUrl).toBe('postgres://me@/symbolon?host=/run/pg')
    expect(stored().database_url).toBe('postgres://me@/symbolon?host=/run/pg')
  })

  test('a file that the launcher did not write is refused', async () => {
    writeFileSync(home.deployment, '{"version":2}')
    expect(await openDeployment(home, {})).toMatchObject({ ok: false, problems: [expect.stringContaining('make reset')] })
  })
})
