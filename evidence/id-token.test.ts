import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { ask, boundTo, document, edPair, fetchedKeys, idClaims, idToken, issueTime, issuerUrl, judge, jws, keys, rsaJwkOf, rsaPair, verdict } from './evidence.testkit.ts'

const asked = ask({ sub: 'ci-deploy' })
const bearer = ask({ sub: 'pinned-job' })
const pinned = 'https://pinned.example'
const bearerToken = (change: Parameters<typeof idToken>[1] = {}): Evidence =>
  idToken(bearer, { ...change, header: { kid: 'rsa', ...change?.header }, claims: { iss: pinned, aud: 'https://mint.example/ci', project_id: '7', iat: issueTime - 10, nbf: issueTime - 10, exp: issueTime + 200, ...change?.claims } })

describe('a bound ID token', () => {
  test('yields the trust, with the issuer’s claims and no ceiling', () => {
    const result = judge(asked, idToken(asked))
    expect(result).toEqual({
      ok: true,
      value: {
        principal: { id: 'ci-deploy', kind: 'trust', roles: ['engineer'], groups: [], claims: idClaims(asked) },
        evidence: { kind: 'id_token', class: 'bound', age: 0 },
        origin: { kind: 'id_token', class: 'bound' },
        singleUse: [{ id: expect.stringMatching(/^[\w-]{43}$/) as string, until: issueTime + 360 }],
      },
    })
  })

  test('Kubernetes’ spelling counts: no typ, the audience in a list of one', () => {
    expect(verdict(judge(asked, idToken(asked, { header: { typ: undefined }, claims: { aud: [boundTo(asked)] } })))).toBe('ok')
  })

  test.each<[string, Parameters<typeof idToken>[1], string]>([
    ['I-1 another intent’s digest', { claims: { aud: boundTo(bearer) } }, 'id_token_audience id_token.aud'],
    ['J-7 ours beside others', { claims: { aud: [boundTo(asked), 'https://other.example'] } }, 'id_token_audience id_token.aud'],
    ['J-7 ours twice', { claims: { aud: [boundTo(asked), boundTo(asked)] } }, 'id_token_audience id_token.aud'],
    ['J-7 an empty list', { claims: { aud: [] } }, 'id_token_audience id_token.aud'],
    ['J-7 no audience', { claims: { aud: undefined } }, 'id_token_audience id_token.aud'],
    ['J-7 a list in a list', { claims: { aud: [[boundTo(asked)]] } }, 'id_token_audience id_token.aud'],
    ['J-7 ours and a blank', { claims: { aud: `${boundTo(asked)} ` } }, 'id_token_audience id_token.aud'],
    ['J-7 ours in capitals', { claims: { aud: boundTo(asked).replace('symbolon', 'SYMBOLON') } }, 'id_token_audience id_token.aud'],
    ['J-7 an issuer with a slash', { claims: { iss: `${issuerUrl}/` } }, 'issuer_unknown id_token.iss'],
    ['J-7 an issuer in capitals', { claims: { iss: issuerUrl.replace('ci', 'CI') } }, 'issuer_unknown id_token.iss'],
    ['S-1 an issuer of nobody’s', { claims: { iss: 'https://evil.example' } }, 'issuer_unknown id_token.iss'],
    ['J-6 an issuer that is a list', { claims: { iss: [issuerUrl] } }, 'issuer_unknown id_token.iss'],
    ['J-4 an access token’s typ', { header: { typ: 'at+jwt' } }, 'id_token_invalid id_token.typ'],
    ['J-4 a DPoP proof’s typ', { header: { typ: 'dpop+jwt' } }, 'id_token_invalid id_token.typ'],
    ['J-4 a proof’s typ', { header: { typ: 'symbolon-proof+jwt' } }, 'id_token_invalid id_token.typ'],
    ['J-4 a logout token’s typ', { header: { typ: 'logout+jwt' } }, 'id_token_invalid id_token.typ'],
    ['J-4 a status list’s typ', { header: { typ: 'statuslist+jwt' } }, 'id_token_invalid id_token.typ'],
    ['J-4 a typ that is no text', { header: { typ: ['JWT'] } }, 'id_token_invalid id_token.typ'],
    ['J-4 an event token without typ', { header: { typ: undefined }, claims: { events: {} } }, 'id_token_invalid id_token.events'],
    ['J-3 jku', { header: { jku: 'https://evil.example/jwks' } }, 'id_token_invalid id_token.jku'],
    ['J-3 x5u', { header: { x5u: 'https://evil.example/x5u' } }, 'id_token_invalid id_token.x5u'],
    ['J-3 jwk', { header: { jwk: rsaJwkOf(keys.issuer.publicKey) } }, 'id_token_invalid id_token.jwk'],
    ['J-3 x5c', { header: { x5c: ['AAAA'] } }, 'id_token_invalid id_token.x5c'],
    ['J-3 a kid that the issuer does not have', { header: { kid: 'gone' } }, 'id_token_invalid id_token.kid'],
    ['J-3 no kid', { header: { kid: undefined } }, 'id_token_invalid id_token.kid'],
    ['J-3 a kid that is no text', { header: { kid: 1 } }, 'id_token_invalid id_token.kid'],
    ['J-3 a kid of any length', { header: { kid: 'k'.repeat(129) } }, 'id_token_invalid id_token.kid'],
    ['J-5 crit', { header: { crit: ['exp'] } }, 'evidence_malformed id_token'],
    ['J-5 b64', { header: { b64: false } }, 'evidence_malformed id_token'],
    ['J-1 no alg', { header: { alg: undefined } }, 'evidence_malformed id_token'],
    ['another key’s signature', { key: rsaPair().privateKey }, 'id_token_invalid id_token.signature'],
    ['an end before the intent', { claims: { iat: issueTime - 500, exp: issueTime } }, 'id_token_expired id_token.exp'],
    ['an age over the row’s', { claims: { iat: issueTime - 601 } }, 'id_token_expired issuer:ci'],
    ['a birth after the intent’s window', { claims: { iat: issueTime + 301 } }, 'id_token_invalid id_token.iat'],
    ['nbf after the intent’s window', { claims: { nbf: issueTime + 301 } }, 'id_token_invalid id_token.nbf'],
    ['no exp', { claims: { exp: undefined } }, 'id_token_invalid id_token.claims'],
    ['no iat', { claims: { iat: undefined } }, 'id_token_invalid id_token.claims'],
    ['no sub', { claims: { sub: undefined } }, 'id_token_invalid id_token.claims'],
    ['an end before its birth', { claims: { exp: issueTime + 2 } }, 'id_token_invalid id_token.claims'],
    ['J-6 exp as text', { claims: { exp: `${issueTime + 300}` } }, 'id_token_invalid id_token.claims'],
    ['J-6 exp with a fraction', { claims: { exp: issueTime + 300.5 } }, 'id_token_invalid id_token.claims'],
    ['J-6 a huge exp', { claims: { exp: 1e300 } }, 'id_token_invalid id_token.claims'],
    ['J-6 a negative iat', { claims: { iat: -1 } }, 'id_token_invalid id_token.claims'],
    ['J-6 nbf as text', { claims: { nbf: `${issueTime}` } }, 'id_token_invalid id_token.nbf'],
  ])('with %s is refused', (_, change, expected) => expect(verdict(judge(asked, idToken(asked, change)))).toBe(expected))

  test.each<[string, object]>([
    ['the last second of its exp', { iat: issueTime - 300, nbf: issueTime - 300, exp: issueTime + 1 }],
    ['the greatest age', { iat: issueTime - 600 }],
    ['the end of the intent’s window', { iat: issueTime + 300, nbf: issueTime + 300, exp: issueTime + 600 }],
  ])('R-3 %s still counts', (_, claims) => expect(verdict(judge(asked, idToken(asked, { claims })))).toBe('ok'))

  test('J-3 an unknown kid asks for the row’s own keys, and names no address', () => {
    expect(judge(asked, idToken(asked, { header: { kid: 'https://evil.example/' } }))).toEqual({ ok: false, missing: { issuer: 'ci', kid: 'https://evil.example/' } })
    expect(verdict(judge(asked, idToken(asked), { issuerKeys: new Map() }))).toBe('missing:ci/k1')
  })

  test('J-3 a pinned row never asks', () => {
    expect(verdict(judge(bearer, bearerToken({ header: { kid: 'new' } }), { issuerKeys: new Map() }))).toBe('id_token_invalid id_token.kid')
  })

  test('keys fetched for a pinned row do not count', () => {
    const stranger = rsaPair()
    const issuerKeys = new Map([['pinned', { keys: new Map([['rsa', { alg: 'RS256', jwk: rsaJwkOf(stranger.publicKey) } as const]]), absent: new Set<string>() }]])
    expect(verdict(judge(bearer, bearerToken({ key: stranger.privateKey }), { issuerKeys }))).toBe('id_token_invalid id_token.signature')
  })
})

