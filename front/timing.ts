/** Stages of a request, in milliseconds, for `Server-Timing` (W3C Server Timing). */
export type Stage = 'authenticate' | 'policy' | 'store' | 'quorum' | 'log'

export interface Timer {
  measure<T>(stage: Stage, work: () => Promise<T>): Promise<T>
  add(stage: Stage, ms: number): void
  header(): string
}

export function openTimer(): Timer {
  const spent = new Map<Stage, number>()
  const add = (stage: Stage, ms: number) => void spent.set(stage, (spent.get(stage) ?? 0) + ms)
  return {
    add,
    async measure(stage, work) {
      const start = performance.now()
      try {
        return await work()
      } finally {
        add(stage, performance.now() - start)
      }
    },
    header: () => [...spent].map(([stage, ms]) => `${stage};dur=${ms.toFixed(1)}`).join(', '),
  }
}
