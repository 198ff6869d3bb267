import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { sha256, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { ed25519Jwk, p256Jwk, rsaJwk, type ProofJwk } from '@symbolon/protocol/fields.ts'
import type { Grant } from '@symbolon/protocol/grant.ts'
import { encodeIntent, intent as intentSchema, intentDigest, type GrantIntent, type Intent, type IntentDigest, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { assembleJws } from '@symbolon/protocol/jws.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import type { TokenClaims } from '@symbolon/protocol/token.ts'
import { roster, type Roster } from '@symbolon/roster/roster.ts'
import type { EvidenceResult, IssuerKey, IssuerKeys } from './established.ts'
import { softPasskey, type BrowserLies, type SoftPasskey } from './passkey.testkit.ts'
import { noStops, type Stops } from './stops.ts'
import { openVerifier } from './verify.ts'

/* Keys, a roster and honest evidence; tests change one thing and say which refusal they expect. */

export const issueTime = 1_800_000_000
export const here = 'https://mint.example'
export const issuerUrl = 'https://ci.example'

const bytes = (length: number, fill: number) => toBase64url(new Uint8Array(length).fill(fill))
const p256Row = (fill: number) => ({ kty: 'EC', crv: 'P-256', x: bytes(32, fill), y: bytes(32, fill + 1) }) as const

export const edPair = () => generateKeyPairSync('ed25519')
export const ecPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const rsaPair = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength })
export const proofJwkOf = (key: KeyObject): ProofJwk => {
  const jwk = key.export({ format: 'jwk' })
  return key.asymmetricKeyType === 'ed25519' ? ed25519Jwk.parse(jwk) : p256Jwk.parse(jwk)
}
export const rsaJwkOf = (key: KeyObject) => rsaJwk.parse(key.export({ format: 'jwk' }))

export const rawSign = (key: KeyObject, input: string): Buffer =>
  key.asymmetricKeyType === 'ec' ? sign('sha256', utf8(input), { key, dsaEncoding: 'ieee-p1363' }) : sign(key.asymmetricKeyType === 'rsa' ? 'sha256' : null, utf8(input), key)

const part = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A JWS over exactly these parts; a part given as text is taken as it is. */
export function jws(header: unknown, payload: unknown, key: KeyObject): string {
  const input = `${part(header)}.${part(payload)}`
  return assembleJws(input, rawSign(key, input))
}

export const keys = {
  service: edPair(),
  previous: ecPair(),
  stranger: edPair(),
  issuer: rsaPair(),
  issuerEc: ecPair(),
  issuerEd: edPair(),
  group: edPair(),
  oldGroup: edPair(),
  holder: edPair(),
} as const

const groupRow = (epoch: number, key: KeyObject, purpose: 'token' | 'record' = 'token') => {
  const jwk = ed25519Jwk.parse(key.export({ format: 'jwk' }))
  return { purpose, epoch, t: 2, n: 3, key: jwk.x, kid: thumbprint(jwk), alg: 'EdDSA', shares: [1, 2, 3].map((id) => ({ id, share: bytes(32, id) })) } as const
}

export const document = (change: Partial<Roster> = {}): Roster =>
  roster.parse({
    v: 1,
    version: 1,
    deployment: { name: 'test', issuer: here, rp_id: 'mint.example', console_origins: ['https://console.example'] },
    bootstrap: { kty: 'OKP', crv: 'Ed25519', x: bytes(32, 90) },
    people: [],
    grants: { max: 43_200 },
    clients: [{ id: 'symbolon-cli', name: 'CLI' }],
    services: [
      { id: 'svc-deploy', name: 'Deploy', roles: ['engineer'], groups: ['ops'], owner: 'ann', keys: [{ id: 'svc-deploy-2', jwk: proofJwkOf(keys.service.publicKey) }, { id: 'svc-deploy-1', jwk: proofJwkOf(keys.previous.publicKey) }] },
      { id: 'svc-other', name: 'Other', roles: ['sre'], groups: [], keys: [{ id: 'svc-other-1', jwk: proofJwkOf(keys.stranger.publicKey) }] },
    ],
    issuers: [
      { id: 'ci', issuer: issuerUrl, jwks_uri: `${issuerUrl}/jwks`, class: 'bound', max_age: 600 },
      {
        id: 'pinned',
        issuer: 'https://pinned.example',
        keys: [
          { kid: 'rsa', alg: 'RS256', jwk: rsaJwkOf(keys.issuer.publicKey) },
          { kid: 'ec', alg: 'ES256', jwk: proofJwkOf(keys.issuerEc.publicKey) },
          { kid: 'ed', alg: 'EdDSA', jwk: proofJwkOf(keys.issuerEd.publicKey) },
        ],
        class: 'bearer',
        bearer_audience: 'https://mint.example/ci',
        ceiling: { max_ttl: 300, scope: ['read:logs'] },
        max_age: 600,
      },
    ],
    trusts: [
      { id: 'ci-deploy', name: 'Deploy job', issuer: 'ci', when: [{ claim: 'repository_id', equals: '42' }, { claim: 'environment', equals: 'production' }], roles: ['engineer'], groups: [] },
      { id: 'pinned-job', name: 'Pinned job', issuer: 'pinned', when: [{ claim: 'project_id', equals: '7' }], roles: ['engineer'], groups: [] },
    ],
    audiences: ['https://logs.example', here],
    default_audience: 'https://logs.example',
    scopes: ['read:logs', 'write:staging'],
    token: { default_ttl: 900, max_ttl: 3600 },
    rate: 600,
    signers: [1, 2, 3].map((id) => ({ id, name: `signer-${id}`, address: `127.0.0.1:${7000 + id}`, identity: p256Row(id * 10), hpke: p256Row(id * 10 + 5) })),
    policy: bytes(32, 99),
    groups: [groupRow(1, keys.oldGroup.publicKey), groupRow(2, keys.group.publicKey), groupRow(1, keys.stranger.publicKey, 'record')],
    ...change,
  })

