import { generateKeyPairSync } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { grantRequest, grantWords, userCode, type GrantRequest } from '@symbolon/protocol/grant.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import { parseProof } from '@symbolon/protocol/proof.ts'
import { newGrantRequest } from '@symbolon/sdk/grant.ts'
import { touchedGrant, type TouchOptions } from '@symbolon/sdk/grant.testkit.ts'
import { deployment, intentIn, refusedAs, serveApi, type Asked, type Replying } from './api.testkit.ts'
import { openShell, type Ran, type Shell } from './cli.testkit.ts'

const now = () => Math.floor(Date.now() / 1000)
const at = { keyset: deployment.keyset, lineage: deployment.pin }
let shell: Shell
const cleanups: (() => unknown)[] = []
beforeEach(() => {
  shell = openShell()
  Object.assign(shell.env, { SYMBOLON_PIN: deployment.pin, SYMBOLON_KEY_STORE: 'file', SYMBOLON_CONSOLE: 'http://localhost:7001' })
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
  shell.remove()
})

async function serve(reply?: Replying): Promise<Asked[]> {
  const api = await serveApi(reply)
  cleanups.push(api.close)
  shell.env['SYMBOLON_ADDR'] = api.url
  return api.requests
}

const stateOf = (...path: string[]) => join(shell.folder, 'user/.local/state/symbolon', ...path)
const keyFile = () => stateOf('keys', deployment.pin)

function requestIn(text: string): GrantRequest {
  const decoded = decodeAs(grantRequest, fromBase64url(text) ?? new Uint8Array(), 4_096)
  if (!decoded.ok) throw new Error(decoded.reason)
  return decoded.value
}

interface Page {
  readonly request: GrantRequest
  readonly callback: string
  readonly err: string
}

/** Runs `login`, and hands what the console would see to `visit`, once. */
async function login(visit: (page: Page) => Promise<unknown>, ...flags: string[]): Promise<Ran> {
  const visits: Promise<unknown>[] = []
  const heard = (err: string) => {
    const url = /http:\/\/localhost:7001\/grant#\S+(?=\n)/.exec(err)?.[0]
    if (url === undefined || visits.length > 0) return
    const fragment = new URLSearchParams(new URL(url).hash.slice(1))
    visits.push(visit({ request: requestIn(fragment.get('request') ?? ''), callback: fragment.get('callback') ?? '', err }))
  }
  const ran = await shell.run(['login', '--no-browser', ...flags], { heard })
  await Promise.all(visits)
  return ran
}

const bring = async (callback: string, grant: string) => (await fetch(`${callback}?grant=${grant}`)).status
const touch = (options: Partial<TouchOptions> = {}) => ({ request, callback }: Page) => bring(callback, touchedGrant(request, at, { now: now(), ...options }))
const signIn = () => login(touch())

