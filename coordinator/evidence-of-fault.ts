import { verifyShare } from '@symbolon/core/aggregate.ts'
import type { GroupKeys } from '@symbolon/core/keys.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { fromBase64url, toBase64url, utf8, type Base64url } from '@symbolon/protocol/bytes.ts'
import { verifyP256 } from '@symbolon/protocol/p256.ts'
import { answerHash, bootBytes, bytesHash, replyBytes, requestHash, type Answer, type BootCertificate, type ListedCommitment, type RequestHash, type SignItem } from '@symbolon/protocol/sign.ts'
import type { SignerRow } from '@symbolon/roster/roster.ts'

/*
 * What is kept when a signer is blamed, and who may conclude what from it. A signer's reply is signed by its boot key over what it was
 * asked and what it answered. So an accusation is checkable by anyone, and a coordinator that showed signers different lists, or
 * altered a request afterwards, cannot make an honest one look guilty: it has no signature of that signer over the altered request.
 */

export type FaultKind =
  /** The share does not verify for the very request that the signer signed for (or is no scalar at all). */
  | 'share_invalid'
  /** The share is right, the R that came with it is not. */
  | 'r_differs'
  /** A commitment that it handed out is no element of the group. */
  | 'commitment_invalid'
  /** An answer that is not one: wrong shape, wrong count, wrong length. */
  | 'reply_malformed'
  /** A refusal, or a boot certificate, whose signature does not verify. */
  | 'signature_invalid'

export interface Fault {
  readonly signer: number
  readonly kind: FaultKind
  /** Present if anyone can check it. Else the coordinator knows it from the signer's own channel, and nobody else can tell. */
  readonly accusation?: Accusation
}

/** Everything that judging takes, besides the roster. Holds no evidence of the requester's and no other request of the batch. */
export interface Accusation {
  readonly signer: number
  readonly certificate: BootCertificate
  readonly request: Pick<SignItem, 'attempt' | 'purpose' | 'epoch' | 'intent' | 'bytes_hash' | 'commitments'>
  /** The message that the share was to sign: a JWS signing input, or a record’s. */
  readonly bytes: string
  readonly answer: Extract<Answer, { result: 'signed' }>
  /** The bytes that the boot key signed: pairs of request hash and answer hash. */
  readonly statement: Base64url
  readonly signature: Base64url
}

/** What a signer said in one reply, kept until its share is known to be good. */
export interface Said {
  readonly boot: Base64url
  readonly signature: Base64url
  readonly items: readonly SignItem[]
  readonly answers: readonly Answer[]
}

export type Ruling =
  | { readonly verdict: 'guilty'; readonly kind: 'share_invalid' | 'r_differs' }
  /** Share and R are right: whoever accuses is wrong. */
  | { readonly verdict: 'innocent' }
  /** The signer did not say this: whoever accuses altered something, or made it up. Proves nothing against the signer. */
  | { readonly verdict: 'not_its_word'; readonly why: 'signer_unknown' | 'certificate_invalid' | 'statement_invalid' | 'request_differs' | 'bytes_differ' | 'list_invalid' }

/** What a quorum signs for. */
export type SignedPurpose = SignItem['purpose']

export interface Bench {
  readonly suite: Suite
  /** A share is judged under the key that the request names by purpose and epoch: under another one every honest share is wrong. */
  readonly groups: Readonly<Record<SignedPurpose, { readonly keys: GroupKeys; readonly epoch: number }>>
  readonly signers: readonly Pick<SignerRow, 'id' | 'identity'>[]
}

/** Judges an accusation from public things only. */
export function judgeAccusation(accusation: Accusation, bench: Bench): Ruling {
  const { signer, certificate, request, bytes, answer } = accusation
  const row = bench.signers.find(({ id }) => id === signer)
  if (row === undefined || certificate.signer !== signer) return { verdict: 'not_its_word', why: 'signer_unknown' }
  if (!certificateHolds(certificate, row.identity)) return { verdict: 'not_its_word', why: 'certificate_invalid' }
  const statement = fromBase64url(accusation.statement)
  if (statement === undefined || !bootKeySigned(bench.suite, certificate, statement, accusation.signature)) return { verdict: 'not_its_word', why: 'statement_invalid' }
  if (!says(statement, certificate.boot, requestHash(request), answer)) return { verdict: 'not_its_word', why: 'request_differs' }
  if (request.bytes_hash !== bytesHash(bytes) || request.epoch !== bench.groups[request.purpose].epoch) return { verdict: 'not_its_word', why: 'bytes_differ' }
  return judgeShare(accusation, bench)
}

function judgeShare({ signer, request, bytes, answer }: Accusation, { suite, groups }: Bench): Ruling {
  const { keys } = groups[request.purpose]
  const commitments = decodeList(request.commitments)
  const reply = { id: signer, r: decoded(answer.R), z: decoded(answer.share) }
  const share = verifyShare(suite, { keys, message: utf8(bytes), commitments }, reply)
  // A list that nobody could sign is the coordinator's work, or another signer's: not the work of the one who answered.
  if (!share.ok) return { verdict: 'not_its_word', why: 'list_invalid' }
  if (!share.value.share) return { verdict: 'guilty', kind: 'share_invalid' }
  return share.value.r ? { verdict: 'innocent' } : { verdict: 'guilty', kind: 'r_differs' }
}

/** Puts together what a signer said about one item. Undefined if its signature is not good: then only the channel bears witness. */
export function accuse(options: { signer: number; said: Said; item: SignItem; bytes: string; certificate: BootCertificate; suite: Suite }): Accusation | undefined {
  const { signer, said, item, bytes, certificate, suite } = options
  const answer = said.answers[said.items.indexOf(item)]
  const statement = replyBytes(said.boot, said.items.map(requestHash), said.answers)
  if (answer?.result !== 'signed' || certificate.boot !== said.boot || !bootKeySigned(suite, certificate, statement, said.signature)) return undefined
  const { attempt, purpose, epoch, intent, bytes_hash, commitments } = item
  return { signer, certificate, request: { attempt, purpose, epoch, intent, bytes_hash, commitments }, bytes, answer, statement: toBase64url(statement), signature: said.signature }
}

/** A boot certificate is good if the signer's identity key in the roster signed it (ECDSA P-256). */
export const certificateHolds = (certificate: BootCertificate, identity: SignerRow['identity']): boolean =>
  verifyP256(identity, bootBytes(certificate), decoded(certificate.signature))

export const bootKeySigned = (suite: Suite, { key }: Pick<BootCertificate, 'key'>, bytes: Uint8Array, signature: Base64url): boolean => {
  const element = decoded(key)
  return suite.group.isElement(element) && suite.verify(decoded(signature), bytes, element)
}

export const decodeList = (list: readonly ListedCommitment[]) => list.map(({ id, hiding, binding }) => ({ id, hiding: decoded(hiding), binding: decoded(binding) }))

/** Of a field whose form the schema has checked. */
export const decoded = (text: Base64url): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))

const pairBytes = 64

/** Whether the statement is one of this boot and holds this pair. Pairs are looked for at their own places only. */
function says(statement: Uint8Array, boot: Base64url, asked: RequestHash, answer: Answer): boolean {
  const head = replyBytes(boot, [], [])
  const pair = Buffer.concat([asked, answerHash(answer)])
  if (Buffer.compare(head, statement.subarray(0, head.length)) !== 0 || (statement.length - head.length) % pairBytes !== 0) return false
  for (let at = head.length; at < statement.length; at += pairBytes) if (pair.equals(statement.subarray(at, at + pairBytes))) return true
  return false
}
