import type { Server } from 'node:net'
import type { Address } from './config.ts'
import { SafeError } from './log.ts'

/**
 * Listens, and says where: port 0 is whichever is free.
 * @throws SafeError `cannot_listen`
 */
export async function bind(server: Server, { host, port }: Address): Promise<Address> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', (error: NodeJS.ErrnoException) => reject(new SafeError('cannot_listen', `cannot listen on ${host}:${port} (${error.code ?? 'unknown'})`)))
  server.listen({ host, port }, resolve)
  await promise
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new TypeError('a TCP server has an address with a port')
  return { host, port: bound.port }
}
