import { Worker } from 'node:worker_threads'
import type { FromWorker, ToWorker } from './worker-protocol.ts'

export type WorkerFailure = { readonly ok: false; readonly reason: 'timeout' | 'crashed'; readonly detail: string }
export type WorkerAnswer = { readonly ok: true; readonly result: unknown } | WorkerFailure

/** One worker thread, from its start to its end. After a failure it is dead; the pool opens another. */
export type PoolWorker = {
  /** Resolves when the module is open. */
  readonly opened: Promise<WorkerAnswer>
  /** Resolves, once, with why it died. */
  readonly died: Promise<WorkerFailure>
  ask(message: ToWorker, timeoutMs: number): Promise<WorkerAnswer>
  end(): Promise<void>
}

export type WorkerOptions = { readonly module: URL; readonly init: unknown; readonly openMs: number; readonly memoryMb: number }

export function startWorker({ module, init, openMs, memoryMb }: WorkerOptions): PoolWorker {
  const thread = new Worker(new URL('./worker-entry.ts', import.meta.url), {
    workerData: { module: module.href, init },
    // A worker computes; it has no use for what the process was told by its environment.
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
  })
  // Its work keeps the process alive through what it serves, not by itself.
  thread.unref()
  const waiting = new Map<number, (answer: WorkerAnswer) => void>()
  const opened = Promise.withResolvers<WorkerAnswer>()
  const died = Promise.withResolvers<WorkerFailure>()

  const bury = (failure: WorkerFailure) => {
    died.resolve(failure)
    opened.resolve(failure)
    for (const settle of waiting.values()) settle(failure)
    waiting.clear()
    // Also stops a thread in an endless loop, which no message reaches. Its 'exit' comes back here and finds nothing to do.
    void thread.terminate()
  }
  const opening = setTimeout(() => bury({ ok: false, reason: 'timeout', detail: 'while_opening' }), openMs)
  void opened.promise.then(() => clearTimeout(opening))

  thread.on('message', (message: FromWorker) => {
    if (message.kind === 'ready') return opened.resolve({ ok: true, result: undefined })
    if (message.kind === 'failed') return bury({ ok: false, reason: 'crashed', detail: message.error })
    waiting.get(message.id)?.({ ok: true, result: message.result })
    return undefined
  })
  thread.on('error', (error: Error) => bury({ ok: false, reason: 'crashed', detail: 'code' in error && typeof error.code === 'string' ? error.code : error.name }))
  thread.on('messageerror', () => bury({ ok: false, reason: 'crashed', detail: 'message_unreadable' }))
  thread.on('exit', () => bury({ ok: false, reason: 'crashed', detail: 'exited' }))

  let dead: WorkerFailure | undefined
  void died.promise.then((failure) => (dead = failure))
  return {
    opened: opened.promise,
    died: died.promise,
    ask: (message, timeoutMs) => {
      if (dead !== undefined) return Promise.resolve(dead)
      const { promise, resolve } = Promise.withResolvers<WorkerAnswer>()
      const timer = setTimeout(() => bury({ ok: false, reason: 'timeout', detail: message.kind }), timeoutMs)
      waiting.set(message.id, (answer) => {
        clearTimeout(timer)
        waiting.delete(message.id)
        resolve(answer)
      })
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
      thread.postMessage(message)
      return promise
    },
    end: async () => {
      bury({ ok: false, reason: 'crashed', detail: 'pool_closed' })
      await thread.terminate()
    },
  }
}
