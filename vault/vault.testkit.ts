import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { heapMemory } from '@symbolon/core/secret.ts'
import { sodiumSuite } from '@symbolon/core/sodium.ts'
import { dealVault, seal, type Vault } from '@symbolon/core/tdh2.testkit.ts'
import { sha256, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest, dataKeyHash, type CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { p256Jwk } from '@symbolon/protocol/fields.ts'
import { encodeIntent, type Intent, type RecordIntent, type SecretListIntent, type SecretReadIntent, type SecretWriteIntent } from '@symbolon/protocol/intent.ts'
import { labelBytes, labelOf, secretPath, type SecretPath } from '@symbolon/protocol/label.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { jwkOf, keyEvidence, makeKey, makeWorld, nonce, type Key, type World, type WorldOptions } from '@symbolon/policy/judge.testkit.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import { groupOf, type Roster } from '@symbolon/roster/roster.ts'
import { openLog } from '@symbolon/runtime/log.ts'
import type { Readiness } from '@symbolon/runtime/health.ts'
import { openMetrics } from '@symbolon/runtime/metrics.ts'
import { deploymentOf, honestJudges, memoryLimiter, now, send, startFront, type HttpAnswer } from '@symbolon/front/front.testkit.ts'
import { fail } from '@symbolon/front/failure.ts'
import type { Judges } from '@symbolon/front/judges.ts'
import type { Limiter } from '@symbolon/front/limiter.ts'
import { openWire } from '@symbolon/front/wire.ts'
import { openCoordinator } from './coordinator.ts'
import { openCursors } from './cursor.ts'
import type { FacadeApi } from './facade-api.ts'
import { openTurns } from './facade-turns.ts'
import { replyKeyFor } from './facade.ts'
import { memoryStore } from './memory-store.testkit.ts'
import { routesOf } from './routes.ts'
import { servingOf } from './serving.ts'
import { fakeSigners, type FakeSigners } from './signers.testkit.ts'
import type { Ciphertext, SecretStore } from './store.ts'

/* The vault over real HTTP, with the real judge, real records and real ciphertexts; the coordinator and the signers behind it are played. */

const suite = sodiumSuite(heapMemory)
export const path = (text: string): SecretPath => secretPath.parse(text)

export interface VaultWorld extends World {
  readonly record: Key
  /** The `vault` group, with its shares. */
  readonly dealt: Vault
  readonly signers: FakeSigners
  readonly lineage: Base64url
}

const receive = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const receiveKey = { key: receive.privateKey, jwk: p256Jwk.parse(receive.publicKey.export({ format: 'jwk' })) }

/** The deployment of the policy's tests, with keys for records and secrets, and namespaces `app` and `secret`. */
export function makeVaultWorld(options: WorldOptions = {}): VaultWorld {
  const [record, dealt, plain] = [makeKey(), dealVault(suite, 2, [1, 2, 3]), makeWorld(options)]
  const vaultKey = toBase64url(dealt.keys.group.key)
  const shares = [1, 2, 3].map((id) => ({ id, share: record.x }))
  const vaultShares = [...dealt.keys.group.shares].map(([id, share]) => ({ id, share: toBase64url(share) }))
  const signers = fakeSigners({ key: record.key, threshold: 2, count: 3 })
  const roster: Partial<Roster> = {
    ...options.roster,
    scopes: [...plain.roster.scopes, 'secret:read', 'secret:list', 'secret:write', 'secret:delete', 'secret:destroy'],
    signers: plain.roster.signers.map((row) => ({ ...row, identity: signers.identityOf(row.id) })),
    vault: { hpke: receiveKey.jwk, audience: 'http://localhost:8080/secrets' },
    namespaces: [{ id: 'app', name: 'App', combine: 'caller' }, { id: 'secret', name: 'Secret', combine: 'vault' }],
    groups: [
      ...plain.roster.groups,
      { purpose: 'record', epoch: 1, t: 2, n: 3, key: record.x, kid: thumbprint(jwkOf(record)), alg: 'EdDSA', shares },
      { purpose: 'vault', epoch: 1, t: 2, n: 3, key: vaultKey, kid: thumbprint({ kty: 'OKP', crv: 'Ed25519', x: vaultKey }), alg: 'EdDSA', shares: vaultShares },
    ],
  }
  const world = makeWorld({ ...options, roster })
  return { ...world, record, dealt, signers, lineage: lineageOf(world.roster) }
}

export interface Faked {
  readonly world?: VaultWorld
  readonly store?: SecretStore
  readonly judges?: (honest: Judges) => Judges
  readonly identities?: Limiter
  readonly heavy?: Limiter
  readonly clock?: () => number
  readonly api?: FacadeApi
  readonly readiness?: () => Promise<Readiness>
}

const noApi: FacadeApi = { mint: async () => fail('not_ready'), stop: async () => fail('not_ready'), close: async () => undefined }

export async function startVault(faked: Faked = {}) {
  const world = faked.world ?? makeVaultWorld()
  const store = faked.store ?? memoryStore()
  const lines: string[] = []
  const log = openLog({ process: 'vault', level: 'debug', to: { write: (line: string) => void lines.push(line) } })
  const channel = world.signers.channel
  const coordinator = openCoordinator({ channel, timeoutMs: 2_000, receipts: openWire({ channel, timeoutMs: 2_000 }) })
  const honest = honestJudges(world)
  const serving = servingOf({
    deployment: deploymentOf(world),
    judges: faked.judges?.(honest) ?? honest,
    identities: faked.identities ?? memoryLimiter('identity'),
    clock: faked.clock ?? now,
    coordinator,
    store,
    cursors: openCursors(await store.cursorKey()),
    receive: receiveKey,
    log,
    publicUrl: 'http://localhost:8083',
    facade: { suite, replyKey: await replyKeyFor(receiveKey), api: faked.api ?? noApi, turns: openTurns() },
    addresses: memoryLimiter('address'),
    heavy: faked.heavy ?? memoryLimiter('heavy'),
  })
  const routes = routesOf({ readiness: faked.readiness ?? (() => Promise.reject(new Error('not faked'))), metrics: openMetrics({ process: 'vault' }) })
  return { ...(await startFront(routes, serving)), routes, world, store, vaulting: serving.vaulting, logged: lines }
}
export type TestVault = Awaited<ReturnType<typeof startVault>>

const common = (world: VaultWorld) => {
  const iat = now()
  return { v: 1, nonce: nonce(), iat, exp: iat + 300, iss: world.roster.deployment.issuer, lineage: world.lineage, sub: 'ci', client: 'ci' } as const
}

const replyKey = (() => {
  const { x = '', y = '' } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })
  return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]).toString('base64url') as Base64url
})()

