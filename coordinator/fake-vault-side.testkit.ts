import { randomBytes } from 'node:crypto'
import { bytesOf, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { openReplyBytes, openRequestHash, receiptBytes, type OpenAnswer, type OpenItem, type OpenWish, type Receipt } from '@symbolon/protocol/open.ts'
import { decodeRecord, recordDigest, type SignedRecord } from '@symbolon/protocol/record.ts'
import { refusalBytes, shownDigest, unreadableRequestHash, type BootCertificate } from '@symbolon/protocol/sign.ts'

/* What a signer of a test answers about secrets. What is in its seals is nothing: the coordinator cannot look into true ones either. */

export type VaultMisbehaviour =
  | 'reply_of_another_request' // the signature is true, over what somebody else asked
  | 'certificate_of_another' // true, and another signer's
  | 'cannot_read' // as one of another version
  | 'receipt_of_another_record'
  | 'receipt_of_another_sequence'
  | 'receipt_of_another_boot'
  | 'receipt_of_another_signer'
  | 'receipt_of_the_future'
  | 'receipt_unsigned'
  | 'no_receipt' // it knows a newer one

/** Who speaks, at the moment. */
export interface Speaker {
  readonly id: number
  readonly boot: Base64url
  readonly misbehaves: string | undefined
  readonly certificate: BootCertificate
  sign(bytes: Uint8Array): Base64url
}

const now = 1_700_000_000

export class FakeVaultSide {
  /** Attempts that it was asked to open, and how many in each call. */
  readonly opened: string[] = []
  readonly calls: number[] = []
  /** Digests of the records that it was told of. */
  readonly told: string[] = []
  /** By digest of their path. */
  readonly knows = new Map<string, SignedRecord>()
  /** Whose certificate it shows instead of its own. */
  other: { certificate(): BootCertificate } | undefined
  readonly #speaker: () => Speaker

  constructor(speaker: () => Speaker) {
    this.#speaker = speaker
  }

  /** @returns undefined for any other route */
  answer(path: string, body: string): unknown {
    const speaker = this.#speaker()
    if (!['/v1/open', '/v1/receipts', '/v1/known'].includes(path)) return undefined
    if (speaker.misbehaves === 'nonsense') return { v: 1, hello: 'there' }
    const asked = JSON.parse(body)
    const shown = { ...speaker, certificate: speaker.misbehaves === 'certificate_of_another' && this.other !== undefined ? this.other.certificate() : speaker.certificate }
    if (path === '/v1/open') return this.#open(shown, asked.items)
    return path === '/v1/receipts' ? this.#receipts(shown, asked.records) : this.#known(speaker, asked.paths)
  }

  #open(speaker: Speaker, items: OpenItem[]): unknown {
    this.calls.push(items.length)
    this.opened.push(...items.map(({ attempt }) => attempt))
    const answers = items.map((item) => openOne(speaker, item))
    const given = speaker.misbehaves === 'too_few_answers' ? answers.slice(1) : answers
    const hash = (item: OpenItem) => (speaker.misbehaves === 'cannot_read' ? unreadableRequestHash(item) : openRequestHash(speaker.misbehaves === 'reply_of_another_request' ? another(item) : item))
    const signature = speaker.misbehaves === 'unsigned_reply' ? toBase64url(randomBytes(64)) : speaker.sign(openReplyBytes(speaker.boot, items.slice(0, given.length).map(hash), given))
    return { v: 1, certificate: speaker.certificate, answers: given, signature }
  }

  #receipts(speaker: Speaker, records: SignedRecord[]): unknown {
    const receipts = records.map((signed) => {
      const bytes = bytesOf(signed.record)
      const record = decodeRecord(bytes)
      this.told.push(recordDigest(bytes))
      return record.ok && speaker.misbehaves !== 'no_receipt' ? receiptOf(speaker, recordDigest(bytes), record.value.seq) : null
    })
    return { v: 1, certificate: speaker.certificate, receipts: speaker.misbehaves === 'too_few_answers' ? receipts.slice(1) : receipts }
  }

  #known({ misbehaves }: Speaker, paths: string[]): unknown {
    const records = paths.map((path) => this.knows.get(path) ?? null)
    return { v: 1, records: misbehaves === 'too_few_answers' ? records.slice(1) : records }
  }
}

