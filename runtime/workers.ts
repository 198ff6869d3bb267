import { SafeError, type Logger } from './log.ts'
import { startWorker, type PoolWorker, type WorkerFailure } from './worker.ts'

export type { Pooled, PooledModule } from './worker-protocol.ts'

/** Why a call has no result. `overloaded` and `closed`: no worker saw it. `timeout`, `crashed`: its worker was replaced. */
export type CallFailure = { readonly ok: false; readonly reason: 'timeout' | 'crashed' | 'overloaded' | 'closed'; readonly detail: string }
export type CallResult<R> = { readonly ok: true; readonly value: R } | CallFailure

export type PoolOptions = {
  /** The module that each worker imports; it exports `open(init)`, see PooledModule. */
  readonly module: URL
  /** Worker threads. Each answers one batch at a time. */
  readonly size: number
  /** Given to `open`; copied by structured clone. */
  readonly init: unknown
  /** For one batch, or one update. A worker that takes longer is terminated and replaced. */
  readonly timeoutMs: number
  readonly log: Logger
  readonly openMs?: number
  readonly memoryMb?: number
  /** Batches that may wait for a worker, and for how long (default: `timeoutMs`). */
  readonly maxQueued?: number
  readonly maxWaitMs?: number
}

/** Worker threads that answer batches. `B` and `R` must survive structured clone. */
export type Pool<B, R> = {
  readonly size: number
  call(batch: B): Promise<CallResult<R>>
  /**
   * Gives every worker new state. When it resolves, no worker answers with the old: those that did not take it were replaced. The
   * last message under each key is given again to every later worker.
   */
  broadcast(key: string, message: unknown): Promise<void>
  close(): Promise<void>
}

type Waiting<B, R> = { readonly batch: B; settle(result: CallResult<R>): void }

/** Opens the pool. Refuses (SafeError `workers_cannot_open`) if the first workers cannot open the module. */
export async function openPool<B, R>(options: PoolOptions): Promise<Pool<B, R>> {
  const pool = new WorkerPool<B, R>(options)
  await pool.openAll()
  return pool
}

class WorkerPool<B, R> implements Pool<B, R> {
  readonly size: number
  readonly #options: PoolOptions
  readonly #live = new Set<PoolWorker>()
  readonly #idle: PoolWorker[] = []
  readonly #queue: Waiting<B, R>[] = []
  readonly #state = new Map<string, unknown>()
  readonly #end = new AbortController()
  #lastId = 0

  constructor(options: PoolOptions) {
    this.size = options.size
    this.#options = options
  }

  async openAll(): Promise<void> {
    const failed = (await Promise.all(Array.from({ length: this.size }, () => this.#openOne()))).find((failure) => failure !== undefined)
    if (failed === undefined) return
    await this.close()
    throw new SafeError('workers_cannot_open', `a worker could not open its module (${failed.reason}: ${failed.detail})`)
  }

  call(batch: B): Promise<CallResult<R>> {
    if (this.#end.signal.aborted) return Promise.resolve({ ok: false, reason: 'closed', detail: 'pool_closed' })
    if (this.#queue.length >= (this.#options.maxQueued ?? 256)) return Promise.resolve({ ok: false, reason: 'overloaded', detail: 'queue_full' })
    const { promise, resolve } = Promise.withResolvers<CallResult<R>>()
    const waiting: Waiting<B, R> = { batch, settle: resolve }
    this.#queue.push(waiting)
    this.#dispatch()
    if (this.#queue.includes(waiting)) this.#limitWait(waiting, promise)
    return promise
  }

  async broadcast(key: string, message: unknown): Promise<void> {
    // Recorded first: a worker that opens from here on is given it.
    this.#state.set(key, message)
    await Promise.all([...this.#live].map((worker) => worker.ask({ kind: 'update', id: this.#nextId(), message }, this.#options.timeoutMs)))
  }

  async close(): Promise<void> {
    this.#end.abort()
    for (const { settle } of this.#queue.splice(0)) settle({ ok: false, reason: 'closed', detail: 'pool_closed' })
    await Promise.all([...this.#live].map((worker) => worker.end()))
  }

  #nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  // Without it, calls would wait for ever while a bad update keeps every worker from opening.
  #limitWait(waiting: Waiting<B, R>, settled: Promise<unknown>): void {
    const timer = setTimeout(() => {
      const place = this.#queue.indexOf(waiting)
      if (place < 0) return
      this.#queue.splice(place, 1)
      waiting.settle({ ok: false, reason: 'overloaded', detail: 'waited_too_long' })
    }, this.#options.maxWaitMs ?? this.#options.timeoutMs)
    void settled.then(() => clearTimeout(timer))
  }

  async #openOne(): Promise<WorkerFailure | undefined> {
    const worker = startWorker({ openMs: 10_000, memoryMb: 256, ...this.#options })
    const opened = await worker.opened
    if (!opened.ok) return opened
    // Live from here on, so that a broadcast during the replay reaches it too, behind what is replayed.
    this.#live.add(worker)
    const replayed = await Promise.all([...this.#state.values()].map((message) => worker.ask({ kind: 'update', id: this.#nextId(), message }, this.#options.timeoutMs)))
    const failed = replayed.find((answer) => !answer.ok)
    if (failed?.ok === false) {
      this.#live.delete(worker)
      return failed
    }
    this.#idle.push(worker)
    void worker.died.then((failure) => this.#bury(worker, failure))
    this.#dispatch()
    return undefined
  }

  #bury(worker: PoolWorker, failure: WorkerFailure): void {
    this.#live.delete(worker)
    const place = this.#idle.indexOf(worker)
    if (place >= 0) this.#idle.splice(place, 1)
    if (this.#end.signal.aborted) return
    this.#options.log.error({ reason: failure.reason, detail: failure.detail }, 'worker replaced')
    void this.#replace()
  }

  /** Opens one worker for one that died, again and again if it must, ever more slowly. */
  async #replace(): Promise<void> {
    for (let pause = 50; !this.#end.signal.aborted; pause = Math.min(pause * 2, 5_000)) {
      const failed = await this.#openOne()
      if (failed === undefined) return
      this.#options.log.error({ reason: failed.reason, detail: failed.detail }, 'worker cannot be replaced yet')
      await new Promise((resolve) => setTimeout(resolve, pause).unref())
    }
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const worker = this.#idle.shift()
      if (worker === undefined) return
      const next = this.#queue.shift()
      if (next !== undefined) void this.#run(worker, next)
    }
  }

  async #run(worker: PoolWorker, { batch, settle }: Waiting<B, R>): Promise<void> {
    const answer = await worker.ask({ kind: 'call', id: this.#nextId(), batch }, this.#options.timeoutMs)
    if (answer.ok) this.#idle.push(worker)
    settle(answer.ok ? { ok: true, value: answer.result as R } : answer)
    this.#dispatch()
  }
}
