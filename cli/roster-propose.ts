import { join } from 'node:path'
import { toBase64url } from '@symbolon/protocol/bytes.ts'
import { draftUrl, encodeDraft, type Draft } from '@symbolon/protocol/draft.ts'
import { diffRosters } from '@symbolon/roster/diff.ts'
import type { Edit } from '@symbolon/roster/edit.ts'
import { encodeRoster, rosterDigest } from '@symbolon/roster/roster.ts'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import type { RosterRead } from '@symbolon/sdk/people.ts'
import { consoleUrl, mayOpen, openPage } from './browser.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import { diffTable } from './roster-diff.ts'
import { successorOf, withRoster } from './roster-read.ts'
import type { Settings } from './settings.ts'
import { stateFolder, writePrivate } from './state.ts'
import type { View } from './view.ts'

/* A next version is written here, and proposed in the console: it takes a person's touch, which no terminal has. */

/** What a command makes of the roster in force. */
export interface Made {
  readonly edits: readonly Edit[]
  readonly bundle?: Draft['bundle']
  /** Lets somebody in once the change is in force. Secret. */
  readonly link?: string
}

export interface ProposeFlags {
  readonly dryRun: boolean
  readonly browser: boolean
  readonly out?: string | undefined
}

/** What differs between any two versions. */
const follows = /^(version|previous|lineage)(\/|$)/
/** Beyond this no program takes it as an argument (Linux: 128 KiB each). */
const longestUrl = 100_000

export const propose = (make: (read: RosterRead, console: string | undefined) => Made, flags: ProposeFlags, settings: Settings, io: Io): Promise<Outcome<View>> =>
  withRoster<View>(settings, io, async ({ client, read }) => {
    if (read.document.version === 1) throw new LocalFailure('Nobody is in the roster yet', 'version 2 is made by the bootstrap key', 'Open the bootstrap link: `make up` prints it, or `symbolon roster bootstrap`.')
    const console = await consoleUrl(client, settings, io)
    const made = make(read, console.ok ? console.value : undefined)
    const next = successorOf(read, made.edits)
    const diff = diffRosters(read.document, next, read.entries)
    if (diff.every(({ path }) => follows.test(path))) throw new LocalFailure('Nothing changes', 'the next version would say what this one says', 'See `symbolon roster show`.')
    const data = { version: next.version, from: read.digest, to: rosterDigest(next), diff }
    if (flags.dryRun) return ok({ data: { written: false, ...data }, raw: data.to, tables: [diffTable(diff)] })
    const draft: Draft = { v: 1, document: toBase64url(encodeRoster(next)), ...(made.bundle === undefined ? {} : { bundle: made.bundle }) }
    const file = flags.out ?? join(stateFolder(io), 'proposals', `${next.version}-${data.to}.json`)
    writePrivate(file, encodeDraft(draft))
    const url = console.ok ? draftUrl(console.value, draft) : undefined
    const short = url !== undefined && url.length <= longestUrl ? url : undefined
    io.err.write(short === undefined ? `It takes a touch: load ${file} on the console’s page of changes${console.ok ? ` (${console.value}/changes)` : ''}.\n` : 'It takes a touch: propose it in the console.\n')
    if (short !== undefined && mayOpen(flags, io) && !(await openPage(short, io))) io.err.write('No browser could be opened: open the address yourself.\n')
    return ok({
      data: { written: true, ...data, file, ...(short === undefined ? {} : { url: short }), ...(made.link === undefined ? {} : { link: made.link }) },
      raw: made.link ?? short ?? file,
      tables: [diffTable(diff), { rows: [['written to', file], ...(short === undefined ? [] : [['propose at', { whole: short }]]), ...(made.link === undefined ? [] : [['invitation', { whole: made.link }]])] }],
    })
  })
