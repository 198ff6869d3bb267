/** One change of a path at a time: writers of one process need not take each other's place in the sequence. */
export interface Turns {
  take<T>(path: string, work: () => Promise<T>): Promise<T>
}

export function openTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    async take(path, work) {
      const before = last.get(path)
      const mine = (before ?? Promise.resolve()).then(work)
      // Whoever waits goes on however it ended.
      const over = mine.then(() => undefined, () => undefined)
      last.set(path, over)
      try {
        return await mine
      } finally {
        if (last.get(path) === over) last.delete(path)
      }
    },
  }
}
