import { setTimeout as sleep } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'

/* A module for the pool's tests: does what the batch says. */

type Act = { readonly act: 'add'; readonly values: readonly number[] } | { readonly act: 'spin' | 'throw' | 'exit' | 'state' | 'thread' | 'grow' | 'reject_later' } | { readonly act: 'sleep'; readonly ms: number }

export function open(init: { readonly base: number; readonly fail?: boolean }) {
  if (init.fail === true) throw new RangeError('cannot open')
  const state: unknown[] = []
  return {
    async handle(batch: Act): Promise<unknown> {
      switch (batch.act) {
        case 'add':
          return batch.values.map((value) => value + init.base)
        case 'spin':
          for (;;);
        case 'throw':
          throw new RangeError('canary')
        case 'exit':
          return process.exit(3)
        case 'grow': {
          const kept: unknown[] = []
          for (;;) kept.push(Array.from({ length: 10_000 }, () => ({})))
        }
        case 'reject_later':
          void Promise.reject(new RangeError('canary'))
          return sleep(10_000)
        case 'sleep':
          return sleep(batch.ms)
        case 'state':
          return state
        case 'thread':
          return threadId
      }
    },
    update(message: unknown) {
      if (message === 'poison') throw new RangeError('canary')
      state.push(message)
    },
  }
}
