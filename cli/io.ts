import { buffer } from 'node:stream/consumers'

/** What a command may touch of its process; tests give their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Data, and nothing else. */
  readonly out: Sink
  /** Talk: progress, warnings, errors. */
  readonly err: Sink
  /** All of stdin. */
  input(): Promise<Buffer>
  /** Takes these signals from whoever had them, until what it returns is called. */
  signals(names: readonly NodeJS.Signals[], heard: (name: NodeJS.Signals) => void): () => void
  /** Seconds since 1970. */
  now(): number
}
export interface Sink {
  write(text: string | Uint8Array): unknown
  readonly isTTY?: boolean
}

export const processIo = (): Io => ({ env: process.env, cwd: process.cwd(), out: process.stdout, err: process.stderr, input: () => buffer(process.stdin), signals: takeSignals, now: () => Math.floor(Date.now() / 1000) })

function takeSignals(names: readonly NodeJS.Signals[], heard: (name: NodeJS.Signals) => void): () => void {
  const before = names.map((name) => [name, process.listeners(name)] as const)
  for (const name of names) process.removeAllListeners(name).on(name, heard)
  return () => {
    for (const [name, listeners] of before) {
      process.removeListener(name, heard)
      for (const listener of listeners) process.on(name, listener)
    }
  }
}

const slowMs = 1_000

/** Says what is being waited for once it takes longer than a second, on a terminal only. */
export async function slowly<T>(io: Io, what: string, work: Promise<T>): Promise<T> {
  const timer = io.err.isTTY === true ? setTimeout(() => io.err.write(`${what} …\n`), slowMs) : undefined
  try {
    return await work
  } finally {
    clearTimeout(timer)
  }
}
