import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { testCa } from '@symbolon/runtime/certificates.testkit.ts'
import { kubernetesIdToken } from '@symbolon/sdk/ci-kubernetes.ts'
import { ok } from '@symbolon/sdk/errors.ts'

const audience = 'symbolon:AAAA'
const jwt = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJqb2IifQ.c2lnbmF0dXJl'
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

type Seen = { url: string; authorization: string | undefined; body: string }

const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'symbolon-ci-'))
  cleanups.push(() => rmSync(path, { recursive: true }))
  return path
}

describe('Kubernetes over TLS', () => {
  const claims = { iss: 'https://k8s', sub: 's', 'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'deployer', uid: 'u1' }, pod: { name: 'job-1', uid: 'p1' } } }
  const own = [{ alg: 'RS256', kid: 'k' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')

  test('trusts the cluster’s CA only', async () => {
    const path = folder()
    const [cluster, other] = [testCa('cluster'), testCa('other')]
    const tls = cluster.issue({ dns: ['localhost'] })
    const seen: Seen[] = []
    const server = createServer({ key: tls.key, cert: tls.cert }, (request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString())).on('end', () => {
        seen.push({ url: request.url ?? '', authorization: request.headers.authorization, body })
        response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ kind: 'TokenRequest', status: { token: jwt, expirationTimestamp: 'later' } }))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => new Promise((resolve) => server.close(resolve)))
    const bound = server.address()
    const options = { host: '127.0.0.1', port: `${typeof bound === 'object' && bound !== null ? bound.port : 0}`, folder: path }
    writeFileSync(join(path, 'token'), `${own}.c2ln\n`)
    writeFileSync(join(path, 'ca.crt'), other.ca)
    const refused = await kubernetesIdToken(options, audience)
    expect(refused.ok ? '' : refused.error.code).toBe('tls_untrusted')
    expect(seen).toEqual([])

    writeFileSync(join(path, 'ca.crt'), cluster.ca)
    expect(await kubernetesIdToken(options, audience)).toEqual(ok(jwt))
    expect(seen).toMatchObject([{ url: '/api/v1/namespaces/ci/serviceaccounts/deployer/token', authorization: `Bearer ${own}.c2ln` }])
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ kind: 'TokenRequest', spec: { audiences: [audience], boundObjectRef: { kind: 'Pod', name: 'job-1', uid: 'p1' } } })
  })
})