describe('login through the console', () => {
  test('shows the words, keeps grant and key for their owner alone, and says where', async () => {
    await serve()
    let words = ''
    const { code, out, err } = await login((page) => {
      words = grantWords(page.request).join(' ')
      return touch()(page)
    }, '--scope', 'read:logs,write:staging', '--hours', '2', '-o', 'json')
    expect([code, err.includes(`\n  ${words}\n`), err.includes('warning')]).toEqual([0, true, false])
    expect(JSON.parse(out)).toMatchObject({ person: 'ann', client: 'symbolon-cli', ceiling: { scope: ['read:logs', 'write:staging'] }, key_store: 'file' })
    expect([keyFile(), stateOf('grants', `${deployment.pin}.json`)].map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600])
    expect(statSync(stateOf('keys')).mode & 0o777).toBe(0o700)
  })

  test('L-2 the key is in no output', async () => {
    await serve()
    const { out, err } = await signIn()
    const key = readFileSync(keyFile())
    for (const form of [key.toString('base64').slice(20), key.toString('base64url').slice(20), key.subarray(16).toString('hex')]) expect(out + err).not.toContain(form)
  })

  test('B-1 who does not know the path, calls by another name or with another method is not heard, and does not use the callback up', async () => {
    await serve()
    const seen: number[] = []
    const { code } = await login(async (page) => {
      const { origin, port } = new URL(page.callback)
      const grant = touchedGrant(page.request, at, { now: now(), sub: 'mallory' })
      seen.push(await bring(`${origin}/`, grant), await bring(`${origin}/${'A'.repeat(43)}`, grant), (await fetch(`${page.callback}?grant=${grant}`, { method: 'POST' })).status, await rebound(page.callback, `evil.test:${port}`, grant), await rebound(page.callback, `localhost:${port}`, grant))
      return touch()(page)
    })
    expect([code, seen]).toEqual([0, [404, 404, 404, 404, 404]])
    expect((await shell.run(['whoami', '--field', 'principal'])).out).toBe('ann\n')
  })

  test.each<[string, Partial<TouchOptions>]>([
    ['another key', { change: { key: deployment.pin } }],
    ['a wider ceiling', { change: { ceiling: {} } }],
    ['a later end', { change: { end: now() + 40_000 } }],
    ['another deployment', { change: { lineage: deployment.policy } }],
    ['another issuer', { change: { iss: 'https://other.test' } }],
    ['another client', { change: { client: 'console' } }],
    ['a passkey that signed something else', { challenge: deployment.policy }],
  ])('B-1 a grant for %s is not taken, and nothing is kept', async (_name, lie) => {
    await serve()
    const { code, err } = await login(touch(lie), '--scope', 'read:logs')
    expect([code, err.includes('grant_differs')]).toEqual([2, true])
    expect([existsSync(keyFile()), existsSync(stateOf('grants'))]).toEqual([false, false])
  })

  test('B-1 one callback is taken, whichever it is: the next finds the door closed', async () => {
    await serve()
    const seen: number[] = []
    const { code } = await login(async ({ request, callback }) => {
      const answers = await Promise.allSettled([bring(callback, 'e30'), bring(callback, touchedGrant(request, at, { now: now() }))])
      for (const answer of answers) if (answer.status === 'fulfilled') seen.push(answer.value)
    })
    expect([code, seen.filter((status) => status === 200)]).toEqual([2, []])
  })

  test('a no in the console is exit code 6', async () => {
    await serve()
    const { code, err } = await login(({ callback }) => fetch(`${callback}?error=access_denied`))
    expect([code, err.includes('grant_denied')]).toEqual([6, true])
  })

  test('a grant that the deployment does not take is not kept', async () => {
    await serve((path) => (path === '/v1/explain' ? { status: 200, body: { granted: false, reasons: [{ code: 'passkey_unknown', message: 'not in the roster' }], roster: 1, policy: 'p', request_id: 'r' } } : undefined))
    const { code, err } = await signIn()
    expect([code, err.includes('passkey_unknown'), existsSync(keyFile())]).toEqual([4, true, false])
  })

  test.each(['0', '13', '1.5', 'x', '-1'])('--hours=%s is a mistake', async (hours) => {
    await serve()
    expect((await shell.run(['login', `--hours=${hours}`])).code).toBe(1)
  })

  test('--dry-run asks nobody and keeps nothing', async () => {
    const requests = await serve()
    const { code, out } = await shell.run(['login', '--dry-run', '--scope', 'read:logs', '-o', 'json'])
    expect([code, requests.map(({ path }) => path), JSON.parse(out)]).toEqual([0, ['/v1/keyset'], expect.objectContaining({ sent: false, words: expect.any(Array) })])
    expect(existsSync(keyFile())).toBe(false)
  })

  test.each(['http://evil.example', 'javascript:alert(1)', 'https://u:p@c.example', 'https://c.example/#x'])('a console at %s that the api names is not shown to anybody', async (url) => {
    delete shell.env['SYMBOLON_CONSOLE']
    await serve((path) => (path === '/v1/status' ? { status: 200, body: { issuer: 'i', jwks_uri: 'j', lineage: 'l', roster: 1, policy: 'p', threshold: 2, ready: true, pending: 0, problems: [], audiences: ['a'], default_audience: 'a', signers: [], console_url: url } } : undefined))
    const { code, err } = await shell.run(['login', '--no-browser'])
    expect([code, err.includes('answer_malformed'), err.includes(url)]).toEqual([2, true, false])
  })
})

