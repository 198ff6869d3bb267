import type { Io } from './io.ts'

const everyMs = 1_000

/** On a terminal, a line a second at most, the first after a second. */
export function progressOf(io: Io, what: string, clock: () => number = () => performance.now()): (state: string) => void {
  let last = clock()
  return (state) => {
    if (io.err.isTTY !== true || clock() - last < everyMs) return
    last = clock()
    io.err.write(`${what}: ${state}\n`)
  }
}
