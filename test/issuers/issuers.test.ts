import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ask, boundTo, document, verdict, type Asked } from '@symbolon/evidence/evidence.testkit.ts'
import type { EvidenceResult, IssuerKey } from '@symbolon/evidence/established.ts'
import { parseDiscovery, parseJwks } from '@symbolon/evidence/jwks.ts'
import { openVerifier } from '@symbolon/evidence/verify.ts'
import { problemsOf, type Condition, type Issuer, type Roster } from '@symbolon/roster/roster.ts'
import { issuerKeyTimes, openIssuerKeys, type IssuerKeyCache } from '@symbolon/runtime/issuer-keys.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import { optionalClaims } from './platforms.ts'
import { startGeneric } from './start-generic.ts'
import { startIssuer, type RunningIssuer } from './start.ts'

/* Real issuers in processes of their own, their keys fetched by the cache that signers use, judged by the verifier that they use. */

const log = openLog({ process: 'test', level: 'error' })
const now = () => Math.floor(Date.now() / 1000)
const asking = (sub = 'job') => ask({ sub, iat: now(), exp: now() + 300 })

const trusting = (issuer: Issuer, ...when: Condition[]): Roster => document({ issuers: [issuer], trusts: [{ id: 'job', name: 'Job', issuer: issuer.id, when, roles: ['engineer'], groups: [] }] })

let directory: string
let caches: IssuerKeyCache<IssuerKey>[]
let ahead: number
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'symbolon-issuers-'))
  caches = []
  ahead = 0
})
afterEach(async () => {
  await Promise.all(caches.map((cache) => cache.close()))
  rmSync(directory, { recursive: true })
})

function cacheOf(roster: Roster): IssuerKeyCache<IssuerKey> {
  const cache = openIssuerKeys({ rows: roster.issuers, directory: join(directory, `${caches.length}`), parse: parseJwks, log, now: () => now() + ahead })
  caches.push(cache)
  return cache
}

/** As a signer does it: judge; if a key is missing, look for it once and judge again. */
async function judge(roster: Roster, cache: IssuerKeyCache<IssuerKey>, asked: Asked, token: string): Promise<EvidenceResult> {
  const verifier = openVerifier(roster)
  const once = () => verifier.verify({ ...asked, evidence: [{ kind: 'id_token', token }], issuerKeys: cache.keys() })
  const first = once()
  if (first.ok || !('missing' in first)) return first
  await cache.refresh(first.missing.issuer, first.missing.kid)
  return once()
}

