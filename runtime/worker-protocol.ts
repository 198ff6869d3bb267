/* What the pool and its workers say to each other. */

/** What a pooled module exports: `open` makes the one object that a worker thread runs. */
export type PooledModule<I, B, R> = { open(init: I): Promise<Pooled<B, R>> | Pooled<B, R> }
export type Pooled<B, R> = {
  /** Answers a batch. Throwing is a bug: the worker is replaced. */
  handle(batch: B): Promise<R> | R
  /** Takes new state (a bundle, a roster). Throwing replaces the worker, so that none goes on with the old state. */
  update?(message: unknown): Promise<void> | void
}

export type ToWorker = { readonly kind: 'call'; readonly id: number; readonly batch: unknown } | { readonly kind: 'update'; readonly id: number; readonly message: unknown }
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly result: unknown }
  /** The error's class and code, never its message, which may quote input. */
  | { readonly kind: 'failed'; readonly id: number; readonly error: string }
