import type { Suite } from '@symbolon/core/suite.ts'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import { knownReply, openReply, signerReceipts, type Known, type OpenItem, type OpenReply, type SignerReceipts } from '@symbolon/protocol/open.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import { commitmentsReply, refusalBytes, shownDigest, signReply, signerReport, type Answer, type BootCertificate, type CommitmentsReply, type Refusal, type RequestHash, type SignItem, type SignReply, type SignerReport } from '@symbolon/protocol/sign.ts'
import type { Channel, ChannelAnswer } from '@symbolon/runtime/channel-client.ts'
import { bootKeySigned, type FaultKind } from './evidence-of-fault.ts'

/* The coordinator's side of the wire to one signer: one function per route, every answer decoded strictly. */

/** What is needed of a channel; a test may put signers of its own behind it. */
export type SignerChannel = Pick<Channel, 'get' | 'post'>

/** Why there is no answer. `timeout`: it may still come, and the commitments are lost. Neither is a fault: networks fail too. */
export interface Silence {
  readonly ok: false
  readonly silent: 'unreachable' | 'timeout' | 'busy'
  readonly detail: string
}
/** An answer that no signer of ours gives. */
export interface Nonsense {
  readonly ok: false
  readonly fault: FaultKind
  readonly detail: string
}
export type Wire<T> = { readonly ok: true; readonly value: T } | Silence | Nonsense

/** One item of a call: what is asked, once as a value and once as JSON, which is the same for every signer of the attempt. */
export interface AskedItem {
  readonly item: SignItem
  readonly json: string
}

/** Likewise for opening. */
export interface AskedOpening {
  readonly item: OpenItem
  readonly json: string
  /** Of the item: made once for all signers. */
  readonly request: RequestHash
}

export const bodyOverhead = 64

export async function callSign(channel: SignerChannel, items: readonly AskedItem[], timeoutMs: number): Promise<Wire<SignReply>> {
  const body = `{"v":1,"items":[${items.map(({ json }) => json).join()}]}`
  const read = readAnswer(await channel.post('/v1/sign', body, { timeoutMs, maxBytes: limits.batchBodyBytes }), signReply)
  return read.ok && read.value.answers.length !== items.length ? nonsense('answer_count') : read
}

export async function callOpen(channel: SignerChannel, items: readonly AskedOpening[], timeoutMs: number): Promise<Wire<OpenReply>> {
  const body = `{"v":1,"items":[${items.map(({ json }) => json).join()}]}`
  const read = readAnswer(await channel.post('/v1/open', body, { timeoutMs, maxBytes: limits.batchBodyBytes }), openReply)
  return read.ok && read.value.answers.length !== items.length ? nonsense('answer_count') : read
}

export async function callReceipts(channel: SignerChannel, records: readonly SignedRecord[], timeoutMs: number): Promise<Wire<SignerReceipts>> {
  const read = readAnswer(await channel.post('/v1/receipts', JSON.stringify({ v: 1, records }), { timeoutMs, maxBytes: limits.batchBodyBytes }), signerReceipts)
  return read.ok && read.value.receipts.length !== records.length ? nonsense('answer_count') : read
}

export async function callKnown(channel: SignerChannel, paths: readonly string[], timeoutMs: number): Promise<Wire<Known>> {
  const read = readAnswer(await channel.post('/v1/known', JSON.stringify({ v: 1, paths }), { timeoutMs, maxBytes: limits.batchBodyBytes }), knownReply)
  return read.ok && read.value.records.length !== paths.length ? nonsense('answer_count') : read
}

export const callCommitments = async (channel: SignerChannel, count: number, timeoutMs: number): Promise<Wire<CommitmentsReply>> =>
  readAnswer(await channel.post('/v1/commitments', JSON.stringify({ v: 1, count }), { timeoutMs, maxBytes: limits.batchBodyBytes }), commitmentsReply)

export const callStatus = async (channel: SignerChannel, timeoutMs: number): Promise<Wire<SignerReport>> => readAnswer(await channel.get('/v1/status', { timeoutMs, maxBytes: 65_536 }), signerReport)

const silence = (silent: Silence['silent'], detail: string): Silence => ({ ok: false, silent, detail })
const nonsense = (detail: string, fault: FaultKind = 'reply_malformed'): Nonsense => ({ ok: false, fault, detail })

export function readAnswer<T>(answer: ChannelAnswer, schema: Parameters<typeof decodeAs<T>>[0], maxBytes: number = limits.batchBodyBytes): Wire<T> {
  if (!answer.ok) return answer.reason === 'too_large' ? nonsense(answer.detail) : silence(answer.reason === 'timeout' ? 'timeout' : 'unreachable', answer.detail)
  // Whatever a signer says about itself by its status is its state, not its word.
  if (answer.status !== 200) return silence([429, 503].includes(answer.status) ? 'busy' : 'unreachable', `status_${answer.status}`)
  const decoded = decodeAs(schema, answer.body, maxBytes)
  return decoded.ok ? { ok: true, value: decoded.value } : nonsense(decoded.reason)
}

/**
 * A veto counts only if the signer's boot key signed it for this very request and what was shown with it: a coordinator cannot make
 * one up, nor move one from one request, or from other evidence, to another.
 */
export function refusalHolds(suite: Suite, certificate: BootCertificate, { item, request }: { readonly item: Parameters<typeof shownDigest>[0]; readonly request: RequestHash }, refusal: Refusal): boolean {
  if (refusal.signer !== certificate.signer || refusal.boot !== certificate.boot || refusal.request !== toBase64url(request) || refusal.shown !== shownDigest(item)) return false
  return bootKeySigned(suite, certificate, refusalBytes(refusal), refusal.signature)
}

/** A nonce is taken last of all, so only these speak of one that is gone. */
const spent = new Set<NotNowCode>(['commitment_unknown', 'list_invalid'])
export const keepsNonce = (answer: Answer): boolean => answer.result === 'refused' || (answer.result === 'not_now' && !spent.has(answer.code))
