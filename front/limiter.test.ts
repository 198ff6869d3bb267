import { expect, test } from 'vitest'
import { limitHeaders, openLimiter, type LimitStore } from './limiter.ts'

/** What the one statement of the limiter does in Postgres; the system tests run the real one. */
function memoryStore(): LimitStore & { calls: number; down: boolean } {
  const rows = new Map<string, { points: number; expire: number }>()
  const store = {
    calls: 0,
    down: false,
    async query({ values = [] }: Parameters<LimitStore['query']>[0]) {
      store.calls += 1
      if (store.down) throw new Error('connection refused')
      const [key, points, expire, now] = values as [string, number, number, number]
      const old = rows.get(key)
      const row = old === undefined || old.expire <= now ? { points, expire } : { points: old.points + points, expire: old.expire }
      rows.set(key, row)
      return { rows: [{ points: row.points, expire: `${row.expire}` }], rowCount: 1 }
    },
  }
  return store
}

const takeAll = async (limiter: ReturnType<typeof openLimiter>, key: string, times: number) => {
  const allowances = await Promise.all(Array.from({ length: times }, () => limiter.take(key)))
  return allowances.filter((allowance) => allowance.ok).length
}

test('a quota is exact, however many come at once', async () => {
  const store = memoryStore()
  const limiter = openLimiter({ name: 'address', quota: 500, store })
  expect(await takeAll(limiter, 'a', 800)).toBe(500)
  expect(store.calls).toBeLessThanOrEqual(52)
  expect(await takeAll(limiter, 'b', 10)).toBe(10)
})

test('two nodes over one store never give more than the quota', async () => {
  const store = memoryStore()
  const nodes = [openLimiter({ name: 'address', quota: 100, store }), openLimiter({ name: 'address', quota: 100, store })]
  const given = await Promise.all(nodes.map((node) => takeAll(node, 'a', 90)))
  expect((given[0] ?? 0) + (given[1] ?? 0)).toBe(100)
})

test('a spent key costs the store nothing', async () => {
  const store = memoryStore()
  const limiter = openLimiter({ name: 'address', quota: 2, store })
  await takeAll(limiter, 'a', 3)
  const before = store.calls
  expect(await limiter.take('a')).toMatchObject({ ok: false, reason: 'spent' })
  expect(store.calls).toBe(before)
})

test('the next minute begins anew', async () => {
  const store = memoryStore()
  let skew = 0
  const limiter = openLimiter({ name: 'address', quota: 1, store, clock: () => Date.now() + skew })
  await limiter.take('a')
  expect((await limiter.take('a')).ok).toBe(false)
  skew = 61_000
  store.query = ((original) => (statement) => original({ ...statement, values: (statement.values ?? []).map((value, at) => (at >= 2 ? Number(value) + skew : value)) }))(store.query)
  expect((await limiter.take('a')).ok).toBe(true)
})

test('U-5 a store that does not answer lets nothing through', async () => {
  const store = memoryStore()
  store.down = true
  expect(await openLimiter({ name: 'address', quota: 10, store }).take('a')).toEqual({ ok: false, reason: 'broken' })
})

test('headers name each limit that was asked', async () => {
  const limiter = openLimiter({ name: 'address', quota: 10, store: memoryStore() })
  expect(limitHeaders([{ limiter, allowance: { ok: true, remaining: 4, resetSeconds: 9 } }])).toEqual({ 'ratelimit-policy': '"address";q=10;w=60', ratelimit: '"address";r=4;t=9' })
  expect(limitHeaders([{ limiter, allowance: { ok: false, reason: 'broken' } }])).toEqual({})
})
