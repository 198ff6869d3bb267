import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core'
import type { Result } from '@symbolon/core/errors.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { partial, verifyCiphertext, type CheckedCiphertext } from '@symbolon/core/tdh2.ts'
import { dealVault, type Vault } from '@symbolon/core/tdh2.testkit.ts'
import { bytesOf, sha256, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest, type CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { ed25519Of, signEd25519 } from '@symbolon/protocol/ed25519.ts'
import { p256Jwk } from '@symbolon/protocol/fields.ts'
import { canonical } from '@symbolon/protocol/json.ts'
import { labelBytes, labelOf, secretPath, type SecretPath } from '@symbolon/protocol/label.ts'
import { openedInfo, receiptBytes, type ProvenReceipt, type SealedPartials, type WirePartial } from '@symbolon/protocol/open.ts'
import { defaultSettings, encodeRecord, recordDigest, recordMessage, type SignedRecord, type VaultRecord } from '@symbolon/protocol/record.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { bootBytes } from '@symbolon/protocol/sign.ts'
import { fingerprint, keysetBytes, type Keyset, type SignedKeyset } from '@symbolon/roster/keyset.ts'
import type { Group } from '@symbolon/roster/roster.ts'
import { clientSuite } from '#platform'
import { tdh2Of } from './head.ts'
import { secretKeys, type SecretKeys } from './keys.ts'
import type { Row } from './row.ts'
import { seal, type Sealed } from './seal.ts'

/* A deployment in one process: real keys from a trusted dealer, real partials, real signatures. What a hostile vault would need to lie with is all here. */

export const got = <T, E>(result: Result<T, E>): T => {
  if (!result.ok) throw new Error(`not ok: ${JSON.stringify(result.error)}`)
  return result.value
}
export const codeOf = (result: Result<unknown, { readonly code: string }>): string => (result.ok ? 'ok' : result.error.code)
export const path = (text: string): SecretPath => secretPath.parse(text)
export const digestOf = (name: string): Base64url => toBase64url(sha256(utf8(name)))
export const strings = (data: Record<string, string>): SecretValue => ({ type: 'string', data })

const hpke = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer
const jwkOf = (key: KeyObject) => p256Jwk.parse(key.export({ format: 'jwk' }))
const issuer = 'http://localhost:7000'

export interface TestSigner {
  readonly id: number
  readonly identity: KeyObject
  readonly row: Keyset['signers'][number]
  /** Seed of its boot key. */
  readonly boot: Uint8Array
}

function newSigner(id: number, name: string): TestSigner {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { id, identity: pair.privateKey, row: { id, identity: jwkOf(pair.publicKey), hpke: jwkOf(pair.publicKey) }, boot: sha256(utf8(`boot ${name} ${id}`)) }
}

const p256Sign = (key: KeyObject, bytes: Uint8Array): Base64url => toBase64url(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }))
const vaultRow = (vault: Vault): Group => ({
  purpose: 'vault', epoch: vault.keys.epoch, t: vault.keys.group.threshold, n: vault.members.length, alg: 'EdDSA',
  key: toBase64url(vault.keys.group.key), kid: digestOf(`kid ${toBase64url(vault.keys.group.key)}`),
  shares: [...vault.keys.group.shares].map(([id, share]) => ({ id, share: toBase64url(share) })),
})
const recordRow = (seed: Uint8Array, epoch: number): Group => ({
  purpose: 'record', epoch, t: 2, n: 3, alg: 'EdDSA', key: ed25519Of(seed).x, kid: digestOf(`kid ${ed25519Of(seed).x}`), shares: [1, 2, 3].map((id) => ({ id, share: digestOf(`share ${id}`) })),
})

export interface TestDeployment {
  readonly keyset: Keyset
  readonly lineage: Base64url
  readonly keys: SecretKeys
  readonly vaults: readonly Vault[]
  readonly signers: readonly TestSigner[]
  signKeyset(iat: number): SignedKeyset
  /** With the newest `record` key. */
  sign(record: VaultRecord): SignedRecord
  receipt(signer: number, signed: SignedRecord): ProvenReceipt
}

/** 2 of 3. `epochs`: how many `vault` keys there are. */
export function testSecrets({ name = 'test', epochs = 1, suite = clientSuite, namespaces = ['app', 'secret'] }: { name?: string; epochs?: number; suite?: Suite; namespaces?: readonly string[] } = {}): TestDeployment {
  const vaults = Array.from({ length: epochs }, (_, at) => dealVault(suite, 2, [1, 2, 3], { epoch: at + 1 }))
  const seed = sha256(utf8(`record ${name}`))
  const signers = [1, 2, 3].map((id) => newSigner(id, name))
  const keyset: Keyset = {
    v: 1, roster: 1, digest: digestOf(`roster ${name}`), issuer, policy: digestOf('policy'), audiences: ['https://logs.test'], default_audience: 'https://logs.test',
    groups: [recordRow(seed, 1), ...vaults.map(vaultRow)],
    signers: signers.map(({ row }) => row),
    namespaces: namespaces.map((id) => ({ id, name: id, combine: id === 'secret' ? 'vault' : 'caller' })),
  }
  const lineage = fingerprint(keyset)
  return {
    keyset, lineage, vaults, signers,
    keys: got(secretKeys({ keyset, lineage, suite })),
    signKeyset: (iat) => ({ keyset, signatures: signers.map(({ id, identity }) => ({ signer: id, iat, signature: p256Sign(identity, keysetBytes(keyset, iat)) })) }),
    sign: (record) => {
      const bytes = encodeRecord(record)
      return { record: toBase64url(bytes), signature: toBase64url(signEd25519(seed, recordMessage(bytes))) }
    },
    receipt: (id, signed) => receiptBy(signers, id, signed),
  }
}

