import { createPublicKey } from 'node:crypto'
import { basename } from 'node:path'
import { z } from 'zod'
import { fromBase64url, fromUtf8, toBase64url } from '@symbolon/protocol/bytes.ts'
import { checkShape, decodeJson, type Json } from '@symbolon/protocol/json.ts'
import { secretTypes, type SecretType } from '@symbolon/protocol/label.ts'
import { limits } from '@symbolon/protocol/limits.ts'
import { secretValue, type SecretValue } from '@symbolon/protocol/secret.ts'
import { isVariableName } from './dotenv.ts'
import { LocalFailure } from './failure.ts'
import type { Io } from './io.ts'
import { readFile } from './key-file.ts'
import { publicLineOf } from './ssh-public.ts'

/* From what is typed to a secret's value, and from a value to what is shown. No message quotes a value. */

const pairs = 'Write key=value, key=@file, key=- for stdin, @file.json or - for an object of JSON.'

/** `key=value`, `key=@file`, `key=-`, `@file.json`, `-`; a value that begins with @ or - is written `\@…`, `\-`. */
export async function membersOf(words: readonly string[], io: Io): Promise<Record<string, Json>> {
  if (words.filter((word) => word === '-' || word.endsWith('=-')).length > 1) throw new LocalFailure('Stdin is read twice', 'more than one value is -', pairs)
  const members = new Map<string, Json>()
  for (const word of words) {
    for (const [key, value] of word === '-' || word.startsWith('@') ? Object.entries(await objectFrom(word, io)) : [await pairOf(word, io)]) {
      if (members.has(key)) throw new LocalFailure(`${JSON.stringify(key)} is given twice`, 'a secret holds one value for a key', pairs)
      members.set(key, value)
    }
  }
  return Object.fromEntries(members)
}

async function objectFrom(word: string, io: Io): Promise<Record<string, Json>> {
  const bytes = word === '-' ? await io.input() : readFile(word.slice(1))
  const decoded = decodeJson(bytes, limits.secretBodyBytes)
  const shape = decoded.ok ? z.record(z.string(), z.json()).safeParse(decoded.value) : undefined
  if (shape?.success !== true) throw new LocalFailure(`${word === '-' ? 'stdin' : word.slice(1)} cannot be used`, decoded.ok ? 'it is no JSON object' : decoded.reason, pairs)
  return shape.data as Record<string, Json>
}

async function pairOf(word: string, io: Io): Promise<[string, Json]> {
  const at = word.indexOf('=')
  // What stands there may be a secret that was typed without its key.
  if (at < 1) throw new LocalFailure('A value has no key', 'an argument has no name before =', pairs)
  const [key, value] = [word.slice(0, at), word.slice(at + 1)]
  if (value === '-') return [key, typedOrPiped(key, oneLineLess(textOf(await io.input(), 'stdin')))]
  if (value.startsWith('@')) return [key, textOf(fileOfValue(key, value.slice(1)), `the file of ${key}`)]
  return [key, /^\\[@-]/.test(value) ? value.slice(1) : value]
}

/** The command before the pipe may have failed: its silence is no new password. */
function typedOrPiped(key: string, text: string): string {
  if (text === '') throw new LocalFailure(`Nothing was given for ${JSON.stringify(key)}`, 'stdin is empty', `To store an empty value, write ${key}= .`)
  return text
}

/** The name may be a password that begins with @: it is not quoted. */
function fileOfValue(key: string, path: string): Buffer {
  try {
    return readFile(path)
  } catch (error) {
    if (error instanceof LocalFailure) throw new LocalFailure(`The file for ${JSON.stringify(key)} cannot be read`, error.why, `Check the path behind @. A value that itself begins with @ is written ${key}='\\@…'.`)
    throw error
  }
}

/** What `echo` and editors put at the end is no part of a password. */
const oneLineLess = (text: string): string => text.replace(/\r?\n$/, '')

function textOf(bytes: Uint8Array, where: string): string {
  const text = fromUtf8(bytes)
  if (text === undefined) throw new LocalFailure(`${where} is no text`, 'it is not UTF-8', 'Store it with --type file --file.')
  return text
}

export interface ValueFlags {
  readonly type?: string | undefined
  /** Of the value's main part. */
  readonly file?: string | undefined
}

function typeOf(text: string | undefined): SecretType {
  const found = secretTypes.find((type) => type === (text ?? 'string'))
  if (found === undefined) throw new LocalFailure('There is no such type', '--type names none', `Use ${secretTypes.join(', ')}.`)
  return found
}

