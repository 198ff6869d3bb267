import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import { decodeTokenIntent, intentDigest } from '@symbolon/protocol/intent.ts'
import { errors } from '@symbolon/protocol/errors.ts'
import { testDeployment } from '@symbolon/sdk/deployment.testkit.ts'
import { openShell, type Shell } from './cli.testkit.ts'
import { exitCodeOf, failureLines } from './failure.ts'
import { formsOf } from './mask.ts'
import { SymbolonError } from '@symbolon/sdk/errors.ts'

const deployment = testDeployment()
const now = () => Math.floor(Date.now() / 1000)
let shell: Shell
const cleanups: (() => unknown)[] = []
beforeEach(() => {
  shell = openShell()
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
  shell.remove()
})

type Reply = { status: number; body: unknown }
type Requests = { path: string; body: string; headers: NodeJS.Dict<string | string[]> }[]

/** An api that says what a test wants; its keyset is in order. */
async function serve(reply: (path: string, body: string) => Reply | undefined = () => undefined): Promise<Requests> {
  const requests: Requests = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString())).on('end', () => {
      const path = request.url ?? ''
      requests.push({ path, body, headers: request.headers })
      const { status, body: answer } = reply(path, body) ?? (path === '/v1/keyset' ? { status: 200, body: deployment.signed(now()) } : mintReply(body))
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => new Promise((resolve) => server.close(resolve)))
  const bound = server.address()
  shell.env['SYMBOLON_ADDR'] = `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`
  shell.env['SYMBOLON_PIN'] = deployment.pin
  shell.env['SYMBOLON_SUBJECT'] = 'worker'
  shell.env['SYMBOLON_KEY_FILE'] = shell.write('key.pem', String(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })))
  return requests
}

function mintReply(body: string): Reply {
  const bytes = fromBase64url((JSON.parse(body) as { intent: string }).intent) ?? new Uint8Array()
  const decoded = decodeTokenIntent(bytes)
  if (!decoded.ok) throw new Error(decoded.reason)
  const { iss, sub, aud, client, scope, iat } = decoded.value
  const jti = toBase64url(intentDigest(bytes))
  const token = deployment.mint({ iss, sub, aud, client_id: client, scope: scope.join(' '), iat, nbf: iat, exp: iat + 900, jti, 'urn:symbolon:v1': { policy: deployment.policy, origin: { kind: 'key' } } })
  return { status: 200, body: { token, token_type: 'Bearer', expires_in: 900, expires_at: '2026-01-01T00:00:00.000Z', scope: scope.join(' '), jti, request_id: 'r', signers: [{ signer: 1, state: 'signed' }] } }
}

const refusedAs = (status: number, code: string, more: object = {}): Reply => ({ status, body: { type: 'about:blank', title: 'No', status, code, request_id: 'req-00001', ...more } })
const mint = (...flags: string[]) => shell.run(['mint', '--scope', 'read:logs', ...flags])
const isJwt = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\n$/

