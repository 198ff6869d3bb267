import type { Json } from '@symbolon/protocol/json.ts'
import { fieldsOf, parsePath, type SecretPath } from '@symbolon/protocol/label.ts'
import { secretValueBytes } from '@symbolon/protocol/secret.ts'
import { failed, ok, type Outcome } from './errors.ts'
import type { Opened } from './vault-read.ts'

/*
 * Configurations that name other secrets: `{{ app/payments/prod/db#password }}` stands for a member, `{{ app/other }}` for another configuration.
 * Only what a template itself names is read: values are put in as they are, and never looked into for more references. `\{{` is a literal `{{`.
 */

export interface Reference {
  readonly path: SecretPath
  readonly key?: string
}

type Piece = { readonly text: string } | Reference

/** How deep configurations may lie in one another, how many secrets one may name in all, and how long it may become, in bytes. */
const bounds = { depth: 8, secrets: 64, bytes: secretValueBytes } as const

const invalid = (detail: string) => failed('template_invalid', { detail })

/** The template in pieces. What begins like a reference must be one: a misspelt one is not left standing as text. */
export function parseTemplate(template: string): Outcome<readonly Piece[]> {
  const pieces: Piece[] = []
  for (let at = 0; at < template.length; ) {
    const open = template.indexOf('{{', at)
    if (open === -1) return ok([...pieces, { text: template.slice(at) }])
    if (template[open - 1] === '\\' && open > at) {
      pieces.push({ text: `${template.slice(at, open - 1)}{{` })
      at = open + 2
      continue
    }
    const close = template.indexOf('}}', open)
    const reference = close === -1 ? undefined : parseReference(template.slice(open + 2, close).trim())
    if (reference === undefined) return invalid(`line ${template.slice(0, open).split('\n').length}: not a reference; write {{ namespace/path#key }}, or \\{{ for the braces themselves`)
    pieces.push({ text: template.slice(at, open) }, reference)
    at = close + 2
  }
  return ok(pieces)
}

function parseReference(text: string): Reference | undefined {
  const hash = text.indexOf('#')
  const path = parsePath(hash === -1 ? text : text.slice(0, hash))
  const key = hash === -1 ? undefined : text.slice(hash + 1)
  if (path === undefined || key === '') return undefined
  return key === undefined ? { path } : { path, key }
}

const isReference = (piece: Piece): piece is Reference => 'path' in piece

/** The secrets that it names, each once. */
export const namedIn = (pieces: readonly Piece[]): SecretPath[] => [...new Set(pieces.filter(isReference).map(({ path }) => path))]

export interface Resolved {
  readonly text: string
  /** Every secret that is in it, with its version. */
  readonly used: readonly { readonly path: SecretPath; readonly version: number }[]
}

interface Reading {
  readonly opened: Map<SecretPath, Opened>
  readonly parsed: Map<SecretPath, readonly Piece[]>
  /** What was put in already: a few that name each other many times over would cost the product of how often. */
  readonly expanded: Map<SecretPath, string>
}

/**
 * The configuration with everything put in that it names.
 *
 * @param read reads newest versions, all or none, in order
 */
export async function resolveConfig(config: Opened, read: (paths: readonly SecretPath[]) => Promise<Outcome<readonly Opened[]>>): Promise<Outcome<Resolved>> {
  const reading = await gather(config, read)
  if (!reading.ok) return reading
  const text = expand(config.path, [], reading.value)
  if (!text.ok) return text
  return ok({ text: text.value, used: [...reading.value.opened.values()].map(({ path, version }) => ({ path, version })) })
}

/** Level by level, so that one request brings all that the configurations of a level name. */
async function gather(config: Opened, read: (paths: readonly SecretPath[]) => Promise<Outcome<readonly Opened[]>>): Promise<Outcome<Reading>> {
  const reading: Reading = { opened: new Map(), parsed: new Map(), expanded: new Map() }
  for (let level: readonly Opened[] = [config], depth = 0; level.length > 0; depth++) {
    if (depth > bounds.depth) return invalid(`configurations lie more than ${bounds.depth} deep in one another`)
    const wanted = new Set<SecretPath>()
    for (const one of level) {
      reading.opened.set(one.path, one)
      const named = namedBy(one, reading)
      if (!named.ok) return named
      for (const path of named.value) if (!reading.opened.has(path)) wanted.add(path)
    }
    if (reading.opened.size + wanted.size > bounds.secrets) return invalid(`it names more than ${bounds.secrets} secrets`)
    const found = wanted.size === 0 ? ok([]) : await read([...wanted])
    if (!found.ok) return found
    level = found.value
  }
  return ok(reading)
}

function namedBy({ path, value, of }: Opened, { parsed }: Reading): Outcome<readonly SecretPath[]> {
  if (value.type !== 'config') return ok([])
  const pieces = parseTemplate(value.template)
  if (!pieces.ok) return invalid(`${path}: ${pieces.error.details.detail ?? ''}`)
  parsed.set(path, pieces.value)
  const named = namedIn(pieces.value)
  // Whoever reads the one through the vault process must not be led to have it read what only its callers may combine.
  const outside = of.combine === 'vault' ? named.find((one) => fieldsOf(one).namespace !== fieldsOf(path).namespace) : undefined
  return outside === undefined ? ok(named) : invalid(`${path}: ${outside} lies outside its namespace, whose secrets the vault may combine`)
}

function expand(path: SecretPath, above: readonly SecretPath[], reading: Reading): Outcome<string> {
  const before = reading.expanded.get(path)
  if (before !== undefined) return ok(before)
  if (above.includes(path)) return invalid(`it names itself: ${[...above, path].join(' → ')}`)
  // Depth was bounded where it was read; through a shorter way a configuration may still lie deeper.
  if (above.length > bounds.depth) return invalid(`configurations lie more than ${bounds.depth} deep in one another`)
  let text = ''
  for (const piece of reading.parsed.get(path) ?? []) {
    const part = isReference(piece) ? put(piece, [...above, path], reading) : ok(piece.text)
    if (!part.ok) return part
    text += part.value
    if (text.length > bounds.bytes) return invalid(`it becomes longer than ${bounds.bytes} bytes`)
  }
  reading.expanded.set(path, text)
  return ok(text)
}

function put({ path, key }: Reference, above: readonly SecretPath[], reading: Reading): Outcome<string> {
  const value = reading.opened.get(path)?.value
  if (value?.type === 'config' && key === undefined) return expand(path, above, reading)
  if (value === undefined) return invalid(`${path} was not read`)
  if (key === undefined) return invalid(`${path} is of kind ${value.type}: name a member, ${path}#key`)
  const members: Readonly<Record<string, unknown>> = value.type === 'string' ? value.data : value
  const member = Object.hasOwn(members, key) && !(value.type !== 'string' && key === 'type') ? members[key] : undefined
  // The key is the template's own word; what members there are is not said.
  return member === undefined ? invalid(`${path} has no member ${key}`) : ok(textOf(member as Json))
}

const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))

