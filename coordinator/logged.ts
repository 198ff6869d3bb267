import type { NotNowCode } from '@symbolon/protocol/errors.ts'
import type { MintReply, Part } from '@symbolon/protocol/mint.ts'
import type { Logged, LogRow } from './log.ts'

/** What many wishes at once depend on, whatever they are for. */
export interface Logging {
  /** Version of the roster that this coordinator holds now. */
  roster(): number
  /** Wishes that may be under way at once. More would only wait until nobody waits for them. */
  readonly room: Room
  /** Milliseconds that only go forward. */
  clock(): number
  write(rows: readonly LogRow[]): Promise<Logged>
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

/** One of them. */
export interface Wish<O> {
  /** Version of the roster that it was built for. */
  readonly roster: number
  row(): LogRow
  answer(): Promise<O>
  /** Told once, whatever became of it. */
  observe(outcome: O | NotNow, ms: number): void
}

export interface NotNow {
  readonly outcome: 'unreachable'
  readonly code: NotNowCode
  readonly parts: Part[]
  readonly retry_after?: number
}
const notNow = (code: NotNowCode): NotNow => ({ outcome: 'unreachable', code, parts: [] })
/** Without its log row no signer is asked. */
const ill = notNow('ill')
/** Built for another version than ours: our list of signers and keys may not be the one that it needs. */
const behind = notNow('roster_behind')
const busy: NotNow = { ...notNow('busy'), retry_after: 1 }

export interface Answered<O> {
  readonly outcomes: (O | NotNow)[]
  readonly timings?: MintReply['timings']
}

/** Each is logged, all in one write, and only then answered. */
export async function answerLogged<O>(logging: Logging, wishes: readonly Wish<O>[]): Promise<Answered<O>> {
  const { room } = logging
  if (!room.enter(wishes.length)) return { outcomes: wishes.map(() => busy) }
  try {
    return await answerAll(logging, wishes)
  } finally {
    room.leave(wishes.length)
  }
}

async function answerAll<O>({ roster, clock, write }: Logging, wishes: readonly Wish<O>[]): Promise<Answered<O>> {
  const version = roster()
  const current = wishes.map((wish) => wish.roster === version)
  const began = clock()
  const logged = await write(wishes.filter((_, at) => current[at]).map((wish) => wish.row()))
  const written = clock()
  const outcomes = await Promise.all(wishes.map((wish, at) => (!logged.ok ? ill : current[at] === true ? wish.answer() : behind)))
  const ended = clock()

  outcomes.forEach((outcome, at) => wishes[at]?.observe(outcome, ended - began))
  return { outcomes, timings: { log_us: microseconds(written - began), quorum_us: microseconds(ended - written) } }
}

const microseconds = (ms: number): number => Math.max(0, Math.round(ms * 1000))
