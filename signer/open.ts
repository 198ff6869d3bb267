import { partial, verifyCiphertext, type CheckedCiphertext } from '@symbolon/core/tdh2.ts'
import { bytesOf, equalBytes, toBase64url } from '@symbolon/protocol/bytes.ts'
import { ciphertextDigest, type CiphertextHead } from '@symbolon/protocol/ciphertext.ts'
import { labelBytes, pathDigest } from '@symbolon/protocol/label.ts'
import { openedInfo, openItem, openReplyBytes, openRequestHash, type OpenAnswer, type OpenItem, type OpenReply } from '@symbolon/protocol/open.ts'
import { reasonOf, type Reason } from '@symbolon/protocol/reason.ts'
import { recordDigest } from '@symbolon/protocol/record.ts'
import type { Granted, GrantedReading, Opening, Refused } from '@symbolon/policy/judgement.ts'
import type { Group } from '@symbolon/roster/roster.ts'
import { fits, isAble, isFor, isReadable, isWithinLimits, judge, openCase, record, settled, type Case, type Judged, type Recorded, type RecordWish } from './case.ts'
import type { Current } from './current.ts'
import { isReplyKey, seal } from './hpke.ts'
import { partialBytes, putPartial } from './partials.ts'
import type { Finished } from './records.ts'
import type { Asking, Signer } from './signer.ts'

type Opened = Extract<OpenAnswer, { readonly result: 'opened' }>
type Reading = Judged<OpenItem, Opened>
/** With the ciphertexts that it opens, in order; none where it is refused. */
type Examined = Reading & { readonly ciphertexts: readonly CheckedCiphertext[] }

/**
 * A signer's second verb: judge each item of a batch, straight down, and open what is granted: its part of each secret, sealed to the key that the
 * intent names. Nothing leaves before the journal is on the disk.
 *
 * @param items 1 to 16, independent, as they came from the wire
 */
export async function open(signer: Signer, asking: Asking, items: readonly unknown[]): Promise<OpenReply> {
  const current = signer.current()
  const cases = items.map((raw) => openCase<OpenItem, Opened>(raw, { schema: openItem, hashOf: openRequestHash }))
  const clock = signer.journal.clock(signer.now())
  const fitting = cases.filter(isReadable).filter((each) => isAble(signer, each, clock) && fits(current, signer.members.vault.group.epoch, each))
  const judged = await judge(current, fitting, clock ?? 0)
  const readings = judged.filter((each) => isFor('reading', each))
  const admitted = readings.filter((each) => isWithinLimits(signer, asking.by, each))
  const examined = admitted.map((each) => examine(signer, current, each))
  await signer.steps?.judged()
  const recorded = record<OpenItem, Opened, Examined, GrantedReading>(signer, current, examined, { wanted: isReading, about: recordWish })
  for (const each of recorded) each.answer = openOne(signer, each)
  signer.steps?.sealed()
  return reply(signer, asking, cases)
}

const isReading = (granted: Granted): granted is GrantedReading => granted.grants === 'reading'

/** Each head is the one that its record names, for that label, and its writer knew what is in it. Else the whole item is refused. */
function examine(signer: Signer, current: Current, each: Reading): Examined {
  if (each.judgement.verdict === 'refused' || each.judgement.grants !== 'reading') return Object.assign(each, { ciphertexts: [] })
  const found = checked(signer, current, each.item, each.judgement)
  if (!('code' in found)) return Object.assign(each, { ciphertexts: found })
  const { digest, intent, principal, decision } = each.judgement
  return Object.assign(each, { ciphertexts: [], judgement: { verdict: 'refused', digest, intent, principal, decision, reasons: [found] } satisfies Refused })
}

function checked(signer: Signer, { document }: Current, { heads, records }: OpenItem, { intent, openings }: GrantedReading): readonly CheckedCiphertext[] | Reason {
  if (!isReplyKey(bytesOf(intent.reply))) return reasonOf('intent_malformed', 'The key that the reply is to be sealed to is not a point of P-256.', { rule: 'intent.reply' })
  if (heads.length !== openings.length || records.length !== openings.length) return wrong('heads', `${heads.length} heads and ${records.length} records for ${openings.length} labels`)
  const found = openings.map((opening, at) => checkedHead(signer, document.groups, opening, heads[at]))
  const refused = found.find((each): each is Reason => 'code' in each)
  return refused ?? found.filter((each): each is CheckedCiphertext => !('code' in each))
}