/** Which member `--file` fills. */
const mainMember: Readonly<Record<Exclude<SecretType, 'string' | 'file'>, string>> = { config: 'template', 'ssh-key': 'private_key', 'key-pair': 'private_key', certificate: 'certificate' }

/** @throws LocalFailure for what is no value of that type */
export async function valueOf(words: readonly string[], { type: named, file }: ValueFlags, io: Io): Promise<SecretValue> {
  const type = typeOf(named)
  const members = await membersOf(words, io)
  if (type === 'string') {
    if (file !== undefined) throw new LocalFailure('--file needs a type', 'a secret of keys and values is no file', 'Write key=@file, or add --type file, config, ssh-key, key-pair or certificate.')
    if (words.length === 0) throw new LocalFailure('Nothing is to be stored', 'no key and value are given', pairs)
    return shaped({ type, data: members })
  }
  if (type === 'file') return shaped({ type, ...fileMembers(file), ...members })
  const main = file === undefined ? {} : { [mainMember[type]]: textOf(file === '-' ? await io.input() : readFile(file), file) }
  return shaped({ type, ...(type === 'ssh-key' ? { settings: {} } : {}), ...withPublic(type, { ...main, ...members }) })
}

function fileMembers(file: string | undefined): Record<string, string> {
  if (file === undefined) return {}
  const bytes = readFile(file)
  if (bytes.length > 1_048_576) throw new LocalFailure(`${file} is too large`, 'a secret holds at most 1 MiB', 'Encrypt the file, and store its key.')
  return { name: basename(file), content: toBase64url(bytes) }
}

function withPublic(type: SecretType, members: Record<string, Json>): Record<string, Json> {
  const { private_key: pem, public_key } = members
  if (public_key !== undefined || typeof pem !== 'string' || (type !== 'ssh-key' && type !== 'key-pair')) return members
  return { ...members, public_key: type === 'ssh-key' ? publicLineOf(pem) : publicPem(pem) }
}

function publicPem(pem: string): string {
  try {
    return String(createPublicKey(pem).export({ type: 'spki', format: 'pem' }))
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new LocalFailure('The private key cannot be read', 'it is not an unencrypted PEM', 'Give public_key=@file beside it.')
    throw error
  }
}

/** @throws LocalFailure naming the members that are wrong */
export function shaped(value: unknown): SecretValue {
  const checked = checkShape(secretValue, value)
  if (checked.ok) return checked.value
  throw new LocalFailure('This is no value of that type', checked.problems.map(({ pointer, message }) => `${pointer || '/'} ${message}`).join('; ').slice(0, 400), 'See docs/command-line.md for the members of each type.')
}

/** Its members as a person knows them: keys and values, or the parts of a typed value. */
export function membersShown(value: SecretValue): Record<string, Json> {
  if (value.type === 'string') return value.data as Record<string, Json>
  const { type: _, ...members } = value
  return JSON.parse(JSON.stringify(members)) as Record<string, Json>
}

/** As the text that a variable, a file or a pipe gets: strings as they are, anything else as JSON. */
export const textForm = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** What `-o raw` and a mount give where no key is named: the value's main part. */
export function mainPart(value: SecretValue): string | Uint8Array {
  switch (value.type) {
    case 'file':
      return fromBase64url(value.content) ?? new Uint8Array()
    case 'config':
      return value.template
    case 'certificate':
      return value.certificate
    case 'ssh-key':
    case 'key-pair':
      return value.private_key
    case 'string': {
      const [only, ...more] = Object.values(value.data)
      return only !== undefined && more.length === 0 ? textForm(only as Json) : JSON.stringify(value.data)
    }
  }
}

/** One of its parts, where a key is named. @throws LocalFailure naming the keys that are there */
export function partOf(value: SecretValue, key: string | undefined, path: string): string | Uint8Array {
  if (key === undefined) return mainPart(value)
  const members = membersShown(value)
  const found = Object.hasOwn(members, key) ? members[key] : undefined
  if (found === undefined) throw new LocalFailure(`${path} has no key ${JSON.stringify(key)}`, `it has ${Object.keys(members).map((name) => JSON.stringify(name)).join(', ') || 'none'}`, 'Name one of these behind the #.')
  return value.type === 'file' && key === 'content' ? mainPart(value) : textForm(found)
}

/** A variable's name for a key. @throws LocalFailure where it makes none */
export function variableName(key: string, prefix = ''): string {
  const name = `${prefix}${key}`
  if (!isVariableName(name)) throw new LocalFailure(`${JSON.stringify(name)} is no name of a variable`, 'a name is letters, digits and _, and begins with no digit', 'Name it yourself: --env NAME=path#key.')
  return name
}