function rebound(callback: string, host: string, grant: string): Promise<number> {
  return new Promise((resolve, reject) => httpRequest(`${callback}?grant=${grant}`, { headers: { host } }, (response) => resolve(response.resume().statusCode ?? 0)).on('error', reject).end())
}

describe('login by device code', () => {
  const device = (request: GrantRequest) => ({ device_code: 'd-1', user_code: userCode(request), verification_uri: 'http://localhost:7001/device', expires_in: 60, interval: 1 })

  /** An api whose person decides at the first question, unless told otherwise. */
  const deviceApi = (decide: (request: GrantRequest) => { status: number; body: unknown }, begin: (request: GrantRequest) => object = device): Replying => {
    let request: GrantRequest | undefined
    return (path, body) => {
      if (path === '/oauth/device_authorization') {
        request = requestIn(new URLSearchParams(body).get('grant_request') ?? '')
        return { status: 200, body: begin(request) }
      }
      return path === '/oauth/token' && request !== undefined ? decide(request) : undefined
    }
  }
  const granted = (options: Partial<TouchOptions> = {}) => (request: GrantRequest) => ({ status: 200, body: { access_token: touchedGrant(request, at, { now: now(), ...options }), issued_token_type: 'urn:symbolon:params:oauth:token-type:grant', token_type: 'DPoP', expires_in: 3600 } })

  test('a machine without a screen takes it by itself, and shows code and words', async () => {
    const requests = await serve(deviceApi(granted()))
    const { code, err } = await shell.run(['login'])
    expect([code, /\n {2}[B-Z]{4}-[B-Z]{4}\n/.test(err), /\n {2}([a-z]+ ){7}[a-z]+\n/.test(err)]).toEqual([0, true, true])
    expect(requests.find(({ path }) => path === '/oauth/token')?.headers['dpop']).toEqual(expect.any(String))
  })

  test('C2-2 a server that shows another code is found out before anybody types it', async () => {
    await serve(deviceApi(granted(), (request) => ({ ...device(request), user_code: 'BBBB-BBBB' })))
    const { code, err } = await shell.run(['login', '--device'])
    expect([code, err.includes('grant_differs'), err.includes('BBBB')]).toEqual([2, true, false])
  })

  test('B-1 a server that answers with a grant for another key is found out', async () => {
    const other = newGrantRequest({ key: generateKeyPairSync('ed25519').privateKey, client: 'symbolon-cli', ceiling: {}, end: now() + 3_600 })
    await serve(deviceApi((request) => granted({ change: { key: other.ok ? other.value.key : request.key } })(request)))
    const { code, err } = await shell.run(['login', '--device'])
    expect([code, err.includes('grant_differs'), existsSync(keyFile())]).toEqual([2, true, false])
  })

  test.each([
    ['expired_token', 5, 'grant_timeout'],
    ['access_denied', 6, 'grant_denied'],
  ])('%s is exit code %i', async (error, exit, said) => {
    await serve(deviceApi(() => ({ status: 400, body: { error } })))
    const { code, err } = await shell.run(['login', '--device'])
    expect([code, err.includes(said)]).toEqual([exit, true])
  })
})