describe('mint', () => {
  test('prints the token alone with -o jwt, and nothing on stderr', async () => {
    await serve()
    expect(await mint('-o', 'jwt')).toEqual({ code: 0, out: expect.stringMatching(isJwt), err: '' })
  })

  test('asks for what was said', async () => {
    const requests = await serve()
    await shell.run(['mint', '--scope', 'write:staging,read:logs', '--scope', 'deploy:canary', '--ttl', '15m', '--reason', 'nightly', '--ctx', 'job=7', '--audience', 'https://other.test'])
    const decoded = decodeTokenIntent(fromBase64url((JSON.parse(requests[1]?.body ?? '') as { intent: string }).intent) ?? new Uint8Array())
    expect(decoded.ok && decoded.value).toMatchObject({ sub: 'worker', client: 'worker', aud: 'https://other.test', scope: ['deploy:canary', 'read:logs', 'write:staging'], ttl: 900, reason: 'nightly', ctx: { job: '7' } })
  })

  test('--dry-run sends nothing that mints', async () => {
    const requests = await serve()
    const { code, out } = await mint('--dry-run')
    expect([code, requests.map(({ path }) => path), JSON.parse(out)]).toEqual([0, ['/v1/keyset'], expect.objectContaining({ sent: false, method: 'POST' })])
  })

  test('L-2 --print-request shows the intent, and no proof', async () => {
    const requests = await serve()
    const { err } = await mint('--print-request', '-o', 'jwt')
    expect(JSON.parse(err)).toMatchObject({ url: expect.stringMatching(/\/v1\/tokens$/), body: { intent: { sub: 'worker' }, evidence: [{ by: 'key worker of worker', value: '[redacted]' }] } })
    const { evidence } = JSON.parse(requests[1]?.body ?? '') as { evidence: { proof: string }[] }
    expect(err).not.toContain(evidence[0]?.proof.split('.')[2])
  })

  test('--explain asks for the judgement instead', async () => {
    const requests = await serve((path) => (path === '/v1/explain' ? { status: 200, body: { granted: false, principal: 'worker', reasons: [{ code: 'scope_not_allowed', message: 'no', rule: 'symbolon.scope' }], roster: 1, policy: 'p', request_id: 'r' } } : undefined))
    const { code, out } = await mint('--explain')
    expect([code, requests.map(({ path }) => path), JSON.parse(out).granted]).toEqual([0, ['/v1/keyset', '/v1/explain'], false])
  })

  test('on GitHub the token is masked before it is printed, on stderr', async () => {
    await serve()
    shell.env['GITHUB_ACTIONS'] = 'true'
    const { out, err } = await mint('-o', 'jwt')
    expect(err).toBe(`::add-mask::${out}`)
  })

  test('unpinned says so', async () => {
    await serve()
    delete shell.env['SYMBOLON_PIN']
    expect(await mint('--unpinned', '-o', 'jwt')).toMatchObject({ code: 0, err: expect.stringContaining('not pinned') })
  })
})

