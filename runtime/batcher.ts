/** Why an item was not run. */
export type BatcherFull = { readonly ok: false; readonly reason: 'overloaded' }

export type BatcherOptions<T, R> = {
  /** Runs a batch; answers in the order of the items. Expected failures are answers; a rejection rejects each item's promise. */
  run(items: readonly T[]): Promise<readonly R[]>
  readonly maxItems: number
  /** Batches under way at once, for instance the number of workers. */
  readonly maxRunning?: number
  /** Milliseconds after which a batch under way no longer keeps others from running: one slow item must not hold up all. Default: it always does. */
  readonly stalledMs?: number
  /** Batches under way at once, stalled ones included. */
  readonly maxUnderWay?: number
  /** Items that may wait. */
  readonly maxWaiting?: number
}

/**
 * Collects single items into batches without making anyone wait for company: an item goes out in the turn of the event loop in which it came
 * while a place is free; while all are busy, what arrives gathers, and goes out together when the next place frees.
 */
export function batcher<T, R>(options: BatcherOptions<T, R>): (item: T) => Promise<R | BatcherFull> {
  const { run, maxItems, maxRunning = 1, stalledMs, maxUnderWay = 4 * maxRunning, maxWaiting = 4_096 } = options
  const waiting: { readonly item: T; resolve(result: R): void; reject(error: unknown): void }[] = []
  let running = 0
  let underWay = 0
  let scheduled = false

  const mayRun = () => waiting.length > 0 && running < maxRunning && underWay < maxUnderWay

  // Behind the turn's other work: what arrives in one turn, or because of one batch's answers, shares the next.
  const schedule = () => {
    if (scheduled || !mayRun()) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      while (mayRun()) void next()
    })
  }
  const takePlace = () => {
    running += 1
    let held = true
    const free = () => {
      if (held) running -= 1
      held = false
      schedule()
    }
    const timer = stalledMs === undefined ? undefined : setTimeout(free, stalledMs)
    return () => {
      clearTimeout(timer)
      free()
    }
  }
  const next = async (): Promise<void> => {
    const batch = waiting.splice(0, maxItems)
    underWay += 1
    const leave = takePlace()
    try {
      const results = await run(batch.map(({ item }) => item))
      if (results.length !== batch.length) throw new TypeError(`${batch.length} items gave ${results.length} results`)
      results.forEach((result, index) => batch[index]?.resolve(result))
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      underWay -= 1
      leave()
    }
  }
  return (item) => {
    if (waiting.length >= maxWaiting) return Promise.resolve({ ok: false, reason: 'overloaded' })
    const { promise, resolve, reject } = Promise.withResolvers<R>()
    waiting.push({ item, resolve, reject })
    schedule()
    return promise
  }
}
