import { readFileSync } from 'node:fs'
import { connectChannel } from '@symbolon/runtime/channel-client.ts'
import type { CertificateFiles } from './ca.ts'
import type { Check } from './unit.ts'

/* How the launcher asks a process whether it is ready. */

const askMs = 2_500
const maxBytes = 64 * 1024

/** Over the channel, as `symbolon:operator/dev`: the process must let the role `operator` read `/readyz`. */
export function channelCheck(options: { readonly port: number; readonly expect: string; readonly tls: CertificateFiles }): () => Promise<Check> {
  return async () => {
    // Read anew each time: the certificates are renewed between starts, and a check is rare.
    const tls = { key: readFileSync(options.tls.key), cert: readFileSync(options.tls.certificate), ca: readFileSync(options.tls.ca) }
    const channel = connectChannel({ tls, address: { host: '127.0.0.1', port: options.port }, expect: options.expect })
    const answer = await channel.get('/readyz', { timeoutMs: askMs, maxBytes })
    channel.close()
    return answer.ok ? judge(answer.status, answer.body.toString('utf8')) : { ready: false, detail: answer.reason }
  }
}

/** Over plain HTTP on loopback. */
export function httpCheck(port: number): () => Promise<Check> {
  return async () => {
    try {
      const response = await fetch(`http://localhost:${port}/readyz`, { signal: AbortSignal.timeout(askMs), redirect: 'error' })
      return judge(response.status, (await response.text()).slice(0, maxBytes))
    } catch {
      // Not there yet, or too slow: both are "not ready", and asked again.
      return { ready: false, detail: 'unreachable' }
    }
  }
}

function judge(status: number, body: string): Check {
  return status === 200 ? { ready: true, detail: '' } : { ready: false, detail: reasonsIn(body) ?? `answers ${status}` }
}

/** `{failing: [{check, reason}]}`, as runtime/health.ts writes it, in a few words. */
function reasonsIn(body: string): string | undefined {
  try {
    const { failing, code } = JSON.parse(body) as { failing?: unknown; code?: unknown }
    if (!Array.isArray(failing)) return typeof code === 'string' ? code : undefined
    return failing.map((each: { check?: unknown; reason?: unknown }) => `${String(each.check)}: ${String(each.reason)}`).join(', ')
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