describe('what a grant is for', () => {
  const mint = (...flags: string[]) => shell.run(['mint', '--scope', 'read:logs', ...flags])

  test('mint and explain go by it, with a proof by its key', async () => {
    const requests = await serve()
    await signIn()
    expect((await mint('--field', 'claims.sub')).out).toBe('ann\n')
    const [item] = (JSON.parse(requests.at(-1)?.body ?? '') as { evidence: { kind: string; proof: string; intent: string }[] }).evidence
    expect(item?.kind).toBe('grant')
    expect(parseProof(item?.proof ?? '')?.payload).toMatchObject({ kind: 'token', of: expect.any(String) })
    expect(intentIn(requests.at(-1)?.body ?? '')).toMatchObject({ sub: 'ann', client: 'symbolon-cli' })
  })

  test('a key that was named beats it, the development profile’s does not', async () => {
    await serve()
    await signIn()
    const key = shell.write('key.pem', String(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })))
    expect((await mint('--key-file', key, '--subject', 'worker', '--field', 'claims.sub')).out).toBe('worker\n')
    shell.env['SYMBOLON_HOME'] = join(shell.folder, 'home')
    shell.write('home/profile.json', JSON.stringify({ v: 1, addr: 'http://x', keyset: 'x', service: 'svc-dev', key_id: 'k', key_file: key, client: 'c' }))
    expect((await mint('--field', 'claims.sub')).out).toBe('ann\n')
    expect((await mint('--identity', 'key', '--field', 'claims.sub')).out).toBe('svc-dev\n')
    expect(await mint('--identity', 'grant', '--subject', 'bob')).toMatchObject({ code: 1, err: expect.stringContaining('The grant is ann’s') })
  })

  test('one that has ended is exit code 4 and says so, whoever else could be asked', async () => {
    const requests = await serve()
    await signIn()
    const before = requests.length
    const later = await shell.run(['mint', '--scope', 'read:logs'], { now: () => now() + 9 * 3_600 })
    expect(later).toMatchObject({ code: 4, out: '', err: expect.stringContaining('Your grant has ended') })
    expect(requests.slice(before).map(({ path }) => path)).toEqual([])
  })

  test.each([
    ['touch_required', refusedAs(403, 'touch_required')],
    ['touch_required', refusedAs(403, 'policy_denied', { reasons: [{ code: 'touch_required', message: 'touch for write:prod' }] })],
  ])('a scope that needs a touch (%s) is exit code 4, and leads to the console', async (_code, reply) => {
    await serve((path) => (path === '/v1/tokens' ? reply : undefined))
    await signIn()
    const { code, err } = await shell.run(['mint', '--scope', 'write:prod', '--ttl', '5m', '--reason', 'hotfix'])
    expect([code, err.includes('http://localhost:7001/mint#scope=write%3Aprod&ttl=300&reason=hotfix\n')]).toEqual([4, true])
  })

  test('a scope beyond the grant is exit code 3, with the sign-in that would reach it', async () => {
    await serve((path) => (path === '/v1/tokens' ? refusedAs(403, 'policy_denied', { reasons: [{ code: 'ceiling_exceeded', message: 'The evidence does not reach this scope' }] }) : undefined))
    await login(touch(), '--scope', 'read:logs')
    const { code, err } = await shell.run(['mint', '--scope', 'write:staging'])
    expect([code, err.split('\n')[0]]).toEqual([3, 'You signed in for less than this; a grant that reaches further: symbolon login --scope read:logs,write:staging'])
  })

  test('whoami shows person, ceiling and time left', async () => {
    await serve()
    await login(touch(), '--scope', 'read:logs', '--hours', '3')
    const { out } = await shell.run(['whoami', '-o', 'table'])
    expect(out).toMatch(/you are +ann\n[^]*scopes +read:logs\n[^]*ends +.* \((2 h 59 min|3 h)\)\n/)
    expect(JSON.parse((await shell.run(['whoami', '-o', 'json'])).out)).toMatchObject({ source: 'grant', grant: { person: 'ann', expires_in: expect.any(Number) } })
  })

  test.each([
    ['open to others', (path: string) => shell.write(path, readFileSync(join(shell.folder, path)), 0o644), 1],
    ['another one', (path: string) => shell.write(path, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'der' })), 4],
  ])('a key file that is %s is not used', async (_name, spoil, exit) => {
    const requests = await serve()
    await signIn()
    spoil(join('user/.local/state/symbolon/keys', deployment.pin))
    expect([(await mint()).code, requests.some(({ path }) => path === '/v1/tokens')]).toEqual([exit, false])
  })
})