// RFC 7518, section 3.1, RFC 8037, RFC 8812, RFC 9864, and what people write by mistake.
const names = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'ES256K', 'EdDSA', 'Ed25519', 'Ed448', 'ESP256', 'HS256', 'HS384', 'HS512', 'none', 'None', 'nOnE', '', 'rs256', 'RSA1_5', 'dir', 'A256GCM', 'ML-DSA-44']

describe('J-1 alg follows from the key, over all names', () => {
  const rows = [
    { kid: 'rsa', alg: 'RS256', key: keys.issuer.privateKey },
    { kid: 'ec', alg: 'ES256', key: keys.issuerEc.privateKey },
    { kid: 'ed', alg: 'EdDSA', key: keys.issuerEd.privateKey },
  ]
  test.each(rows.flatMap((row) => names.map((name) => ({ ...row, name }))))('a key of $alg, a token that says "$name"', ({ kid, alg, key, name }) => {
    expect(verdict(judge(bearer, bearerToken({ header: { kid, alg: name }, key })))).toBe(name === alg ? 'ok' : 'id_token_invalid id_token.alg')
  })
})

describe('J-2 public keys are no secrets', () => {
  const jwk = rsaJwkOf(keys.issuer.publicKey)
  const pem = keys.issuer.publicKey.export({ type: 'spki', format: 'pem' })
  test.each<[string, string | Buffer]>([
    ['its PEM', pem],
    ['its PEM without the line at the end', pem.toString().trim()],
    ['its DER', keys.issuer.publicKey.export({ type: 'spki', format: 'der' })],
    ['its JWK', JSON.stringify(jwk)],
    ['its modulus', Buffer.from(jwk.n, 'base64url')],
    ['nothing', ''],
    ['undefined', 'undefined'],
    ['zeros', Buffer.alloc(32)],
  ])('%s as HMAC key gives nothing', (_, secret) => {
    const [head, body] = [{ typ: 'JWT', alg: 'HS256', kid: 'k1' }, idClaims(asked)].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    const mac = createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')
    expect(verdict(judge(asked, { kind: 'id_token', token: `${head}.${body}.${mac}` }))).toBe('id_token_invalid id_token.alg')
  })

  test('a key of another type under the kid verifies nothing', () => {
    const stranger = edPair()
    const issuerKeys = new Map([['ci', { keys: new Map([['k1', { alg: 'RS256', jwk: { kty: 'OKP', crv: 'Ed25519', x: stranger.publicKey.export({ format: 'jwk' }).x ?? '' } } as const]]), absent: new Set<string>() }]])
    expect(verdict(judge(asked, idToken(asked, { key: stranger.privateKey }), { issuerKeys }))).toBe('id_token_invalid id_token.signature')
  })
})

