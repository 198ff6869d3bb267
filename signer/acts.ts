import { z } from 'zod'
import { toBase64url, type Base64url } from '@symbolon/protocol/bytes.ts'
import { certificate, certifiedEntry, certifiedVersion, stop, type Slot, type Stop } from '@symbolon/protocol/book.ts'
import { digestText, rosterId, seconds } from '@symbolon/protocol/fields.ts'
import { canonical, decodeAs } from '@symbolon/protocol/json.ts'
import type { StopFact } from '@symbolon/policy/judgement.ts'
import { stopId, type BookState } from '@symbolon/roster/book.ts'
import { SafeError } from '@symbolon/runtime/log.ts'
import type { BookFile } from './book-file.ts'

/* What the book's acts say, read back at a start. Certificates are believed no more than on the day they came. */

/** A stop, and what its judgement came to on the day: who made it may be gone by now. */
export interface JudgedStop {
  readonly stop: Stop
  readonly fact: StopFact
}

const accepted = z.strictObject({ slot: certificate.shape.slot, subject: digestText })
const taken = z.strictObject({ versions: z.array(certifiedVersion), entries: z.array(certifiedEntry) })
const fact = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('revoked'), revoked: z.strictObject({ id: digestText, by: rosterId, guardian: z.boolean(), until: seconds }) }),
  z.strictObject({ kind: z.literal('locked'), locked: z.strictObject({ row: rosterId, until: seconds }) }),
])
const stopped = z.strictObject({ stops: z.array(z.strictObject({ stop, fact })) })

export interface Acts {
  readonly accepts: Map<string, { slot: Slot; subject: Base64url }>
  readonly facts: Map<Base64url, StopFact>
  readonly state: BookState
}

/** @param first version 1 alone */
export function openActs(past: BookFile['past'], first: BookState): Acts {
  const accepts: Acts['accepts'] = new Map()
  const facts: Acts['facts'] = new Map()
  let state = first
  for (const [at, { act, body }] of past.entries()) {
    switch (act) {
      case 'accepted': {
        const { slot, subject } = read(accepted, body, at)
        accepts.set(slotKey(slot), { slot, subject })
        break
      }
      case 'taken':
        state = takenAgain(state, read(taken, body, at), at)
        break
      case 'stopped': {
        const { stops } = read(stopped, body, at)
        for (const each of stops) facts.set(stopId(each.stop), each.fact)
        state = state.withStops(stops.map((each) => ({ stop: each.stop, until: untilOf(each.fact) })))
      }
    }
  }
  return { accepts, facts, state }
}

function takenAgain(state: BookState, part: z.infer<typeof taken>, at: number): BookState {
  const again = state.take({ v: 1, ...part, stops: [] })
  const [problem] = again.problems
  if (problem === undefined && again.taken.versions.length === part.versions.length && again.taken.entries.length === part.entries.length) return again.state
  throw new SafeError('book_unproven', `book.sqlite holds what its certificates do not prove: act ${at + 1}, ${problem?.what ?? 'part'} ${problem?.where ?? ''} (${problem?.code ?? 'not taken'}). Put back this signer’s own copy.`)
}

function read<T>(schema: z.ZodType<T>, body: Uint8Array, at: number): T {
  const decoded = decodeAs(schema, body, body.length)
  if (decoded.ok) return decoded.value
  throw new SafeError('book_damaged', `book.sqlite cannot be read: act ${at + 1} (${decoded.reason}). Put back a good copy, not older than the last time this signer ran.`)
}


export const untilOf = (held: StopFact): number => (held.kind === 'revoked' ? held.revoked.until : held.locked.until)

export const slotKey = (slot: Slot): string => toBase64url(canonical(slot))
