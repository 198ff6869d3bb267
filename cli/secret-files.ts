import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { parse, stringify, YAMLParseError } from 'yaml'
import { z } from 'zod'
import { fromUtf8 } from '@symbolon/protocol/bytes.ts'
import { decodeJson, type Json } from '@symbolon/protocol/json.ts'
import { parseDotenv } from './dotenv.ts'
import { LocalFailure, systemWhy } from './failure.ts'
import { createWholeFile, writePrivate } from './state.ts'

/* Files that hold secrets: what is imported from them and exported to them. */

const fileFormats = ['env', 'json', 'yaml'] as const
export type FileFormat = (typeof fileFormats)[number]

const most = 4 * 1024 * 1024

/** By name: `.env`, `prod.env`, `.env.prod`, `.json`, `.yaml`, `.yml`. @throws LocalFailure where neither name nor flag says */
export function formatOf(given: string | undefined, name: string | undefined, flag: string): FileFormat {
  if (given !== undefined) {
    const found = fileFormats.find((each) => each === given)
    if (found === undefined) throw new LocalFailure('There is no such format', `${flag} names none`, `Use ${fileFormats.join(', ')}.`)
    return found
  }
  const base = name?.split('/').at(-1) ?? ''
  if (/^\.env(\.|$)|\.env$/.test(base)) return 'env'
  if (/\.json$/i.test(base)) return 'json'
  if (/\.ya?ml$/i.test(base)) return 'yaml'
  throw new LocalFailure('The format is not known', name === undefined ? 'there is no file whose name says it' : `the name of ${name} does not say it`, `Give ${flag} env, json or yaml.`)
}

/** Not through a link: what is named is what is read. @throws LocalFailure */
export function readSecretFile(path: string): Buffer {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const { size } = fstatSync(file)
      if (size > most) throw new LocalFailure(`${path} is too large`, `it holds more than ${most} bytes`, 'Import it in parts.')
      return readFileSync(file)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw new LocalFailure(`${path} cannot be read`, error.code === 'ELOOP' ? 'it is a link' : systemWhy(error.code), 'Name the file itself.')
    throw error
  }
}

/** Whole or not at all, 0600, never through a link. @throws LocalFailure if there is a file already and it is not to be replaced */
export function writeSecretFile(path: string, text: string, force: boolean): void {
  const bytes = Buffer.from(text)
  try {
    if (force) writePrivate(path, bytes)
    else if (!createWholeFile(path, bytes)) throw new LocalFailure(`${path} exists`, 'it would be overwritten', 'Name another file, or add --force.')
  } finally {
    bytes.fill(0)
  }
}

export type Tree = Readonly<Record<string, Json>>

/** What a file holds, as names and values. No message quotes it. @throws LocalFailure */
export function decodeTree(bytes: Uint8Array, format: FileFormat, name: string): Tree {
  const text = fromUtf8(bytes)
  if (text === undefined) throw new LocalFailure(`${name} cannot be read`, 'it is not UTF-8', 'Convert it.')
  if (format === 'env') return Object.fromEntries(parseDotenv(text, name).map((variable) => [variable.name, variable.value]))
  const value = format === 'json' ? jsonOf(bytes, name) : yamlOf(text, name)
  const shape = z.record(z.string(), z.json()).safeParse(value)
  if (!shape.success) throw new LocalFailure(`${name} cannot be used`, 'it is no object of names and values', 'Write names with values, or paths with objects of keys and values.')
  return shape.data as Tree
}

function jsonOf(bytes: Uint8Array, name: string): unknown {
  const decoded = decodeJson(bytes, most)
  if (!decoded.ok) throw new LocalFailure(`${name} cannot be read`, decoded.reason, 'Correct it; a JSON linter finds the place.')
  return decoded.value
}

function yamlOf(text: string, name: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0, uniqueKeys: true, schema: 'core' })
  } catch (error) {
    if (error instanceof YAMLParseError) throw new LocalFailure(`${name} cannot be read`, `it is not YAML at line ${error.linePos?.[0].line ?? 1}`, 'Correct that line.')
    if (error instanceof ReferenceError) throw new LocalFailure(`${name} cannot be read`, 'it holds aliases', 'Write values out.')
    throw error
  }
}

export const printTree = (tree: Tree, format: Exclude<FileFormat, 'env'>): string => (format === 'json' ? `${JSON.stringify(tree, undefined, 2)}\n` : stringify(tree))
