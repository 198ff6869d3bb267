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
  readonly env?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>)
  /** For `raw`, where there is no token. */
  readonly raw?: string | Uint8Array
  /** Where `--field` looks first. */
  readonly fields?: unknown
  /** Not what a server said but the secret that was asked for: into a file or pipe it goes as it is, no newline added. */
  readonly exact?: boolean
  /** All was said already. */
  readonly silent?: boolean
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
  if (view.silent === true) return
  const terminal = out.isTTY === true
  const told: Told = view.exact === true ? { text: terminal ? calm : (text) => text, end: terminal ? 'line' : 'none' } : { text: steerless, end: 'always' }
  if (field !== undefined) return void out.write(ended(plain(tame(fieldOf(view, field), told.text)), told))
  if (format === 'raw' && view.raw instanceof Uint8Array) return void out.write(terminal ? ended(told.text(Buffer.from(view.raw).toString()), told) : view.raw)
  out.write(render(view, format ?? (terminal ? 'table' : 'json'), color && terminal, told))
}

/** How text that is not ours is shown. */
interface Told {
  text(text: string): string
  /** When a newline is put behind it. */
  readonly end: 'always' | 'line' | 'none'
}
const ended = (text: string, { end }: Told): string => (end === 'none' || (end === 'line' && text.endsWith('\n')) ? text : `${text}\n`)

/** Lines and tabs stay; nothing else may steer the terminal that shows it. */
const calm = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => (found === '\n' || found === '\t' ? found : '?'))

/** JSON's own escapes stop at U+001F; with these the text says the same and steers nothing. */
const json = (data: unknown, indent?: number): string =>
  JSON.stringify(data, undefined, indent).replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => [...Array(found.length).keys()].map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''))

/** In no form may what a server said steer what shows it. YAML escapes some control characters, a variable none. */
function tame(value: unknown, text: Told['text']): unknown {
  if (typeof value === 'string') return text(value)
  if (Array.isArray(value)) return value.map((item) => tame(item, text))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [text(name), tame(member, text)]))
}

function render({ data, tables, jwt, env, raw }: View, format: Format, color: boolean, told: Told): string {
  switch (format) {
    case 'json':
      return `${json(data, 2)}\n`
    case 'yaml':
      return stringify(tame(data, told.text))
    case 'table':
      return tables.map((table) => tableText(table, color)).join('\n')
    case 'env':
      return Object.entries((typeof env === 'function' ? env() : env) ?? flatten(data)).map(([name, value]) => `${name}=${shellQuoted(told.text(value))}\n`).join('')
    case 'jwt':
      if (jwt === undefined) throw new LocalFailure('There is no token to print', 'this command makes none', 'Use -o json, or `symbolon mint`.')
      return `${jwt}\n`
    case 'raw':
      return jwt === undefined ? ended(told.text(raw === undefined ? json(data) : String(raw)), told) : `${jwt}\n`
  }
}

/** In single quotes, which the shell reads as they are. */
const shellQuoted = (value: string): string => (/^[A-Za-z0-9_.:/@-]*$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`)

const flatten = (data: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).flatMap(([name, value]) => (typeof value === 'object' ? [] : [[`SYMBOLON_${name.toUpperCase()}`, String(value)]])))

function fieldOf({ data, fields }: Pick<View, 'data' | 'fields'>, path: string): unknown {
  // A key of a secret may hold dots.
  if (typeof fields === 'object' && fields !== null && Object.hasOwn(fields, path)) return (fields as Record<string, unknown>)[path]
  let value: unknown = data
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) throw new LocalFailure(`There is no field ${path}`, typeof value === 'object' && value !== null ? `it has ${namesOf(fields ?? value)}` : `nothing is inside of what stands before ${step}`, 'Name one that is there.')
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

const namesOf = (value: object): string => printable(Object.keys(value).join(', ')) || 'none'

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
