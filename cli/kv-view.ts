import type { VaultRecord } from '@symbolon/protocol/record.ts'
import type { Json } from '@symbolon/protocol/json.ts'
import { LocalFailure } from './failure.ts'
import { mainPart, membersShown, textForm, variableName } from './secret-value.ts'
import type { Changed, Opened, Row } from './secrets.ts'
import { timeText, type Cell, type View } from './view.ts'

/* How secrets and records are shown. Only `openedView` shows values. */

/** A record, as `-o json` has it. Stable and documented. */
function recordShown(record: VaultRecord) {
  const { path, seq, current, versions, settings, custom, tags, removed, created, by, at, act } = record
  return {
    path,
    current_version: current,
    ...(removed ? { removed } : {}),
    versions: versions.map(({ version, state, type, combine, size, at: made, by: maker, until, ended }) => ({ version, state, type, combine, size, created_at: timeText(made), by: maker, ...(until === undefined ? {} : { deleted_from: timeText(until) }), ...(ended === undefined ? {} : { ended_at: timeText(ended) }) })),
    settings: { ...settings },
    custom_metadata: { ...custom },
    tags: [...tags],
    created_at: timeText(created),
    changed: { by, at: timeText(at), act, seq },
  }
}

export function openedView({ path, version, value, record }: Opened): View {
  const members = membersShown(value)
  const made = record.versions.find((each) => each.version === version)
  return {
    data: { path, version, type: value.type, data: members, created_at: made === undefined ? undefined : timeText(made.at), by: made?.by, tags: [...record.tags], custom_metadata: { ...record.custom } },
    fields: members,
    exact: true,
    raw: mainPart(value),
    env: () => envOf(members),
    tables: [
      { rows: [['path', { whole: path }], ['version', String(version)], ['type', value.type], ...(made === undefined ? [] : [['written', `${timeText(made.at)} by ${made.by}`]])] },
      { head: ['KEY', 'VALUE'], rows: Object.entries(members).map(([key, member]): Cell[] => [{ whole: key }, { whole: onOneLine(member) }]) },
    ],
  }
}

/** Several lines would break the table, and one could pass for another row. */
const onOneLine = (value: Json): string => (typeof value === 'string' && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value) ? value : JSON.stringify(value))

export function envOf(members: Readonly<Record<string, Json>>, prefix = ''): Record<string, string> {
  return Object.fromEntries(Object.entries(members).map(([key, value]) => [variableName(key, prefix), textForm(value)]))
}

export function changedView({ record, pending }: Changed): View {
  const newest = record.versions.at(-1)
  return {
    data: { path: record.path, version: newest === undefined ? 0 : record.current, act: record.act, seq: record.seq, pending, ...(newest === undefined ? {} : { state: newest.state, type: newest.type }) },
    raw: String(newest === undefined ? 0 : record.current),
    tables: [{ rows: [['path', { whole: record.path }], ['did', record.act], ['version', newest === undefined ? 'none' : String(record.current)], ['by', `${record.by}, ${timeText(record.at)}`], ...(pending ? [['pending', 'fewer signers than the threshold have said that they keep it: until then a read may give the version before']] : [])] }],
  }
}

export function recordView(record: VaultRecord): View {
  const shown = recordShown(record)
  const settings = `keeps ${record.settings.max_versions} versions${record.settings.cas_required ? ', writes name the version they follow' : ''}${record.settings.delete_version_after === 0 ? '' : `, versions end after ${record.settings.delete_version_after} s`}`
  return {
    data: shown,
    tables: [
      { rows: [['path', { whole: record.path }], ['current', String(record.current)], ['created', shown.created_at], ['changed', `${shown.changed.at} by ${record.by} (${record.act})`], ['settings', settings], ['tags', record.tags.join(', ') || '–'], ...Object.entries(record.custom).map(([name, value]): Cell[] => [name, value])] },
      versionTable(record),
    ],
  }
}

const versionTable = ({ versions }: VaultRecord) => ({
  head: ['VERSION', 'STATE', 'TYPE', 'BYTES', 'WRITTEN', 'BY'],
  rows: versions.toReversed().map(({ version, state, type, size, at, by }) => [String(version), state, type, String(size), timeText(at), by]),
})

export function rowsView(prefix: string, rows: readonly Row[]): View {
  const entries = rows.map((row) => ('folder' in row ? { folder: row.folder } : { path: row.path, version: row.record.current, type: row.record.versions.at(-1)?.type, changed_at: timeText(row.record.at), by: row.record.by, tags: [...row.record.tags] }))
  return {
    data: { prefix, entries },
    exact: true,
    raw: entries.map((row) => `${row.folder ?? row.path}\n`).join(''),
    tables: [{ head: ['NAME', 'VERSION', 'TYPE', 'CHANGED', 'BY', 'TAGS'], rows: entries.map((row): Cell[] => (row.path === undefined ? [{ whole: row.folder }, '', '', '', '', ''] : [{ whole: row.path }, String(row.version), row.type ?? '', row.changed_at, row.by, row.tags.join(', ')])) }],
  }
}

export const historyView = (path: string, records: readonly VaultRecord[]): View => ({
  data: { path, changes: records.map(({ seq, act, by, at, current, intent }) => ({ seq, act, by, at: timeText(at), current_version: current, intent })) },
  tables: [{ head: ['SEQ', 'DID', 'VERSION', 'BY', 'WHEN'], rows: records.map(({ seq, act, by, at, current }) => [String(seq), act, String(current), by, timeText(at)]) }],
})

/** What would be done, and that it was not. */
export const dryView = (done: Readonly<Record<string, Json | undefined>>): View => ({
  data: { sent: false, ...done },
  tables: [{ rows: [...Object.entries(done).flatMap(([name, value]): Cell[][] => (value === undefined ? [] : [[name.replaceAll('_', ' '), { whole: textForm(value) }]])), ['sent', 'no']] }],
})

/** `3`, `1,2`, repeated. @throws LocalFailure */
export function versionsOf(given: readonly string[]): readonly number[] | undefined {
  const numbers = given.flatMap((each) => each.split(',')).map((text) => numberOf(text, '--versions', 1))
  return numbers.length === 0 ? undefined : [...new Set(numbers)].toSorted((a, b) => a - b)
}

export function numberOf(text: string, flag: string, least: number): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least)) throw new LocalFailure(`${flag} is no number`, `${JSON.stringify(text.slice(0, 40))} is not ${least} or more`, `Write it like ${flag} ${least + 1}.`)
  return value
}
