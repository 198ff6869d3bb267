import type { z } from 'zod'
import { bytesOf, toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { pathDigest } from '@symbolon/protocol/label.ts'
import { knownReply, receiptBytes, signerReceipts, type Receipt } from '@symbolon/protocol/open.ts'
import type { SignedRecord } from '@symbolon/protocol/record.ts'
import { openKnownRecord } from '@symbolon/policy/known-record.ts'
import { same, type Finished } from './records.ts'
import type { Asking, Signer } from './signer.ts'

type Receipting = Pick<Signer, 'id' | 'boot' | 'lineage' | 'journal' | 'now' | 'current' | 'audit' | 'steps'>

/** What became of a record: known already, remembered now, older than what is known, remembered and about to be replaced, not signed by the quorum, or not written. */
export type ReceiptResult = 'known' | 'receipted' | 'older' | 'overtaken' | 'unsigned' | 'ill'

/**
 * A signer's third verb: remember finished records, durably, and say so. A receipt is its word that it knows none newer, and has helped none that
 * would take this one's place without following it; where it does or has, or cannot keep the record, there is none.
 */
export function receipts(signer: Receipting, asking: Asking, records: readonly SignedRecord[]): z.infer<typeof signerReceipts> {
  const clock = signer.journal.clock(signer.now())
  const opened = opener(signer)
  const finished = records.map((signed) => opened(signed))
  const results = resultsOf(signer, finished, clock)
  signer.steps?.receipted()
  const given = finished.map((each, at) => {
    const result = results[at] ?? 'ill'
    signer.audit.receipt({ ...asking, ...(each === undefined ? {} : { path: each.named, seq: each.seq, record: toBase64url(each.digest) }), result })
    return each !== undefined && clock !== undefined && (result === 'known' || result === 'receipted') ? receiptOf(signer, each, clock) : null
  })
  return { v: 1, certificate: signer.boot.certificate, receipts: given }
}

/** `fresh`: this signer did not know it before. */
type Opened = Finished & { readonly named: string; readonly fresh: boolean }

/** Reads one record of this deployment that the quorum signed. */
function opener({ lineage, journal, current }: Receipting): (signed: SignedRecord) => Opened | undefined {
  const recordKeys = current().document.groups.filter(({ purpose }) => purpose === 'record').map(({ key }) => ({ kty: 'OKP', crv: 'Ed25519', x: key }) as const)
  return (signed) => {
    const opened = openKnownRecord(signed, { recordKeys, lineage })
    if (opened === undefined) return undefined
    const { path: named, seq } = opened.record
    const [path, digest] = [bytesOf(pathDigest(named)), bytesOf(opened.digest)]
    return { path, named, seq, digest, record: bytesOf(signed.record), signature: bytesOf(signed.signature), fresh: !same(journal.records.newest(path)?.digest, digest) }
  }
}

function resultsOf({ journal }: Receipting, finished: readonly (Opened | undefined)[], clock: number | undefined): ReceiptResult[] {
  const wanted = finished.filter((each): each is Opened => each?.fresh === true)
  const isWritten = wanted.length === 0 || (clock !== undefined && journal.record(wanted.map((each) => ({ verdict: 'receipted', finished: each })), clock) !== undefined)
  return finished.map((each) => {
    if (each === undefined) return 'unsigned'
    // Asked once all are in: two of one secret may have come together.
    if (!same(journal.records.newest(each.path)?.digest, each.digest)) return isWritten ? 'older' : 'ill'
    if (journal.records.overtaken(each)) return 'overtaken'
    return each.fresh ? 'receipted' : 'known'
  })
}

function receiptOf({ id, boot }: Receipting, { seq, digest }: Finished, iat: number): Receipt {
  const statement = { v: 1 as const, signer: id, boot: boot.id, record: toBase64url(digest), seq, iat }
  return { ...statement, signature: boot.sign(receiptBytes(statement)) }
}

/** The newest record of each path that this signer knows: for a vault that lost its own. */
export function known({ journal, audit }: Pick<Signer, 'journal' | 'audit'>, asking: Asking, paths: readonly Base64url[]): z.infer<typeof knownReply> {
  const records = paths.map((path) => {
    const found = journal.records.known(bytesOf(path))
    return found === undefined ? null : { record: toBase64url(found.record), signature: toBase64url(found.signature) }
  })
  audit.known({ ...asking, asked: paths.length, found: records.filter((each) => each !== null).length })
  return { v: 1, records }
}
