import { buffer } from 'node:stream/consumers'

/** What a command may touch of its process; tests give their own. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Data, and nothing else. */
  readonly out: Sink
  /** Talk: progress, warnings, errors. */
  readonly err: Sink
  /** All of stdin; at a terminal one line, which is not shown. */
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

export const processIo = (): Io => ({ env: process.env, cwd: process.cwd(), out: process.stdout, err: process.stderr, input: () => (process.stdin.isTTY ? typed() : buffer(process.stdin)), signals: takeSignals, now: () => Math.floor(Date.now() / 1000) })

/** In raw mode the terminal shows nothing and makes no signals: Ctrl-C, Ctrl-D and the key that deletes are ours to see. */
function typed(): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>()
  let line = ''
  const hear = (chunk: Buffer): void => {
    for (const character of chunk.toString()) {
      if (character === '\u0003') {
        process.stdin.setRawMode(false)
        process.stderr.write('\n')
        process.exit(130)
      }
      if (character === '\r' || character === '\n' || character === '\u0004') {
        process.stdin.setRawMode(false).removeListener('data', hear).pause()
        process.stderr.write('\n')
        return resolve(Buffer.from(line))
      }
      line = character === '\u007f' || character === '\b' ? [...line].slice(0, -1).join('') : line + character
    }
  }
  process.stderr.write('value (not shown): ')
  process.stdin.setRawMode(true).on('data', hear).resume()
  return promise
}

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
