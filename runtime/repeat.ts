import type { Logger } from './log.ts'

/** Work that is done again and again, and at once when somebody says so; never twice at a time. */
export interface Repeat {
  /** Resolves when a run that began after this call has ended. */
  now(): Promise<void>
  stop(): void
}

/** @param work expected failures are its own affair; what it throws is logged, and the next run comes all the same */
export function openRepeat({ everyMs, work, log, name }: { readonly everyMs: number; work(): Promise<void>; readonly log: Logger; readonly name: string }): Repeat {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  let stopped = false
  let timer: NodeJS.Timeout | undefined

  const once = async (): Promise<void> => {
    clearTimeout(timer)
    try {
      await work()
    } catch (error) {
      log.error({ err: error }, `${name} failed`)
    }
    if (!stopped) timer = setTimeout(() => void now(), everyMs).unref()
  }
  const begin = (): Promise<void> => {
    if (stopped) return Promise.resolve()
    running = once().finally(() => (running = undefined))
    return running
  }
  // What is under way may have begun before what the caller knows of; one more run is enough for all who ask meanwhile.
  const now = (): Promise<void> => {
    if (running === undefined) return begin()
    next ??= running.then(() => ((next = undefined), begin()))
    return next
  }
  timer = setTimeout(() => void now(), everyMs).unref()
  return {
    now,
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
