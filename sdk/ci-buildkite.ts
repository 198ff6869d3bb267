import { execFile } from 'node:child_process'
import { failed, ok, type Outcome } from './errors.ts'

/* Buildkite: the agent on the machine asks for the job's token. */

export interface BuildkiteOptions {
  /** The agent's program, found in PATH unless absolute. */
  readonly agent?: string
  readonly timeoutMs?: number
}

/** Left out unless asked for; slugs are reused, these are not. */
const immutable = ['--claim', 'organization_id', '--claim', 'pipeline_id']

const idToken = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

export async function buildkiteIdToken({ agent = 'buildkite-agent', timeoutMs = 15_000 }: BuildkiteOptions, audience: string): Promise<Outcome<string>> {
  const { promise, resolve } = Promise.withResolvers<Outcome<string>>()
  execFile(agent, ['oidc', 'request-token', '--audience', audience, ...immutable], { timeout: timeoutMs, maxBuffer: 65_536 }, (error, stdout) => {
    const text = stdout.trim()
    // The agent's own words stay unquoted: they may hold what it was given.
    if (error !== null && error.code === 'ENOENT') resolve(failed('credential_unusable', { detail: 'there is no buildkite-agent in PATH' }))
    else if (error !== null) resolve(failed('id_token_unavailable', { detail: `buildkite-agent: ${error.code ?? 'failed'}` }))
    else resolve(idToken.test(text) ? ok(text) : failed('id_token_unavailable', { detail: 'buildkite-agent printed no token' }))
  })
  return promise
}
