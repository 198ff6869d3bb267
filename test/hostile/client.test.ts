import { sign, type KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openShell, type Shell } from '@symbolon/cli/cli.testkit.ts'
import { toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { encodeIntent, intentDigest, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { assembleJws, jwsSigningInput } from '@symbolon/protocol/jws.ts'
import { assembleToken, tokenSigningInput, type TokenClaims } from '@symbolon/protocol/token.ts'
import type { Keyset, SignedKeyset } from '@symbolon/roster/keyset.ts'
import { openClient } from '@symbolon/sdk/client.ts'
import { keyCredential } from '@symbolon/sdk/credential.ts'
import { testDeployment } from '@symbolon/sdk/deployment.testkit.ts'
import type { Outcome } from '@symbolon/sdk/errors.ts'
import type { Wish } from '@symbolon/sdk/intent.ts'
import { claimsOf, cleanups, evil, keysetAs, now, privateKey, real, secret, serve, tokenAs, tokenBody, type Reply } from './false-api.ts'

/*
 * The other end of the claim: a hostile api against a client that pinned the first keyset. It may answer anything at all; it must not get
 * a token, an intent or a key believed that is not the deployment's, nor anything out of the client that is not meant for it.
 */

const wish: Wish = { sub: 'worker', scope: ['read:logs'] }

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function mintAt(addr: string, more: Partial<Wish> = {}) {
  const opened = openClient({ addr, pin: real.pin, timeoutMs: 1_000 })
  if (!opened.ok) return opened
  cleanups.push(() => opened.value.close())
  return opened.value.mint({ ...wish, ...more }, keyCredential({ key: privateKey, kid: 'worker-1', sub: 'worker' }))
}
const codeOf = (outcome: Outcome<unknown>): string => (outcome.ok ? 'ok' : outcome.error.code)

describe('the control', () => {
  test('an api that answers honestly gets its token believed', async () => {
    const { addr, seen } = await serve()
    const minted = await mintAt(addr)
    expect(minted).toMatchObject({ ok: true, value: { claims: { sub: 'worker', scope: 'read:logs' } } })
    expect(seen.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /v1/keyset', 'POST /v1/tokens'])
  })
})

describe('another keyset than the pinned one', () => {
  const restated = (change: Partial<Keyset>): SignedKeyset => ({ keyset: { ...real.keyset, ...change }, signatures: real.signed(now()).signatures })
  const [first, ...others] = real.signed(now()).signatures

  test.each<[string, () => unknown, string]>([
    ['its own, soundly signed by its own signers', () => evil.signed(now()), 'pin_mismatch'],
    ['its own, with the pinned one’s signatures', () => ({ keyset: evil.keyset, signatures: real.signed(now()).signatures }), 'pin_mismatch'],
    ['its own signing key among the pinned one’s', () => restated({ groups: [...real.keyset.groups, ...evil.keyset.groups] }), 'pin_mismatch'],
    ['its own signers under the pinned keys', () => restated({ signers: evil.keyset.signers }), 'pin_mismatch'],
    ['a threshold of fewer', () => restated({ groups: real.keyset.groups.map((row) => ({ ...row, t: 3 })) }), 'pin_mismatch'],
    ['a keyset that claims to descend from the pinned one', () => ({ ...evil.signed(now()), keyset: { ...evil.keyset, lineage: real.pin } }), 'pin_mismatch'],
    ['the pinned one, vouched for by its own signers', () => ({ keyset: real.keyset, signatures: evil.signed(now()).signatures }), 'keyset_signatures'],
    ['the pinned one, by one signer only', () => ({ keyset: real.keyset, signatures: [first] }), 'keyset_signatures'],
    ['the pinned one, by one signer three times', () => ({ keyset: real.keyset, signatures: real.vouch(now(), [1]).concat(real.vouch(now() - 1, [1]), real.vouch(now() - 2, [1])) }), 'keyset_signatures'],
    ['the pinned one, by one signer under three names', () => ({ keyset: real.keyset, signatures: [1, 2, 3].map((signer) => ({ ...first, signer })) }), 'keyset_signatures'],
    ['the pinned one, with the time of a signature moved', () => ({ keyset: real.keyset, signatures: others.map((row) => ({ ...row, iat: row.iat - 1 })) }), 'keyset_signatures'],
    ['the pinned one of last week', () => real.signed(now() - 7 * 86_400), 'keyset_stale'],
    ['the pinned one of last week, with one signature of today', () => ({ keyset: real.keyset, signatures: [...real.vouch(now(), [1]), ...real.vouch(now() - 7 * 86_400, [2, 3])] }), 'keyset_stale'],
    ['the pinned one of tomorrow', () => real.signed(now() + 86_400), 'keyset_signatures'],
    ['a field more', () => ({ ...real.signed(now()), jwks: evil.keyset.groups }), 'answer_malformed'],
  ])('I-5 %s is refused, and no evidence has left', async (_, body, code) => {
    const { addr, seen } = await serve(keysetAs(body()))
    expect(codeOf(await mintAt(addr))).toBe(code)
    expect(seen.map(({ path }) => path)).toEqual(['/v1/keyset'])
  })

  test('I-5 a JWKS of its own, at the well-known place, is never asked for', async () => {
    const jwks = { keys: evil.keyset.groups.map(({ key, kid }) => ({ kty: 'OKP', crv: 'Ed25519', x: key, kid, alg: 'EdDSA', use: 'sig' })) }
    const { addr, seen } = await serve(({ path, body }) => (path.startsWith('/.well-known') ? { status: 200, body: jwks } : path === '/v1/tokens' ? { status: 200, body: tokenBody(claimsOf(body), evil.mint(claimsOf(body))) } : undefined))
    expect(codeOf(await mintAt(addr))).toBe('token_unverified')
    expect(seen.some(({ path }) => path.startsWith('/.well-known'))).toBe(false)
  })

  test('unpinned, keys that are no points of the curve are a refusal, not a crash', async () => {
    const off = { ...real.keyset.signers[0]?.identity, x: toBase64url(new Uint8Array(32).fill(255)) }
    const { addr } = await serve(keysetAs({ ...real.signed(now()), keyset: { ...real.keyset, signers: real.keyset.signers.map((row) => ({ ...row, identity: off })) } }))
    const opened = openClient({ addr, pin: 'unpinned', timeoutMs: 1_000 })
    if (!opened.ok) throw opened.error
    cleanups.push(() => opened.value.close())
    expect(codeOf(await opened.value.deployment())).toBe('keyset_signatures')
  })
})

describe('another token than was asked for', () => {
  const other = toBase64url(new Uint8Array(32).fill(7))
  test.each<[string, Partial<TokenClaims>, string]>([
    ['more scope', { scope: 'read:logs write:prod' }, 'token_differs'],
    ['another scope', { scope: 'write:prod' }, 'token_differs'],
    ['another subject', { sub: 'svc-root' }, 'token_differs'],
    ['another client', { client_id: 'svc-root' }, 'token_differs'],
    ['an older one of the same person', { jti: other }, 'token_differs'],
    ['one bound to the api’s key', { cnf: { jkt: other } }, 'token_differs'],
    ['another audience of this deployment', { aud: 'https://other.test' }, 'token_unverified'],
    ['another issuer', { iss: 'http://localhost:7001' }, 'token_unverified'],
    ['one that has ended', { iat: now() - 7200, nbf: now() - 7200, exp: now() - 3600 }, 'token_unverified'],
    ['one that is not valid yet', { nbf: now() + 3600 }, 'token_unverified'],
  ])('P-1 %s', async (_, change, code) => {
    const { addr } = await serve(tokenAs(({ body }) => tokenBody({ ...claimsOf(body), ...change })))
    expect(codeOf(await mintAt(addr))).toBe(code)
  })

  test('P-1 a longer one than was asked for', async () => {
    const { addr } = await serve()
    expect(codeOf(await mintAt(addr, { ttl: 60 }))).toBe('token_differs')
    expect(codeOf(await mintAt(addr, { ttl: 900 }))).toBe('ok')
  })

  test('P-1 one without the key that it was to be bound to', async () => {
    const { addr } = await serve()
    expect(codeOf(await mintAt(addr, { jkt: other }))).toBe('token_differs')
  })

  const kid = real.keyset.groups[0]?.kid ?? ('' as Base64url)
  const signed = (header: object, claims: object, key: KeyObject) => {
    const input = jwsSigningInput(header, claims)
    return assembleJws(input, sign(null, utf8(input), key))
  }
  test.each<[string, (claims: TokenClaims) => string]>([
    ['signed by another key under the pinned kid', (claims) => signed({ alg: 'EdDSA', kid, typ: 'at+jwt' }, claims, privateKey)],
    ['with the key along', (claims) => signed({ alg: 'EdDSA', kid, typ: 'at+jwt', jwk: { kty: 'OKP' } }, claims, privateKey)],
    ['with a place of keys along', (claims) => signed({ alg: 'EdDSA', kid, typ: 'at+jwt', jku: 'https://evil.example/jwks.json' }, claims, privateKey)],
    ['alg none', (claims) => `${jwsSigningInput({ alg: 'none', kid, typ: 'at+jwt' }, claims)}.`],
    ['alg HS256 under the public key', (claims) => assembleJws(jwsSigningInput({ alg: 'HS256', kid, typ: 'at+jwt' }, claims), new Uint8Array(32))],
    ['a signature of zeros', (claims) => assembleToken(tokenSigningInput(kid, claims), new Uint8Array(64))],
    ['a second spelling of the signature', (claims) => respelt(real.mint(claims))],
    ['with white space about it', (claims) => `${real.mint(claims)}\n`],
    ['a claim more', (claims) => signed({ alg: 'EdDSA', kid, typ: 'at+jwt' }, { ...claims, admin: true }, privateKey)],
  ])('J-4 %s', async (_, make) => {
    const { addr } = await serve(tokenAs(({ body }) => tokenBody(claimsOf(body), make(claimsOf(body)))))
    expect(codeOf(await mintAt(addr))).toBe('token_unverified')
  })

  test('P-1 what the api says beside the token counts for nothing: type, scope and end are the token’s own', async () => {
    const lies = { token_type: 'DPoP', expires_in: 1, expires_at: '2099-01-01T00:00:00Z', scope: 'write:prod', jti: 'x' }
    const { addr } = await serve(tokenAs(({ body }) => ({ ...tokenBody(claimsOf(body)), ...lies })))
    const minted = await mintAt(addr)
    if (!minted.ok) throw minted.error
    const { claims, response } = minted.value
    expect(response).toMatchObject({ token_type: 'Bearer', expires_at: new Date(claims.exp * 1000).toISOString(), scope: 'read:logs', jti: claims.jti })
    expect(response.expires_in).toBeGreaterThan(800)
  })
})

/** The last character of 64 bytes in base64url holds two bits that say nothing. */
function respelt(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(token.at(-1) ?? '')
  return `${token.slice(0, -1)}${alphabet[last ^ 1]}`
}

describe('an intent that the server builds', () => {
  const changes: [string, Partial<TokenIntent>][] = [
    ['scope', { scope: ['write:prod'] }],
    ['scope', { scope: ['read:logs', 'write:prod'] }],
    ['sub', { sub: 'svc-root' }],
    ['client', { client: 'svc-root' }],
    ['aud', { aud: 'https://other.test' }],
    ['iss', { iss: 'https://staging.test' }],
    ['lineage', { lineage: evil.pin }],
    ['ttl', { ttl: 86_400 }],
    ['cnf', { cnf: { jkt: evil.pin } }],
    ['as', { as: 'svc-root' }],
    ['reason', { reason: 'because' }],
    ['ctx', { ctx: { ticket: '1' } }],
    ['iat, exp', { iat: now() + 3_600, exp: now() + 3_900 }],
    ['iat, exp', { exp: now() + 86_400 }],
  ]
  const buildAt = async (change: Partial<TokenIntent>) => {
    const built: TokenIntent = { v: 1, kind: 'token', nonce: toBase64url(new Uint8Array(16)), iat: now(), exp: now() + 300, iss: real.keyset.issuer, lineage: real.pin, sub: 'worker', client: 'worker', aud: real.keyset.default_audience, scope: ['read:logs'], ...change }
    const bytes = encodeIntent(built)
    const digest = toBase64url(intentDigest(bytes))
    // What it shows to people is what was asked for; what it wants signed is not.
    const { addr } = await serve(({ path }) => (path === '/v1/intents' ? { status: 200, body: { intent: toBase64url(bytes), digest, audience: `symbolon:${digest}`, fields: { ...built, scope: ['read:logs'], sub: 'worker' } } } : undefined))
    const opened = openClient({ addr, pin: real.pin, timeoutMs: 1_000 })
    if (!opened.ok) throw opened.error
    cleanups.push(() => opened.value.close())
    return opened.value.buildRemotely(wish)
  }

  test('the control: one that says what was wished is taken', async () => expect(codeOf(await buildAt({}))).toBe('ok'))
  test.each(changes)('A-4 another %s is refused', async (what, change) => {
    expect(await buildAt(change)).toMatchObject({ ok: false, error: { code: 'intent_differs', details: { detail: what } } })
  })
})

describe('leading the client elsewhere', () => {
  test.each([301, 302, 303, 307, 308])('U-6 a redirect (%i) is not followed, so evidence reaches nobody else', async (status) => {
    const elsewhere = await serve()
    const { addr } = await serve(({ path }) => (path === '/v1/tokens' ? { status, headers: { location: `${elsewhere.addr}/v1/tokens` }, body: '' } : undefined))
    expect(codeOf(await mintAt(addr))).toBe('answer_malformed')
    expect(elsewhere.seen).toEqual([])
  })

  test.each(['http://api.example', 'http://127.0.0.1.nip.example', 'http://localhost.example', 'http://[::ffff:127.0.0.1]', 'http://0.0.0.0', 'ws://localhost', 'https://user:secret@api.example', 'file:///etc/passwd'])('U-6 %s is no address', async (addr) => {
    expect(codeOf(await mintAt(addr))).toBe('address_invalid')
  })

  test('U-6 asking for a password or a certificate gets none', async () => {
    const { addr, seen } = await serve(({ path }) => (path === '/v1/tokens' ? { status: 401, headers: { 'www-authenticate': 'Basic realm="symbolon"', 'set-cookie': 'a=b' }, body: { type: 'x', title: 'x', status: 401, code: 'unauthenticated', request_id: 'req-00001' } } : undefined))
    expect(codeOf(await mintAt(addr))).toBe('unauthenticated')
    expect(seen.flatMap(({ headers }) => [headers.authorization, headers.cookie])).toEqual(seen.flatMap(() => [undefined, undefined]))
  })
})

describe('answers that are no answers', () => {
  test.each<[string, Reply, string]>([
    ['a megabyte and more', { status: 200, body: 'x'.repeat(2_000_000) }, 'unreachable'],
    ['nesting without end', { status: 200, body: '['.repeat(100_000) }, 'answer_malformed'],
    ['a member twice', { status: 200, body: '{"token":"a","token":"b"}' }, 'answer_malformed'],
    ['a prototype', { status: 200, body: '{"__proto__":{"ok":true}}' }, 'answer_malformed'],
    ['a success that is none', { status: 204, body: '' }, 'answer_malformed'],
    ['a denial of no known kind', { status: 403, body: { type: 'x', title: 'x', status: 403, code: 'constructor', request_id: 'r' } }, 'answer_malformed'],
  ])('%s', async (_, reply, code) => {
    const { addr } = await serve(({ path }) => (path === '/v1/tokens' ? reply : undefined))
    expect(codeOf(await mintAt(addr))).toBe(code)
  })

  test('an answer that never ends is not waited for', async () => {
    const server = createServer((_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    })
    const bound = server.address()
    expect(codeOf(await mintAt(`http://127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`))).toBe('unreachable')
  })
})

describe('the command line', () => {
  let shell: Shell
  beforeEach(() => {
    shell = openShell()
    cleanups.push(shell.remove)
  })
  const at = (addr: string) => Object.assign(shell.env, { SYMBOLON_ADDR: addr, SYMBOLON_PIN: real.pin, SYMBOLON_SUBJECT: 'worker', SYMBOLON_KEY_FILE: shell.write('key.pem', secret) })
  /** Clears the screen, retitles the window, moves the cursor, reverses the line, in the spellings that terminals know. */
  const steering = '\u001b[2J\u001b]0;pwned\u0007\u009b31m\u202eevil\u2066\u2028\r\nok: all is well\n::add-mask::x\u007f'
  const steers = /[\p{Cf}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u

  test('the control: what an honest api gives is shown', async () => {
    at((await serve()).addr)
    const { code, out } = await shell.run(['mint', '--scope', 'read:logs', '-o', 'json'])
    expect([code, (JSON.parse(out) as { scope: string }).scope]).toEqual([0, 'read:logs'])
  })

  const denial = { type: steering, title: steering, status: 403, code: 'policy_denied', request_id: steering, detail: steering, errors: [{ pointer: steering, message: steering }] }
  test.each<[string, object]>([
    ['in a denial’s detail', denial],
    ['in a denial’s reasons', { ...denial, reasons: [{ code: 'policy_denied', message: steering, rule: steering, fact: steering, remedy: steering }] }],
  ])('L-2 escape sequences %s steer no terminal, and start no line of their own', async (_, body) => {
    at((await serve(({ path }) => (path === '/v1/tokens' ? { status: 403, body } : undefined))).addr)
    const { code, out, err } = await shell.run(['mint', '--scope', 'read:logs'], { tty: true })
    expect([code, out]).toEqual([3, ''])
    expect(err).not.toMatch(steers)
    expect(err.trimEnd().split('\n').filter((line) => !/^(symbolon: | {2}why: | {2}do: )/.test(line))).toEqual([])
  })

  const status = { issuer: steering, jwks_uri: steering, lineage: steering, roster: 1, policy: steering, threshold: 2, ready: false, pending: 0, problems: [steering], audiences: [steering], default_audience: steering, signers: [{ id: 1, name: 'one', healthy: false, problem: steering, epoch: 1, roster: 1, policy: 'p', commitments: 0 }] }
  test.each([['-o', 'table'], ['-o', 'json'], ['-o', 'yaml'], ['-o', 'env'], ['--field', 'issuer'], ['--field', 'signers'], ['--field', 'problems.0']])('L-2 nor in what is shown with %s %s', async (...flags) => {
    at((await serve(({ path }) => (path === '/v1/status' ? { status: 200, body: status } : undefined))).addr)
    // Our own bold headings are escape sequences too.
    shell.env['NO_COLOR'] = '1'
    const { code, out, err } = await shell.run(['status', ...flags], { tty: true })
    expect(code).toBe(0)
    expect(out).toContain('evil')
    expect(`${out}${err}`).not.toMatch(steers)
  })

  test('L-2 one field is one line', async () => {
    at((await serve(({ path }) => (path === '/v1/status' ? { status: 200, body: status } : undefined))).addr)
    expect((await shell.run(['status', '--field', 'issuer'])).out.trimEnd().split('\n')).toHaveLength(1)
  })

  test('P-1 L-2 -o env sets the four variables that it names and no other, whatever the api says beside the token', async () => {
    const lies = { expires_at: "2099'\nLD_PRELOAD=/tmp/evil.so\nA='", scope: 'read:logs\nNODE_OPTIONS=--require=/tmp/evil.js', jti: '$(id)', request_id: steering }
    at((await serve(tokenAs(({ body }) => ({ ...tokenBody(claimsOf(body)), ...lies })))).addr)
    const { code, out } = await shell.run(['mint', '--scope', 'read:logs', '-o', 'env'])
    const lines = out.trimEnd().split('\n')
    expect(code).toBe(0)
    expect(lines.map((line) => line.split('=')[0])).toEqual(['SYMBOLON_TOKEN', 'SYMBOLON_TOKEN_TYPE', 'SYMBOLON_TOKEN_EXPIRES_AT', 'SYMBOLON_TOKEN_SCOPE'])
    expect(lines[3]).toBe('SYMBOLON_TOKEN_SCOPE=read:logs')
  })

  test('L-2 nothing of the key file ever leaves: not on the wire, not on the terminal', async () => {
    const api = await serve(({ path }) => (path === '/v1/tokens' ? { status: 400, body: { ...denial, code: 'malformed', status: 400 } } : undefined))
    at(api.addr)
    const ran = await Promise.all([['mint', '--scope', 'read:logs', '--print-request'], ['explain', '--scope', 'read:logs'], ['whoami'], ['doctor'], ['status'], ['config', 'show', '--origin']].map((args) => shell.run(args)))
    const everything = JSON.stringify([api.seen, ran])
    const { d = '' } = privateKey.export({ format: 'jwk' })
    expect(api.seen.length).toBeGreaterThan(5)
    expect(everything).toContain('worker')
    for (const form of [d, Buffer.from(d, 'base64url').toString('base64'), Buffer.from(d, 'base64url').toString('hex'), 'PRIVATE KEY']) expect(everything).not.toContain(form.replace(/=+$/, ''))
  })

  describe('a checkout is somebody else’s text', () => {
    const own = () => {
      delete shell.env['SYMBOLON_ADDR']
      delete shell.env['SYMBOLON_PIN']
    }
    const mint = () => shell.run(['mint', '--scope', 'read:logs', '-o', 'jwt'], { cwd: 'work' })

    test('U-6 a project file that relays the pinned deployment through its own host gets no evidence', async () => {
      const relay = await serve()
      at(relay.addr)
      own()
      shell.write('work/.symbolon.yaml', `addr: ${relay.addr}\npin: ${real.pin}\naudience: https://other.test\n`)
      const { code, out, err } = await mint()
      expect({ code, out, err }).toEqual({ code: 2, out: '', err: expect.stringContaining('address_differs') })
      expect(relay.seen.map(({ path }) => path)).toEqual(['/v1/keyset'])
    })

    test('U-6 nor does one that says `unpinned`', async () => {
      const relay = await serve()
      at(relay.addr)
      own()
      shell.write('work/.symbolon.yaml', `addr: ${relay.addr}\npin: unpinned\n`)
      expect(await mint()).toMatchObject({ code: 2, err: expect.stringContaining('address_differs') })
      expect(relay.seen.map(({ path }) => path)).toEqual(['/v1/keyset'])
    })

    test('the control: one that leads to the issuer of the pinned keyset is followed', async () => {
      const there: { deployment?: ReturnType<typeof testDeployment> } = {}
      const api = await serve(({ path, body }) => {
        const deployment = there.deployment
        if (deployment === undefined) return undefined
        return path === '/v1/keyset' ? { status: 200, body: deployment.signed(now()) } : { status: 200, body: tokenBody(claimsOf(body), deployment.mint(claimsOf(body))) }
      })
      there.deployment = testDeployment({ issuer: api.addr })
      at(api.addr)
      own()
      shell.write('work/.symbolon.yaml', `addr: ${api.addr}\npin: ${there.deployment.pin}\n`)
      expect(await mint()).toMatchObject({ code: 0, err: '' })
    })

    test.skipIf(process.geteuid?.() !== 0)('U-6 one that another user left in a folder above is not read (as root only)', async () => {
      const { chownSync } = await import('node:fs')
      const relay = await serve()
      at(relay.addr)
      chownSync(shell.write('.symbolon.yaml', `audience: https://other.test\n`, 0o644), 65_534, 65_534)
      shell.write('work/here', '')
      expect(await mint()).toMatchObject({ code: 1, out: '', err: expect.stringContaining('belongs to user 65534') })
      expect(relay.seen).toEqual([])
    })

    test('U-6 a link is judged by what it leads to', async () => {
      const relay = await serve()
      at(relay.addr)
      const target = shell.write('open.yaml', 'audience: https://other.test\n', 0o666)
      shell.write('work/here', '')
      symlinkSync(target, join(shell.folder, 'work', '.symbolon.yaml'))
      expect(await mint()).toMatchObject({ code: 1, out: '', err: expect.stringContaining('others may write to it') })
      expect(relay.seen).toEqual([])
    })
  })
})
