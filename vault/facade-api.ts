import { Agent, request } from 'undici'
import type { z } from 'zod'
import { errorCodes, type ErrorCode } from '@symbolon/protocol/errors.ts'
import { stopRequest, stopResponse, tokenRequest, tokenResponse, problem } from '@symbolon/protocol/http.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { fail, type Failure } from '@symbolon/front/failure.ts'
import { systemCode } from '@symbolon/runtime/secret-file.ts'
import type { Logger } from '@symbolon/runtime/log.ts'

/*
 * Logins and revocations of KV v2 clients go to the api, as they would from any client: this process has no part in minting tokens. What it sends is
 * evidence that the client gave it in clear.
 */
export interface FacadeApi {
  mint(body: z.input<typeof tokenRequest>, about: About): Promise<Got<z.infer<typeof tokenResponse>>>
  stop(body: z.input<typeof stopRequest>, about: About): Promise<Got<z.infer<typeof stopResponse>>>
  close(): Promise<void>
}
type Got<T> = { readonly ok: true; readonly value: T } | Failure
/** For the api's own records and limits, where it trusts this process as a proxy. */
export interface About {
  readonly address: string
  readonly requestId: string
}

export interface FacadeApiOptions {
  /** Base URL: https, or http on loopback. */
  readonly url: string
  /** PEM of the CA to trust instead of the system's. */
  readonly ca?: string | undefined
  readonly timeoutMs: number
  readonly log: Logger
}

const mostBytes = 256 * 1024

export function openFacadeApi({ url, ca, timeoutMs, log }: FacadeApiOptions): FacadeApi {
  const agent = new Agent({ connect: { ...(ca === undefined ? {} : { ca }), timeout: Math.min(timeoutMs, 5_000) }, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, maxResponseSize: mostBytes })
  const ask = async <T>(path: string, body: unknown, schema: z.ZodType<T>, { address, requestId }: About): Promise<Got<T>> => {
    try {
      const response = await request(`${url.replace(/\/$/, '')}${path}`, { dispatcher: agent, method: 'POST', headers: { 'content-type': 'application/json', 'x-forwarded-for': address, 'x-request-id': requestId }, body: JSON.stringify(body), signal: AbortSignal.timeout(timeoutMs) })
      const bytes = Buffer.from(await response.body.arrayBuffer())
      if (response.statusCode !== 200) return refusal(bytes)
      const decoded = decodeAs(schema, bytes, mostBytes)
      if (decoded.ok) return decoded
      log.error({ path }, 'the api answers what nobody can read')
    } catch (error) {
      // Its message may carry what was sent.
      log.error({ path, code: systemCode(error) }, 'the api cannot be reached')
    }
    return fail('not_ready', { detail: 'The vault cannot reach the api.' })
  }
  return {
    mint: (body, about) => ask('/v1/tokens', body, tokenResponse, about),
    stop: (body, about) => ask('/v1/stops', body, stopResponse, about),
    close: () => agent.close(),
  }
}

const isCode = (code: string): code is ErrorCode => (errorCodes as readonly string[]).includes(code)

/** The api's no is passed on with its code; it quotes no evidence. */
function refusal(bytes: Buffer): Failure {
  const decoded = decodeAs(problem, bytes, mostBytes)
  if (!decoded.ok || !isCode(decoded.value.code)) return fail('not_ready', { detail: 'The api answers what nobody can read.' })
  const { code, detail } = decoded.value
  return fail(code, detail === undefined ? {} : { detail })
}
