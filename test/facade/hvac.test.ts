import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startIssuer, type RunningIssuer } from '../issuers/start.ts'
import { root, startStack, type Stack } from '../stack.ts'
import { startHvac, type Hvac, type Said } from './hvac.testkit.ts'

/* Programs that speak to a vault of the KV v2 kind come over unchanged: the client that most of them use, against a whole deployment. */

const bearerAudience = 'https://mint.example'
let folder: string
let issuer: RunningIssuer
let stack: Stack & Awaited<ReturnType<typeof startStack>>
let hvac: Hvac
let address: string
let audience: string
/** Of the development service. */
let token: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-facade-'))
  issuer = await startIssuer({ platform: 'gitlab' })
  const write = (name: string, value: unknown) => {
    const path = join(folder, name)
    writeFileSync(path, JSON.stringify(value))
    return path
  }
  const rosterFile = write('roster.json', {
    issuers: [issuer.row('gitlab', { class: 'bearer', bearer_audience: bearerAudience, ceiling: { max_ttl: 300 } })],
    trusts: [{ id: 'job-gitlab', name: 'Jobs', issuer: 'gitlab', when: [{ claim: 'project_id', equals: '20' }, { claim: 'ref_protected', equals: 'true' }], roles: ['sre'], groups: [] }],
  })
  const policy = JSON.parse(readFileSync(join(root, 'policy/data.json'), 'utf8')) as object
  const policyFile = write('policy.json', { ...policy, deny: { secrets: ['secret/forbidden/**'] } })
  stack = await startStack({ env: { ROSTER_FILE: rosterFile, POLICY_FILE: policyFile } })
  if (stack.first.code !== 0) throw new Error(stack.first.stderr)
  const status = JSON.parse((await stack.cli(['status', '-o', 'json'])).stdout) as { vault_addr: string; issuer: string }
  address = status.vault_addr
  audience = `${status.issuer}/secrets`
  token = await mint('secret:read', 'secret:list', 'secret:write', 'secret:delete')
  hvac = startHvac(address)
})
afterAll(async () => {
  await hvac?.stop()
  await stack?.stop()
  await issuer?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function mint(...args: readonly string[]): Promise<string> {
  const scopes = args.filter((each) => !each.startsWith('--'))
  const { code, stdout, stderr } = await stack.cli(['mint', '--audience', audience, ...scopes.flatMap((scope) => ['--scope', scope]), ...args.filter((each) => each.startsWith('--')), '-o', 'jwt'])
  if (code !== 0) throw new Error(stderr)
  return stdout.trim()
}

const kv = (call: string, args: Readonly<Record<string, unknown>>, as: string | null = token): Promise<Said> => hvac.ask(`secrets.kv.v2.${call}`, as, args)
const read = (path: string, more: Readonly<Record<string, unknown>> = {}) => kv('read_secret_version', { path, raise_on_deleted_version: true, ...more })
const write = (path: string, secret: unknown, more: Readonly<Record<string, unknown>> = {}) => kv('create_or_update_secret', { path, secret, ...more })
const logIn = async (): Promise<string> => {
  const { value } = await hvac.ask('auth.jwt.jwt_login', null, { role: 'job-gitlab', jwt: await issuer.mint({ audience: bearerAudience }), use_token: false })
  return (value as { auth: { client_token: string } }).auth.client_token
}

describe('hvac', () => {
  test('writes with check-and-set, and reads', async () => {
    const data = { password: 'correct horse', port: 5432, nested: { list: [1, 'two', null, true] }, text: 'grüße ☕' }
    expect(await write('app/db', data, { cas: 0 })).toMatchObject({ value: { data: { version: 1, destroyed: false, deletion_time: '', custom_metadata: null } } })
    expect(await write('app/db', data, { cas: 0 })).toMatchObject({ raised: 'InvalidRequest', errors: ['check-and-set parameter did not match the current version'] })
    expect(await write('app/db', { ...data, port: 5433 }, { cas: 1 })).toMatchObject({ value: { data: { version: 2 } } })
    expect(await read('app/db')).toMatchObject({ value: { data: { data: { ...data, port: 5433 }, metadata: { version: 2 } }, wrap_info: null, auth: null } })
    expect(await read('app/db', { version: 1 })).toMatchObject({ value: { data: { data, metadata: { version: 1 } } } })
    expect(await read('app/db', { version: 9 })).toMatchObject({ raised: 'InvalidPath' })
    expect(await read('none')).toMatchObject({ raised: 'InvalidPath' })
  })

  test('patches', async () => {
    await write('app/patched', { a: 1, b: 2 })
    expect(await kv('patch', { path: 'app/patched', secret: { b: 3, c: 4 } })).toMatchObject({ value: { data: { version: 2 } } })
    expect(await read('app/patched')).toMatchObject({ value: { data: { data: { a: 1, b: 3, c: 4 } } } })
    expect(await kv('patch', { path: 'none', secret: { b: 3 } })).toMatchObject({ raised: 'InvalidPath' })
  })

  test('lists, with the method LIST, on a connection that is kept', async () => {
    for (const path of ['tree/a', 'tree/b/c', 'tree/user@example.com']) await write(path, { n: 1 })
    for (let again = 0; again < 3; again += 1) expect(await kv('list_secrets', { path: 'tree' })).toMatchObject({ value: { data: { keys: ['a', 'b/', 'user@example.com'] } } })
    expect(((await kv('list_secrets', { path: '' })).value as { data: { keys: string[] } }).data.keys).toContain('tree/')
    expect(await kv('list_secrets', { path: 'none' })).toMatchObject({ raised: 'InvalidPath' })
    expect(await read('tree/user@example.com')).toMatchObject({ value: { data: { data: { n: 1 } } } })
  })

  test('deletes, undeletes, destroys', async () => {
    const job = await logIn()
    for (const n of [1, 2, 3]) await write('app/old', { n })
    expect(await kv('delete_latest_version_of_secret', { path: 'app/old' })).toMatchObject({ status: 204, text: '' })
    expect(await read('app/old')).toMatchObject({ raised: 'InvalidPath', json: { data: { data: null, metadata: { version: 3, destroyed: false } } } })
    expect(await read('app/old', { raise_on_deleted_version: false })).toMatchObject({ value: { data: { data: null } } })
    expect(await kv('delete_secret_versions', { path: 'app/old', versions: [1, 2] })).toMatchObject({ status: 204 })
    expect(await read('app/old', { version: 2 })).toMatchObject({ raised: 'InvalidPath' })
    expect(await kv('undelete_secret_versions', { path: 'app/old', versions: [2, 3] })).toMatchObject({ status: 204 })
    expect(await read('app/old')).toMatchObject({ value: { data: { data: { n: 3 } } } })
    // The service may not; a job of another role may.
    expect(await kv('destroy_secret_versions', { path: 'app/old', versions: [2] })).toMatchObject({ raised: 'Forbidden' })
    expect(await kv('destroy_secret_versions', { path: 'app/old', versions: [2] }, job)).toMatchObject({ status: 204 })
    expect(await read('app/old', { version: 2 })).toMatchObject({ raised: 'InvalidPath', json: { data: { metadata: { destroyed: true } } } })
    expect(await kv('delete_metadata_and_all_versions', { path: 'app/old' }, job)).toMatchObject({ status: 204 })
    expect(await kv('read_secret_metadata', { path: 'app/old' })).toMatchObject({ raised: 'InvalidPath' })
  })

  test('reads and changes metadata', async () => {
    await write('app/meta', { n: 1 })
    expect(await kv('update_metadata', { path: 'app/meta', max_versions: 2, cas_required: true, delete_version_after: '24h', custom_metadata: { owner: 'ann' } })).toMatchObject({ status: 204 })
    expect(await kv('read_secret_metadata', { path: 'app/meta' })).toMatchObject({ value: { data: { cas_required: true, current_version: 1, custom_metadata: { owner: 'ann' }, delete_version_after: '24h0m0s', max_versions: 2, oldest_version: 1, versions: { 1: { destroyed: false, deletion_time: '' } } } } })
    expect(await write('app/meta', { n: 2 })).toMatchObject({ raised: 'InvalidRequest' })
    for (const cas of [1, 2]) expect(await write('app/meta', { n: cas + 1 }, { cas })).toMatchObject({ value: { data: { version: cas + 1 } } })
    expect(await kv('read_secret_metadata', { path: 'app/meta' })).toMatchObject({ value: { data: { oldest_version: 2, versions: { 2: {}, 3: {} } } } })
    expect(await kv('read_configuration', {})).toMatchObject({ value: { data: { cas_required: false, max_versions: 10 } } })
  })

  test('signs in with an ID token, looks itself up, cannot renew, and ends its token', async () => {
    const job = await logIn()
    expect(await hvac.ask('is_authenticated', job)).toEqual({ value: true })
    expect(await hvac.ask('auth.token.lookup_self', job)).toMatchObject({ value: { data: { display_name: 'job-gitlab', renewable: false } } })
    expect(await hvac.ask('auth.token.renew_self', job)).toMatchObject({ raised: 'InvalidRequest', errors: ['lease is not renewable'] })
    expect(await kv('read_secret_version', { path: 'app/db', raise_on_deleted_version: true }, job)).toMatchObject({ value: { data: { metadata: { version: 2 } } } })
    expect(await hvac.ask('auth.token.revoke_self', job)).toMatchObject({ status: 204 })
    await expect.poll(() => kv('read_secret_version', { path: 'app/db', raise_on_deleted_version: true }, job), { timeout: 20_000, interval: 500 }).toMatchObject({ raised: 'Forbidden' })
    expect(await hvac.ask('auth.kubernetes.login', null, { role: 'job-gitlab', jwt: await issuer.mint({ audience: bearerAudience }), use_token: false })).toMatchObject({ value: { auth: { renewable: false } } })
    expect(await hvac.ask('auth.jwt.jwt_login', null, { role: 'job-gitlab', jwt: await issuer.mint({ audience: 'https://another.example' }), use_token: false })).toMatchObject({ raised: 'Forbidden' })
    expect(await hvac.ask('auth.jwt.jwt_login', null, { role: 'job-gitlab', jwt: await issuer.mint({ audience: bearerAudience, claims: { project_id: '21' } }), use_token: false })).toMatchObject({ raised: 'Forbidden' })
  })

  test('asks how the system is', async () => {
    expect(await hvac.ask('sys.is_initialized', null)).toEqual({ value: true })
    expect(await hvac.ask('sys.is_sealed', null)).toEqual({ value: false })
    expect(await hvac.ask('sys.read_health_status', null, { method: 'GET' })).toMatchObject({ value: { sealed: false, initialized: true } })
    expect(await hvac.ask('sys.read_health_status', null, {})).toMatchObject({ status: 200 })
    expect(await hvac.ask('sys.list_mounted_secrets_engines', token)).toMatchObject({ value: { data: { 'secret/': { type: 'kv', options: { version: '2' } } } } })
  })
})

describe('what hvac is denied', () => {
  test('a wrong token, none, one of another audience', async () => {
    const other = await stack.cli(['mint', '--scope', 'read:logs', '-o', 'jwt'])
    for (const wrong of ['s.nonsense', `${token.slice(0, -6)}AAAAAA`, other.stdout.trim(), null]) {
      expect(await kv('read_secret_version', { path: 'app/db', raise_on_deleted_version: true }, wrong), `${wrong}`).toMatchObject({ raised: 'Forbidden', errors: ['permission denied', expect.any(String)] })
    }
    expect(await hvac.ask('is_authenticated', 's.nonsense')).toEqual({ value: false })
  })

  test('an expired token', async () => {
    const short = await mint('secret:read', '--ttl=2')
    expect(await kv('read_secret_version', { path: 'app/db', raise_on_deleted_version: true }, short)).toHaveProperty('value')
    await sleep(3_000)
    expect(await kv('read_secret_version', { path: 'app/db', raise_on_deleted_version: true }, short)).toMatchObject({ raised: 'Forbidden' })
  })

  test('a path that the policy denies, whether there is anything or not', async () => {
    expect(await write('forbidden/a', { n: 1 })).toMatchObject({ raised: 'Forbidden' })
    expect(await read('forbidden/a')).toMatchObject({ raised: 'Forbidden' })
    expect(await kv('list_secrets', { path: 'forbidden' })).toMatchObject({ raised: expect.stringMatching(/^(Forbidden|InvalidPath)$/) })
  })

  test('I-8 a namespace that callers combine: it says how it opens', async () => {
    expect(await kv('read_secret_version', { path: 'db', mount_point: 'app', raise_on_deleted_version: true })).toMatchObject({ raised: 'Forbidden', errors: ['permission denied', expect.stringContaining('symbolon kv get app/')] })
    expect(await write('db', { n: 1 }, { mount_point: 'app' })).toMatchObject({ raised: 'Forbidden' })
  })

  test('I-8 the same token is evidence for nothing else', async () => {
    const bad = await request(`${stack.issuer}/oauth/token`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', scope: 'read:logs' }).toString() })
    expect(bad.statusCode).toBeGreaterThanOrEqual(400)
    await bad.body.dump()
  })
})

test('the command line reads what hvac wrote, and the other way round', async () => {
  await write('both', { from: 'hvac' })
  expect(JSON.parse((await stack.cli(['kv', 'get', 'secret/both', '-o', 'json'])).stdout)).toMatchObject({ data: { from: 'hvac' } })
  expect((await stack.cli(['kv', 'put', 'secret/both', 'from=cli'])).code).toBe(0)
  expect(await read('both')).toMatchObject({ value: { data: { data: { from: 'cli' }, metadata: { version: 2 } } } })
})

test('one signer less changes nothing; two less are a clear 503', async () => {
  await stack.kill('signer-3', 'SIGSTOP')
  try {
    expect(await read('app/db')).toMatchObject({ value: { data: { metadata: { version: 2 } } } })
    await stack.kill('signer-2', 'SIGSTOP')
    expect(await read('app/db')).toMatchObject({ raised: 'VaultDown' })
  } finally {
    for (const name of ['signer-2', 'signer-3']) await stack.kill(name, 'SIGCONT')
  }
})

test('L-1 no log of any process holds a value or a token', async () => {
  await write('canary', { password: 'CANARY-7f3a9' })
  await read('canary')
  for (const name of ['vault', 'api', 'coordinator', 'signer-1', 'signer-2', 'signer-3']) {
    const log = stack.log(name)
    expect(log).not.toContain('CANARY-7f3a9')
    expect(log).not.toContain(token.slice(-40))
  }
  expect(stack.log('vault')).toContain('secret/canary')
})