export const readIntent = (world: VaultWorld, ...labels: readonly (string | { path: string; version: number | 'latest' })[]): SecretReadIntent => ({
  ...common(world), kind: 'secret.read', reply: replyKey, labels: labels.map((each) => (typeof each === 'string' ? { path: path(each), version: 'latest' } : { ...each, path: path(each.path) })),
})
export const listIntent = (world: VaultWorld, asked: Pick<SecretListIntent, 'prefix' | 'recursive'> | { readonly paths: readonly string[] }): SecretListIntent => ({ ...common(world), kind: 'secret.list', ...('paths' in asked ? { paths: asked.paths.map(path) } : asked) })

/** A real ciphertext; nobody looks at what is in it. */
export function sealed(world: VaultWorld, about: { readonly path: string } & Parameters<typeof labelOf>[1], body: Uint8Array = randomBytes(48)): Ciphertext & { readonly size: number } {
  const group = groupOf(world.roster, 'vault')
  if (group === undefined) throw new Error('no vault group')
  const dataKey = randomBytes(32)
  const label = labelOf(path(about.path), about)
  const { u, uBar, e, f, wrapped } = seal(world.dealt, labelBytes(label), dataKey)
  const head: CiphertextHead = {
    v: 1, suite: 'TDH2-edwards25519-SHA512+AES-256-GCM', group: group.kid, epoch: group.epoch, label: { ...label },
    u: toBase64url(u), u_bar: toBase64url(uBar), e: toBase64url(e), f: toBase64url(f), wrapped: toBase64url(wrapped),
    key_hash: dataKeyHash(dataKey), iv: toBase64url(randomBytes(12)), body: toBase64url(sha256(body)), size: body.length,
  }
  return { digest: ciphertextDigest(head), version: about.version, head, body, size: body.length }
}

/** The next version of a secret, on top of what the vault holds, and what is sent with it. */
export async function writing(vault: TestVault, to: string, { body, ...changes }: Partial<SecretWriteIntent> & { readonly body?: Uint8Array } = {}) {
  const { world } = vault
  const before = await newest(vault, to)
  const version = changes.version ?? (before?.record.current ?? 0) + 1
  const combine = to.startsWith('secret/') ? 'vault' : 'caller'
  const made = sealed(world, { path: to, combine, version, type: 'string' }, body)
  const intent: SecretWriteIntent = { ...common(world), kind: 'secret.write', path: path(to), previous: before?.digest ?? null, seq: (before?.record.seq ?? 0) + 1, version, type: 'string', combine, ciphertext: made.digest, size: made.size, ...changes }
  return { intent, made, request: { ...asking(world, intent), head: made.head, body: toBase64url(made.body) } }
}

export async function write(vault: TestVault, to: string, body?: Uint8Array): Promise<HttpAnswer> {
  const { request } = await writing(vault, to, body === undefined ? {} : { body })
  return post(vault, 'change', request)
}

type Act = 'secret.delete' | 'secret.undelete' | 'secret.destroy' | 'secret.meta'

/** Another change, on top of what the vault holds. */
export async function change(vault: TestVault, of: string, act: Act, changes: Readonly<Record<string, unknown>>): Promise<HttpAnswer> {
  const before = await newest(vault, of)
  const intent = { ...common(vault.world), kind: act, path: path(of), previous: before?.digest ?? null, seq: (before?.record.seq ?? 0) + 1, ...changes } as RecordIntent
  return post(vault, 'change', asking(vault.world, intent))
}

export async function newest({ store, vaulting }: TestVault, of: string) {
  const row = (await store.newest([of])).get(of)
  return row === undefined ? undefined : vaulting.records.held(row)
}

/** With true evidence of the service. */
export const asking = (world: VaultWorld, intent: Intent) => ({ intent: toBase64url(encodeIntent(intent)), evidence: [keyEvidence(world, intent)] })

export const post = ({ url }: Pick<TestVault, 'url'>, route: string, body: unknown, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  send(`${url}/v1/secrets/${route}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
export const read = (vault: TestVault, ...labels: Parameters<typeof readIntent> extends [unknown, ...infer L] ? L : never): Promise<HttpAnswer> => post(vault, 'read', asking(vault.world, readIntent(vault.world, ...labels)))
export const list = (vault: TestVault, asked: Pick<SecretListIntent, 'prefix' | 'recursive'>, more: Readonly<Record<string, unknown>> = {}): Promise<HttpAnswer> => post(vault, 'list', { ...asking(vault.world, listIntent(vault.world, asked)), ...more })
