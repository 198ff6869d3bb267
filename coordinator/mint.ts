import { bytesOf, utf8 } from '@symbolon/protocol/bytes.ts'
import { intentDigest } from '@symbolon/protocol/intent.ts'
import type { MintItem, MintOutcome, MintReply } from '@symbolon/protocol/mint.ts'
import { bytesHash } from '@symbolon/protocol/sign.ts'
import type { Wanted } from './attempt.ts'
import { answerLogged, type Logging, type Wish } from './logged.ts'

/** All that a mint depends on. */
export interface Minting extends Logging {
  sign(wanted: Wanted): Promise<MintOutcome>
  /** Told once for each item, whatever became of it. */
  observe(item: MintItem, outcome: MintOutcome, ms: number): void
}

/** Which purpose each role may ask for: the api never gets a record signed, the vault never a token. */
export const purposesOf: Readonly<Record<string, readonly MintItem['purpose'][]>> = { api: ['token'], vault: ['record'] }

/**
 * Tokens and records: each item is logged, then signed by t signers or not at all. Nothing is judged here, and nothing here could make
 * a signer sign what it would not: the coordinator chooses who is asked, and adds up what comes back.
 */
export async function mint(minting: Minting, items: readonly MintItem[]): Promise<MintReply> {
  return { v: 1, ...(await answerLogged(minting, items.map((item) => wishOf(minting, item)))) }
}

function wishOf({ sign, observe }: Minting, item: MintItem): Wish<MintOutcome> {
  const wanted: Wanted = { item, message: utf8(item.bytes), bytesHash: bytesHash(item.bytes) }
  return {
    roster: item.roster,
    row: () => ({ requestId: item.request_id, kind: item.purpose, digest: intentDigest(bytesOf(item.intent)), bytesHash: bytesOf(wanted.bytesHash) }),
    answer: () => sign(wanted),
    observe: (outcome, ms) => observe(item, outcome, ms),
  }
}
