import { createECDH, randomBytes, type ECDH } from 'node:crypto'
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core'
import { combine } from '@symbolon/core/tdh2-combine.ts'
import { encrypt, verifyCiphertext, type Partial as CorePartial } from '@symbolon/core/tdh2.ts'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest, dataKeyHash, type CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import type { Evidence } from '@symbolon/protocol/evidence.ts'
import { encodeIntent, type RecordIntent, type SecretReadIntent } from '@symbolon/protocol/intent.ts'
import { decodeCanonical } from '@symbolon/protocol/json.ts'
import { labelBytes, labelOf, secretPath, type Label, type SecretType } from '@symbolon/protocol/label.ts'
import { openedInfo, partials, type OpenAnswer, type OpenItem, type OpenReply, type SealedPartials, type WirePartial } from '@symbolon/protocol/open.ts'
import { decodeRecord, recordDigest, type SignedRecord, type VaultRecord } from '@symbolon/protocol/record.ts'
import type { SignItem } from '@symbolon/protocol/sign.ts'
import { digestOf, keyEvidence, type WorldOptions } from '@symbolon/policy/judge.testkit.ts'
import { facadeAudience, readOf, scopes, writeOf } from '@symbolon/policy/secrets.testkit.ts'
import { answer } from './answer.ts'
import { coordinator, listOf, openTable, outcome, signatureOf, stock, suite, type Seat, type Table } from './answer.testkit.ts'
import { open } from './open.ts'
import type { Steps } from './signer.ts'

/* Signers that keep secrets: real judge, real shares of every purpose; and a writer, a vault and a reader to ask them. */

/** `app` is combined by callers, `secret` by the vault process. */
export const openVaultTable = (options: WorldOptions & { readonly steps?: Steps } = {}): Promise<Table> =>
  openTable({ ...options, roster: { scopes, vault: { hpke: pointOf(createECDH('prime256v1')), audience: facadeAudience }, namespaces: [{ id: 'app', name: 'App', combine: 'caller' }, { id: 'secret', name: 'Secret', combine: 'vault' }], rate: 100_000, ...options.roster } })

function pointOf(pair: ECDH) {
  const point = pair.generateKeys()
  return { kty: 'EC', crv: 'P-256', x: toBase64url(new Uint8Array(point.subarray(1, 33))), y: toBase64url(new Uint8Array(point.subarray(33))) } as const
}

export const asking = { by: coordinator, requestId: 'request-1' }
const vaultOf = ({ seats: [{ signer }] }: Table) => signer.members.vault

/** A ciphertext's head as its writer makes it, without a body. */
export function headOf(table: Table, label: Label, change: Partial<CiphertextHead> = {}): CiphertextHead & { readonly dataKey: Uint8Array } {
  const { group, member } = vaultOf(table)
  const dataKey = new Uint8Array(randomBytes(32))
  using secret = suite.memory.take(32)
  secret.borrow((bytes) => bytes.set(dataKey))
  const { u, uBar, e, f, wrapped } = encrypt(suite, { key: member.decryption.group.key, label: labelBytes(label), dataKey: secret })
  const head: CiphertextHead = {
    v: 1, suite: 'TDH2-edwards25519-SHA512+AES-256-GCM', group: group.kid, epoch: group.epoch, label: { ...label },
    u: toBase64url(u), u_bar: toBase64url(uBar), e: toBase64url(e), f: toBase64url(f), wrapped: toBase64url(wrapped),
    key_hash: dataKeyHash(dataKey), iv: toBase64url(randomBytes(12)), body: toBase64url(randomBytes(32)), size: 100, ...change,
  }
  // Not a member of what travels.
  return Object.defineProperty(head, 'dataKey', { value: dataKey, enumerable: false }) as CiphertextHead & { readonly dataKey: Uint8Array }
}

interface Over {
  readonly quorum?: readonly Seat[]
  readonly evidence?: Evidence[]
  readonly records?: readonly SignedRecord[]
}

/** An honest item for a change, over a fresh list of two signers. */
export function changeItem(table: Table, intent: RecordIntent, { quorum = table.seats.slice(0, 2), evidence = [keyEvidence(table.world, intent)], records = [] }: Over = {}): SignItem {
  const judged = table.judge.judge({ intent: encodeIntent(intent), evidence, approvals: [], records, asserted: {} }, table.clock.now)
  return {
    attempt: toBase64url(randomBytes(16)), purpose: 'record', epoch: 1, roster: 1, policy: table.world.roster.policy, intent: toBase64url(encodeIntent(intent)), evidence, approvals: [], asserted: {}, records: [...records],
    bytes_hash: judged.verdict === 'granted' ? judged.bytesHash : toBase64url(new Uint8Array(32)), commitments: listOf(quorum, stock(quorum).flat()),
  }
}

/** Asks each of the quorum for its share. @returns the finished record, if they made one, and what each said */
export async function signChange(table: Table, intent: RecordIntent, over: Over = {}): Promise<{ readonly said: readonly string[]; readonly signed: SignedRecord | undefined }> {
  const quorum = over.quorum ?? table.seats.slice(0, 2)
  const item = changeItem(table, intent, over)
  const judged = table.judge.judge({ intent: encodeIntent(intent), evidence: item.evidence, approvals: [], records: item.records, asserted: {} }, table.clock.now)
  const answers = await Promise.all(quorum.map(async ({ signer }) => (await answer(signer, asking, [item])).answers[0]))
  const placed = table.seats.map((seat) => answers[quorum.findIndex(({ signer }) => signer.id === seat.signer.id)])
  const message = judged.verdict === 'granted' && judged.grants === 'record' ? judged.message : undefined
  const signature = message === undefined || !answers.every((each) => each?.result === 'signed') ? undefined : signatureOf(table, message, placed, 'record')
  const bytes = message === undefined ? new Uint8Array() : new Uint8Array(Buffer.from(message.slice(message.indexOf('\0') + 1)))
  return { said: answers.map(outcome), signed: signature === undefined ? undefined : { record: toBase64url(bytes), signature: toBase64url(signature) } }
}

