import type { SecretType } from '@symbolon/protocol/label.ts'
import { secretValue, type SecretValue, type ValueOf } from '@symbolon/protocol/secret.ts'
import { failed, ok, type Result } from '../result.ts'

/* What somebody types for each kind of secret, and the value that it makes. */

export interface StringRow {
  /** Of the row in this page. */
  readonly id: number
  readonly name: string
  readonly text: string
  /** The text is JSON rather than the value itself. */
  readonly json: boolean
}

/** Kinds whose values are a few named texts. */
export type TextType = Exclude<SecretType, 'string' | 'file'>
export type Draft =
  | { readonly type: 'string'; readonly rows: readonly StringRow[] }
  | { readonly type: 'file'; readonly name: string; readonly mediaType: string; readonly content: string | undefined; readonly bytes: number }
  | { readonly type: TextType; readonly texts: Readonly<Record<string, string>> }

/** Of a file; its JSON must fit into a body. */
export const fileBytes = 1_048_576

export interface Field {
  readonly name: string
  readonly label: string
  readonly description?: string
  readonly required?: true
  /** Lines of its input; absent: one, that cannot be broken. */
  readonly rows?: number
}

export const fieldsFor: Readonly<Record<TextType, readonly Field[]>> = {
  config: [
    { name: 'template', label: 'Text', description: 'References such as {{ app/payments/prod/db#password }} are filled in by whoever reads it and may read them too', required: true, rows: 12 },
    { name: 'format', label: 'Format', description: 'For people and editors, such as yaml' },
  ],
  'ssh-key': [
    { name: 'private_key', label: 'Private key', description: 'OpenSSH or PKCS#8, PEM', required: true, rows: 6 },
    { name: 'public_key', label: 'Public key', required: true, rows: 2 },
    { name: 'passphrase', label: 'Passphrase' },
    { name: 'host', label: 'Host', description: 'The name that is typed after ssh' },
    { name: 'host_name', label: 'Host name', description: 'Where it is' },
    { name: 'user', label: 'User' },
    { name: 'port', label: 'Port' },
    { name: 'proxy_jump', label: 'Jump host' },
    { name: 'known_hosts', label: 'Known hosts', description: 'One line each', rows: 3 },
    { name: 'options', label: 'Other options', description: 'One each line: its name of ssh_config, a space, its value', rows: 3 },
  ],
  'key-pair': [
    { name: 'private_key', label: 'Private key', description: 'PEM', required: true, rows: 6 },
    { name: 'public_key', label: 'Public key', required: true, rows: 3 },
    { name: 'algorithm', label: 'Algorithm' },
  ],
  certificate: [
    { name: 'certificate', label: 'Certificate', description: 'PEM', required: true, rows: 6 },
    { name: 'chain', label: 'Chain', description: 'PEM, one after the other', rows: 4 },
    { name: 'private_key', label: 'Private key', description: 'PEM', rows: 6 },
  ],
}

export const kindNames: Readonly<Record<SecretType, string>> = { string: 'Names and values', config: 'Configuration', 'ssh-key': 'SSH key', 'key-pair': 'Key pair', certificate: 'Certificate', file: 'File' }

export function emptyDraft(type: SecretType): Draft {
  if (type === 'string') return { type, rows: [{ id: 0, name: '', text: '', json: false }] }
  return type === 'file' ? { type, name: '', mediaType: '', content: undefined, bytes: 0 } : { type, texts: {} }
}

/** To go on from what is there. */
export function draftOf(value: SecretValue): Draft {
  switch (value.type) {
    case 'string':
      return { type: 'string', rows: Object.entries(value.data).map(([name, each], id) => ({ id, name, text: typeof each === 'string' ? each : JSON.stringify(each, null, 2), json: typeof each !== 'string' })) }
    case 'file':
      return { type: 'file', name: value.name, mediaType: value.media_type ?? '', content: value.content, bytes: Math.floor((value.content.length * 3) / 4) }
    default:
      return { type: value.type, texts: Object.fromEntries(textsOf(value)) }
  }
}

/** Every named text of a value that has them, in the order of its fields. */
function textsOf(value: Exclude<SecretValue, ValueOf<'string'> | ValueOf<'file'>>): [string, string][] {
  const { type, ...members } = value
  const { settings = {}, ...flat } = { settings: undefined, ...members }
  const all: Readonly<Record<string, unknown>> = { ...flat, ...settings }
  return fieldsFor[type].flatMap(({ name }): [string, string][] => {
    const each = all[name]
    return each === undefined ? [] : [[name, oneText(each)]]
  })
}

