import { sign } from '@symbolon/core/frost.ts'
import { bytesOf, equalBytes, toBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import { pathDigest } from '@symbolon/protocol/label.ts'
import { decodeRecord, recordDigest } from '@symbolon/protocol/record.ts'
import { replyBytes, requestHash, signItem, type Answer, type SignItem, type SignReply } from '@symbolon/protocol/sign.ts'
import type { Granted, GrantedRecord, GrantedSigned } from '@symbolon/policy/judgement.ts'
import { fits, isAble, isFor, isReadable, isWithinLimits, judge, openCase, record, settled, type Case, type Judged, type Recorded, type RecordWish } from './case.ts'
import type { Finished } from './records.ts'
import type { Coordinator } from './nonces.ts'
import { notNow } from './refuse.ts'
import type { Asking, Signer } from './signer.ts'

type Signed = Extract<Answer, { readonly result: 'signed' }>
type Signing = Judged<SignItem, Signed>

/**
 * A signer's first verb: judge each item of a batch, straight down, and sign what is granted: tokens, and records of secrets. A share leaves only
 * for what has passed every step, and only after the journal is on the disk.
 *
 * @param items 1 to 64, independent, as they came from the wire
 */
export async function answer(signer: Signer, asking: Asking, items: readonly unknown[]): Promise<SignReply> {
  const { by } = asking
  const current = signer.current()
  const cases = items.map((raw) => openCase<SignItem, Signed>(raw, { schema: signItem, hashOf: requestHash }))
  const clock = signer.journal.clock(signer.now())
  const fitting = cases.filter(isReadable).filter((each) => isAble(signer, each, clock) && fits(current, signer.members[each.item.purpose].group.epoch, each))
  const judged = await judge(current, fitting, clock ?? 0)
  const agreed = judged.filter((each) => isFor(each.item.purpose, each) && agreesOnBytes(each))
  const admitted = agreed.filter((each) => isWithinLimits(signer, by, each))
  await signer.steps?.judged()
  const recorded = record<SignItem, Signed, Signing, GrantedSigned>(signer, current, admitted, { wanted: isSigned, about: (each) => recordWish(signer, each) })
  const spent = recorded.filter((each) => signOne(signer, by, each)).length
  signer.steps?.signed()
  return reply(signer, asking, cases, spent)
}

const isSigned = (granted: Granted): granted is GrantedSigned => granted.grants === 'token' || granted.grants === 'record'

/** The coordinator aggregates over other bytes than these: its share would be wasted. Who is wrong cannot be known here. */
function agreesOnBytes(each: Signing): boolean {
  if (each.judgement.verdict === 'refused' || each.judgement.bytesHash === each.item.bytes_hash) return true
  each.answer = notNow('bytes_differ')
  return false
}

/** One record for each secret and sequence number, and only on top of the newest that this signer knows. */
function recordWish({ journal }: Signer, { judgement, item }: Recorded<Signing, GrantedSigned>): RecordWish {
  if (judgement.grants === 'token') return {}
  const { intent, record: next } = judgement
  const path = bytesOf(pathDigest(intent.path))
  const previous = intent.previous === null ? undefined : bytesOf(intent.previous)
  const newest = journal.records.newest(path)
  const isNews = previous !== undefined && (newest === undefined || !equalBytes(newest.digest, previous))
  return { shown: isNews ? [predecessorOf(judgement, item, path)] : [], next: { path, seq: next.seq, digest: bytesOf(judgement.recordDigest), previous } }
}

/** The judge has verified its signature, and that it is this one. */
function predecessorOf({ intent }: GrantedRecord, item: SignItem, path: Uint8Array): Finished {
  const signed = item.records.find(({ record }) => recordDigest(bytesOf(record)) === intent.previous)
  const decoded = signed === undefined ? undefined : decodeRecord(bytesOf(signed.record))
  if (signed === undefined || decoded?.ok !== true || decoded.value.path !== intent.path) throw new TypeError('a change is granted on top of the record that came with it')
  return { path, seq: decoded.value.seq, digest: bytesOf(recordDigest(bytesOf(signed.record))), record: bytesOf(signed.record), signature: bytesOf(signed.signature) }
}

/** Takes the nonce that the coordinator names and signs the rebuilt bytes, with the key for what was granted. @returns whether a nonce was spent */
function signOne(signer: Signer, by: Coordinator, each: Recorded<Signing, GrantedSigned>): boolean {
  const { commitments } = each.item
  const own = commitments.find(({ id }) => id === signer.id)
  if (own === undefined) {
    each.answer = notNow('list_invalid')
    return false
  }
  const { member } = signer.members[each.judgement.grants]
  const spent = signer.nonces.spend(by, own, (nonces) => {
    signer.steps?.taken()
    return sign(signer.suite, { member, nonces, message: utf8(each.judgement.message), commitments: commitments.map(({ id, hiding, binding }) => ({ id, hiding: bytesOf(hiding), binding: bytesOf(binding) })) })
  })
  if (!spent.found) signer.audit.alarm(spent.why === 'used' ? 'commitment_reused' : 'commitment_unknown', { by, attempt: each.item.attempt })
  else if (!spent.value.ok) signer.audit.alarm('list_invalid', { by, attempt: each.item.attempt, why: spent.value.error.code })
  if (!spent.found) each.answer = notNow('commitment_unknown')
  else if (!spent.value.ok) each.answer = notNow('list_invalid')
  else each.answer = { result: 'signed', R: toBase64url(spent.value.value.r), share: toBase64url(spent.value.value.z) }
  return spent.found
}

/** As many fresh commitments as were spent, and the boot key's signature over what was asked and answered. */
function reply(signer: Signer, asking: Asking, cases: readonly Case<SignItem, Signed>[], spent: number): SignReply {
  const answers = settled(signer, asking, cases)
  const signature = signer.boot.sign(replyBytes(signer.boot.id, cases.map(({ request }) => request), answers))
  return { v: 1, boot: signer.boot.id, answers, commitments: signer.nonces.promise(asking.by, spent), signature }
}