describe('exit codes', () => {
  test.each([
    [3, refusedAs(403, 'scope_not_allowed', { reasons: [{ code: 'scope_not_allowed', message: 'None of the roles has it.', rule: 'symbolon.scope', fact: 'roles: engineer', remedy: 'A role that has it: sre.' }] }), ['symbolon: The policy does not allow this scope (scope_not_allowed, request req-00001)', '  why: None of the roles has it; rule symbolon.scope; fact roles: engineer', '  do:  A role that has it: sre.']],
    [4, refusedAs(401, 'key_unknown'), ['symbolon: The key is not in the roster (key_unknown, request req-00001)', '  why: the server says no more', '  do:  Register the key, or use the current or previous key of the row.']],
    [1, refusedAs(404, 'secret_not_found', { detail: errors.secret_not_found.remedy }), ['symbolon: There is no such secret or version, or it is not yours (secret_not_found, request req-00001)', `  do:  ${errors.secret_not_found.remedy}`]],
    [7, refusedAs(409, 'intent_bound_otherwise'), undefined],
    [2, refusedAs(503, 'quorum_unavailable', { detail: 'Too few signers answer: signer-1 unreachable.' }), ['symbolon: Fewer signers answer than the threshold needs (quorum_unavailable, request req-00001)', '  why: Too few signers answer: signer-1 unreachable.', '  do:  See which signers are down; start them again.']],
    [2, refusedAs(500, 'internal'), undefined],
    [2, { status: 200, body: 'nonsense' }, undefined],
    [1, refusedAs(400, 'malformed'), undefined],
  ] as const)('%i', async (code, reply, lines) => {
    await serve((path) => (path === '/v1/tokens' ? reply : undefined))
    const ran = await mint()
    expect([ran.code, ran.out]).toEqual([code, ''])
    expect(ran.err.trimEnd().split('\n')).toEqual(lines ?? [expect.stringMatching(/^symbolon: /), expect.stringMatching(/^ {2}why: /), expect.stringMatching(/^ {2}do: {2}/)])
  })

  test('2 when nobody is there', async () => {
    await serve()
    expect(await mint('--addr', 'http://127.0.0.1:1')).toMatchObject({ code: 2, err: expect.stringContaining('ECONNREFUSED') })
  })

  test('I-5: 2 when the keyset is another', async () => {
    await serve()
    expect(await mint('--pin', testDeployment().pin)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('pin_mismatch') })
  })

  test('a misuse names the help of its own command', async () => {
    expect((await shell.run(['kv', 'get'])).err).toContain('See `symbolon kv get --help`.')
    expect((await shell.run(['kv', 'gte', 'app/db'])).err).toContain('See `symbolon kv --help`.')
    expect((await shell.run(['frob'])).err).toContain('See `symbolon --help`.')
  })

  test('4 when there is nothing to sign in with', async () => {
    await serve()
    delete shell.env['SYMBOLON_KEY_FILE']
    expect(await mint()).toMatchObject({ code: 4, err: expect.stringContaining('credential_missing') })
  })

  test.each([
    ['no command', []],
    ['an unknown command', ['frob']],
    ['an unknown flag', ['mint', '--frob']],
    ['a flag without its value', ['mint', '--scope']],
    ['an unknown format', ['status', '-o', 'xml']],
    ['no scope', ['mint']],
    ['no duration', ['mint', '--scope', 'a', '--ttl', 'soon']],
    ['no pair', ['mint', '--scope', 'a', '--ctx', 'x']],
    ['no timeout', ['status', '--timeout', '0']],
    ['a scope that is none', ['mint', '--scope', 'a b*']],
    ['no argument', ['token', 'verify']],
    ['an unknown identity', ['mint', '--scope', 'a', '--identity', 'passport']],
    ['plain http to elsewhere', ['status', '--addr', 'http://vault.example']],
    ['a pin that is none', ['status', '--pin', 'abc']],
  ])('1 for %s', async (_name, args) => {
    await serve()
    const { code, out, err } = await shell.run(args)
    expect([code, out]).toEqual([1, ''])
    expect(err).not.toBe('')
    if (args.length > 0) expect(err.trimEnd().split('\n').map((line) => line.slice(0, 7)).filter((line) => line !== '  why: ')).toEqual(['symbolo', '  do:  '])
  })

  test('0 for help, with an example', async () => {
    for (const args of [['--help'], ['mint', '--help'], ['token', 'verify', '--help'], ['help', 'status']]) expect((await shell.run(args)).code).toBe(0)
    const { out } = await shell.run(['mint', '--help'])
    expect(out).toContain('$ symbolon mint --scope read:logs -o jwt')
    // What the command is about comes before what every command has.
    expect(out.indexOf('--scope <scope>')).toBeLessThan(out.indexOf('--output <format>'))
  })
})

