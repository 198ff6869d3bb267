import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { issuerKeyTimes, openIssuerKeys, type IssuerKeyCache, type IssuerRow, type KeySnapshot } from './issuer-keys.ts'
import { openLog } from './log.ts'

/* A real server on loopback, a clock in the test's hand. The documents are lists of kids; what a key is, is the parser's business. */

let directory: string
let server: Server
let url: string
let clock: number
let answer: { status: number; body: string; type?: string }
let asked: string[]
let held: Promise<void>
let caches: IssuerKeyCache<string>[]

const log = openLog({ process: 'test', level: 'error' })
const kids = (...names: string[]) => ({ status: 200, body: JSON.stringify(names) })
const parse = (document: Uint8Array) => {
  const names: unknown = document[0] === 0x5b ? JSON.parse(Buffer.from(document).toString()) : undefined
  return Array.isArray(names) ? { ok: true as const, keys: new Map(names.map((name) => [String(name), `key ${String(name)}`])) } : { ok: false as const, reason: 'malformed' }
}

beforeEach(async () => {
  directory = join(mkdtempSync(join(tmpdir(), 'symbolon-issuer-')), 'issuer-keys')
  clock = 1_000_000
  answer = kids('k1')
  asked = []
  held = Promise.resolve()
  caches = []
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const { status, body, type = 'application/json' } = answer
    void held.then(() => response.writeHead(status, { 'content-type': type }).end(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
})

afterEach(async () => {
  await Promise.all(caches.map((cache) => cache.close()))
  await new Promise((resolve) => server.close(resolve))
  rmSync(join(directory, '..'), { recursive: true })
})

const row = (change: Partial<IssuerRow> = {}): IssuerRow => ({ id: 'ci', issuer: url, jwks_uri: `${url}/jwks`, allowed_addresses: ['127.0.0.1'], ...change })

function open(rows: readonly IssuerRow[] = [row()], seen: KeySnapshot<string>[] = []): IssuerKeyCache<string> {
  const cache = openIssuerKeys({ rows, directory, parse, log, now: () => clock, onChange: (keys) => seen.push(keys), times: { ...issuerKeyTimes, tick: 0.01 } })
  caches.push(cache)
  return cache
}
const names = (cache: IssuerKeyCache<string>, id = 'ci') => [...(cache.keys().get(id)?.keys.keys() ?? [])]
const absent = (cache: IssuerKeyCache<string>) => [...(cache.keys().get('ci')?.absent ?? [])]
const loaded = async (...expected: string[]) => {
  const cache = open()
  await expect.poll(() => names(cache)).toEqual(expected)
  return cache
}

describe('S-3 the keys of an issuer', () => {
  test('are fetched at the start, once, and then known', async () => {
    const seen: KeySnapshot<string>[] = []
    const cache = open([row()], seen)
    await expect.poll(() => names(cache)).toEqual(['k1'])
    expect(await cache.refresh('ci', 'k1')).toBe('known')
    expect(asked).toEqual(['/jwks'])
    expect(seen.at(-1)).toBe(cache.keys())
    expect(cache.keys().get('ci')?.keys.get('k1')).toBe('key k1')
  })

  test('single flight: callers at the same time share one fetch', async () => {
    const gate = Promise.withResolvers<void>()
    held = gate.promise
    const cache = open()
    const all = Promise.all(Array.from({ length: 50 }, () => cache.refresh('ci', 'k1')))
    await expect.poll(() => asked.length).toBe(1)
    gate.resolve()
    expect(new Set(await all)).toEqual(new Set(['known']))
    expect(asked.length).toBe(1)
  })

  test('a rotated key is found by the first that needs it, however young the document is', async () => {
    const cache = await loaded('k1')
    answer = kids('k1', 'k2')
    expect(await cache.refresh('ci', 'k2')).toBe('known')
    expect(names(cache)).toEqual(['k1', 'k2'])
  })

  test('a fetch that began before the question cannot answer no', async () => {
    const gate = Promise.withResolvers<void>()
    held = gate.promise
    const cache = open()
    await expect.poll(() => asked.length).toBe(1)
    answer = kids('k1', 'k2')
    const looked = cache.refresh('ci', 'k2')
    gate.resolve()
    expect(await looked).toBe('known')
    expect(asked.length).toBe(2)
  })

  test('D-4 unknown kids cost an issuer a burst and then a fetch per pause, however many there are; then nobody is refused for it', async () => {
    const cache = await loaded('k1')
    const flood = (from: number) => Promise.all(Array.from({ length: 200 }, (_, at) => cache.refresh('ci', `no-${from + at}`)))
    const first = await flood(0)
    expect([first.filter((looked) => looked === 'absent').length, first.filter((looked) => looked === 'unavailable').length]).toEqual([64, 136])
    expect(absent(cache).length).toBe(64)
    await flood(500)
    expect(asked.length).toBe(issuerKeyTimes.burst)
    expect(new Set(await flood(1000))).toEqual(new Set(['unavailable']))
    clock += issuerKeyTimes.pause - 1
    expect(new Set(await flood(2000))).toEqual(new Set(['unavailable']))
    expect(asked.length).toBe(issuerKeyTimes.burst)
    clock += 1
    await flood(3000)
    expect(asked.length).toBe(issuerKeyTimes.burst + 1)
  })

  test('an absent kid stays absent for its time, is shown as such, and is looked for again after', async () => {
    const cache = await loaded('k1')
    expect(await cache.refresh('ci', 'k2')).toBe('absent')
    expect(absent(cache)).toEqual(['k2'])
    answer = kids('k2')
    clock += issuerKeyTimes.absent - 1
    expect(await cache.refresh('ci', 'k2')).toBe('absent')
    expect(asked.length).toBe(2)
    clock += 1
    await expect.poll(() => absent(cache)).toEqual([])
    expect(await cache.refresh('ci', 'k2')).toBe('known')
    expect(names(cache)).toEqual(['k2'])
  })

  test('a failed fetch says nothing of a kid, and is not repeated without end', async () => {
    answer = { status: 500, body: '' }
    const cache = open()
    for (let round = 0; round < 10; round += 1) expect(await cache.refresh('ci', 'k1')).toBe('unavailable')
    expect(asked.length).toBe(issuerKeyTimes.burst)
    expect(cache.keys().size).toBe(0)
    answer = kids('k1')
    clock += issuerKeyTimes.pause
    expect(await cache.refresh('ci', 'k1')).toBe('known')
  })

  test.each<[string, { status: number; body: string; type?: string }]>([
    ['an error', { status: 503, body: '["k2"]' }],
    ['nonsense', { status: 200, body: '<html>' }],
    ['another media type', { status: 200, body: '["k2"]', type: 'text/html' }],
    ['a huge document', { status: 200, body: JSON.stringify(['x'.repeat(300_000)]) }],
  ])('%s leaves the last keys as they are, for as long as they count', async (_, wrong) => {
    const cache = await loaded('k1')
    answer = wrong
    clock += issuerKeyTimes.usable
    expect(await cache.refresh('ci', 'k2')).toBe('unavailable')
    expect(names(cache)).toEqual(['k1'])
    clock += 1
    await expect.poll(() => names(cache)).toEqual([])
    expect(await cache.refresh('ci', 'k1')).toBe('unavailable')
  })

  test('a withdrawn key ends without anybody asking for another', async () => {
    const cache = await loaded('k1')
    answer = kids('k2')
    clock += issuerKeyTimes.fresh + 1
    await expect.poll(() => names(cache)).toEqual(['k2'])
  })

  test('T-2 an empty document means no keys', async () => {
    const cache = await loaded('k1')
    answer = kids()
    clock += issuerKeyTimes.fresh + 1
    await expect.poll(() => names(cache)).toEqual([])
    expect(await cache.refresh('ci', 'k1')).toBe('absent')
  })

  test('R-3 a clock that was set back far makes the keys be fetched again', async () => {
    const cache = await loaded('k1')
    answer = kids('k2')
    clock -= 7200
    await expect.poll(() => names(cache)).toEqual(['k2'])
  })

  test('R-3 a document from far ahead has no age, and counts for nothing while it cannot be fetched again', async () => {
    const cache = await loaded('k1')
    answer = { status: 500, body: '' }
    clock -= 61
    await expect.poll(() => names(cache)).toEqual([])
    clock += 1
    expect(names(open())).toEqual(['k1'])
  })

  test('whoever asks for a known key waits for no fetch under way', async () => {
    const cache = await loaded('k1')
    const gate = Promise.withResolvers<void>()
    held = gate.promise
    const waiting = cache.refresh('ci', 'k2')
    await expect.poll(() => asked.length).toBe(2)
    expect(await cache.refresh('ci', 'k1')).toBe('known')
    gate.resolve()
    expect(await waiting).toBe('absent')
  })

  test('what was absent is so no longer once a document has it', async () => {
    const cache = await loaded('k1')
    expect(await cache.refresh('ci', 'k2')).toBe('absent')
    answer = kids('k1', 'k2')
    expect(await cache.refresh('ci', 'k3')).toBe('absent')
    expect([names(cache), absent(cache)]).toEqual([['k1', 'k2'], ['k3']])
  })

  test('D-4 a fetch is one change, however many wait for it', async () => {
    const seen: KeySnapshot<string>[] = []
    const cache = open([row()], seen)
    await expect.poll(() => names(cache)).toEqual(['k1'])
    const before = seen.length
    await Promise.all(Array.from({ length: 50 }, (_, at) => cache.refresh('ci', `no-${at}`)))
    expect(seen.length - before).toBe(1)
    expect(absent(cache).length).toBe(50)
  })

  test('looking at ages leaves the burst to those who ask', async () => {
    answer = { status: 500, body: '' }
    let looks = 0
    const cache = openIssuerKeys({ rows: [row()], directory, parse, log, now: () => (looks += 1, clock), times: { ...issuerKeyTimes, tick: 0.001 } })
    caches.push(cache)
    await expect.poll(() => asked.length).toBe(1)
    const before = looks
    await expect.poll(() => looks - before).toBeGreaterThan(50)
    expect(asked.length).toBe(1)
  })

  test('nobody but the roster’s rows is asked', async () => {
    const cache = await loaded('k1')
    expect(await cache.refresh('other', 'k1')).toBe('unavailable')
    expect(await cache.refresh('ci', 'x'.repeat(129))).toBe('absent')
    expect(await cache.refresh('ci', `${url}/evil`)).toBe('absent')
    expect(asked).toEqual(['/jwks', '/jwks'])
  })

  test('rows with pinned keys are not fetched', () => {
    const cache = open([{ id: 'ci', issuer: url }])
    expect(cache.keys().size).toBe(0)
    expect(asked).toEqual([])
  })

  test('S-1 an address that the row does not name is not asked', async () => {
    const cache = open([row({ allowed_addresses: undefined })])
    expect(await cache.refresh('ci', 'k1')).toBe('unavailable')
    expect(asked).toEqual([])
  })
})

describe('S-3 on disk', () => {
  const stored = () => readdirSync(directory)

  test('keys outlive a restart during an outage, for as long as they count', async () => {
    await (await loaded('k1')).close()
    answer = { status: 500, body: '' }
    clock += issuerKeyTimes.usable
    expect(names(open())).toEqual(['k1'])
    clock += 1
    expect(names(open())).toEqual([])
  })

  test('only this user may read or write them', async () => {
    await loaded('k1')
    const [file = ''] = stored()
    expect([statSync(directory).mode & 0o777, statSync(join(directory, file)).mode & 0o777]).toEqual([0o700, 0o600])
  })

  test.each(['', '{', '{"v":2,"at":1000000,"document":"WyJrMSJd"}', '{"v":1,"at":"x","document":"WyJrMSJd"}', '{"v":1,"at":1000000,"document":"!!"}', '{"v":1,"at":1000000,"document":"PGh0bWw+"}'])('a file that says %j counts for nothing, and is replaced', async (text) => {
    await (await loaded('k1')).close()
    const [file = ''] = stored()
    writeFileSync(join(directory, file), text)
    answer = { status: 500, body: '' }
    const cache = open()
    expect(names(cache)).toEqual([])
    answer = kids('k2')
    clock += issuerKeyTimes.pause
    expect(await cache.refresh('ci', 'k2')).toBe('known')
    expect(readFileSync(join(directory, file), 'utf8')).toContain('document')
  })

  test.each<[string, Partial<IssuerRow>]>([
    ['another URL', { jwks_uri: 'http://127.0.0.1:1/jwks' }],
    ['another issuer', { issuer: 'https://other.example' }],
    ['another CA', { ca: 'x' }],
    ['fewer addresses', { allowed_addresses: ['127.0.0.2'] }],
    ['no address', { allowed_addresses: [] }],
  ])('narrowing to %s ends the old keys at once, in memory and on disk', async (_, change) => {
    const cache = await loaded('k1')
    const before = stored()
    answer = { status: 500, body: '' }
    cache.setRows([row(change)])
    expect(names(cache)).toEqual([])
    expect(stored().filter((file) => before.includes(file))).toEqual([])
  })

  test('a removed row ends at once, and its fetch under way changes nothing any more', async () => {
    const cache = await loaded('k1')
    const gate = Promise.withResolvers<void>()
    held = gate.promise
    answer = kids('k2')
    const looked = cache.refresh('ci', 'k2')
    await expect.poll(() => asked.length).toBe(2)
    cache.setRows([])
    expect(cache.keys().size).toBe(0)
    gate.resolve()
    expect(await looked).toBe('unavailable')
    expect(cache.keys().size).toBe(0)
    expect(stored()).toEqual([])
  })

  test('a row that stays keeps its keys without another fetch', async () => {
    const cache = await loaded('k1')
    cache.setRows([row(), { id: 'more', issuer: 'https://more.example' }])
    expect(names(cache)).toEqual(['k1'])
    expect(asked.length).toBe(1)
  })
})