export function receiptBy(signers: readonly TestSigner[], id: number, signed: SignedRecord, iat = 1_800_000_000): ProvenReceipt {
  const signer = signers.find((one) => one.id === id)
  if (signer === undefined) throw new Error(`no signer ${id}`)
  const bytes = bytesOf(signed.record)
  const { seq } = JSON.parse(Buffer.from(bytes).toString()) as VaultRecord
  const boot = toBase64url(new Uint8Array(16).fill(id))
  const certified = { signer: id, boot, key: ed25519Of(signer.boot).x, iat }
  const said = { v: 1, signer: id, boot, record: recordDigest(bytes), seq, iat } as const
  return { receipt: { ...said, signature: toBase64url(signEd25519(signer.boot, receiptBytes(said))) }, certificate: { ...certified, signature: p256Sign(signer.identity, bootBytes(certified)) } }
}

export const recordOf = ({ lineage }: Pick<TestDeployment, 'lineage'>, change: Partial<VaultRecord> & Pick<VaultRecord, 'path'>): VaultRecord => ({
  v: 1, lineage, seq: 1, previous: null, current: change.versions?.at(-1)?.version ?? 1, versions: [], settings: defaultSettings, custom: {}, tags: [], removed: false,
  created: 1_800_000_000, by: 'ann', at: 1_800_000_000, act: 'secret.write', intent: digestOf('intent'), ...change,
})

export interface Written extends Row {
  readonly sealed: Sealed
  readonly plain: VaultRecord
}

/** One version of one secret, closed and recorded. */
export async function write(deployment: TestDeployment, at: string, value: SecretValue, { version = 1, combine = 'caller' as const, epoch, change = {} }: { version?: number; combine?: 'caller' | 'vault'; epoch?: number; change?: Partial<VaultRecord> } = {}): Promise<Written> {
  const group = epoch === undefined ? deployment.keys.newest : [...deployment.keys.groups.values()].find((one) => one.epoch === epoch)
  if (group === undefined) throw new Error(`no epoch ${epoch}`)
  const sealed = got(await seal({ value, label: labelOf(path(at), { combine, version, type: value.type }), keys: deployment.keys, group }))
  const plain = recordOf(deployment, { path: path(at), versions: [{ version, state: 'live', type: value.type, combine, ciphertext: sealed.digest, size: sealed.size, at: 1_800_000_000, by: 'ann' }], ...change })
  return { record: deployment.sign(plain), head: sealed.head, body: sealed.body, sealed, plain }
}

export interface Asked {
  readonly intent: Base64url
  /** Raw, base64url. */
  readonly reply: Base64url
}

/** What an honest signer seals for these ciphertexts, whatever it thinks of records. */
export async function answerOf({ keys, vaults }: TestDeployment, id: number, heads: readonly CiphertextHead[], { intent, reply }: Asked, alter: (partials: WirePartial[]) => unknown = (partials) => partials): Promise<{ signer: number; sealed: SealedPartials }> {
  const [first] = heads
  if (first === undefined) throw new Error('nothing to open')
  const partials = heads.map((head): WirePartial => {
    const member = vaults.find((one) => one.keys.epoch === head.epoch)?.members.find((one) => one.id === id)
    if (member === undefined) throw new Error(`no member ${id}`)
    const { point, e, f } = got(partial(keys.suite, member, checkedOf(keys, head)))
    return { point: toBase64url(point), e: toBase64url(e), f: toBase64url(f) }
  })
  const info = openedInfo({ intent, group: first.group, epoch: first.epoch, signer: id, ciphertexts: heads.map(ciphertextDigest) })
  return { signer: id, sealed: await sealTo(reply, info, canonical({ v: 1, partials: alter(partials) })) }
}

export async function sealTo(reply: Base64url, info: Uint8Array, plain: Uint8Array): Promise<SealedPartials> {
  const recipientPublicKey = await hpke.kem.deserializePublicKey(buffer(bytesOf(reply)))
  const { enc, ct } = await hpke.seal({ recipientPublicKey, info: buffer(info) }, buffer(plain))
  return { enc: toBase64url(new Uint8Array(enc)), ct: toBase64url(new Uint8Array(ct)) }
}

/** A signer checks the proof under the head's own label, before any partial; it never sees a body. */
function checkedOf({ suite, groups }: SecretKeys, head: CiphertextHead): CheckedCiphertext {
  const group = groups.get(head.group)
  if (group === undefined) throw new Error('a head of another group')
  return got(verifyCiphertext(suite, group.keys.group.key, labelBytes(head.label), tdh2Of(head)))
}
