/* CPU time, not wall time: the machine is shared, and threads of the runtime (garbage collection, compilation) count too. */

/** Microseconds of CPU that one call of `work` takes, over `rounds` calls; all threads of this process. */
export function cpuOf(work: () => void, rounds: number): number {
  const before = process.cpuUsage()
  for (let i = 0; i < rounds; i++) work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / rounds
}

/** The same of work that waits, one after the other, with how many milliseconds each took. What else this process does meanwhile counts. */
export async function cpuOfAsync(work: readonly (() => Promise<void>)[]): Promise<{ readonly micros: number; readonly latencies: readonly number[] }> {
  const latencies: number[] = []
  const before = process.cpuUsage()
  for (const one of work) {
    const began = performance.now()
    await one()
    latencies.push(performance.now() - began)
  }
  const { user, system } = process.cpuUsage(before)
  return { micros: user + system, latencies }
}

/**
 * Each figure of the turn that was least disturbed. Whatever else runs on the machine can only add to a turn, so the smallest
 * value is the one nearest to the work itself.
 */
export function least<K extends string>(turns: readonly Readonly<Record<K, number>>[]): Record<K, number> {
  const [first] = turns
  if (first === undefined) throw new Error('nothing was measured')
  const keys = Object.keys(first) as K[]
  return Object.fromEntries(keys.map((key) => [key, round(Math.min(...turns.map((turn) => turn[key])))])) as Record<K, number>
}

export const round = (value: number): number => Math.round(value * 1000) / 1000
