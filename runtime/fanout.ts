/** What the caller makes of the answers so far. `wait` may name further peers to ask at once (a replacement, a hedge). */
export type Verdict<P> = { readonly verdict: 'enough' } | { readonly verdict: 'impossible' } | { readonly verdict: 'wait'; readonly also?: readonly P[] }

/** What is known when the verdict is asked for: `late` says that the time for a hedge has come, or come again; `overdue` that it once has. */
export type Progress<P, A> = { readonly answers: readonly Answer<P, A>[]; readonly outstanding: readonly P[]; readonly late: boolean; readonly overdue: boolean }
export type Answer<P, A> = { readonly peer: P; readonly answer: A }

/** Why the asking ended, and every answer that had arrived by then, in order of arrival. */
export type Asked<P, A> = { readonly outcome: 'enough' | 'impossible' | 'exhausted' | 'deadline' | 'aborted'; readonly answers: readonly Answer<P, A>[] }

export type AskOptions<P, A> = {
  readonly peers: readonly P[]
  /** One question. Expected failures are answers; a rejection is a bug and rejects the whole. The signal ends it early. */
  ask(peer: P, signal: AbortSignal): Promise<A>
  /** Called after each answer, when `hedgeAfterMs` has passed, and then every `hedgeAgainMs`. Must not wait. */
  judge(progress: Progress<P, A>): Verdict<P>
  readonly deadlineMs: number
  readonly hedgeAfterMs?: number
  readonly hedgeAgainMs?: number
  readonly signal?: AbortSignal
}

/**
 * Asks peers in parallel and stops as soon as the judge has enough, or sees that enough has become impossible, or nobody is left
 * to answer, or the one deadline passes. Whatever is still under way then is aborted. A peer is never asked twice.
 */
export async function askAll<P, A>(options: AskOptions<P, A>): Promise<Asked<P, A>> {
  const { promise, resolve, reject } = Promise.withResolvers<Asked<P, A>['outcome']>()
  const end = new AbortController()
  const answers: Answer<P, A>[] = []
  const asked = new Set<P>()
  const outstanding = new Set<P>()
  let overdue = false
  let hedge: NodeJS.Timeout | undefined

  const start = (peers: readonly P[]) => {
    const fresh = [...new Set(peers)].filter((peer) => !asked.has(peer))
    // All are marked before the first is asked, so that a judge that runs in between sees them outstanding.
    fresh.forEach((peer) => asked.add(peer))
    fresh.forEach((peer) => outstanding.add(peer))
    for (const peer of fresh) options.ask(peer, end.signal).then((answer) => take(peer, answer)).catch(reject)
  }
  const take = (peer: P, answer: A) => {
    if (end.signal.aborted) return
    outstanding.delete(peer)
    answers.push({ peer, answer })
    consider(false)
  }
  const consider = (late: boolean) => {
    if (end.signal.aborted) return
    overdue ||= late
    const verdict = options.judge({ answers: [...answers], outstanding: [...outstanding], late, overdue })
    if (verdict.verdict !== 'wait') return resolve(verdict.verdict)
    start(verdict.also ?? [])
    if (outstanding.size === 0) resolve('exhausted')
  }
  const guarded = (late: boolean) => {
    try {
      consider(late)
    } catch (error) {
      reject(error)
    }
  }
  const hedgeAfter = (ms: number | undefined) => {
    if (ms === undefined || end.signal.aborted) return
    // Behind what has arrived meanwhile: after a pause of this process's own, its timers come before the answers that lie waiting.
    hedge = setTimeout(() => setImmediate(() => {
      guarded(true)
      hedgeAfter(options.hedgeAgainMs)
    }), ms)
  }

  const deadline = setTimeout(() => resolve('deadline'), options.deadlineMs)
  const abort = () => resolve('aborted')
  options.signal?.addEventListener('abort', abort)
  try {
    if (options.signal?.aborted === true) return { outcome: 'aborted', answers: [] }
    start(options.peers)
    hedgeAfter(options.hedgeAfterMs)
    if (outstanding.size === 0) guarded(false)
    return { outcome: await promise, answers: [...answers] }
  } finally {
    end.abort()
    clearTimeout(deadline)
    clearTimeout(hedge)
    options.signal?.removeEventListener('abort', abort)
  }
}
