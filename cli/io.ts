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
  /** Seconds since 1970. */
  now(): number
}
export interface Sink {
  write(text: string | Uint8Array): unknown
  readonly isTTY?: boolean
}

export const processIo = (): Io => ({ env: process.env, cwd: process.cwd(), out: process.stdout, err: process.stderr, input: () => buffer(process.stdin), now: () => Math.floor(Date.now() / 1000) })

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
