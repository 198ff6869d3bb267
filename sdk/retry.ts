import { setTimeout as sleep } from 'node:timers/promises'
import { SymbolonError, type Outcome } from './errors.ts'

export interface RetryOptions {
  readonly attempts?: number
  /** Milliseconds before the second attempt; doubled before each further one, and spread. */
  readonly pauseMs?: number
}

/**
 * Tries again what failed on the way, a bounded number of times. A no is an answer: only `network` and `server` failures are tried
 * again, and never something that spends: this is for fetching.
 */
export async function retry<T>(work: () => Promise<Outcome<T>>, { attempts = 4, pauseMs = 250 }: RetryOptions = {}): Promise<Outcome<T>> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await work()
    if (outcome.ok || attempt >= attempts || !isPassing(outcome.error)) return outcome
    await sleep(pauseMs * 2 ** (attempt - 1) * (0.5 + Math.random()))
  }
}

const isPassing = ({ kind, details }: SymbolonError): boolean => (kind === 'network' || kind === 'server') && (details.status === undefined || details.status >= 500 || details.status === 429)
