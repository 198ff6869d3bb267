import { book as bookShape, bookLimit, type Book } from '@symbolon/protocol/book.ts'
import { bytesOf, utf8 } from '@symbolon/protocol/bytes.ts'
import { decodeIntent } from '@symbolon/protocol/intent.ts'
import { decodeAs } from '@symbolon/protocol/json.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { openBook, type BookState } from '@symbolon/roster/book.ts'
import type { Roster } from '@symbolon/roster/roster.ts'
import type { CacheFile } from '@symbolon/runtime/cache-file.ts'
import type { Logger } from '@symbolon/runtime/log.ts'
import { readAnswer, type SignerChannel } from './signer-wire.ts'

/** The book as this coordinator has heard of it: what is certified is verified; what stops somebody is handed on, for each reader to judge. */
export interface FollowedBook {
  state(): BookState
  /** Takes what verifies; what does not is logged and left. */
  take(part: Book): void
  /** Asks one signer what it knows beyond this: one that was said to be ahead, or another each time. */
  follow(): Promise<void>
  /** That signer says that it stands there. @returns whether it would be worth asking */
  ahead(signer: number, version: number): boolean
}

export interface FollowOptions {
  /** Version 1, from this process's own files. */
  readonly first: Roster
  readonly signers: readonly { readonly row: { readonly id: number }; readonly channel: SignerChannel }[]
  /** Only so that a start need not wait for a signer. */
  readonly cache: CacheFile
  readonly timeoutMs: number
  readonly log: Logger
  /** NumericDate. */
  now(): number
}

export function followBook({ first, signers, cache, timeoutMs, log, now }: FollowOptions): FollowedBook {
  let state = openBook(first)
  let turn = 0
  let ahead: number | undefined

  const take = (part: Book): void => {
    const taken = state.take(part)
    if (taken.problems.length > 0) log.warn({ problems: taken.problems.slice(0, 8) }, 'parts of a book were not taken')
    if (taken.taken.versions.length + taken.taken.entries.length + taken.stops.length === 0) return
    const before = state.version()
    // Nobody here can tell whether a stop is true. It is handed on to those who can, for as long as it could stop anything.
    state = taken.state.withStops(taken.stops.flatMap((stop) => (untilOf(stop.intent) === undefined ? [] : [{ stop, until: untilOf(stop.intent) ?? 0 }]))).pruned(now())
    if (state.version() !== before) log.info({ roster: state.version(), before }, 'another roster version')
    const problem = cache.write(utf8(JSON.stringify(state.after(1))))
    if (problem !== undefined) log.warn({ code: problem }, 'the book could not be kept; it will be fetched again')
  }
  remember(cache, take, log)
  return {
    state: () => state,
    take,
    ahead(signer, version) {
      if (version <= state.version()) return false
      ahead = signer
      return true
    },
    async follow() {
      turn += 1
      const signer = signers.find(({ row }) => row.id === ahead) ?? signers[turn % signers.length]
      ahead = undefined
      if (signer === undefined) return
      for (let before = 0; before !== state.version(); ) {
        before = state.version()
        const answer = readAnswer(await signer.channel.post('/v1/book', JSON.stringify({ v: 1, after: before }), { timeoutMs, maxBytes: bookLimit }), bookShape, bookLimit)
        if (!answer.ok) return void log.debug({ signer: signer.row.id, detail: answer.detail }, 'a signer’s book could not be read')
        take(answer.value)
      }
    },
  }
}

/** What an earlier life knew. It is judged like anything that comes from outside. */
function remember(cache: CacheFile, take: (part: Book) => void, log: Logger): void {
  const { bytes, problem } = cache.read()
  if (problem !== undefined) log.warn({ code: problem }, 'the remembered book cannot be read; it will be fetched again')
  if (bytes === undefined) return
  const decoded = decodeAs(bookShape, bytes, bookLimit)
  if (decoded.ok) take(decoded.value)
  else log.warn({ code: decoded.reason }, 'the remembered book cannot be read; it will be fetched again')
}

/** At the latest then it stops nothing. */
function untilOf(intent: Book['stops'][number]['intent']): number | undefined {
  const decoded = decodeIntent(bytesOf(intent))
  return decoded.ok ? decoded.value.iat + Math.max(limits.grantTtl, limits.tokenTtl, limits.lockTtl) + limits.clockSkew : undefined
}
