import { fromBase64url, fromUtf8 } from '@symbolon/protocol/bytes.ts'
import type { SecretValue } from '@symbolon/protocol/secret.ts'
import { draftOf, fieldsFor } from './draft.ts'

/* Two values side by side: field by field, and within a field line by line. */

export interface Line {
  readonly mark: 'same' | 'gone' | 'new'
  readonly text: string
}
export interface FieldChange {
  readonly field: string
  readonly mark: 'same' | 'gone' | 'new' | 'changed'
  /** Empty where nothing changed. */
  readonly lines: readonly Line[]
}

/** The parts of a value that are shown and compared, by name. */
export function partsOf(value: SecretValue): readonly { readonly name: string; readonly text: string }[] {
  const draft = draftOf(value)
  if (draft.type === 'string') return draft.rows.map(({ name, text }) => ({ name, text }))
  if (draft.type === 'file') return [{ name: 'Name', text: draft.name }, ...(draft.mediaType === '' ? [] : [{ name: 'Media type', text: draft.mediaType }]), { name: 'Content', text: contentOf(draft.content ?? '', draft.bytes) }]
  const { texts } = draft
  return fieldsFor[draft.type].flatMap(({ name, label }) => (texts[name] === undefined ? [] : [{ name: label, text: texts[name] }]))
}

/** A text as it is; other bytes as base64url, which differs where they do. */
function contentOf(content: string, bytes: number): string {
  const text = fromUtf8(fromBase64url(content) ?? new Uint8Array())
  const isText = text !== undefined && !/[^\t\n\r\u0020-\u{10ffff}]/u.test(text)
  return isText ? text : `${bytes} bytes that are no text: ${content}`
}

/** By name: what only the older has comes where it stood. */
export function compare(older: SecretValue, newer: SecretValue): readonly FieldChange[] {
  const [before, after] = [partsOf(older), partsOf(newer)]
  const kinds: FieldChange[] = older.type === newer.type ? [] : [{ field: 'Kind', mark: 'changed', lines: [{ mark: 'gone', text: older.type }, { mark: 'new', text: newer.type }] }]
  const gone = before.filter(({ name }) => !after.some((part) => part.name === name)).map(({ name, text }): FieldChange => ({ field: name, mark: 'gone', lines: marked(text, 'gone') }))
  const rest = after.map(({ name, text }): FieldChange => {
    const was = before.find((part) => part.name === name)
    if (was === undefined) return { field: name, mark: 'new', lines: marked(text, 'new') }
    return was.text === text ? { field: name, mark: 'same', lines: [] } : { field: name, mark: 'changed', lines: linesBetween(was.text, text) }
  })
  return [...kinds, ...gone, ...rest]
}

const marked = (text: string, mark: Line['mark']): Line[] => text.split('\n').map((line) => ({ mark, text: line }))

/** Beyond this many pairs of lines the two are shown whole, one after the other: a table of them all would stop the page. */
const mostPairs = 4_000_000

/** The longest common subsequence of lines stays; equal ends are taken off first. */
export function linesBetween(older: string, newer: string): readonly Line[] {
  const [a, b] = [older.split('\n'), newer.split('\n')]
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1
  const same = (from: readonly string[]): Line[] => from.map((text) => ({ mark: 'same', text }))
  return [...same(a.slice(0, start)), ...between(a.slice(start, a.length - end), b.slice(start, b.length - end)), ...same(a.slice(a.length - end))]
}

function between(a: readonly string[], b: readonly string[]): Line[] {
  if (a.length * b.length > mostPairs) return [...a.map((text): Line => ({ mark: 'gone', text })), ...b.map((text): Line => ({ mark: 'new', text }))]
  // `longest[i * width + j]`: length of the longest common subsequence of what follows a[i] and b[j].
  const width = b.length + 1
  const longest = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number): number => longest[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i -= 1) for (let j = b.length - 1; j >= 0; j -= 1) longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
  const lines: Line[] = []
  for (let [i, j] = [0, 0]; i < a.length || j < b.length; ) {
    const [left, right] = [a[i], b[j]]
    if (left !== undefined && left === right) {
      lines.push({ mark: 'same', text: left })
      i += 1
      j += 1
    } else if (left !== undefined && (right === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ mark: 'gone', text: left })
      i += 1
    } else if (right !== undefined) {
      lines.push({ mark: 'new', text: right })
      j += 1
    }
  }
  return lines
}
