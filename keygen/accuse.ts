import type { Suite } from '@symbolon/core/suite.ts'
import { decodeElement, sameBytes } from '@symbolon/core/group.ts'
import { evaluatePublic } from '@symbolon/core/polynomial.ts'
import type { Secret } from '@symbolon/core/secret.ts'
import type { Base64url } from '@symbolon/protocol/bytes.ts'
import { messageDigest, verifyMessage, type AbortMessage, type CeremonyMessage } from '@symbolon/protocol/ceremony.ts'
import { purposes } from '@symbolon/protocol/purpose.ts'
import { messagesOf, type Fault, type Inbox, type Terms } from './ceremony.ts'
import { packageOf } from './dealing.ts'
import { disclosed, openShares } from './sealed-shares.ts'

/* A peer ended the ceremony. It is over either way; what it says about others is believed as far as it can be checked. */

/** How much an accusation is worth to whoever reads the log. */
export interface Verdict {
  readonly fault: Fault
  /** `proven` by signed messages that we hold ourselves; `claimed` by the sender of the abort only. */
  readonly standing: 'proven' | 'claimed'
}

export async function judgeAbort(context: { suite: Suite; terms: Terms; session: Base64url | undefined; inbox: Inbox }, abort: AbortMessage): Promise<Verdict> {
  const { terms, session, inbox } = context
  const liar = equivocator(terms, session, inbox, abort.received ?? [])
  if (liar !== undefined) return liar
  if (abort.complaint !== undefined && session !== undefined) return judgeComplaint({ ...context, session }, abort.sender, abort.complaint)
  return { fault: { code: abort.code, culprits: abort.culprits }, standing: 'claimed' }
}

/** SEC-16: another message of the same sender for the same phase of this session, both signed by it. */
function equivocator({ members }: Terms, session: Base64url | undefined, inbox: Inbox, received: readonly CeremonyMessage[]): Verdict | undefined {
  for (const other of received) {
    const identity = members.get(other.sender)
    const ours = inbox.find(({ phase, sender }) => phase === other.phase && sender === other.sender)
    if (identity === undefined || ours === undefined || messageDigest(ours) === messageDigest(other) || !verifyMessage(other, identity)) continue
    // An accept of an earlier run proves nothing: it names no session.
    if (other.phase === 'accept' || other.session !== session) continue
    return { fault: { code: 'equivocation', culprits: [other.sender], received: [ours, other] }, standing: 'proven' }
  }
  return undefined
}

type Complaint = NonNullable<AbortMessage['complaint']>

/** SEC-15: with the complainer's session key, everybody opens what the dealer sealed to it and checks it as the complainer did. */
export async function judgeComplaint(context: { suite: Suite; session: Base64url; inbox: Inbox }, complainer: number, { dealer, key }: Complaint): Promise<Verdict> {
  const { suite, session, inbox } = context
  const claimed = (code: Fault['code'], culprit: number): Verdict => ({ fault: { code, culprits: [culprit] }, standing: 'claimed' })
  const proven = (code: Fault['code'], culprit: number): Verdict => ({ fault: { code, culprits: [culprit] }, standing: 'proven' })
  const accept = messagesOf(inbox, 'accept').find(({ sender }) => sender === complainer)
  const deal = messagesOf(inbox, 'deal').find(({ sender }) => sender === dealer)
  const reveal = messagesOf(inbox, 'reveal').find(({ sender }) => sender === dealer)
  // The complainer may have been faster than the dealer's message to us.
  if (accept === undefined || deal === undefined || reveal === undefined) return claimed('share_invalid', dealer)
  const sessionKey = await disclosed(accept.body.receive, key)
  if (sessionKey === undefined) return proven('complaint_malformed', complainer)
  const [sealed, ...more] = deal.body.shares.filter(({ to }) => to === complainer)
  const shares = sealed === undefined || more.length > 0 ? undefined : await openShares(sessionKey, { session, dealer, receiver: complainer }, sealed, suite.memory)
  if (shares === undefined) return proven('share_unreadable', dealer)
  try {
    const sound = purposes.every((purpose, at) => shareHolds(suite, packageOf(reveal, purpose).commitments, complainer, shares[at]))
    return sound ? proven('complaint_false', complainer) : proven('share_invalid', dealer)
  } finally {
    shares.forEach((share) => share.wipe())
  }
}

/** f(receiver)·B = Σ receiverᵏ·Cₖ */
function shareHolds({ group }: Suite, commitments: readonly Uint8Array[], receiver: number, share: Secret | undefined): boolean {
  const points = commitments.flatMap((commitment) => decodeElement(group, commitment) ?? [])
  const expected = points.length === commitments.length ? evaluatePublic(group, points, receiver) : undefined
  const given = share?.borrow((bytes) => (group.isScalar(bytes) ? group.mulBase(bytes) : undefined))
  return expected !== undefined && given !== undefined && sameBytes(expected, given)
}