describe('class bearer', () => {
  test('I-6 carries its row’s ceiling, into the token too, and is spent until nobody can use it', () => {
    const result = judge(bearer, bearerToken())
    expect(result.ok && result.value).toMatchObject({
      evidence: { kind: 'id_token', class: 'bearer', age: 10 },
      origin: { kind: 'id_token', class: 'bearer', ceiling: { max_ttl: 300, scope: ['read:logs'] } },
      ceiling: { max_ttl: 300, scope: ['read:logs'] },
      singleUse: [{ until: issueTime + 200 + 300 + 60 }],
    })
  })

  test('I-6 the same row’s bound tokens have no ceiling', () => {
    const result = judge(bearer, bearerToken({ claims: { aud: boundTo(bearer) } }))
    expect(result.ok && [result.value.evidence.class, result.value.ceiling]).toEqual(['bound', undefined])
  })

  test('I-6 is refused where the row does not say bearer', () => {
    const issuers = document().issuers.map((row) => (row.id === 'pinned' ? { ...row, class: 'bound' as const } : row))
    expect(verdict(judge(bearer, bearerToken(), { on: document({ issuers }) }))).toBe('id_token_class issuer:pinned')
  })

  test.each<[string, object, string]>([
    ['another audience', { aud: 'https://logs.example' }, 'id_token_audience id_token.aud'],
    ['another intent’s digest', { aud: boundTo(asked) }, 'id_token_audience id_token.aud'],
    ['a birth in the future', { iat: issueTime + 61 }, 'id_token_invalid id_token.iat'],
    ['nbf in the future', { nbf: issueTime + 61 }, 'id_token_invalid id_token.nbf'],
  ])('%s is refused', (_, claims, expected) => expect(verdict(judge(bearer, bearerToken({ claims })))).toBe(expected))

  test('I-6 no row can make another intent’s digest its bearer audience', () => {
    const issuers = document().issuers.map((row) => (row.id === 'pinned' ? { ...row, bearer_audience: boundTo(asked) } : row))
    expect(verdict(judge(bearer, bearerToken({ claims: { aud: boundTo(asked) } }), { on: document({ issuers }) }))).toBe('id_token_audience id_token.aud')
  })

  test('R-3 clocks may differ by a minute', () => expect(verdict(judge(bearer, bearerToken({ claims: { iat: issueTime + 60, nbf: issueTime + 60 } })))).toBe('ok'))
})

