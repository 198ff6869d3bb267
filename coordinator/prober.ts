/** Asks in the background whether a signer is well again, ever less often, so that no request of a user's is spent on finding out. */
export interface Prober {
  /** Begins, unless it has begun already. */
  begin(): void
  stop(): void
}

const firstMs = 250
const lastMs = 5_000

/** @param probe resolves to whether it is well; then the asking ends */
export function openProber(probe: () => Promise<boolean>): Prober {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const again = (pauseMs: number) => {
    if (stopped) return
    timer = setTimeout(() => void once(pauseMs), pauseMs)
    timer.unref()
  }
  const once = async (pauseMs: number) => {
    const well = await probe()
    timer = undefined
    if (!well) again(Math.min(lastMs, pauseMs * 2))
  }
  return {
    begin() {
      if (timer === undefined) again(firstMs)
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
