import { round } from './cpu.ts'
import type { Turn } from './load.ts'

/* What a turn comes to. */

/** Microseconds of CPU for one request, by process; `signers` is the sum over all of them, `total` over everything but the load generator. */
export type Spent = Readonly<Record<string, number>>

export function spentOf(count: number, before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): Spent {
  const spent = Object.entries(after).map(([name, micros]) => [name, (micros - (before[name] ?? 0)) / count] as const)
  const sum = (wanted: (name: string) => boolean) => Math.round(spent.filter(([name]) => wanted(name)).reduce((total, [, micros]) => total + micros, 0))
  const isSigner = (name: string) => name.startsWith('signer-')
  return {
    ...Object.fromEntries(spent.filter(([name]) => !isSigner(name)).map(([name, micros]) => [name, Math.round(micros)])),
    ...(spent.some(([name]) => isSigner(name)) && { signers: sum(isSigner) }),
    total: sum(() => true),
  }
}

export interface Latency {
  readonly p50_ms: number
  readonly p99_ms: number
}

export function latencyOf(latencies: Turn['latencies']): Latency {
  const sorted = latencies.toSorted((a, b) => a - b)
  const quantile = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
  return { p50_ms: quantile(0.5), p99_ms: quantile(0.99) }
}

/** Whatever else runs on the machine can only add to a turn, so the one that cost least says most about the work itself. */
export function leastDisturbed<F>(turns: readonly F[], spent: (figures: F) => Spent): F {
  const [best] = turns.toSorted((a, b) => (spent(a)['total'] ?? 0) - (spent(b)['total'] ?? 0))
  if (best === undefined) throw new Error('nothing was measured')
  return best
}

export const spentText = (spent: Spent): string => Object.entries(spent).map(([process, micros]) => `${process} ${micros}`).join(', ')