export interface Row {
  readonly signed: SignedRecord
  readonly record: VaultRecord
  readonly digest: Base64url
  readonly head: CiphertextHead & { readonly dataKey: Uint8Array }
}

/** Writes one version of a secret on top of another, as far as the signature: nobody has receipted it yet. */
export async function write(table: Table, { path = 'app/db', on, seq, type = 'string', quorum }: { readonly path?: string; readonly on?: Row; readonly seq?: number; readonly type?: SecretType; readonly quorum?: readonly Seat[] } = {}): Promise<Row> {
  const version = (on?.record.current ?? 0) + 1
  const head = headOf(table, labelOf(secretPath.parse(path), { combine: path.startsWith('secret/') ? 'vault' : 'caller', version, type }))
  const intent = writeOf(table.world, { path: secretPath.parse(path), previous: on?.digest ?? null, seq: seq ?? (on?.record.seq ?? 0) + 1, version, type, combine: head.label.combine, ciphertext: ciphertextDigest(head), size: 100 })
  const { said, signed } = await signChange(table, intent, { ...(quorum === undefined ? {} : { quorum }), records: on === undefined ? [] : [on.signed] })
  if (signed === undefined) throw new Error(said.join(', '))
  return { ...opened(signed), head }
}

export function opened(signed: SignedRecord): Pick<Row, 'signed' | 'record' | 'digest'> {
  const decoded = decodeRecord(bytesOf(signed.record))
  if (!decoded.ok) throw new Error(decoded.reason)
  return { signed, record: decoded.value, digest: recordDigest(bytesOf(signed.record)) }
}

/** A reader's request and the key that it is answered to. */
export interface Reader {
  readonly intent: SecretReadIntent
  readonly pair: ECDH
}
export function readerOf(table: Table, labels: readonly (readonly [string, number | 'latest'])[], change: Partial<SecretReadIntent> = {}): Reader {
  const pair = createECDH('prime256v1')
  return { pair, intent: readOf(table.world, labels, { reply: toBase64url(new Uint8Array(pair.generateKeys())), ...change }) }
}

export function openItemOf(table: Table, { intent }: Pick<Reader, 'intent'>, rows: readonly Pick<Row, 'signed' | 'head'>[], over: Partial<OpenItem> = {}): OpenItem {
  return {
    attempt: toBase64url(randomBytes(16)), epoch: 1, roster: 1, policy: table.world.roster.policy, intent: toBase64url(encodeIntent(intent)), evidence: [keyEvidence(table.world, intent)], approvals: [], asserted: {},
    records: rows.map(({ signed }) => signed), heads: rows.map(({ head }) => head), ...over,
  }
}

export const openAt = ({ signer }: Seat, ...items: unknown[]): Promise<OpenReply> => open(signer, asking, items)
export const said = (answered: OpenAnswer | undefined): string => (answered?.result === 'opened' ? 'opened' : outcome(answered))

const hpke = new CipherSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
const buffer = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer

/** With another implementation of HPKE than the signers'. */
export async function unseal(table: Table, { pair, intent }: Reader, signer: number, { sealed, heads }: { readonly sealed: SealedPartials; readonly heads: readonly CiphertextHead[] }): Promise<readonly WirePartial[]> {
  const { group } = vaultOf(table)
  const [x, y] = [pair.getPublicKey().subarray(1, 33), pair.getPublicKey().subarray(33)]
  const recipientKey = await crypto.subtle.importKey('jwk', { kty: 'EC', crv: 'P-256', x: toBase64url(x), y: toBase64url(y), d: toBase64url(pair.getPrivateKey()) }, { name: 'ECDH', namedCurve: 'P-256' }, false, ['deriveBits'])
  const publicKey = await crypto.subtle.importKey('jwk', { kty: 'EC', crv: 'P-256', x: toBase64url(x), y: toBase64url(y) }, { name: 'ECDH', namedCurve: 'P-256' }, true, [])
  const info = openedInfo({ intent: toBase64url(digestOf(intent)), group: group.kid, epoch: group.epoch, signer, ciphertexts: heads.map(ciphertextDigest) })
  const plain = await hpke.open({ recipientKey: { privateKey: recipientKey, publicKey }, enc: buffer(bytesOf(sealed.enc)), info: buffer(info) }, buffer(bytesOf(sealed.ct)))
  const decoded = decodeCanonical(partials, new Uint8Array(plain), 8_192)
  if (!decoded.ok) throw new Error(decoded.reason)
  return decoded.value.partials
}

export const corePartial = (id: number, { point, e, f }: WirePartial): CorePartial => ({ id, epoch: 1, point: bytesOf(point), e: bytesOf(e), f: bytesOf(f) })

/** What exactly these partials make of one ciphertext: the data key, or why not. */
export function combined(table: Table, head: CiphertextHead, parts: readonly CorePartial[]): Uint8Array | string {
  const { member: { decryption } } = vaultOf(table)
  const checked = verifyCiphertext(suite, decryption.group.key, labelBytes(head.label), { u: bytesOf(head.u), uBar: bytesOf(head.u_bar), e: bytesOf(head.e), f: bytesOf(head.f), wrapped: bytesOf(head.wrapped) })
  if (!checked.ok) return checked.error.code
  const key = combine(suite, { keys: decryption, ciphertext: checked.value, partials: parts })
  if (!key.ok) return key.error.code
  using secret = key.value
  return secret.borrow((bytes) => new Uint8Array(bytes))
}