describe('keys', () => {
  test.each([
    ['that others may read', 0o640, undefined, 'is open to others'],
    ['that is none', 0o600, 'secret-canary', 'is no private key'],
  ])('a file %s is refused, and not quoted', async (_name, mode, text, said) => {
    await serve()
    const pem = String(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }))
    shell.env['SYMBOLON_KEY_FILE'] = shell.write('other.pem', text ?? pem, mode)
    const { code, err } = await mint()
    expect([code, err.includes('canary')]).toEqual([1, false])
    expect(err).toContain(said)
  })

  test('one that was named beats the platform; the development profile’s does not', async () => {
    const requests = await serve()
    Object.assign(shell.env, { BUILDKITE: 'true', BUILDKITE_JOB_ID: 'j', PATH: '/nonexistent' })
    expect((await mint('--dry-run', '--field', 'body.evidence.0.by')).out).toBe('key worker of worker\n')
    delete shell.env['SYMBOLON_KEY_FILE']
    shell.env['SYMBOLON_HOME'] = join(shell.folder, 'home')
    shell.write('home/profile.json', JSON.stringify({ v: 1, addr: 'http://x', keyset: 'x', service: 's', key_id: 'k', key_file: join(shell.folder, 'key.pem'), client: 'c' }))
    expect((await mint('--dry-run', '--field', 'body.evidence.0.by')).out).toBe('Buildkite\n')
    expect((await mint('--dry-run', '--identity', 'key', '--field', 'body.evidence.0.by')).out).toBe('key k of worker\n')
    expect(requests.every(({ path }) => path === '/v1/keyset')).toBe(true)
  })

  test('an ID token of class bearer is evidence as it is, and never shown', async () => {
    const requests = await serve((path) => (path === '/v1/tokens' ? refusedAs(403, 'id_token_class') : undefined))
    delete shell.env['SYMBOLON_KEY_FILE']
    shell.env['SYMBOLON_ID_TOKEN'] = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqb2IifQ.c2lnbmF0dXJl'
    shell.env['SYMBOLON_ID_TOKEN_CLASS'] = 'bearer'
    const { err } = await mint('--print-request')
    expect(JSON.parse(requests[1]?.body ?? '').evidence).toEqual([{ kind: 'id_token', token: shell.env['SYMBOLON_ID_TOKEN'] }])
    expect(err).not.toContain('eyJzdWIiOiJqb2IifQ')
  })
})

test('status exits 0, shows the JSON that scripts read, and warns on stderr', async () => {
  const body = { issuer: 'http://localhost:7000', jwks_uri: 'http://localhost:7000/.well-known/jwks.json', lineage: deployment.pin, roster: 1, policy: 'p', threshold: 2, ready: false, pending: 3, roster_in_force: 2, console_url: 'https://console.test', problems: ['1 of 2 signers: signer-2 (unreachable)\u001b[2J'], audiences: ['a'], default_audience: 'a', signers: [{ id: 1, name: 'signer-1', healthy: true, epoch: 1, roster: 1, policy: 'p', commitments: 9 }] }
  await serve((path) => (path === '/v1/status' ? { status: 200, body } : undefined))
  const { code, out, err } = await shell.run(['status', '-o', 'json'])
  expect([code, JSON.parse(out), err]).toEqual([0, body, 'warning: 1 of 2 signers: signer-2 (unreachable)?[2J\n'])
  expect((await shell.run(['status'], { tty: true })).out).toMatch(/threshold {2}2 of 1\n[^]*roster +version 1, 2 in force, 3 changes pending\n[^]*console +https:\/\/console.test\n[^]*SIGNER/)
})

test('token verify believes the pinned keyset only', async () => {
  await serve()
  const token = (await mint('-o', 'jwt')).out.trim()
  expect(await shell.run(['token', 'verify', token, '--field', 'claims.sub'])).toEqual({ code: 0, out: 'worker\n', err: '' })
  expect(await shell.run(['token', 'verify', token, '--audience', 'https://other.test'])).toMatchObject({ code: 2, out: '', err: expect.stringContaining('its aud is not what is wanted') })
  const forged = `${token.slice(0, -4)}AAAA`
  expect(await shell.run(['token', 'verify', forged])).toMatchObject({ code: 2, err: expect.stringContaining('token_unverified') })
  const jwks = shell.write('jwks.json', JSON.stringify({ keys: deployment.keyset.groups.map(({ key, kid, alg }) => ({ kty: 'OKP', crv: 'Ed25519', x: key, kid, alg, use: 'sig' })) }))
  delete shell.env['SYMBOLON_ADDR']
  expect((await shell.run(['token', 'verify', token, '--jwks', jwks, '--issuer', deployment.keyset.issuer, '--audience', 'https://vault.test'])).code).toBe(0)
  expect((await shell.run(['token', 'verify', token, '--jwks', jwks, '--issuer', deployment.keyset.issuer])).err).toContain('No audience is named')
  expect((await shell.run(['token', 'verify', token, '--jwks', jwks, '--issuer', `${deployment.keyset.issuer}/`, '--any-audience'])).code).toBe(2)
})

