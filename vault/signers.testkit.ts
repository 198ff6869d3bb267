import { createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { bytesOf, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { ed25519Of, signEd25519 } from '@symbolon/protocol/ed25519.ts'
import type { RefusalCode } from '@symbolon/protocol/errors.ts'
import { p256Jwk } from '@symbolon/protocol/fields.ts'
import { decodeIntent } from '@symbolon/protocol/intent.ts'
import { pathDigest } from '@symbolon/protocol/label.ts'
import type { MintItem } from '@symbolon/protocol/mint.ts'
import { receiptBytes, type OpenWish, type ProvenReceipt, type SealedPartials } from '@symbolon/protocol/open.ts'
import { decodeRecord, recordDigest, recordTag, type SignedRecord } from '@symbolon/protocol/record.ts'
import { bootBytes, type BootCertificate } from '@symbolon/protocol/sign.ts'
import type { Channel, ChannelAnswer } from '@symbolon/runtime/channel-client.ts'

/* A coordinator and t honest signers, as the vault sees them: what the newest record of a secret is, they know by themselves. They judge nothing else. */

export interface FakeSigners {
  readonly channel: Pick<Channel, 'post'>
  identityOf(signer: number): ReturnType<typeof p256Jwk.parse>
  /** The newest finished record of each path, by its digest. */
  readonly known: Map<Base64url, SignedRecord>
  /** What was asked, by route. */
  readonly asked: { readonly route: string; readonly body: string }[]
  /** Signers that receipt; fewer than t leave a change pending. */
  receipting: number
  /** They refuse whatever they are asked. */
  refusing: RefusalCode | undefined
  /** Nobody answers. */
  down: boolean
  /** What the coordinator makes of an answer. */
  lie: ((route: string, answer: unknown) => unknown) | undefined
  /** What each seals of what it opens; noise unless a test gives them shares. */
  seal: (signer: number, wish: OpenWish, reply: Base64url) => Promise<SealedPartials>
}

interface Boot {
  readonly certificate: BootCertificate
  readonly seed: Uint8Array
}

export function fakeSigners({ key, threshold, count }: { readonly key: KeyObject; readonly threshold: number; readonly count: number }): FakeSigners {
  const ids = Array.from({ length: count }, (_, at) => at + 1)
  const identities = new Map(ids.map((id) => [id, generateKeyPairSync('ec', { namedCurve: 'P-256' })]))
  const boots = new Map(ids.map((id) => [id, bootOf(id, createPrivateKey(identities.get(id)?.privateKey.export({ format: 'pem', type: 'pkcs8' }) ?? ''))]))
  const parts = ids.map((signer) => ({ signer, state: signer <= threshold ? 'signed' : 'unused' }))
  const state: FakeSigners = {
    known: new Map(),
    asked: [],
    receipting: count,
    refusing: undefined,
    down: false,
    lie: undefined,
    seal: async () => ({ enc: toBase64url(randomBytes(65)) as SealedPartials['enc'], ct: toBase64url(randomBytes(64)) }),
    identityOf: (id) => p256Jwk.parse(identities.get(id)?.publicKey.export({ format: 'jwk' })),
    channel: { post: async (route, body) => answered(route, `${body as string}`) },
  }
  const answered = async (route: string, body: string): Promise<ChannelAnswer> => {
    state.asked.push({ route, body })
    if (state.down) return { ok: false, reason: 'unreachable', detail: 'played' }
    const answer = await answerTo(route, JSON.parse(body) as never)
    return { ok: true, status: 200, body: Buffer.from(JSON.stringify(state.lie === undefined ? answer : state.lie(route, answer))) }
  }
  const answerTo = (route: string, { items = [], records = [], paths = [] }: { items?: never[]; records?: SignedRecord[]; paths?: Base64url[] }): unknown => {
    if (route === '/v1/mint') return { v: 1, outcomes: items.map(signed) }
    if (route === '/v1/open') return Promise.all(items.map(opened)).then((outcomes) => ({ v: 1, outcomes }))
    if (route === '/v1/receipts') return { v: 1, receipts: records.map(receipted) }
    if (route === '/v1/known') return { v: 1, records: paths.map((each) => state.known.get(each) ?? null) }
    throw new Error(`nobody answers ${route}`)
  }
  const refused = (code: RefusalCode) => ({ outcome: 'refused', refusals: [refusalOf(boots, 1, code), refusalOf(boots, 2, code)], parts: parts.map((each) => ({ ...each, state: 'refused', code })) })
  const signed = ({ bytes, records }: MintItem): unknown => {
    const next = decodeRecord(utf8(bytes.slice(recordTag.length)))
    if (!next.ok) throw new Error('the vault asks for records only')
    const newest = state.known.get(pathDigest(next.value.path))
    if (state.refusing !== undefined) return refused(state.refusing)
    if (newest !== undefined && newest.record !== records[0]?.record) return refused('record_stale')
    return { outcome: 'signed', signature: toBase64url(sign(null, utf8(bytes), key)), parts }
  }
  const opened = async (wish: OpenWish): Promise<unknown> => {
    const { intent, records } = wish
    if (state.refusing !== undefined) return refused(state.refusing)
    const asked = decodeIntent(bytesOf(intent))
    if (!asked.ok || asked.value.kind !== 'secret.read') throw new Error('only reading opens')
    const older = asked.value.labels.some(({ path }, at) => seqOf(state.known.get(pathDigest(path))) > seqOf(records[at]))
    if (older) return refused('record_stale')
    const { reply } = asked.value
    return { outcome: 'opened', epoch: 1, opened: await Promise.all(ids.slice(0, threshold).map(async (signer) => ({ signer, sealed: await state.seal(signer, wish, reply) }))), parts }
  }
  const receipted = (record: SignedRecord): ProvenReceipt[] => {
    const decoded = decodeRecord(bytesOf(record.record))
    if (!decoded.ok) throw new Error('no record')
    const of = pathDigest(decoded.value.path)
    if (seqOf(state.known.get(of)) > decoded.value.seq) return []
    if (state.receipting >= threshold) state.known.set(of, record)
    return ids.slice(0, state.receipting).flatMap((id) => receiptOf(boots.get(id), recordDigest(bytesOf(record.record)), decoded.value.seq))
  }
  return state
}

const seqOf = (signed: SignedRecord | undefined): number => {
  const decoded = signed === undefined ? undefined : decodeRecord(bytesOf(signed.record))
  return decoded?.ok === true ? decoded.value.seq : 0
}

function bootOf(signer: number, identity: KeyObject): Boot {
  const seed = randomBytes(32)
  const statement = { signer, boot: toBase64url(randomBytes(16)), key: ed25519Of(seed).x, iat: 1 }
  return { seed, certificate: { ...statement, signature: toBase64url(sign('sha256', bootBytes(statement), { key: identity, dsaEncoding: 'ieee-p1363' })) } }
}

function receiptOf(boot: Boot | undefined, record: Base64url, seq: number): ProvenReceipt[] {
  if (boot === undefined) return []
  const { certificate, seed } = boot
  const statement = { v: 1 as const, signer: certificate.signer, boot: certificate.boot, record, seq, iat: 1 }
  return [{ receipt: { ...statement, signature: toBase64url(signEd25519(seed, receiptBytes(statement))) }, certificate }]
}

function refusalOf(boots: ReadonlyMap<number, Boot>, signer: number, code: RefusalCode) {
  const some = toBase64url(randomBytes(32))
  return { v: 1, signer, boot: boots.get(signer)?.certificate.boot, request: some, shown: some, iat: 1, reasons: [{ code, message: 'Played.' }], signature: toBase64url(randomBytes(64)) }
}
