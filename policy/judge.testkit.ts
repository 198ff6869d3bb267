import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { sha256, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, intentDigest, type Intent, type TokenIntent } from '@symbolon/protocol/intent.ts'
import { assembleJws } from '@symbolon/protocol/jws.ts'
import { proofSigningInput } from '@symbolon/protocol/proof.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { problemsOf, roster as rosterSchema, type Issuer, type Roster, type Trust } from '@symbolon/roster/roster.ts'
import { bundleDigest, type Bundle } from './bundle.ts'
import { checkPolicyData, decodePolicyData, type PolicyData } from './data.ts'
import * as files from './files.ts'

/* A small deployment with real keys, and somebody who asks it: what the tests of this folder judge. */

export const at = 1_800_000_000

export interface Key {
  readonly key: KeyObject
  readonly x: Base64url
}
export function makeKey(): Key {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return { key: privateKey, x: publicKey.export({ format: 'jwk' }).x as Base64url }
}
export const jwkOf = ({ x }: Key) => ({ kty: 'OKP', crv: 'Ed25519', x }) as const
const p256 = () => {
  const { x, y } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
  return { kty: 'EC', crv: 'P-256', x: x as Base64url, y: y as Base64url } as const
}

export const program = new Uint8Array(readFileSync(files.defaultProgram))
export const defaultData = good(decodePolicyData(readFileSync(files.defaultData)))

export function good<T>(decoded: { ok: true; value: T } | { ok: false; reason: string; problems: readonly unknown[] }): T {
  if (decoded.ok) return decoded.value
  throw new Error(`${decoded.reason} ${JSON.stringify(decoded.problems)}`)
}

export const bundleWith = (data: unknown, wasm = program): Bundle => {
  const checked: PolicyData = good(checkPolicyData(data))
  return { wasm, data: checked, digest: bundleDigest(wasm, checked) }
}

export interface World {
  readonly roster: Roster
  readonly bundle: Bundle
  readonly bootstrap: Key
  readonly service: Key
  readonly issuer: Key
  readonly group: Key
}

export interface WorldOptions {
  readonly bundle?: Bundle
  readonly roles?: readonly string[]
  readonly trusts?: readonly Trust[]
  readonly issuerRow?: Partial<Issuer>
  readonly roster?: Partial<Roster>
}

const pick = { bootstrap: makeKey(), service: makeKey(), issuer: makeKey(), group: makeKey(), signers: [p256(), p256(), p256()] as const }

/** A service `ci` with role engineer, an issuer `forge`, and a trust `deploy` for its repository 42. */
export function makeWorld(options: WorldOptions = {}): World {
  const { bootstrap, service, issuer, group } = pick
  const bundle = options.bundle ?? bundleWith(defaultData)
  const roster: Roster = {
    v: 1,
    version: 1,
    deployment: { name: 'test', issuer: 'http://localhost:8080', rp_id: 'localhost', console_origins: ['http://localhost:8081'] },
    bootstrap: jwkOf(bootstrap),
    people: [],
    grants: { max: 43_200 },
    clients: [{ id: 'cli', name: 'CLI' }],
    services: [{ id: 'ci', name: 'CI', roles: [...(options.roles ?? ['engineer'])], groups: [], owner: 'ann', keys: [{ id: 'ci-1', jwk: jwkOf(service) }] }],
    issuers: [{ id: 'forge', issuer: 'https://forge.example', keys: [{ kid: 'f1', alg: 'EdDSA', jwk: jwkOf(issuer) }], class: 'bound', max_age: 600, ...options.issuerRow }],
    trusts: [...(options.trusts ?? [{ id: 'deploy', name: 'Deploy', issuer: 'forge', when: [{ claim: 'repository_id', equals: '42' }], roles: ['engineer'], groups: [] }])],
    audiences: ['https://api.example', 'https://other.example'],
    default_audience: 'https://api.example',
    scopes: ['read:logs', 'write:staging', 'deploy:canary', 'write:prod'],
    token: { default_ttl: 900, max_ttl: 3600 },
    rate: 600,
    signers: pick.signers.map((identity, index) => ({ id: index + 1, name: `signer-${index + 1}`, address: `127.0.0.1:${9000 + index}`, identity, hpke: identity })),
    policy: bundle.digest,
    groups: [{ purpose: 'token', epoch: 1, t: 2, n: 3, key: group.x, kid: thumbprint(jwkOf(group)), alg: 'EdDSA', shares: [1, 2, 3].map((id) => ({ id, share: group.x })) }],
    ...options.roster,
  }
  const parsed = rosterSchema.parse(roster)
  const problems = problemsOf(parsed)
  if (problems.length > 0) throw new Error(problems.join('; '))
  return { roster: parsed, bundle, bootstrap, service, issuer, group }
}

let count = 0
export const nonce = (): Base64url => toBase64url(utf8(String((count += 1)).padStart(16, '0')))

export const intentOf = (world: World, changes: Partial<TokenIntent> = {}): TokenIntent => ({
  v: 1,
  kind: 'token',
  nonce: nonce(),
  iat: at,
  exp: at + 300,
  iss: world.roster.deployment.issuer,
  lineage: lineageOf(world.roster),
  sub: 'ci',
  client: 'cli',
  aud: 'https://api.example',
  scope: ['read:logs'],
  ...changes,
})

export const digestOf = (intent: Intent) => intentDigest(encodeIntent(intent))

export const signJws = (signingInput: string, { key }: Key): string => assembleJws(signingInput, sign(null, utf8(signingInput), key))

export function keyEvidence(world: World, intent: Intent, { key = world.service, iat = intent.iat } = {}): Evidence {
  const payload = { iss: world.roster.deployment.issuer, intent: toBase64url(digestOf(intent)), kind: intent.kind, iat } as const
  return { kind: 'key', proof: signJws(proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', kid: 'ci-1' }, payload), key) }
}

export const idTokenEvidence = (world: World, intent: Intent, claims: Readonly<Record<string, unknown>> = {}): Evidence => ({
  kind: 'id_token',
  token: signJws([{ alg: 'EdDSA', kid: 'f1' }, { iss: 'https://forge.example', sub: 'repo', repository_id: '42', aud: `symbolon:${toBase64url(digestOf(intent))}`, iat: intent.iat, exp: intent.iat + 300, ...claims }].map((part) => toBase64url(utf8(JSON.stringify(part)))).join('.'), world.issuer),
})

/** A token that the deployment signed, and a proof by the key that it is bound to. */
export function tokenEvidence(world: World, intent: Intent, { token, holder }: { readonly token: string; readonly holder: Key }): Evidence {
  const payload = { iss: world.roster.deployment.issuer, intent: toBase64url(digestOf(intent)), kind: intent.kind, iat: intent.iat, of: toBase64url(sha256(utf8(token))) } as const
  return { kind: 'token', token, proof: signJws(proofSigningInput({ typ: 'symbolon-proof+jwt', alg: 'EdDSA', jwk: jwkOf(holder) }, payload), holder) }
}

/** A request with true evidence of the service. */
export const request = (world: World, intent: Intent, evidence: readonly Evidence[] = [keyEvidence(world, intent)]) => ({ intent: encodeIntent(intent), evidence, approvals: [], asserted: {} })
