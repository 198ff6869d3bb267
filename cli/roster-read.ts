import { bytesOf, fromBase64url, toBase64url } from '@symbolon/protocol/bytes.ts'
import type { ChangesResponse } from '@symbolon/protocol/http.ts'
import { decodeIntent, intentDigest, type RosterIntent } from '@symbolon/protocol/intent.ts'
import type { Client } from '@symbolon/sdk/client.ts'
import { failed, ok, type Outcome } from '@symbolon/sdk/errors.ts'
import type { RosterRead } from '@symbolon/sdk/people.ts'
import { successor, type Edit } from '@symbolon/roster/edit.ts'
import { decodeRoster, rosterDigest, type Roster } from '@symbolon/roster/roster.ts'
import { askerOf, clientOf, type Asker } from './connect.ts'
import { LocalFailure } from './failure.ts'
import { slowly, type Io } from './io.ts'
import type { Settings } from './settings.ts'

/* What every `roster` command begins with. */

export interface Reading {
  readonly client: Client
  readonly asker: Asker
  readonly read: RosterRead
}

/** Asks as whoever the settings name, and hands the roster in force to `work`. */
export async function withRoster<T>(settings: Settings, io: Io, work: (reading: Reading) => Promise<Outcome<T>>): Promise<Outcome<T>> {
  const opened = clientOf(settings, io)
  if (!opened.ok) return opened
  try {
    const asker = await askerOf(settings, io, opened.value)
    if (!asker.ok) return asker
    const read = await slowly(io, 'fetching the roster', opened.value.readRoster(asker.value))
    if (!read.ok) return read
    if (!read.value.vouched) io.err.write(`warning: no keyset vouches for version ${read.value.document.version} yet; the api alone says that it is in force\n`)
    return await work({ client: opened.value, asker: asker.value, read: read.value })
  } finally {
    await opened.value.close()
  }
}

type Listed = ChangesResponse['changes'][number]
export interface Pending {
  readonly listed: Listed
  readonly intent: RosterIntent
  readonly document: Roster
}

/** A pending change as its own bytes say it: the digest is that of the intent, and the document the one that it names. */
export function openChange(listed: Listed): Outcome<Pending> {
  const bytes = fromBase64url(listed.change.intent)
  const intent = bytes === undefined ? undefined : decodeIntent(bytes)
  const document = decodeRoster(bytesOf(listed.change.document))
  const sound = bytes !== undefined && intent?.ok === true && intent.value.kind === 'roster' && document.ok && intent.value.to === rosterDigest(document.value) && toBase64url(intentDigest(bytes)) === listed.digest && intent.value.version === document.value.version
  return sound ? ok({ listed, intent: intent.value, document: document.value }) : failed('roster_differs', { detail: `change ${listed.digest}` })
}

/** @throws LocalFailure with every problem of a document that no signer would take */
export function successorOf({ document, entries }: Pick<RosterRead, 'document' | 'entries'>, edits: readonly Edit[]): Roster {
  const next = successor({ document, entries }, ...edits)
  if (next.ok) return next.document
  throw new LocalFailure('This cannot be the next version', next.problems.join('; '), 'Correct it; the signers would refuse it too.')
}
