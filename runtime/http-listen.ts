import type { Server } from 'node:http'
import { bind } from './bind.ts'
import type { Address } from './config.ts'

/** Bounds of one connection to a server that anybody may reach; slow clients end here. Times in milliseconds. */
export const connectionBounds = { headersTimeout: 10_000, requestTimeout: 20_000, keepAliveTimeout: 30_000, maxHeaderSize: 16_384, connectionsCheckingInterval: 5_000 } as const
const maxConnections = 4_096

const loopback = ['127.0.0.1', '::1', 'localhost']

/** Whether a configuration keeps plain http on its own machine. */
export const hasTlsOrLoopback = ({ tls, listen }: { readonly tls?: unknown; readonly listen: Address }): boolean => tls !== undefined || loopback.includes(listen.host)

export interface Listening {
  readonly address: Address
  /** Stops accepting, lets requests end until `deadline` aborts, then cuts what is left. */
  stop(deadline: AbortSignal): Promise<void>
}

/**
 * Listens where anybody may connect. `connectionBounds` belong into the server's own options: Node takes them only there.
 * @throws SafeError `cannot_listen`
 */
export async function listenOn(server: Server, address: Address): Promise<Listening> {
  server.maxConnections = maxConnections
  const bound = await bind(server, address)
  return { address: bound, stop: (deadline) => stop(server, deadline) }
}

async function stop(server: Server, deadline: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve())
  server.closeIdleConnections()
  const cut = () => server.closeAllConnections()
  deadline.addEventListener('abort', cut)
  if (deadline.aborted) cut()
  await promise
  deadline.removeEventListener('abort', cut)
}