function oneText(each: unknown): string {
  if (Array.isArray(each)) return each.join('\n')
  return typeof each === 'object' && each !== null ? Object.entries(each).map(([name, text]) => `${name} ${String(text)}`).join('\n') : String(each)
}

/** By the name of the field, or of the row, that is wrong. */
export type Problems = Readonly<Record<string, string>>

export function valueOf(draft: Draft): Result<SecretValue, Problems> {
  if (draft.type === 'string') return stringOf(draft.rows)
  if (draft.type === 'file') return fileOf(draft)
  const missing = fieldsFor[draft.type].filter(({ name, required }) => required && (draft.texts[name] ?? '') === '')
  if (missing.length > 0) return failed(Object.fromEntries(missing.map(({ name }) => [name, 'It is needed'])))
  const settings = draft.type === 'ssh-key' ? settingsOf(draft.texts) : ok({})
  return settings.ok ? checked({ type: draft.type, ...given(draft, settings.value) }) : settings
}

function stringOf(rows: readonly StringRow[]): Result<SecretValue, Problems> {
  const problems: Record<string, string> = {}
  const data: [string, unknown][] = []
  for (const { id, name, text, json } of rows) {
    const at = `row ${id}`
    const read = json ? readJson(text) : { value: text }
    if (name === '' || name.length > 256) problems[at] = 'A name of 1 to 256 characters'
    else if (name === '__proto__') problems[at] = 'No reader of JSON agrees with another on this name'
    else if (data.some(([other]) => other === name)) problems[at] = 'There is one of this name already'
    else if (read === undefined) problems[at] = 'This is not JSON'
    else data.push([name, read.value])
  }
  return Object.keys(problems).length > 0 ? failed(problems) : checked({ type: 'string', data: Object.fromEntries(data) })
}

function readJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function fileOf({ name, mediaType, content, bytes }: Extract<Draft, { type: 'file' }>): Result<SecretValue, Problems> {
  if (content === undefined) return failed({ content: 'Choose a file' })
  if (bytes > fileBytes) return failed({ content: `At most ${fileBytes} bytes; it has ${bytes}` })
  return checked({ type: 'file', name, ...(mediaType === '' ? {} : { media_type: mediaType }), content })
}

const lines = (text = ''): string[] => text.split('\n').filter((line) => line.trim() !== '')

/** What an SSH client needs stands apart in the value. */
function settingsOf(texts: Readonly<Record<string, string>>): Result<object, Problems> {
  const port = texts['port'] ?? ''
  if (port !== '' && !/^[1-9][0-9]{0,4}$/.test(port)) return failed({ port: 'A number from 1 to 65535' })
  const options = lines(texts['options']).map((line) => line.trim().split(/[ \t=]+(.*)/s))
  if (options.some(([, text = '']) => text === '')) return failed({ options: 'Each line has a name, a space and a value' })
  const known = lines(texts['known_hosts'])
  const single = ['host', 'host_name', 'user', 'proxy_jump'].map((name) => [name, texts[name] ?? '']).filter(([, text]) => text !== '')
  return ok({
    settings: {
      ...Object.fromEntries(single),
      ...(port === '' ? {} : { port: Number(port) }),
      ...(known.length === 0 ? {} : { known_hosts: known }),
      ...(options.length === 0 ? {} : { options: Object.fromEntries(options) }),
    },
  })
}

const outside = new Set(['host', 'host_name', 'user', 'port', 'proxy_jump', 'known_hosts', 'options'])

function given({ type, texts }: { readonly type: TextType; readonly texts: Readonly<Record<string, string>> }, settings: object): object {
  const flat = fieldsFor[type].filter(({ name }) => !(type === 'ssh-key' && outside.has(name)) && (texts[name] ?? '') !== '')
  const members = flat.map(({ name }) => [name, type === 'certificate' && name === 'chain' ? certificatesIn(texts[name] ?? '') : texts[name]])
  return { ...Object.fromEntries(members), ...settings }
}

/** Each with its lines `BEGIN` and `END`; what is none stays one, so that nothing typed gets lost. */
const certificatesIn = (text: string): string[] => text.match(/-----BEGIN [^-]+-----[\s\S]*?-----END [^-]+-----/g) ?? [text]

/** The schema has the last word. Which field: the part of the value that it names. */
function checked(value: object): Result<SecretValue, Problems> {
  const read = secretValue.safeParse(value)
  // The value itself: a schema’s output may lack what its input had, and what is typed may not get lost.
  if (read.success) return ok(value as SecretValue)
  return failed(Object.fromEntries(read.error.issues.map(({ path }) => [String(path[0] === 'settings' ? (path[1] ?? 'settings') : (path[0] ?? 'value')), 'It is too long, or not of its form'])))
}