const idsOf: Readonly<Record<'github' | 'gitlab' | 'buildkite' | 'kubernetes', Condition[]>> = {
  github: [{ claim: 'repository_id', equals: '4242' }, { claim: 'environment', equals: 'production' }, { claim: 'job_workflow_ref', pattern: 'acme/app/.github/workflows/*.yml@refs/heads/main' }],
  gitlab: [{ claim: 'project_id', equals: '20' }, { claim: 'ref_protected', equals: 'true' }],
  buildkite: [{ claim: 'pipeline_id', equals: String(optionalClaims['pipeline_id']) }, { claim: 'build_branch', equals: 'main' }],
  kubernetes: [{ claim: 'kubernetes.io/serviceaccount/uid', equals: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' }, { claim: 'kubernetes.io/namespace', equals: 'ci' }],
}

/** The platform's own way from a job to an ID token for this audience. */
async function fetchToken(issuer: RunningIssuer, platform: keyof typeof idsOf, audience: string): Promise<string> {
  const env = issuer.jobEnv
  const dispatcher = new Agent(issuer.ca === undefined ? {} : { connect: { ca: issuer.ca } })
  const call = async (url: string, authorization: string, body?: object) => {
    const response = await request(url, { method: body === undefined ? 'GET' : 'POST', dispatcher, headers: { authorization }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    expect(response.statusCode).toBeLessThan(300)
    return (await response.body.json()) as { value?: string; token?: string; status?: { token: string } }
  }
  const answer = async () => {
    switch (platform) {
      case 'github':
        return (await call(`${env['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=${encodeURIComponent(audience)}`, `bearer ${env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}`)).value
      case 'buildkite':
        return (await call(`${env['BUILDKITE_AGENT_ENDPOINT']}/jobs/${env['BUILDKITE_JOB_ID']}/oidc/tokens`, `Token ${env['BUILDKITE_AGENT_ACCESS_TOKEN']}`, { audience, claims: ['organization_id', 'pipeline_id'] })).token
      case 'kubernetes': {
        const { url, namespace, name, token } = issuer.kubernetes ?? { url: '', namespace: '', name: '', token: '' }
        return (await call(`${url}/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, `Bearer ${token}`, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [audience] } })).status?.token
      }
      case 'gitlab':
        return issuer.mint({ audience })
    }
  }
  const token = await answer()
  await dispatcher.close()
  return token ?? ''
}

describe.each(['github', 'buildkite', 'kubernetes', 'gitlab'] as const)('%s', (platform) => {
  let issuer: RunningIssuer
  let row: Issuer
  beforeAll(async () => {
    issuer = await startIssuer({ platform, https: platform === 'kubernetes', algorithm: platform === 'buildkite' ? 'EdDSA' : 'RS256' })
    row = issuer.row('ci', platform === 'gitlab' ? { class: 'bearer', bearer_audience: 'https://mint.example/gitlab', ceiling: { max_ttl: 300 } } : {})
  })
  afterAll(() => issuer.stop())

  const audienceFor = (asked: Asked) => (platform === 'gitlab' ? 'https://mint.example/gitlab' : boundTo(asked))

  test('a job’s ID token, by the platform’s own protocol, is somebody', async () => {
    const roster = trusting(row, ...idsOf[platform])
    const asked = asking()
    const result = await judge(roster, cacheOf(roster), asked, await fetchToken(issuer, platform, audienceFor(asked)))
    expect(verdict(result)).toBe('ok')
    expect(result.ok && [result.value.principal.id, result.value.evidence.class]).toEqual(['job', platform === 'gitlab' ? 'bearer' : 'bound'])
    expect(problemsOf(roster)).toEqual([])
  })

  test('S-4 under another id the same names are nobody', async () => {
    const [first, ...more] = idsOf[platform]
    const roster = trusting(row, { claim: first?.claim ?? '', equals: 'recreated' }, ...more)
    const asked = asking()
    expect(verdict(await judge(roster, cacheOf(roster), asked, await fetchToken(issuer, platform, audienceFor(asked))))).toBe('trust_none trusts')
  })

  test('S-1 discovery names the row’s own issuer and keys', async () => {
    const dispatcher = new Agent(issuer.ca === undefined ? {} : { connect: { ca: issuer.ca } })
    const body = await (await request(`${issuer.url}/.well-known/openid-configuration`, { dispatcher })).body.bytes()
    await dispatcher.close()
    expect(parseDiscovery(body, issuer.url)).toEqual({ ok: true, jwksUri: row.jwks_uri })
    expect(parseDiscovery(body, `${issuer.url}/`)).toEqual({ ok: false, reason: 'other_issuer' })
  })
})

describe('keys', () => {
  let issuer: RunningIssuer
  let roster: Roster
  beforeEach(async () => {
    issuer = await startIssuer({ platform: 'github' })
    roster = trusting(issuer.row('ci'), { claim: 'repository_id', equals: '4242' })
  })
  afterEach(() => issuer.stop())
  const judged = async (cache: IssuerKeyCache<IssuerKey>, wanted: Partial<Parameters<RunningIssuer['mint']>[0]> = {}) => {
    const asked = asking()
    return verdict(await judge(roster, cache, asked, await issuer.mint({ audience: boundTo(asked), ...wanted })))
  }

  test('J-10 S-3 after a rotation the first new token is judged by the new key, the old key ends', async () => {
    const cache = cacheOf(roster)
    const asked = asking()
    const old = await issuer.mint({ audience: boundTo(asked) })
    expect(verdict(await judge(roster, cache, asked, old))).toBe('ok')
    await issuer.rotate()
    expect(await judged(cache)).toBe('ok')
    expect(verdict(await judge(roster, cache, asked, old))).toBe('id_token_invalid id_token.kid')
  })

  test('J-10 while both keys are listed, both count', async () => {
    const cache = cacheOf(roster)
    const asked = asking()
    const old = await issuer.mint({ audience: boundTo(asked) })
    await issuer.rotate({ keep: true })
    expect([await judged(cache), verdict(await judge(roster, cache, asked, old))]).toEqual(['ok', 'ok'])
  })

  test('J-3 a key that the issuer does not list is refused, whatever kid it takes', async () => {
    const cache = cacheOf(roster)
    expect(await judged(cache, { unlisted: true })).toBe('id_token_invalid id_token.kid')
    const { kids } = await issuer.jwks()
    expect(await judged(cache, { unlisted: true, header: { kid: kids[0] } })).toBe('id_token_invalid id_token.signature')
  })

  test('S-3 an issuer that is down is no veto while its keys count, and no yes afterwards', async () => {
    const cache = cacheOf(roster)
    expect(await judged(cache)).toBe('ok')
    await issuer.jwks({ status: 503 })
    ahead += issuerKeyTimes.usable - 10
    expect(await judged(cache)).toBe('ok')
    ahead += 20
    await expect.poll(() => cache.keys().size, { timeout: 5000 }).toBe(0)
    expect(await judged(cache)).toMatch(/^missing:ci\//)
  })

  test('S-3 a row that leaves the roster takes its keys along at once', async () => {
    const cache = cacheOf(roster)
    expect(await judged(cache)).toBe('ok')
    cache.setRows([])
    expect(await judged(cache)).toMatch(/^missing:ci\//)
  })

  describe('J-3 nothing in a token leads anywhere', () => {
    let evil: Server
    let calls: number
    let url: string
    beforeEach(async () => {
      calls = 0
      evil = createServer((_, response) => {
        calls += 1
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[]}')
      })
      evil.on('connection', () => (calls += 1))
      await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
      const address = evil.address()
      url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/jwks`
    })
    afterEach(() => new Promise((resolve) => evil.close(resolve)))

    test.each(['jku', 'x5u', 'jwk', 'x5c', 'kid', 'iss'])('%s', async (name) => {
      const cache = cacheOf(roster)
      const jwk = { kty: 'RSA', n: 'AQAB', e: 'AQAB' }
      const wanted = name === 'iss' ? { claims: { iss: url } } : { header: { [name]: name === 'jwk' ? jwk : name === 'x5c' ? [url] : url } }
      expect(await judged(cache, wanted)).toMatch(/^(id_token_invalid|issuer_unknown) id_token\./)
      expect(calls).toBe(0)
    })
  })
})

describe('https', () => {
  test('S-1 only the row’s own CA counts', async () => {
    const issuer = await startIssuer({ platform: 'github', https: true, algorithm: 'ES256' })
    try {
      const asked = asking()
      const token = await issuer.mint({ audience: boundTo(asked) })
      const condition: Condition = { claim: 'repository_id', equals: '4242' }
      const [good, bare] = [trusting(issuer.row('ci'), condition), trusting(issuer.row('ci', { ca: undefined }), condition)]
      expect(verdict(await judge(good, cacheOf(good), asked, token))).toBe('ok')
      expect(verdict(await judge(bare, cacheOf(bare), asked, token))).toMatch(/^missing:ci\//)
    } finally {
      await issuer.stop()
    }
  })
})

describe('what jobs may ask', () => {
  test('S-2 without the job’s credential an issuer gives nothing', async () => {
    const issuer = await startIssuer({ platform: 'github' })
    try {
      const response = await request(`${issuer.jobEnv['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience=x`, { headers: { authorization: 'bearer wrong' } })
      expect(response.statusCode).toBe(401)
      await response.body.dump()
    } finally {
      await issuer.stop()
    }
    expect(() => process.kill(issuer.pid, 0)).toThrow(/ESRCH/)
  })
})

describe('a generic issuer', () => {
  test('oidc-provider’s ID token is class bearer, and its access token is nothing', async () => {
    const clientId = 'https://mint.example/ci'
    const generic = await startGeneric({ clientId })
    try {
      const roster = trusting(generic.row('generic'), { claim: 'sub', equals: 'u-7f3a' })
      const cache = cacheOf(roster)
      const { idToken, accessToken } = await generic.signIn()
      const asked = asking()
      const result = await judge(roster, cache, asked, idToken)
      expect(verdict(result)).toBe('ok')
      expect(result.ok && [result.value.evidence.class, result.value.ceiling]).toEqual(['bearer', { max_ttl: 300 }])
      expect(verdict(await judge(roster, cache, asked, accessToken))).toBe('evidence_malformed id_token')
      const bound = trusting(generic.row('generic', { class: 'bound' }), { claim: 'sub', equals: 'u-7f3a' })
      expect(verdict(await judge(bound, cache, asked, idToken))).toBe('id_token_class issuer:generic')
    } finally {
      await generic.stop()
    }
  })
})
