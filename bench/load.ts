import { Pool } from 'undici'

/*
 * The load generator: a process of its own, whose CPU is nobody's price. It sends what it is given, each caller one request after
 * the other on a connection of its own, and says how long each took.
 */

/** One request; a body is JSON. */
export interface Sent {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface Job {
  readonly origin: string
  readonly callers: number
  readonly requests: readonly Sent[]
}

export interface Turn {
  /** Milliseconds, in the order of the answers. */
  readonly latencies: readonly number[]
  /** Of the whole turn. */
  readonly seconds: number
  /** Answers that were not 200, as text; a figure over failures would be no figure. */
  readonly failures: readonly string[]
}

async function run({ origin, callers, requests }: Job): Promise<Turn> {
  const pool = new Pool(origin, { connections: callers, pipelining: 1 })
  const latencies: number[] = []
  const failures: string[] = []
  let next = 0
  const caller = async (): Promise<void> => {
    for (let sent = requests[next++]; sent !== undefined; sent = requests[next++]) {
      const { method, path, headers, body } = sent
      const began = performance.now()
      const answer = await pool.request({ method, path, headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) }, ...(body !== undefined && { body }) })
      const text = await answer.body.text()
      latencies.push(performance.now() - began)
      if (answer.statusCode !== 200) failures.push(`${answer.statusCode} ${text}`)
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: callers }, caller))
  const seconds = (performance.now() - began) / 1000
  await pool.close()
  return { latencies, seconds, failures }
}

// A rejection ends the process, and the parent with it.
process.on('message', (job: Job) => void run(job).then((turn) => process.send?.(turn)))
process.on('disconnect', () => process.exit(0))
