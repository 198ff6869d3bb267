import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { buildkiteIdToken } from './ci-buildkite.ts'
import { githubIdToken } from './ci-github.ts'
import { kubernetesIdToken } from './ci-kubernetes.ts'
import { findPlatform } from './ci.ts'
import { failed, ok } from './errors.ts'
import { retry } from './retry.ts'

const audience = 'symbolon:AAAA'
const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJqb2IifQ.c2lnbmF0dXJl'
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

type Seen = { url: string; authorization: string | undefined; body: string }

async function serve(reply: (seen: Seen) => { status: number; body: unknown; headers?: Record<string, string> }): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = []
  const listener: RequestListener = (request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString())).on('end', () => {
      const one = { url: request.url ?? '', authorization: request.headers.authorization, body }
      seen.push(one)
      const { status, body: answer, headers } = reply(one)
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(answer))
    })
  }
  const server = createHttp(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => new Promise((resolve) => server.close(resolve)))
  const bound = server.address()
  return { url: `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`, seen }
}

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'symbolon-ci-'))
  cleanups.push(() => rmSync(path, { recursive: true }))
  return path
}

describe('GitHub', () => {
  test('is asked for exactly the audience, with its own bearer', async () => {
    const { url, seen } = await serve(() => ({ status: 200, body: { value: jwt, count: 1 } }))
    expect(await githubIdToken({ url: `${url}/token?api-version=2.0`, token: 'runner-secret' }, audience)).toEqual(ok(jwt))
    expect(seen).toEqual([{ url: '/token?api-version=2.0&audience=symbolon%3AAAAA', authorization: 'Bearer runner-secret', body: '' }])
  })

  test('S-2 its bearer follows no redirect', async () => {
    const other = await serve(() => ({ status: 200, body: { value: jwt } }))
    const { url } = await serve(() => ({ status: 302, body: {}, headers: { location: `${other.url}/steal` } }))
    const got = await githubIdToken({ url, token: 'runner-secret' }, audience)
    expect(got.ok ? '' : got.error.code).toBe('id_token_unavailable')
    expect(other.seen).toEqual([])
  })

  test('L-2 a refusal quotes neither bearer nor answer', async () => {
    const { url } = await serve(() => ({ status: 403, body: { message: 'bad runner-secret' } }))
    const got = await githubIdToken({ url, token: 'runner-secret' }, audience)
    expect(got.ok ? '' : JSON.stringify(got.error)).not.toContain('runner-secret')
    expect(got.ok ? {} : got.error.details).toMatchObject({ status: 403 })
  })
})

describe('Kubernetes', () => {
  test('without a token of its own there is none to ask for', async () => {
    const got = await kubernetesIdToken({ host: '127.0.0.1', port: '1', folder: folder() }, audience)
    expect(got.ok ? '' : got.error.code).toBe('credential_unusable')
  })
})

describe('Buildkite', () => {
  const agent = (script: string): string => {
    const path = join(folder(), 'buildkite-agent')
    writeFileSync(path, `#!/bin/sh\n${script}\n`)
    chmodSync(path, 0o755)
    return path
  }

  test('the agent is asked for exactly the audience', async () => {
    const program = agent(`[ "$*" = "oidc request-token --audience ${audience} --claim organization_id --claim pipeline_id" ] && echo ${jwt}`)
    expect(await buildkiteIdToken({ agent: program }, audience)).toEqual(ok(jwt))
  })

  test.each([
    ['fails', 'echo secret-canary >&2; exit 3'],
    ['prints something else', 'echo secret-canary'],
  ])('an agent that %s is no token, and is not quoted', async (_name, script) => {
    const got = await buildkiteIdToken({ agent: agent(script) }, audience)
    expect(got.ok ? '' : got.error.code).toBe('id_token_unavailable')
    expect(got.ok ? '' : JSON.stringify(got.error)).not.toContain('canary')
  })

  test('no agent at all', async () => {
    const got = await buildkiteIdToken({ agent: '/nonexistent/agent' }, audience)
    expect(got.ok ? {} : got.error.details).toMatchObject({ detail: 'there is no buildkite-agent in PATH' })
  })
})

describe('which platform', () => {
  test.each([
    ['github', { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x', ACTIONS_ID_TOKEN_REQUEST_TOKEN: 't' }],
    ['buildkite', { BUILDKITE: 'true', BUILDKITE_JOB_ID: 'j' }],
    [undefined, { GITHUB_ACTIONS: 'true' }],
    [undefined, { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://x' }],
    [undefined, { KUBERNETES_SERVICE_HOST: '10.0.0.1', SYMBOLON_KUBERNETES_FOLDER: '/nonexistent' }],
    [undefined, {}],
  ])('%s', (platform, env) => expect(findPlatform(env)).toBe(platform))

  test('kubernetes', () => {
    const path = folder()
    writeFileSync(join(path, 'token'), 'x')
    expect(findPlatform({ KUBERNETES_SERVICE_HOST: '10.0.0.1', SYMBOLON_KUBERNETES_FOLDER: path })).toBe('kubernetes')
  })
})

describe('retry', () => {
  const counting = (...outcomes: ReturnType<typeof failed>[]) => {
    let calls = 0
    return { work: async () => outcomes[calls++] ?? ok('done'), calls: () => calls }
  }

  test('tries again what failed on the way', async () => {
    const { work, calls } = counting(failed('unreachable'), failed('id_token_unavailable', { status: 503 }))
    expect([await retry(work, { pauseMs: 1 }), calls()]).toEqual([ok('done'), 3])
  })
  test('takes a no for an answer', async () => {
    const { work, calls } = counting(failed('id_token_unavailable', { status: 403 }))
    expect([(await retry(work, { pauseMs: 1 })).ok, calls()]).toEqual([false, 1])
  })
  test('ends', async () => {
    const { work, calls } = counting(...Array.from({ length: 9 }, () => failed('unreachable')))
    expect([(await retry(work, { pauseMs: 1, attempts: 3 })).ok, calls()]).toEqual([false, 3])
  })
})
