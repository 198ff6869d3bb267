import { readFileSync } from 'node:fs'
import { parse, YAMLParseError } from 'yaml'
import { z } from 'zod'
import { checkShape } from '@symbolon/protocol/json.ts'
import { diffRosters, type DiffLine } from '@symbolon/roster/diff.ts'
import type { Edit } from '@symbolon/roster/edit.ts'
import { roster } from '@symbolon/roster/roster.ts'
import { ok, type Outcome } from '@symbolon/sdk/errors.ts'
import { LocalFailure, systemWhy } from './failure.ts'
import { slowly, type Io } from './io.ts'
import { openChange, successorOf, withRoster } from './roster-read.ts'
import type { Settings } from './settings.ts'
import { timeText, type Table, type View } from './view.ts'

/* What a change changes, line by line: every leaf that differs is in some line. */

const marks = { danger: '!', notice: '-', plain: ' ' } as const satisfies Record<DiffLine['weight'], string>
export const diffTable = (lines: readonly DiffLine[]): Table => ({ head: ['', 'WHAT CHANGES', 'WHERE'], rows: lines.map(({ weight, sentence, path }) => [marks[weight], sentence, path]) })

/** Of a pending change (by its digest or the beginning of it; absent: the only one), or of a file, against the version in force. */
export const rosterDiff = ({ change, file }: { readonly change?: string | undefined; readonly file?: string | undefined }, settings: Settings, io: Io): Promise<Outcome<View>> =>
  withRoster<View>(settings, io, async ({ client, asker, read }) => {
    const { document, entries } = read
    if (file !== undefined) {
      const next = successorOf(read, [wholeOf(file)])
      const lines = diffRosters(document, next, entries)
      return ok({ data: { version: next.version, diff: lines }, tables: [diffTable(lines)] })
    }
    const listed = await slowly(io, 'fetching the changes', client.listChanges(asker))
    if (!listed.ok) return listed
    const pending = openChange(chosen(listed.value.changes, change))
    if (!pending.ok) return pending
    const { listed: row, document: next, intent } = pending.value
    // Against any other version the lines would tell of something else than what is signed.
    if (!intent.from.includes(read.digest)) throw new LocalFailure('This change does not build on the version in force', `version ${next.version}, of ${intent.from.join(', ')}; in force: ${read.digest}`, 'Let it be proposed again; if no version came into force since, the api shows another roster than the proposer saw.')
    const lines = diffRosters(document, next, entries)
    return ok({
      data: { change: row.digest, version: row.version, state: row.state, proposer: row.proposer, approvers: row.approvers, needed: row.needed, expires_at: timeText(row.exp), diff: lines },
      tables: [{ rows: [['change', row.digest], ['version', `${row.version}`], ['state', row.state], ['proposed by', row.proposer], ['approved by', row.approvers.join(', ') || 'nobody yet'], ['needs', `${row.needed}`], ['until', timeText(row.exp)]] }, diffTable(lines)],
    })
  })

function chosen<Row extends { readonly digest: string; readonly state: string }>(rows: readonly Row[], wanted: string | undefined): Row {
  const fitting = rows.filter((row) => (wanted === undefined ? row.state === 'pending' : row.digest.startsWith(wanted)))
  const [only, ...more] = fitting
  if (only !== undefined && more.length === 0) return only
  if (only === undefined) throw new LocalFailure(wanted === undefined ? 'No change is pending' : `There is no change ${wanted.slice(0, 50)}`, 'the api lists none', 'See `symbolon roster status`.')
  throw new LocalFailure('Several changes fit', fitting.map(({ digest }) => digest).join(', '), 'Name one of them: symbolon roster diff -- <digest>.')
}

/** A whole document from a file; what follows from the version before it is filled in. */
export function wholeOf(path: string): Edit {
  const document = readRow(path, roster)
  return (draft) => {
    const { previous, lineage } = draft
    return { ...document, version: draft.version, ...(previous === undefined ? {} : { previous }), ...(lineage === undefined ? {} : { lineage }) }
  }
}

/** JSON or YAML of one shape. */
export function readRow<T>(path: string, shape: z.ZodType<T>): T {
  const checked = checkShape(shape, textOf(path))
  if (checked.ok) return checked.value
  throw new LocalFailure(`${path} cannot be used`, checked.problems.map(({ pointer, message }) => `${pointer || '/'} ${message}`).join('; '), 'Compare it with `symbolon roster show -o json`.')
}

function textOf(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'), { maxAliasCount: 0, uniqueKeys: true }) as unknown
  } catch (error) {
    if (error instanceof YAMLParseError) throw new LocalFailure(`${path} cannot be read`, `it is neither JSON nor YAML at line ${error.linePos?.[0].line ?? 1}`, 'Correct that line.')
    if (error instanceof Error && 'code' in error) throw new LocalFailure(`${path} cannot be read`, systemWhy(error.code), 'Check the path.')
    throw error
  }
}