const another = (item: OpenItem): OpenItem => ({ ...item, attempt: toBase64url(randomBytes(16)) })

function openOne(speaker: Speaker, item: OpenItem): OpenAnswer {
  switch (speaker.misbehaves) {
    case 'refuses':
      return refusalOf(speaker, item)
    case 'refusal_of_another_request':
      return refusalOf(speaker, another(item))
    case 'refusal_of_other_evidence':
      return refusalOf(speaker, { ...item, asserted: { address: '192.0.2.66' } })
    case 'forged_refusal':
      return refusalOf({ ...speaker, sign: () => toBase64url(randomBytes(64)) }, item)
    case 'wrong_epoch':
      return { result: 'not_now', code: 'epoch_unknown' }
    case 'ill':
      return { result: 'not_now', code: 'ill', retry_after: 7 }
    case 'cannot_read':
      return { result: 'not_now', code: 'item_malformed' }
    default:
      return { result: 'opened', sealed: { enc: toBase64url(new Uint8Array(65).fill(speaker.id)), ct: toBase64url(utf8(`${speaker.id} opens ${item.intent}`)) } }
  }
}

function refusalOf(speaker: Speaker, item: OpenItem): OpenAnswer {
  const statement = { v: 1 as const, signer: speaker.id, boot: speaker.boot, request: toBase64url(openRequestHash(item)), shown: shownDigest(item), iat: now, reasons: [{ code: 'secret_not_found' as const, message: 'not for you' }] }
  return { result: 'refused', refusal: { ...statement, signature: speaker.sign(refusalBytes(statement)) } }
}

function receiptOf(speaker: Speaker, digest: Base64url, seq: number): Receipt {
  const { misbehaves } = speaker
  const statement = {
    v: 1 as const,
    signer: misbehaves === 'receipt_of_another_signer' ? speaker.id + 1 : speaker.id,
    boot: misbehaves === 'receipt_of_another_boot' ? toBase64url(randomBytes(16)) : speaker.boot,
    record: misbehaves === 'receipt_of_another_record' ? toBase64url(randomBytes(32)) : digest,
    seq: misbehaves === 'receipt_of_another_sequence' ? seq + 1 : seq,
    iat: misbehaves === 'receipt_of_the_future' ? now + 3_600 : now,
  }
  return { ...statement, signature: misbehaves === 'receipt_unsigned' ? toBase64url(randomBytes(64)) : speaker.sign(receiptBytes(statement)) }
}

const text = (value: number, length: number): Base64url => toBase64url(new Uint8Array(length).fill(value))

/** A wish to open one secret. What it holds is for signers to judge, and these judge nothing. */
export function openWish(change: Partial<OpenWish> = {}): OpenWish {
  const label = { namespace: 'app', project: '', scope: '', environment: '', name: 'db', combine: 'caller' as const, version: 1, type: 'string' as const }
  const head = { v: 1 as const, suite: 'TDH2-edwards25519-SHA512+AES-256-GCM' as const, group: text(1, 32), epoch: 1, label, u: text(2, 32), u_bar: text(3, 32), e: text(4, 32), f: text(5, 32), wrapped: text(6, 32), key_hash: text(7, 32), iv: text(8, 12), body: text(9, 32), size: 100 }
  return { request_id: 'request', roster: 1, policy: text(0, 32), intent: toBase64url(utf8('{}')), evidence: [{ kind: 'key', proof: 'a.b.c' }], approvals: [], asserted: {}, records: [{ record: text(1, 40), signature: text(1, 64) }], heads: [head], ...change }
}