describe('single use', () => {
  const idOf = (asked: Parameters<typeof judge>[0], evidence: Evidence) => {
    const result = judge(asked, evidence)
    return result.ok ? result.value.singleUse[0]?.id : undefined
  }

  test('R-1 the same token has the same id, for every intent', () => {
    const token = bearerToken()
    expect(idOf(bearer, token)).toBeDefined()
    expect(idOf(ask({ sub: 'pinned-job', scope: ['write:staging'] }), token)).toBe(idOf(bearer, token))
  })

  test('R-1 the second spelling of an ECDSA signature is the same token', () => {
    const token = bearerToken({ header: { kid: 'ec', alg: 'ES256' }, key: keys.issuerEc.privateKey })
    if (token.kind !== 'id_token') throw new Error('an ID token')
    const [head, body, tail = ''] = token.token.split('.')
    const signature = Buffer.from(tail, 'base64url')
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const s = order - BigInt(`0x${signature.subarray(32).toString('hex')}`)
    const other = Buffer.concat([signature.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
    const twin: Evidence = { kind: 'id_token', token: `${head}.${body}.${toBase64url(other)}` }
    expect(verdict(judge(bearer, twin))).toBe('ok')
    expect(idOf(bearer, twin)).toBe(idOf(bearer, token))
  })

  test('other tokens have other ids', () => expect(idOf(bearer, bearerToken({ claims: { jti: '2' } }))).not.toBe(idOf(bearer, bearerToken())))
})

describe('trusts', () => {
  test.each([['svc-deploy'], ['ci-deploy']])('S-4 a re-created repository of the same name is somebody else, whatever sub it names (%s)', (sub) => {
    const mine = ask({ sub })
    expect(verdict(judge(mine, idToken(mine, { claims: { repository_id: '43' } })))).toBe('trust_none trusts')
  })

  test('S-4 a renamed repository is still itself', () => {
    expect(verdict(judge(asked, idToken(asked, { claims: { repository: 'acme/renamed', sub: 'repo:acme/renamed:environment:production' } })))).toBe('ok')
  })

  test('a near miss says which claim of which trust, to who shares its id', () => {
    const result = judge(asked, idToken(asked, { claims: { environment: 'staging' } }))
    expect(result.ok || 'missing' in result ? [] : result.reasons).toEqual([
      { code: 'trust_none', message: 'The trust ci-deploy wants another environment.', rule: 'trust:ci-deploy', fact: 'environment is "staging"', remedy: 'environment must be "production"' },
    ])
  })

  test('a stranger learns nothing of the roster', () => {
    const stranger = ask({ sub: 'svc-deploy' })
    const result = judge(stranger, idToken(stranger, { claims: { repository_id: '666', environment: 'production' } }))
    expect(JSON.stringify(result)).not.toMatch(/ci-deploy|42/)
  })

  const twice = document({ trusts: [...document().trusts, { id: 'ci-all', name: 'Any job', issuer: 'ci', when: [{ claim: 'repository_id', equals: '42' }], roles: ['reader'], groups: [] }] })
  test('of two that match, the intent’s sub chooses, and never both', () => {
    const principal = (sub: string) => {
      const mine = ask({ sub })
      const result = judge(mine, idToken(mine), { on: twice })
      return result.ok ? [result.value.principal.id, result.value.principal.roles] : verdict(result)
    }
    expect(principal('ci-deploy')).toEqual(['ci-deploy', ['engineer']])
    expect(principal('ci-all')).toEqual(['ci-all', ['reader']])
    expect(principal('svc-deploy')).toBe('trust_ambiguous trust:ci-deploy')
  })

  test('a sub that names a trust that does not match is not served by another', () => {
    expect(verdict(judge(asked, idToken(asked, { claims: { environment: 'staging' } }), { on: twice }))).toBe('trust_none trust:ci-deploy')
  })

  test('a trust of another issuer does not count, however its conditions read', () => {
    const trusts = document().trusts.map((trust) => ({ ...trust, issuer: 'pinned' }))
    expect(verdict(judge(asked, idToken(asked), { on: document({ trusts }) }))).toBe('trust_none trusts')
  })

  test('a trust that lint refuses matches nobody', () => {
    const trusts = document().trusts.map((trust) => (trust.id === 'ci-deploy' ? { ...trust, when: [{ claim: 'repository', equals: 'acme/app' }] } : trust))
    expect(verdict(judge(asked, idToken(asked), { on: document({ trusts }) }))).toBe('trust_none trusts')
  })

  test('a token of one JWKS entry is checked by that entry only', () => {
    expect(verdict(judge(asked, { kind: 'id_token', token: jws({ typ: 'JWT', alg: 'ES256', kid: 'k2' }, idClaims(asked), keys.issuerEc.privateKey) }))).toBe('ok')
    expect(verdict(judge(asked, { kind: 'id_token', token: jws({ typ: 'JWT', alg: 'RS256', kid: 'k2' }, idClaims(asked), keys.issuer.privateKey) }))).toBe('id_token_invalid id_token.alg')
    expect(fetchedKeys().get('ci')?.keys.size).toBe(2)
  })
})