export const lineage = bytes(32, 5)

/* Ann is a guardian, Ben an engineer; each has a key of their own, and Ben a synced one that may only sign in. */
export const annsKey = softPasskey({ owner: { lineage, row: 'ann' } })
export const bensKey = softPasskey({ alg: 'EdDSA', owner: { lineage, row: 'ben' } })
export const bensPhone = softPasskey({ synced: true, owner: { lineage, row: 'ben' } })

export const people = (): Roster['people'] => [
  { id: 'ann', name: 'Ann', roles: ['sre'], groups: ['ops'], passkeys: [annsKey.row()] },
  { id: 'ben', name: 'Ben', roles: ['engineer'], groups: [], passkeys: [bensKey.row(), bensPhone.row({ uses: ['sign_in'] })] },
]

/** Version 2, with people. */
export const peopled = (change: Partial<Roster> = {}): Roster => {
  const { bootstrap: _, ...first } = document()
  return roster.parse({ ...first, version: 2, previous: [bytes(32, 70)], lineage, guardians: { people: ['ann', 'ben'], count: 1, window: 86_400 }, people: people(), ...change })
}

export const fetchedKeys = (): IssuerKeys =>
  new Map([['ci', { keys: new Map<string, IssuerKey>([['k1', { alg: 'RS256', jwk: rsaJwkOf(keys.issuer.publicKey) }], ['k2', { alg: 'ES256', jwk: proofJwkOf(keys.issuerEc.publicKey) }]]), absent: new Set(['gone']) }]])

export interface Asked {
  readonly intent: Intent
  readonly digest: IntentDigest
}

export function ask(change: Partial<TokenIntent> = {}): Asked {
  const intent: TokenIntent = { v: 1, kind: 'token', nonce: bytes(16, 1), iat: issueTime, exp: issueTime + 300, iss: here, lineage, sub: 'svc-deploy', client: 'symbolon-cli', aud: 'https://logs.example', scope: ['read:logs'], ...change }
  return { intent, digest: intentDigest(encodeIntent(intent)) }
}

/** An intent of any kind, with what that kind carries besides. */
export function askOf(kind: Intent['kind'], more: object, sub = 'ben'): Asked {
  const intent = intentSchema.parse({ v: 1, kind, nonce: bytes(16, 3), iat: issueTime, exp: issueTime + 300, iss: here, lineage, sub, ...more })
  return { intent, digest: intentDigest(encodeIntent(intent)) }
}

export const everyKind = (sub = 'ben'): Readonly<Record<Intent['kind'], Asked>> => ({
  token: ask({ sub }),
  grant: askOf('grant', { client: 'symbolon-cli', key: bytes(32, 8), ceiling: {}, end: issueTime + 600 }, sub),
  roster: askOf('roster', { version: 2, from: [bytes(32, 70)], to: bytes(32, 71) }, sub),
  revoke: askOf('revoke', { what: 'grant', id: bytes(32, 72) }, sub),
  lock: askOf('lock', { row: sub }, sub),
  read: askOf('read', { what: 'roster' }, sub),
  'secret.read': askOf('secret.read', { client: 'symbolon-cli', labels: [{ path: 'app/db', version: 'latest' }], reply: bytes(65, 4) }, sub),
  'secret.list': askOf('secret.list', { client: 'symbolon-cli', prefix: 'app' }, sub),
  'secret.write': askOf('secret.write', { ...nextRecord, version: 1, type: 'string', combine: 'caller', ciphertext: bytes(32, 80), size: 100 }, sub),
  'secret.delete': askOf('secret.delete', { ...nextRecord, versions: [1] }, sub),
  'secret.undelete': askOf('secret.undelete', { ...nextRecord, versions: [1] }, sub),
  'secret.destroy': askOf('secret.destroy', { ...nextRecord, all: true }, sub),
  'secret.meta': askOf('secret.meta', { ...nextRecord, tags: ['db'] }, sub),
})
const nextRecord = { client: 'symbolon-cli', path: 'app/db', previous: null, seq: 1 }

