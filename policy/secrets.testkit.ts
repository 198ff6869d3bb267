import { generateKeyPairSync, sign } from 'node:crypto'
import { tagged, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { p256Jwk } from '@symbolon/protocol/fields.ts'
import { encodeIntent, type Intent, type RecordIntent, type SecretIntent, type SecretListIntent, type SecretReadIntent, type SecretWriteIntent } from '@symbolon/protocol/intent.ts'
import { secretPath, type SecretPath } from '@symbolon/protocol/label.ts'
import { pointOfJwk } from '@symbolon/protocol/p256.ts'
import { defaultSettings, encodeRecord, recordDigest, recordMessage, type RecordVersion, type SignedRecord, type VaultRecord } from '@symbolon/protocol/record.ts'
import { thumbprint } from '@symbolon/protocol/thumbprint.ts'
import { noStops, type Stops } from '@symbolon/evidence/stops.ts'
import { lineageOf } from '@symbolon/roster/keyset.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import { openJudge, type Judgement, type Explained } from './judge.ts'
import { at, jwkOf, keyEvidence, makeKey, makeWorld, nonce, type Key, type World, type WorldOptions } from './judge.testkit.ts'

/* The same deployment with a vault: `app` is combined by callers, `secret` by the vault process. */

export const recordKey = makeKey()
export const olderRecordKey = makeKey()
const vaultKey = p256Jwk.parse(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }))
const point = pointOfJwk(vaultKey)
if (point === undefined) throw new Error('a key off its curve')
export const vaultReply = toBase64url(point)
export const ownReply = toBase64url(Uint8Array.from({ length: 65 }, (_, index) => (index === 0 ? 4 : index)))
export const facadeAudience = 'http://localhost:8080/facade'
export const scopes = ['read:logs', 'write:staging', 'deploy:canary', 'write:prod', 'secret:read', 'secret:list', 'secret:write', 'secret:delete', 'secret:destroy']

const recordGroup = (key: Key, epoch: number): Roster['groups'][number] => ({ purpose: 'record', epoch, t: 2, n: 3, key: key.x, kid: thumbprint(jwkOf(key)), alg: 'EdDSA', shares: [1, 2, 3].map((id) => ({ id, share: key.x })) })

export function makeVault(options: WorldOptions = {}): World {
  const { roster: { groups } } = makeWorld({})
  return makeWorld({
    ...options,
    roster: {
      scopes,
      vault: { hpke: vaultKey, audience: facadeAudience },
      namespaces: [{ id: 'app', name: 'App', combine: 'caller' }, { id: 'secret', name: 'Secret', combine: 'vault' }],
      groups: [...groups, recordGroup(olderRecordKey, 1), recordGroup(recordKey, 2)],
      ...options.roster,
    },
  })
}

export const path = (text: string): SecretPath => secretPath.parse(text)
export const filled = (fill: number): Base64url => toBase64url(new Uint8Array(32).fill(fill))

const common = (world: World) => ({ v: 1, nonce: nonce(), iat: at, exp: at + 300, iss: world.roster.deployment.issuer, lineage: lineageOf(world.roster), sub: 'ci', client: 'cli' }) as const

export const readOf = (world: World, labels: readonly (readonly [string, number | 'latest'])[] = [['app/db', 'latest']], change: Partial<SecretReadIntent> = {}): SecretReadIntent =>
  ({ ...common(world), kind: 'secret.read', labels: labels.map(([text, version]) => ({ path: path(text), version })), reply: ownReply, ...change })
export const listOf = (world: World, change: Partial<SecretListIntent> = { prefix: 'app' }): SecretListIntent => ({ ...common(world), kind: 'secret.list', ...change })
export const writeOf = (world: World, change: Partial<SecretWriteIntent> = {}): SecretWriteIntent =>
  ({ ...common(world), kind: 'secret.write', path: path('app/db'), previous: null, seq: 1, version: 1, type: 'string', combine: 'caller', ciphertext: filled(9), size: 100, ...change })

type Own<I> = I extends RecordIntent ? Omit<I, keyof ReturnType<typeof common> | 'path' | 'previous' | 'seq'> & Partial<Pick<I, 'path' | 'previous' | 'seq' | 'sub' | 'iat' | 'dry'>> : never
export const changeOf = (world: World, own: Own<RecordIntent>): RecordIntent => ({ ...common(world), path: path('app/db'), previous: null, seq: 1, ...own })

export const versionOf = (version: number, change: Partial<RecordVersion> = {}): RecordVersion => ({ version, state: 'live', type: 'string', combine: 'caller', ciphertext: filled(version % 256), size: 100, at: at - 1000, by: 'ann', ...change })

export function recordWith(world: World, change: Partial<VaultRecord> = {}): VaultRecord {
  const versions = change.versions ?? [versionOf(1)]
  return {
    v: 1, lineage: lineageOf(world.roster), path: path('app/db'), seq: 1, previous: null, current: versions.at(-1)?.version ?? 0, versions, settings: defaultSettings, custom: {}, tags: [], removed: false,
    created: at - 1000, by: 'ann', at: at - 1000, act: 'secret.write', intent: filled(3), ...change,
  }
}
export const digestOfRecord = (record: VaultRecord): Base64url => recordDigest(encodeRecord(record))
/** As the quorum would have signed it. */
export function signed(record: VaultRecord, by: Key = recordKey, message: (bytes: Uint8Array) => Uint8Array = recordMessage): SignedRecord {
  const bytes = encodeRecord(record)
  return { record: toBase64url(bytes), signature: toBase64url(sign(null, message(bytes), by.key)) }
}
/** Under another tag than a record's. */
export const otherwise = (bytes: Uint8Array): Uint8Array => tagged('token/v1', bytes)

export const vaultJudge = (world: World, stops: Stops = noStops) => openJudge({ roster: world.roster, bundle: world.bundle, stops: () => stops, issuerKeys: () => new Map() })
export const asked = (world: World, intent: Intent, records: readonly SignedRecord[] = [], evidence: readonly Evidence[] = [keyEvidence(world, intent)]) => ({ intent: encodeIntent(intent), evidence, approvals: [], records, asserted: {} })
export const answer = (world: World, intent: SecretIntent, records: readonly SignedRecord[] = [], evidence?: readonly Evidence[]): Judgement => vaultJudge(world).judge(asked(world, intent, records, evidence), at)
export const explanation = (world: World, intent: SecretIntent, evidence?: readonly Evidence[]): Explained => vaultJudge(world).explain(asked(world, intent, [], evidence), at)
export const codes = (judged: { readonly verdict: string } & Partial<{ readonly reasons: readonly { readonly code: string }[] }>): readonly string[] => (judged.verdict === 'refused' ? (judged.reasons ?? []).map(({ code }) => code) : [judged.verdict])
