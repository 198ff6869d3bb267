/** What one item came to: the batch ran and gave `value`, or it was not sent because nobody waited for it any more. */
export type Sent<O> = { readonly sent: true; readonly value: O } | { readonly sent: false }

export interface BatchOptions<I, O> {
  /** One call. Gives one result per item, in order; expected failures are results, a rejection is a bug and rejects every item. */
  call(items: readonly I[]): Promise<readonly O[]>
  readonly maxItems: number
  /** Bound on the sum of `weigh` in one call. A single heavier item still goes, alone. */
  readonly maxWeight: number
  weigh(item: I): number
  /** Asked just before sending: an item that nobody waits for is left out. */
  unwanted(item: I): boolean
  /** Calls under way at once. Two, so that the signer judges one batch while the next travels. */
  readonly calls: number
  /** A call that takes longer, in milliseconds, no longer keeps others from being sent: one item that makes a signer wait (for an issuer's keys) must not hold up all. */
  readonly stalledMs: number
  /** Calls under way at once, stalled ones included. */
  readonly maxCalls: number
}

export interface Batches<I, O> {
  add(item: I): Promise<Sent<O>>
  /** Items that wait or are under way. */
  readonly load: number
}

interface Waiting<I, O> {
  readonly item: I
  resolve(result: Sent<O>): void
  reject(error: unknown): void
}

/**
 * Requests to one signer, in as few calls as the moment allows, without making anyone wait for company: an item goes out in the turn of
 * the event loop in which it came while a call is free; while all are busy, what arrives gathers and goes out together.
 */
export function openBatches<I, O>(options: BatchOptions<I, O>): Batches<I, O> {
  const waiting: Waiting<I, O>[] = []
  let underWay = 0
  let stalled = 0
  let items = 0
  let scheduled = false

  const mayCall = () => underWay - stalled < options.calls && underWay < options.maxCalls

  // Only after the turn's other work, so that the items of one request share a call.
  const schedule = () => {
    if (scheduled || waiting.length === 0 || !mayCall()) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      while (waiting.length > 0 && mayCall()) void send(take(waiting, options))
    })
  }

  const send = async (batch: readonly Waiting<I, O>[]): Promise<void> => {
    if (batch.length === 0) return
    underWay += 1
    items += batch.length
    const release = countStall()
    try {
      const results = await options.call(batch.map(({ item }) => item))
      if (results.length !== batch.length) throw new TypeError('a call gives one result per item')
      results.forEach((value, at) => batch[at]?.resolve({ sent: true, value }))
    } catch (error) {
      batch.forEach(({ reject }) => reject(error))
    } finally {
      release()
      underWay -= 1
      items -= batch.length
      schedule()
    }
  }

  const countStall = () => {
    let counted = false
    const timer = setTimeout(() => {
      counted = true
      stalled += 1
      schedule()
    }, options.stalledMs)
    return () => {
      clearTimeout(timer)
      if (counted) stalled -= 1
    }
  }

  return {
    add(item) {
      const { promise, resolve, reject } = Promise.withResolvers<Sent<O>>()
      waiting.push({ item, resolve, reject })
      schedule()
      return promise
    },
    get load() {
      return waiting.length + items
    },
  }
}

/** The next batch, in order of arrival, within both bounds. Unwanted items are answered here and take no room. */
function take<I, O>(waiting: Waiting<I, O>[], { maxItems, maxWeight, weigh, unwanted }: BatchOptions<I, O>): Waiting<I, O>[] {
  const batch: Waiting<I, O>[] = []
  let weight = 0
  while (batch.length < maxItems) {
    const next = waiting[0]
    if (next === undefined) break
    if (unwanted(next.item)) {
      waiting.shift()
      next.resolve({ sent: false })
      continue
    }
    weight += weigh(next.item)
    if (batch.length > 0 && weight > maxWeight) break
    waiting.shift()
    batch.push(next)
  }
  return batch
}
