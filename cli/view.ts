import { stringify } from 'yaml'
import { printable, steerless } from '@symbolon/sdk/scrub.ts'
import { LocalFailure } from './failure.ts'
import type { Sink } from './io.ts'

export const formats = ['table', 'json', 'yaml', 'env', 'jwt', 'raw'] as const
export type Format = (typeof formats)[number]

/** What a command found, in every form that it can be shown. */
export interface View {
  /** Stable and documented: what `json`, `yaml` and `--field` show. */
  readonly data: Readonly<Record<string, unknown>>
  /** For people: blocks of rows; the first row of a block with `head` is its heading. */
  readonly tables: readonly Table[]
  /** For `jwt`, and the default of `raw`. */
  readonly jwt?: string
  /** For `env`. */
  readonly env?: Readonly<Record<string, string>>
  /** For `raw`, where there is no token. */
  readonly raw?: string
}
export interface Table {
  readonly head?: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}
/** `whole`: an address or link of our own making, not cut and not redacted, for it is what was asked for. */
export type Cell = string | { readonly whole: string }

export interface Showing {
  /** Absent: a table on a terminal, JSON elsewhere. */
  readonly format?: Format | undefined
  /** A path into the data: `signers.0.name`. */
  readonly field?: string | undefined
  readonly color: boolean
}

export function show(view: View, { format, field, color }: Showing, out: Sink): void {
  if (field !== undefined) return void out.write(`${plain(tame(fieldOf(view.data, field)))}\n`)
  out.write(render(view, format ?? (out.isTTY === true ? 'table' : 'json'), color && out.isTTY === true))
}

/** JSON's own escapes stop at U+001F; with these the text says the same and steers nothing. */
const json = (data: unknown, indent?: number): string =>
  JSON.stringify(data, undefined, indent).replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => [...Array(found.length).keys()].map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''))

/** In no form may what a server said steer what shows it. YAML escapes some control characters, a variable none. */
function tame(value: unknown): unknown {
  if (typeof value === 'string') return steerless(value)
  if (Array.isArray(value)) return value.map(tame)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [steerless(name), tame(member)]))
}

function render({ data, tables, jwt, env, raw }: View, format: Format, color: boolean): string {
  switch (format) {
    case 'json':
      return `${json(data, 2)}\n`
    case 'yaml':
      return stringify(tame(data))
    case 'table':
      return tables.map((table) => tableText(table, color)).join('\n')
    case 'env':
      return Object.entries(env ?? flatten(data)).map(([name, value]) => `${name}=${shellQuoted(steerless(value))}\n`).join('')
    case 'jwt':
      if (jwt === undefined) throw new LocalFailure('There is no token to print', 'this command makes none', 'Use -o json, or `symbolon mint`.')
      return `${jwt}\n`
    case 'raw':
      return `${jwt ?? steerless(raw ?? json(data))}\n`
  }
}

/** In single quotes, which the shell reads as they are. */
const shellQuoted = (value: string): string => (/^[A-Za-z0-9_.:/@-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`)

const flatten = (data: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).flatMap(([name, value]) => (typeof value === 'object' ? [] : [[`SYMBOLON_${name.toUpperCase()}`, String(value)]])))

function fieldOf(data: unknown, path: string): unknown {
  let value = data
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) throw new LocalFailure(`There is no field ${path}`, `${step} is not there`, 'See the names with -o json.')
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** Whatever a server said comes to the terminal as text that cannot steer it. A token is shown whole: it is what was asked for. */
function tableText({ head, rows }: Table, color: boolean): string {
  const safe = rows.map((row) => row.map((cell) => (typeof cell !== 'string' ? steerless(cell.whole) : isToken(cell) ? cell : printable(cell))))
  const all = head === undefined ? safe : [head, ...safe]
  const widths = (all[0] ?? []).map((_cell, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ').trimEnd()
  const bold = (text: string) => (color ? `\u001b[1m${text}\u001b[22m` : text)
  return all.map((row, at) => `${head !== undefined && at === 0 ? bold(line(row)) : line(row)}\n`).join('')
}

const isToken = (cell: string): boolean => /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(cell)

export const timeText = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
