import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as ask, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import type { Listening } from '@symbolon/runtime/http-listen.ts'
import { pagePaths } from './public.ts'
import { encodingFor, listen } from './server.ts'
import { loadSite } from './site.ts'
import { securityHeaders } from './headers.ts'

const config = { api: 'http://localhost:1234', issuer: 'http://localhost:1234', rp_id: 'localhost', lineage: 'A'.repeat(43) as Base64url }
const script = 'export const a = 1\n'.repeat(200)
let folder: string
let server: Listening

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'symbolon-web-'))
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>Symbolon</title>')
  writeFileSync(join(folder, 'assets/a-1.js'), script)
  server = await listen(loadSite(folder, config), { listen: { host: '127.0.0.1', port: 0 }, tls: undefined, api: config.api })
})
afterAll(async () => {
  await server.stop(AbortSignal.timeout(2_000))
  rmSync(folder, { recursive: true })
})

type Got = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }
// Not fetch: it would tidy paths up before they are sent.
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>()
  const request = ask({ host: '127.0.0.1', port: server.address.port, path, method, headers }, (response) => {
    const parts: Buffer[] = []
    response.on('data', (part: Buffer) => parts.push(part))
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }))
  })
  request.on('error', reject)
  request.end()
  return promise
}

describe('what is served', () => {
  test.each(pagePaths)('the page %s is the document', async (path) => {
    const { status, headers, body } = await get(path)
    expect([status, headers['content-type'], headers['cache-control'], body.toString()]).toEqual([200, 'text/html; charset=utf-8', 'no-cache', '<!doctype html><title>Symbolon</title>'])
  })

  test('a query does not change the page', async () => expect((await get('/enrol?x=1')).status).toBe(200))

  test('built files are kept for good', async () => expect((await get('/assets/a-1.js')).headers['cache-control']).toBe('public, max-age=31536000, immutable'))

  test('what the console pins is this process’s own', async () => {
    const { headers, body } = await get('/config.json')
    expect([headers['content-type'], JSON.parse(body.toString())]).toEqual(['application/json', config])
  })

  test.each(['/nope', '/assets', '/assets/', '/assets/a-1.js/', '//', '/%2e%2e/etc/passwd', '/assets/../index.html', '/%65nrol', '/ENROL', '/index.html', '/enrol/'])('%s is not found', async (path) => expect((await get(path)).status).toBe(404))

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is not answered', async (method) => {
    const { status, headers } = await get('/', {}, method)
    expect([status, headers['allow']]).toEqual([405, 'GET, HEAD'])
  })

  test('HEAD says what GET would', async () => {
    const { status, headers, body } = await get('/assets/a-1.js', {}, 'HEAD')
    expect([status, headers['content-length'], body.length]).toEqual([200, String(script.length), 0])
  })

  test.each(['/livez', '/readyz'])('%s', async (path) => expect((await get(path)).status).toBe(200))
})

describe('compression and validators', () => {
  test.each([
    ['br, gzip', 'br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
  ] as const)('accept-encoding %s gives %s', async (accepted, encoding, open) => {
    const { headers, body } = await get('/assets/a-1.js', { 'accept-encoding': accepted })
    expect([headers['content-encoding'], headers['vary'], open(body).toString()]).toEqual([encoding, 'Accept-Encoding', script])
  })

  test.each([[undefined, 'identity'], ['identity', 'identity'], ['gzip;q=0', 'identity'], ['BR', 'br'], ['brotli', 'identity']] as const)('%s → %s', (accepted, encoding) => expect(encodingFor(accepted)).toBe(encoding))

  test('a tag belongs to one file in one encoding', async () => {
    const plain = (await get('/assets/a-1.js')).headers['etag'] ?? ''
    const packed = (await get('/assets/a-1.js', { 'accept-encoding': 'br' })).headers['etag'] ?? ''
    expect(plain).not.toBe(packed)
    expect((await get('/assets/a-1.js', { 'if-none-match': `"x", W/${plain}` })).status).toBe(304)
    expect((await get('/assets/a-1.js', { 'if-none-match': packed })).status).toBe(200)
  })
})

describe('C2-2 what every answer carries', () => {
  test.each(['/', '/config.json', '/nope', '/assets/a-1.js'])('%s', async (path) => {
    const { headers } = await get(path)
    for (const [name, value] of Object.entries(securityHeaders({ api: config.api, tls: false }))) expect(headers[name]).toBe(value)
  })

  test('nothing inline, nothing evaluated, no frame, no other host', () => {
    const policy = securityHeaders({ api: config.api, tls: true })['content-security-policy'] ?? ''
    expect(policy.split('; ')).toEqual(expect.arrayContaining(["default-src 'none'", "script-src 'self'", "style-src 'self'", `connect-src 'self' ${config.api}`, "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"]))
    expect(policy).not.toMatch(/unsafe|\*|data:|blob:/)
  })

  test('pages reach the vault, where there is one', () => {
    const policy = securityHeaders({ api: config.api, vault: 'https://vault.example', tls: true })['content-security-policy'] ?? ''
    expect(policy.split('; ')).toContain(`connect-src 'self' ${config.api} https://vault.example`)
  })

  test('browsers that came by https stay there', () => {
    expect(securityHeaders({ api: config.api, tls: true })['strict-transport-security']).toMatch(/^max-age=\d{8}/)
    expect(securityHeaders({ api: config.api, tls: false })).not.toHaveProperty('strict-transport-security')
  })
})

describe('a folder that is no console', () => {
  const refused = (fill: (at: string) => void) => {
    const at = mkdtempSync(join(tmpdir(), 'symbolon-web-'))
    try {
      fill(at)
      return loadSite(at, config)
    } finally {
      rmSync(at, { recursive: true })
    }
  }
  test('without a document', () => expect(() => refused(() => undefined)).toThrow(expect.objectContaining({ code: 'site_missing' })))
  test.each(['key.pem', 'notes.txt', 'a b.js'])('with %s', (name) => expect(() => refused((at) => writeFileSync(join(at, name), ''))).toThrow(expect.objectContaining({ code: 'site_foreign' })))
  test('that does not exist', () => expect(() => loadSite('/nonexistent', config)).toThrow(expect.objectContaining({ code: 'site_missing' })))
})
