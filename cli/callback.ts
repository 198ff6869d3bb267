import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { failed, type Outcome } from '@symbolon/sdk/errors.ts'

/*
 * Where the browser brings a grant: a port of this machine's loopback, for one callback. Anybody on this machine, and any page in its
 * browser, may knock; without the secret in the path nobody is heard, and a Host other than the address itself is a rebound name.
 */

export interface Callback<T> {
  readonly url: string
  /** What `judge` made of the one callback; `grant_timeout` if none came. */
  readonly outcome: Promise<Outcome<T>>
  close(): Promise<void>
}

export interface CallbackOptions<T> {
  /** Takes the text of a grant, or says why not. */
  judge(text: string): Outcome<T>
  readonly timeoutMs: number
}

export async function listenForGrant<T>({ judge, timeoutMs }: CallbackOptions<T>): Promise<Callback<T>> {
  const secret = toBase64url(randomBytes(32))
  const { promise: outcome, resolve } = Promise.withResolvers<Outcome<T>>()
  let heard = false
  const server = createServer({ maxHeaderSize: 32_768 }, (request, response) => {
    const asked = askedFor(request, secret, portOf(server.address()))
    if (asked === 'stranger') return answer(response, 404, 'There is nothing here.')
    // A second one would be an attempt to put another grant in the place of the first.
    if (heard) return answer(response, 410, 'This was answered already. You may close this page.')
    heard = true
    const judged = asked === 'declined' ? failed('grant_denied') : asked === 'nothing' ? failed('grant_differs', { detail: 'not a grant' }) : judge(asked.grant)
    answer(response, judged.ok ? 200 : 400, judged.ok ? 'You are signed in. You may close this page and go back to the terminal.' : 'The terminal did not take this. See what it says.')
    resolve(judged)
  })
  await new Promise<void>((listening, failing) => server.once('error', failing).listen(0, '127.0.0.1', listening))
  const timer = setTimeout(() => resolve(failed('grant_timeout')), timeoutMs)
  return {
    url: `http://127.0.0.1:${portOf(server.address())}/${secret}`,
    outcome,
    close: async () => {
      clearTimeout(timer)
      // Somebody who keeps a connection open does not keep the terminal.
      const force = setTimeout(() => server.closeAllConnections(), 500)
      await new Promise<void>((closed) => void server.close(() => closed()))
      clearTimeout(force)
    },
  }
}

type Asked = 'stranger' | 'declined' | 'nothing' | { readonly grant: string }

function askedFor({ method, url = '', headers }: IncomingMessage, secret: string, port: number): Asked {
  const host = `127.0.0.1:${port}`
  if (method !== 'GET' || headers.host !== host || !URL.canParse(url, `http://${host}`)) return 'stranger'
  const { pathname, searchParams } = new URL(url, `http://${host}`)
  if (!sameSecret(pathname.slice(1), secret)) return 'stranger'
  const [grant, ...more] = searchParams.getAll('grant')
  if (grant !== undefined && more.length === 0) return { grant }
  return searchParams.get('error') === 'access_denied' ? 'declined' : 'nothing'
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest()
const sameSecret = (a: string, b: string): boolean => timingSafeEqual(hash(a), hash(b))

function answer(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  })
  response.end(`<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Symbolon</title><p>${sentence}</p></html>\n`)
}

const portOf = (address: ReturnType<ReturnType<typeof createServer>['address']>): number => (typeof address === 'object' && address !== null ? address.port : 0)
