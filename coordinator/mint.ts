import { fromBase64url, utf8 } from '@symbolon/protocol/bytes.ts'
import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import { intentDigest } from '@symbolon/protocol/intent.ts'
import { decodeAs, type Decoded } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { mintRequest, type MintItem, type MintOutcome, type MintReply } from '@symbolon/protocol/mint.ts'
import { bytesHash } from '@symbolon/protocol/sign.ts'
import type { Wanted } from './attempt.ts'
import type { Logged, LogRow } from './log.ts'

/** All that a mint depends on. */
export interface Minting {
  /** Version of the roster that this coordinator holds now. */
  roster(): number
  /** Tokens that may be under way at once. More would only wait until nobody waits for them. */
  readonly room: Room
  /** Milliseconds that only go forward. */
  clock(): number
  write(rows: readonly LogRow[]): Promise<Logged>
  sign(wanted: Wanted): Promise<MintOutcome>
  /** Told once for each item, whatever became of it. */
  observe(requestId: string, outcome: MintOutcome, ms: number): void
}

export interface Room {
  /** @returns false if there is not that much left */
  enter(count: number): boolean
  leave(count: number): void
}

export function openRoom(most: number): Room {
  let inside = 0
  return {
    enter(count) {
      if (inside + count > most) return false
      inside += count
      return true
    },
    leave: (count) => void (inside -= count),
  }
}

/**
 * Tokens for the api: each item is logged, then signed by t signers or not at all. Nothing is judged here, and nothing here could make
 * a signer sign what it would not: the coordinator chooses who is asked, and adds up what comes back.
 */
export async function mint(minting: Minting, body: Uint8Array): Promise<Decoded<MintReply>> {
  const request = decodeAs(mintRequest, body, limits.batchBodyBytes)
  if (!request.ok) return request
  const { items } = request.value
  if (!minting.room.enter(items.length)) return { ok: true, value: { v: 1, outcomes: items.map(() => busy) } }
  try {
    return { ok: true, value: await mintAll(minting, items) }
  } finally {
    minting.room.leave(items.length)
  }
}

async function mintAll(minting: Minting, items: readonly MintItem[]): Promise<MintReply> {
  const roster = minting.roster()
  const wishes = items.map((item) => wishOf(roster, item))
  const began = minting.clock()
  const logged = await minting.write(wishes.filter(isCurrent).map(rowOf))
  const written = minting.clock()
  const outcomes = await Promise.all(wishes.map((wish) => (logged.ok ? signOne(minting, wish) : ill)))
  const ended = minting.clock()

  outcomes.forEach((outcome, at) => minting.observe(wishes[at]?.item.request_id ?? '', outcome, ended - began))
  return { v: 1, outcomes, timings: { log_us: microseconds(written - began), quorum_us: microseconds(ended - written) } }
}

interface Wish extends Wanted {
  readonly current: boolean
}

const wishOf = (roster: number, item: MintItem): Wish => ({ item, message: utf8(item.bytes), bytesHash: bytesHash(item.bytes), current: item.roster === roster })
const isCurrent = ({ current }: Wish): boolean => current

const rowOf = ({ item, bytesHash }: Wanted): LogRow => ({ requestId: item.request_id, kind: 'token', digest: intentDigest(checked(item.intent)), bytesHash: checked(bytesHash) })

async function signOne(minting: Minting, wish: Wish): Promise<MintOutcome> {
  // Built for another version than ours: our list of signers and keys may not be the one that it needs.
  return wish.current ? minting.sign(wish) : notNow('roster_behind')
}

const notNow = (code: NotNowCode) => ({ outcome: 'unreachable', code, parts: [] }) satisfies MintOutcome
const busy: MintOutcome = { ...notNow('busy'), retry_after: 1 }
/** Without its log row no share is asked for. */
const ill: MintOutcome = notNow('ill')

const microseconds = (ms: number): number => Math.max(0, Math.round(ms * 1000))

/** Of text whose form the schema has checked. */
function checked(text: string): Uint8Array {
  const bytes = fromBase64url(text)
  if (bytes === undefined) throw new TypeError('checked text is not base64url')
  return bytes
}
