/** Why an item was not run. */
export type BatcherFull = { readonly ok: false; readonly reason: 'overloaded' }

export type BatcherOptions<T, R> = {
  /** Runs a batch; answers in the order of the items. Expected failures are answers; a rejection rejects each item's promise. */
  run(items: readonly T[]): Promise<readonly R[]>
  readonly maxItems: number
  /** Batches under way at once, for instance the number of workers. */
  readonly maxRunning?: number
  /** Items that may wait. */
  readonly maxWaiting?: number
}

/**
 * Collects single items into batches without making anyone wait for company: an item goes out at once while a place is free; while
 * all are busy, what arrives gathers, and goes out together when the next place frees.
 */
export function batcher<T, R>({ run, maxItems, maxRunning = 1, maxWaiting = 4_096 }: BatcherOptions<T, R>): (item: T) => Promise<R | BatcherFull> {
  const waiting: { readonly item: T; resolve(result: R): void; reject(error: unknown): void }[] = []
  let running = 0

  const next = async (): Promise<void> => {
    const batch = waiting.splice(0, maxItems)
    running += 1
    try {
      const results = await run(batch.map(({ item }) => item))
      if (results.length !== batch.length) throw new TypeError(`${batch.length} items gave ${results.length} results`)
      results.forEach((result, index) => batch[index]?.resolve(result))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      running -= 1
      if (waiting.length > 0) void next()
    }
  }
  return (item) => {
    if (waiting.length >= maxWaiting) return Promise.resolve({ ok: false, reason: 'overloaded' })
    const { promise, resolve, reject } = Promise.withResolvers<R>()
    waiting.push({ item, resolve, reject })
    // In a microtask, so that items that arrive in one turn of the loop share the first batch.
    if (running < maxRunning) queueMicrotask(() => running < maxRunning && waiting.length > 0 && void next())
    return promise
  }
}
