import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Job, Turn } from './load.ts'

/** The load generator's process. One turn at a time. */
export interface Callers {
  run(job: Job): Promise<Turn>
  stop(): void
}

export function openCallers(): Callers {
  const child = fork(join(import.meta.dirname, 'load.ts'))
  // Listened for once: every turn would leave a listener behind.
  const ended = once(child, 'exit')
  return {
    async run(job) {
      child.send(job)
      const [turn] = (await Promise.race([once(child, 'message'), ended])) as [Turn | number | null]
      if (typeof turn !== 'object' || turn === null) throw new Error(`the load generator ended (${String(turn)})`)
      if (turn.failures.length > 0) throw new Error(`${turn.failures.length} of ${job.requests.length} requests failed, the first with ${turn.failures[0]}`)
      return turn
    },
    stop: () => child.disconnect(),
  }
}
