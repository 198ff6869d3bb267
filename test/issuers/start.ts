import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Issuer } from '@symbolon/roster/roster.ts'
import { Agent, request } from 'undici'
import { loopbackTls } from './certificate.ts'
import type { Algorithm, MintRequest } from './issuer.ts'
import { defaultClaims, jwksPath, kubernetesAccount, type Platform } from './platforms.ts'

export interface StartOptions {
  readonly platform: Platform
  /** RS256 unless said otherwise, as the platforms have it. */
  readonly algorithm?: Algorithm
  readonly https?: boolean
  /** Claims to add to, or (null) take from, the platform's own. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** A running issuer process. */
export interface RunningIssuer {
  readonly url: string
  readonly pid: number
  /** PEM, when it serves https. */
  readonly ca?: string
  /** Its row for a roster; `bound`, unless the change says otherwise. */
  row(id: string, change?: Partial<Issuer>): Issuer
  /** What a job on this platform finds in its environment. For Kubernetes also what `kubernetes` says. */
  readonly jobEnv: Readonly<Record<string, string>>
  readonly kubernetes?: { readonly url: string; readonly namespace: string; readonly name: string; readonly token: string }
  /** A token with these claims, without any protocol. */
  mint(wanted: MintRequest): Promise<string>
  /** A new key; the old one stays listed only if `keep`. */
  rotate(options?: { readonly keep?: boolean }): Promise<{ readonly kid: string }>
  /** How often the JWKS was asked for; with a status other than 200 it fails from now on. */
  jwks(options?: { readonly status?: number }): Promise<{ readonly requests: number; readonly kids: readonly string[] }>
  stop(): Promise<void>
}

export async function startIssuer(options: StartOptions): Promise<RunningIssuer> {
  const secret = () => randomBytes(24).toString('base64url')
  const controlToken = secret()
  const jobToken = options.platform === 'kubernetes' ? accountToken(secret()) : secret()
  const tls = options.https === true ? await loopbackTls() : undefined
  const { platform, algorithm = 'RS256', claims } = options
  const { child, port } = await startProcess({ platform, algorithm, jobToken, controlToken, ...(claims === undefined ? {} : { claims }), ...(tls === undefined ? {} : { tls: { key: tls.key, cert: tls.cert } }) })
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  const agent = new Agent(tls === undefined ? {} : { connect: { ca: tls.ca } })

  const control = async <T>(what: string, body: object): Promise<T> => {
    const response = await request(`${url}/control/${what}`, { method: 'POST', dispatcher: agent, headers: { authorization: `Bearer ${controlToken}` }, body: JSON.stringify(body) })
    if (response.statusCode !== 200) throw new Error(`control/${what}: ${response.statusCode} ${await response.body.text()}`)
    return (await response.body.json()) as T
  }

  return {
    url,
    pid: child.pid ?? 0,
    ...(tls === undefined ? {} : { ca: tls.ca }),
    row: (id, change = {}) => ({ id, issuer: url, jwks_uri: `${url}${jwksPath(platform)}`, allowed_addresses: ['127.0.0.1'], class: 'bound', max_age: 3600, ...(tls === undefined ? {} : { ca: tls.ca }), ...change }),
    jobEnv: jobEnvironment(platform, url, jobToken),
    ...(platform === 'kubernetes' ? { kubernetes: { url, ...kubernetesAccount, token: jobToken } } : {}),
    mint: async (wanted) => (await control<{ token: string }>('mint', wanted)).token,
    rotate: (wanted = {}) => control('rotate', wanted),
    jwks: (wanted = {}) => control('jwks', wanted),
    stop: async () => {
      await agent.destroy()
      await stopProcess(child)
    },
  }
}

/** As a pod finds it: a JWT that says whose it is. Only its issuer can tell whether it is genuine. */
const accountToken = (signature: string): string => [{ alg: 'RS256', kid: 'cluster' }, defaultClaims.kubernetes].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.') + `.${signature}`

/** Starts main.ts with this config. The child ends with its stdin, so it never outlives this process. */
export async function startProcess(config: object): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.write(`${JSON.stringify(config)}\n`)
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'exit')])) as [unknown]
  if (typeof line !== 'string') throw new Error(`the issuer ended before it listened (${String(line)})`)
  return { child, port: Number(line) }
}

export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.stdin?.end()
  await ended
}

function jobEnvironment(platform: Platform, url: string, jobToken: string): Readonly<Record<string, string>> {
  switch (platform) {
    case 'github':
      return { GITHUB_ACTIONS: 'true', ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/request?api-version=2.0`, ACTIONS_ID_TOKEN_REQUEST_TOKEN: jobToken }
    case 'buildkite':
      return { BUILDKITE: 'true', BUILDKITE_AGENT_ENDPOINT: `${url}/v3`, BUILDKITE_AGENT_ACCESS_TOKEN: jobToken, BUILDKITE_JOB_ID: '0184990a-477b-4fa8-9968-496074483cee' }
    case 'kubernetes':
      return { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: new URL(url).port }
    case 'gitlab':
      return { GITLAB_CI: 'true' }
  }
}