test('doctor names what is wrong and what to do, and goes on', async () => {
  await serve((path) => (path === '/v1/status' ? refusedAs(503, 'quorum_unavailable') : path === '/v1/explain' ? { status: 200, body: { granted: false, reasons: [{ code: 'key_unknown', message: 'no', remedy: 'Register it.' }], roster: 1, policy: 'p', request_id: 'r' } } : undefined))
  const { code, out } = await shell.run(['doctor', '-o', 'json'])
  const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: { check: string; ok: boolean; fix: string }[] }
  expect([code, ok]).toEqual([2, false])
  expect(Object.fromEntries(findings.map((finding) => [finding.check, finding.ok]))).toEqual({ node: process.versions.node.startsWith('24.'), settings: true, keyset: true, quorum: false, identity: false })
  expect(findings.filter((finding) => !finding.ok).every(({ fix }) => fix.length > 5)).toBe(true)
})

test('doctor hsm has flags of its own, and says whose machine it is for', async () => {
  expect(await shell.run(['doctor', 'hsm', '-o', 'table'])).toMatchObject({ code: 1, err: expect.stringContaining('No signer is named') })
  const { code, out } = await shell.run(['doctor', 'hsm', '--config', '/nonexistent/config.json', '-o', 'table'])
  expect([code, out]).toEqual([1, expect.stringMatching(/^ +CHECK +FOUND +DO\nNO +signer \/nonexistent\/config\.json config +.*config_unreadable/)])
})

test.each(['bash', 'zsh', 'fish'])('completion for %s knows the commands', async (shellName) => {
  const { code, out } = await shell.run(['completion', shellName])
  expect(code).toBe(0)
  for (const word of ['mint', 'explain', 'whoami', 'doctor']) expect(out).toContain(word)
  expect((await shell.run(['completion', 'tcsh'])).code).toBe(1)
})

test('L-4 every form in which a secret may be printed is masked', () => {
  expect(formsOf('a/b\nc"d\r\n\n')).toEqual(['a/b', 'a%2Fb', 'c"d', 'c\\"d', 'c%22d'])
})

test('every kind of failure has its exit code', () => {
  const codes = ['scope_not_allowed', 'key_unknown', 'credential_missing', 'intent_bound_otherwise', 'quorum_unavailable', 'unreachable', 'pin_mismatch', 'input_invalid', 'malformed'] as const
  expect(codes.map((code) => exitCodeOf(new SymbolonError(code)))).toEqual([3, 4, 4, 7, 2, 2, 2, 1, 1])
})

test('many reasons are cut, each with its own remedy', () => {
  const reasons = Array.from({ length: 9 }, (_, at) => ({ code: 'scope_not_allowed', message: `reason ${at}`, remedy: `remedy ${at}` }) as const)
  expect(failureLines(new SymbolonError('scope_not_allowed', { reasons }))).toHaveLength(11)
})

test('no line of a failure says what another line says', () => {
  const { title, remedy } = new SymbolonError('secret_not_found')
  const lines = [`symbolon: ${title} (secret_not_found, request r1)`, `  do:  ${remedy}`]
  expect(failureLines(new SymbolonError('secret_not_found', { status: 404, requestId: 'r1', detail: remedy }))).toEqual(lines)
  expect(failureLines(new SymbolonError('secret_not_found', { status: 404, requestId: 'r1', reasons: [{ code: 'secret_not_found', message: `${title}.` }] }))).toEqual(lines)
  expect(failureLines(new SymbolonError('secret_not_found', { status: 404, requestId: 'r1', detail: 'More.' }))[1]).toBe('  why: More.')
})
