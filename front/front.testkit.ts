import { request as httpRequest } from 'node:http'
import type { Allowance, Limiter } from './limiter.ts'

/* For tests of processes over real HTTP. */

export const now = (): number => Math.floor(Date.now() / 1000)

/** Counts in memory, for ever. */
export function memoryLimiter(name: string, quota = 1_000_000): Limiter {
  const used = new Map<string, number>()
  return {
    name,
    quota,
    window: 60,
    async take(key): Promise<Allowance> {
      const count = (used.get(key) ?? 0) + 1
      used.set(key, count)
      return count > quota ? { ok: false, reason: 'spent', resetSeconds: 30 } : { ok: true, remaining: quota - count, resetSeconds: 30 }
    },
  }
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
  /** Undefined if the body is none. */
  readonly body: Record<string, unknown>
}

export interface Sending {
  readonly method?: string
  readonly headers?: Record<string, string | string[]>
  readonly body?: string | Buffer
}

/** With node:http, which lets a test set any header. */
export async function send(url: string, { method = 'GET', headers = {}, body }: Sending = {}): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>()
  const outgoing = httpRequest(url, { method, headers, agent: false }, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject).on('end', () => {
      const text = Buffer.concat(chunks).toString()
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {} })
    })
  })
  outgoing.on('error', reject).end(body)
  return promise
}
