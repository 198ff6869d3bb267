import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

// Below the range that kernels hand out to outgoing connections, so that no connection takes one while its owner is down.
const [lowest, highest] = [20_000, 29_999]

/** As many different ports as there are names, each free on 127.0.0.1 now. Chosen at random, so that two deployments rarely meet. */
export async function pickPorts(names: readonly string[]): Promise<Record<string, number>> {
  const picked = new Set<number>()
  while (picked.size < names.length) {
    const port = randomInt(lowest, highest + 1)
    if (!picked.has(port) && (await isFree(port))) picked.add(port)
  }
  const ports = [...picked]
  return Object.fromEntries(names.map((name, index) => [name, ports[index] ?? 0]))
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const server = createServer()
  server.once('error', () => resolve(false))
  server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  return promise
}
