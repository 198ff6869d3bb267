import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCiWorld, type CiWorld } from '../api/world.testkit.ts'

/* The command line in jobs: each platform's own way to an ID token, on a whole deployment. */

let world: CiWorld
let folder: string
const env: Record<string, Record<string, string>> = {}

beforeAll(async () => {
  world = await startCiWorld()
  folder = await mkdtemp(join(tmpdir(), 'symbolon-jobs-'))
  const { kubernetes, github, buildkite } = world.issuers
  env['github'] = { ...github.jobEnv }

  // What the agent does with its command line, in a few lines: it asks its endpoint for the job's token.
  await writeFile(join(folder, 'buildkite-agent'), `#!/bin/sh
set -eu
case "$1 $2" in
  "oidc request-token") shift 2; audience=; claims=
    while [ $# -gt 0 ]; do case $1 in --audience) audience=$2;; --claim) claims="$claims \\"$2\\"";; esac; shift 2; done
    curl -sSf -H "Authorization: Token $BUILDKITE_AGENT_ACCESS_TOKEN" -d "{\\"audience\\":\\"$audience\\",\\"claims\\":[$(echo $claims | tr ' ' ',')]}" "$BUILDKITE_AGENT_ENDPOINT/jobs/$BUILDKITE_JOB_ID/oidc/tokens" | jq -r .token;;
  "redactor add") cat > "$REDACTED";;
esac
`)
  await chmod(join(folder, 'buildkite-agent'), 0o755)
  env['buildkite'] = { ...buildkite.jobEnv, PATH: `${folder}:${process.env['PATH'] ?? ''}`, REDACTED: join(folder, 'redacted') }

  await writeFile(join(folder, 'token'), kubernetes.kubernetes?.token ?? '')
  await writeFile(join(folder, 'ca.crt'), kubernetes.ca ?? '')
  env['kubernetes'] = { ...kubernetes.jobEnv, SYMBOLON_KUBERNETES_FOLDER: folder }
})
afterAll(async () => {
  await world?.stop()
  await rm(folder, { recursive: true, force: true })
})

const inClear = { SYMBOLON_ID_TOKEN_CLASS: 'bearer' }

/** As in a job: no development profile, only address and pin. */
const job = (platform: string, args: readonly string[], more: Record<string, string> = {}) =>
  world.stack.cli(args, { ...env[platform], SYMBOLON_HOME: '', SYMBOLON_ADDR: world.addr, SYMBOLON_PIN: world.pin, SYMBOLON_SUBJECT: `job-${platform}`, ...more })

describe.each(['github', 'buildkite', 'kubernetes'])('a job on %s', (platform) => {
  test('mints without a secret, bound to its request', async () => {
    const { code, stdout, stderr } = await job(platform, ['mint', '--scope', 'deploy:canary', '-o', 'jwt'])
    expect({ code, stderr: stderr.replace(stdout.trim(), '') }).toEqual({ code: 0, stderr: platform === 'github' ? '::add-mask::\n' : '' })
    expect(decodeJwt(stdout.trim())).toMatchObject({ sub: `job-${platform}`, scope: 'deploy:canary', 'urn:symbolon:v1': { origin: { kind: 'id_token', class: 'bound' } } })
  })

  test('is refused what its trust may not have, with exit code 3', async () => {
    const { code, stdout, stderr } = await job(platform, ['mint', '--scope', 'write:prod'])
    expect([code, stdout]).toEqual([3, ''])
    expect(stderr).toMatch(/rule symbolon\.scope; fact .*engineer[^]*do: .*sre/)
  })

  test('knows who it is', async () => {
    const { stdout } = await job(platform, ['whoami', '-o', 'json'])
    expect(JSON.parse(stdout)).toMatchObject({ principal: `job-${platform}`, source: platform, pinned: true })
  })

  test('is nobody under another trust’s name', async () => {
    const other = platform === 'github' ? 'job-buildkite' : 'job-github'
    expect((await job(platform, ['mint', '--scope', 'read:logs'], { SYMBOLON_SUBJECT: other })).code).toBe(3)
  })
})

test('Buildkite’s agent redacts the token before it is printed', async () => {
  const { stdout } = await job('buildkite', ['mint', '--scope', 'read:logs', '-o', 'jwt'])
  const { readFile } = await import('node:fs/promises')
  expect((await readFile(join(folder, 'redacted'), 'utf8')).trim()).toBe(encodeURIComponent(stdout.trim()))
})

test('a token that the platform cannot give is exit code 2, and quotes nothing', async () => {
  const { code, stderr } = await job('github', ['mint', '--scope', 'read:logs'], { ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'wrong-canary' })
  expect(code).toBe(2)
  expect(stderr).toContain('id_token_unavailable')
  expect(stderr).not.toContain('canary')
})

test('GitLab’s token comes by environment, under its ceiling', async () => {
  const token = await world.issuers.gitlab.mint({ audience: 'https://mint.example' })
  const { code, stdout } = await job('gitlab', ['mint', '--scope', 'read:logs', '-o', 'jwt'], { SYMBOLON_ID_TOKEN: token, ...inClear })
  expect(code).toBe(0)
  expect(decodeJwt(stdout.trim())['urn:symbolon:v1']).toMatchObject({ origin: { class: 'bearer', ceiling: { max_ttl: 300 } } })
  expect((await job('gitlab', ['mint', '--scope', 'write:staging'], { SYMBOLON_ID_TOKEN: await world.issuers.gitlab.mint({ audience: 'https://mint.example' }), ...inClear })).code).toBe(3)
})

test('explain in a job spends nothing: the same ID token still mints', async () => {
  const token = await world.issuers.gitlab.mint({ audience: 'https://mint.example' })
  const explained = await job('gitlab', ['explain', '--scope', 'read:logs', '-o', 'json'], { SYMBOLON_ID_TOKEN: token, ...inClear })
  expect(JSON.parse(explained.stdout)).toMatchObject({ granted: true, principal: 'job-gitlab' })
  expect((await job('gitlab', ['mint', '--scope', 'read:logs'], { SYMBOLON_ID_TOKEN: token, ...inClear })).code).toBe(0)
})
