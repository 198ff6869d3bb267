import { z } from 'zod'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { failed, ok, type Outcome } from './errors.ts'
import { openTransport, type Answer } from './transport.ts'

/* GitHub Actions: a job with `permissions: id-token: write` finds an URL and a bearer token for it in its environment. */

export interface GithubOptions {
  /** `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`. */
  readonly url: string
  readonly token: string
  readonly timeoutMs?: number
}

const reply = z.object({ value: z.string().min(1).max(16_384) })

/** The bearer goes to that one host and follows no redirect. */
export async function githubIdToken({ url, token, timeoutMs = 10_000 }: GithubOptions, audience: string): Promise<Outcome<string>> {
  if (!URL.canParse(url)) return failed('id_token_unavailable', { detail: 'ACTIONS_ID_TOKEN_REQUEST_URL is no URL' })
  const target = new URL(url)
  target.searchParams.set('audience', audience)
  const transport = openTransport({ addr: target.origin, timeoutMs })
  if (!transport.ok) return transport
  try {
    const answer = await transport.value.send({ method: 'GET', path: `${target.pathname}${target.search}`, headers: { authorization: `Bearer ${token}` } })
    return answer.ok ? idTokenIn(answer.value, reply, ({ value }) => value) : answer
  } finally {
    await transport.value.close()
  }
}

/** Reads a platform's answer. What it says of a failure stays unquoted: it may repeat what it was sent. */
export function idTokenIn<T>({ status, body }: Answer, schema: z.ZodType<T>, pick: (reply: T) => string): Outcome<string> {
  if (status < 200 || status > 299) return failed('id_token_unavailable', { status, detail: `the platform answers ${status}` })
  const decoded = decodeAs(schema, body, 65_536)
  return decoded.ok ? ok(pick(decoded.value)) : failed('id_token_unavailable', { detail: 'the platform’s answer cannot be read' })
}