export const proofPayloadFor = ({ intent, digest }: Asked, change: object = {}) => ({ iss: here, intent: toBase64url(digest), kind: intent.kind, iat: intent.iat, ...change })

export function proofBy(asked: Asked, { header = {}, payload = {}, key = keys.service.privateKey }: { header?: object; payload?: object; key?: KeyObject } = {}): Evidence {
  return { kind: 'key', proof: jws({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: 'svc-deploy-2', ...header }, proofPayloadFor(asked, payload), key) }
}

export const boundTo = ({ digest }: Asked): string => `symbolon:${toBase64url(digest)}`

export const idClaims = (asked: Asked, change: object = {}) => ({
  iss: issuerUrl,
  aud: boundTo(asked),
  sub: 'repo:acme/app:environment:production',
  iat: issueTime + 2,
  nbf: issueTime + 2,
  exp: issueTime + 302,
  repository_id: '42',
  repository: 'acme/app',
  environment: 'production',
  ...change,
})

export function idToken(asked: Asked, { header = {}, claims = {}, key = keys.issuer.privateKey }: { header?: object; claims?: object; key?: KeyObject } = {}): Evidence {
  return { kind: 'id_token', token: jws({ typ: 'JWT', alg: 'RS256', kid: 'k1', ...header }, idClaims(asked, claims), key) }
}

export const tokenClaimsFor = (change: object = {}) =>
  ({
    iss: here,
    sub: 'svc-deploy',
    aud: here,
    client_id: 'symbolon-cli',
    scope: 'read:logs write:staging',
    iat: issueTime - 100,
    nbf: issueTime - 100,
    exp: issueTime + 800,
    jti: bytes(32, 8),
    cnf: { jkt: thumbprint(proofJwkOf(keys.holder.publicKey)) },
    'urn:symbolon:v1': { policy: bytes(32, 99), origin: { kind: 'key' } },
    ...change,
  }) as TokenClaims

export function tokenBy(asked: Asked, options: { header?: object; claims?: object; key?: KeyObject; proofHeader?: object; proof?: object; holder?: KeyObject } = {}): Evidence {
  const kid = thumbprint(ed25519Jwk.parse(keys.group.publicKey.export({ format: 'jwk' })))
  const token = jws({ alg: 'EdDSA', kid, typ: 'at+jwt', ...options.header }, tokenClaimsFor(options.claims), options.key ?? keys.group.privateKey)
  const payload = proofPayloadFor(asked, { of: toBase64url(sha256(utf8(token))), ...options.proof })
  const proof = jws({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', jwk: proofJwkOf(keys.holder.publicKey), ...options.proofHeader }, payload, options.holder ?? keys.holder.privateKey)
  return { kind: 'token', token, proof }
}

/** A grant by Ben to the holder's key, touched at `iat`; and a proof by that key. */
export interface GrantLies {
  readonly intent?: Partial<GrantIntent>
  readonly by?: SoftPasskey
  readonly touch?: BrowserLies
  readonly proofHeader?: object
  readonly proof?: object
  readonly holder?: KeyObject
}

export const grantedAt = issueTime - 600
export function grantOf({ intent = {}, by = bensKey, touch = {} }: GrantLies = {}): Grant {
  const wish: GrantIntent = {
    v: 1, kind: 'grant', nonce: bytes(16, 2), iat: grantedAt, exp: grantedAt + 300, iss: here, lineage, sub: 'ben',
    client: 'symbolon-cli', key: thumbprint(proofJwkOf(keys.holder.publicKey)), ceiling: { scope: ['read:logs', 'write:staging'] }, end: grantedAt + 36_000, ...intent,
  }
  const encoded = encodeIntent(wish)
  return { intent: toBase64url(encoded), assertion: by.assert(intentDigest(encoded), touch) }
}

export const grantDigest = ({ intent }: Grant) => toBase64url(intentDigest(Buffer.from(intent, 'base64url')))

export function grantBy(asked: Asked, lies: GrantLies = {}): Evidence {
  const grant = grantOf(lies)
  const payload = proofPayloadFor(asked, { of: grantDigest(grant), ...lies.proof })
  const proof = jws({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', jwk: proofJwkOf(keys.holder.publicKey), ...lies.proofHeader }, payload, lies.holder ?? keys.holder.privateKey)
  return { kind: 'grant', ...grant, proof }
}

export const judge = (asked: Asked, evidence: Evidence | readonly Evidence[], { on = document(), issuerKeys = fetchedKeys(), stops = noStops }: { on?: Roster; issuerKeys?: IssuerKeys; stops?: Stops } = {}): EvidenceResult =>
  openVerifier(on, stops).verify({ ...asked, evidence: 'kind' in evidence ? [evidence] : evidence, issuerKeys })

/** `ok`, `missing:<issuer>/<kid>`, or the codes and rules of the refusal. */
export function verdict(result: EvidenceResult): string {
  if (result.ok) return 'ok'
  if ('missing' in result) return `missing:${result.missing.issuer}/${result.missing.kid}`
  return [...new Set(result.reasons.map(({ code, rule }) => `${code} ${rule ?? ''}`.trim()))].join(', ')
}