/** TST-40: before any partial, the proof, with the label inside. */
function checkedHead({ suite, members: { vault }, checked }: Signer, groups: readonly Group[], { path, label, ciphertext }: Opening, head: CiphertextHead | undefined): CheckedCiphertext | Reason {
  if (head === undefined || ciphertextDigest(head) !== ciphertext) return wrong('digest', path)
  if (!equalBytes(labelBytes(head.label), labelBytes(label))) return wrong('label', path)
  const isOurs = head.group === vault.group.kid && groups.some(({ purpose, kid, epoch }) => purpose === 'vault' && kid === head.group && epoch === head.epoch)
  if (!isOurs) return wrong('group', path)
  const held = checked.of(ciphertext, () => {
    const wire = { u: bytesOf(head.u), uBar: bytesOf(head.u_bar), e: bytesOf(head.e), f: bytesOf(head.f), wrapped: bytesOf(head.wrapped) }
    const proven = verifyCiphertext(suite, vault.member.decryption.group.key, labelBytes(label), wire)
    return proven.ok ? proven.value : undefined
  })
  return held ?? wrong('proof', path)
}

const wrong = (what: 'heads' | 'digest' | 'label' | 'group' | 'proof', fact: string): Reason => reasonOf('ciphertext_invalid', sentences[what], { rule: `signer.ciphertext.${what}`, fact })
const sentences = {
  heads: 'There is not one record and one ciphertext for each label.',
  digest: 'The ciphertext is not the one that the record names.',
  label: 'The ciphertext was made for another label.',
  group: 'The ciphertext was made for another key than the one whose share this signer holds.',
  proof: 'The ciphertext does not prove that its writer knew what is in it.',
} as const

/** A record older than the newest that this signer knows opens nothing; a newer one, which the judge has verified, is remembered. */
const recordWish = ({ judgement: { openings }, item }: Recorded<Examined, GrantedReading>): RecordWish => ({ shown: openings.map((opening, at) => shownOf(opening, item.records[at])) })

function shownOf({ path, seq, record: digest }: Opening, signed: OpenItem['records'][number] | undefined): Finished {
  if (signed === undefined || recordDigest(bytesOf(signed.record)) !== digest) throw new TypeError('a reading is granted by the records that came with it')
  return { path: bytesOf(pathDigest(path)), seq, digest: bytesOf(digest), record: bytesOf(signed.record), signature: bytesOf(signed.signature) }
}

/** This signer's part of each secret with its proof, and all of it under one seal: to whoever carries it, noise (TST-43). */
function openOne({ id, suite, members: { vault } }: Signer, { judgement: { digest, intent, openings }, ciphertexts }: Recorded<Examined, GrantedReading>): Opened {
  using plain = suite.memory.take(partialBytes(ciphertexts.length))
  return plain.borrow((bytes) => {
    for (const [at, ciphertext] of ciphertexts.entries()) {
      const given = partial(suite, vault.member, ciphertext)
      if (!given.ok) throw new TypeError('a checked ciphertext is one of this key')
      putPartial(bytes, at, given.value)
      for (const part of [given.value.point, given.value.e, given.value.f]) part.fill(0)
    }
    const info = openedInfo({ intent: toBase64url(digest), group: vault.group.kid, epoch: vault.group.epoch, signer: id, ciphertexts: openings.map(({ ciphertext }) => ciphertext) })
    const { enc, ct } = seal({ to: bytesOf(intent.reply), info }, bytes)
    return { result: 'opened', sealed: { enc: toBase64url(enc), ct: toBase64url(ct) } }
  })
}

function reply(signer: Signer, asking: Asking, cases: readonly Case<OpenItem, Opened>[]): OpenReply {
  const answers = settled(signer, asking, cases)
  return { v: 1, certificate: signer.boot.certificate, answers, signature: signer.boot.sign(openReplyBytes(signer.boot.id, cases.map(({ request }) => request), answers)) }
}
