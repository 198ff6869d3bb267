import { openRoom, type Logging } from './logged.ts'
import { routesOf, type Served } from './routes.ts'

/** A coordinator of which a test gives the parts that it is about; any other that is called fails the test. */
export function served(parts: Partial<Served>): Served {
  const unexpected = () => {
    throw new Error('not asked for in this test')
  }
  const logging: Logging = { roster: () => 1, room: openRoom(1), clock: () => 0, write: unexpected }
  return {
    minting: { ...logging, sign: unexpected, observe: unexpected },
    opening: { ...logging, open: unexpected, observe: unexpected },
    receipts: unexpected,
    known: unexpected,
    status: unexpected,
    keyset: unexpected,
    change: unexpected,
    stop: unexpected,
    book: unexpected,
    ...parts,
  }
}

/** What the route answers to a peer of that role; as the channel does, it refuses one that the table does not name. */
export async function callRoute(coordinator: Served, { role, path, body }: { readonly role: string; readonly path: string; readonly body: Uint8Array | string }): Promise<{ readonly status: number; readonly body: unknown }> {
  const route = routesOf(coordinator).find((row) => row.path === path)
  if (route === undefined) throw new RangeError(`no route ${path}`)
  if (!route.roles.includes(role)) return { status: 403, body: { code: 'role_not_allowed' } }
  const reply = await route.handle({ peer: { role, id: '1' }, body: Buffer.from(body), requestId: 'request', signal: new AbortController().signal })
  return { status: reply.status, body: JSON.parse(String(reply.body)) }
}