describe('logout', () => {
  test('the grant revokes itself, and its key goes', async () => {
    const requests = await serve()
    await signIn()
    const { code, out } = await shell.run(['logout', '-o', 'json'])
    expect([code, JSON.parse(out)]).toEqual([0, { signed_in: false, revoked: true, key_deleted: true }])
    const sent = requests.find(({ path }) => path === '/v1/stops')?.body ?? ''
    const [item] = (JSON.parse(sent) as { evidence: { kind: string; proof: string }[] }).evidence
    const of = parseProof(item?.proof ?? '')?.payload.of
    expect(intentIn(sent)).toMatchObject({ kind: 'revoke', what: 'grant', sub: 'ann', lineage: deployment.pin, id: of })
    expect([readdirSync(stateOf('keys')), readdirSync(stateOf('grants'))]).toEqual([[], []])
  })

  test.each([
    ['cannot be reached', undefined],
    ['says no', refusedAs(503, 'quorum_unavailable')],
  ])('L-2 the key goes even if the api %s, and that is said', async (_name, reply) => {
    const api = await serveApi((path) => (path === '/v1/stops' ? reply : undefined))
    shell.env['SYMBOLON_ADDR'] = api.url
    await signIn()
    const key = readFileSync(keyFile()).toString('base64').slice(20)
    if (reply === undefined) await api.close()
    else cleanups.push(api.close)
    const { code, out, err } = await shell.run(['logout', '-o', 'json'])
    expect([code, JSON.parse(out)]).toEqual([2, { signed_in: false, revoked: false, key_deleted: true, grant: expect.any(String) }])
    expect([err.includes('did not hear of it'), (out + err).includes(key), existsSync(keyFile())]).toEqual([true, false, false])
  })

  test('says as whom commands go on in a development deployment', async () => {
    await serve()
    const api = shell.env['SYMBOLON_ADDR'] ?? ''
    await signIn()
    shell.env['SYMBOLON_HOME'] = join(shell.folder, 'home')
    shell.write('home/profile.json', JSON.stringify({ v: 1, addr: api, keyset: deployment.pin, service: 'svc-dev', key_id: 'k', key_file: '/nowhere', client: 'c' }))
    expect((await shell.run(['logout'])).err).toBe('Commands here ask as svc-dev from now on, by the development key.\n')
  })

  test('--dry-run revokes nothing; where nobody is signed in there is nothing to do', async () => {
    const requests = await serve()
    await signIn()
    expect((await shell.run(['logout', '--dry-run'])).code).toBe(0)
    expect([existsSync(keyFile()), requests.some(({ path }) => path === '/v1/stops')]).toEqual([true, false])
    await shell.run(['logout'])
    expect(await shell.run(['logout', '-o', 'raw'])).toEqual({ code: 0, out: 'nobody is signed in here\n', err: '' })
  })
})

describe('what was seen before', () => {
  const digest = (fill: number) => toBase64url(new Uint8Array(32).fill(fill))
  const remembered = (roster: number, of: string) => shell.write(join('user/.local/state/symbolon/keysets', `${deployment.pin}.json`), Buffer.from(canonical({ v: 1, roster, digest: of })).toString())

  test('I-5 an older keyset than this machine has seen is refused', async () => {
    await serve()
    remembered(2, digest(9))
    expect(await shell.run(['login', '--dry-run'])).toMatchObject({ code: 2, out: '', err: expect.stringContaining('keyset_rollback') })
  })

  test('I-5 so is another of the same version', async () => {
    await serve()
    remembered(1, digest(9))
    expect((await shell.run(['login', '--dry-run'])).err).toContain('keyset_rollback')
  })

  test('I-5 what is remembered is not passed over because it is damaged', async () => {
    await serve()
    shell.write(join('user/.local/state/symbolon/keysets', `${deployment.pin}.json`), '{')
    expect((await shell.run(['login', '--dry-run'])).code).toBe(1)
  })

  test('where nothing can be kept, that is said, and no more', async () => {
    await serve()
    shell.env['XDG_STATE_HOME'] = shell.write('a-file', '')
    expect(await shell.run(['login', '--dry-run'])).toMatchObject({ code: 0, err: expect.stringContaining('cannot be remembered') })
  })

  test('the newest is remembered', async () => {
    await serve()
    await shell.run(['login', '--dry-run'])
    expect(JSON.parse(readFileSync(stateOf('keysets', `${deployment.pin}.json`), 'utf8'))).toEqual({ v: 1, roster: 1, digest: deployment.keyset.digest })
  })
})
