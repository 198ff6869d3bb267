import { randomBytes } from 'node:crypto'
import { assemble, type Reply } from '@symbolon/core/aggregate.ts'
import type { GroupKeys } from '@symbolon/core/keys.ts'
import type { Suite } from '@symbolon/core/suite.ts'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import type { MintItem } from '@symbolon/protocol/mint.ts'
import type { SignItem } from '@symbolon/protocol/sign.ts'
import type { Blame } from './blame.ts'
import type { Held } from './commitments.ts'
import { accuse, decodeList, decoded, type Fault, type Said } from './evidence-of-fault.ts'
import type { Peer } from './peer.ts'

/** One token or record to be signed. */
export interface Wanted {
  readonly item: MintItem
  /** The bytes that the signature covers: the ASCII of `item.bytes`. */
  readonly message: Uint8Array
  readonly bytesHash: Base64url
}

export interface Signed {
  readonly r: Uint8Array
  readonly z: Uint8Array
  readonly said: Said
}

/**
 * One run of FROST among t signers.
 *
 * - `open`: answers are awaited. `late` if one has taken longer than its signer usually does.
 * - `judging`: all have signed; who is to blame is being worked out.
 * - `over`: a signature came out, or cannot any more.
 */
export interface Attempt {
  readonly members: readonly Peer[]
  readonly item: SignItem
  readonly json: string
  readonly signed: Map<number, Signed>
  state: 'open' | 'judging' | 'over'
  late: boolean
}

/** Fixes the list: every signer of the attempt is sent the very same item. */
export function openAttempt(wanted: Wanted, epoch: number, chosen: readonly { readonly peer: Peer; readonly held: Held }[]): Attempt {
  const ascending = [...chosen].sort((a, b) => a.peer.id - b.peer.id)
  const { purpose, roster, policy, intent, evidence, approvals, asserted, records } = wanted.item
  const item: SignItem = {
    attempt: toBase64url(randomBytes(16)),
    purpose,
    epoch,
    roster,
    policy,
    intent,
    evidence,
    approvals,
    asserted,
    records,
    bytes_hash: wanted.bytesHash,
    commitments: ascending.map(({ peer, held }) => ({ id: peer.id, ...held.commitment })),
  }
  return { members: ascending.map(({ peer }) => peer), item, json: JSON.stringify(item), signed: new Map(), state: 'open', late: false }
}

export type Finished =
  | { readonly ok: true; readonly signature: Uint8Array; readonly faults: readonly Fault[] }
  /** Without faults: nobody could be named, in the time there was or at all. */
  | { readonly ok: false; readonly faults: readonly Fault[] }

export interface FinishOptions {
  readonly suite: Suite
  readonly keys: GroupKeys
  readonly blame: Blame
}

/**
 * All have signed. If they name the same R, the signature is R ‖ Σz, and the native verifier is the only judge needed. Else each share is
 * checked, off this thread. A signature that does not verify never leaves this function.
 */
export function finishAttempt(attempt: Attempt, message: Uint8Array, options: FinishOptions): Finished | Promise<Finished> {
  const replies = [...attempt.signed].map(([id, { r, z }]) => ({ id, r, z }))
  const signature = assemble(options.suite, { keys: options.keys, message, replies })
  return signature === undefined ? theLongWay(attempt, message, options) : { ok: true, signature, faults: [] }
}

/** Read once more from what the signers signed, so that an accident in this process's memory is not blamed on one of them. */
const repliesAsSaid = (attempt: Attempt): Reply[] =>
  [...attempt.signed].flatMap(([id, { said }]) => {
    const answer = said.answers[said.items.indexOf(attempt.item)]
    return answer?.result === 'signed' ? [{ id, r: decoded(answer.R), z: decoded(answer.share) }] : []
  })

async function theLongWay(attempt: Attempt, message: Uint8Array, { suite, blame }: FinishOptions): Promise<Finished> {
  const found = await blame.judge({ message, commitments: decodeList(attempt.item.commitments), replies: repliesAsSaid(attempt) })
  const describe = (kind: Fault['kind']) => (id: number) => faultOf({ attempt, message, suite, id, kind })
  switch (found.result) {
    case 'signed':
      return { ok: true, signature: found.signature, faults: await Promise.all(found.wrongR.map(describe('r_differs'))) }
    case 'culprits':
      return { ok: false, faults: await Promise.all(found.ids.map(describe(found.kind))) }
    case 'undecided':
      return { ok: false, faults: [] }
  }
}

async function faultOf({ attempt, message, suite, id, kind }: { attempt: Attempt; message: Uint8Array; suite: Suite; id: number; kind: Fault['kind'] }): Promise<Fault> {
  const said = attempt.signed.get(id)?.said
  const peer = attempt.members.find((member) => member.id === id)
  const certificate = said === undefined ? undefined : await peer?.certificateOf(said.boot)
  if (said === undefined || certificate === undefined) return { signer: id, kind }
  const accusation = accuse({ signer: id, said, item: attempt.item, bytes: Buffer.from(message).toString('latin1'), certificate, suite })
  return { signer: id, kind, ...(accusation === undefined ? {} : { accusation }) }
}

/** Whoever handed out a commitment that is no element spoils every list it stands in. Asked when a signer calls a list invalid. */
export const invalidCommitments = (attempt: Attempt, suite: Suite): number[] =>
  decodeList(attempt.item.commitments)
    .filter(({ hiding, binding }) => !suite.group.isElement(hiding) || !suite.group.isElement(binding))
    .map(({ id }) => id)
