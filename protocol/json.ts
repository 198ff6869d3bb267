import canonicalize from 'canonicalize'
import type { z } from 'zod'
import { equalBytes, fromUtf8, utf8 } from './bytes.ts'
import { limits } from './limits.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

export type Malformed = 'too_large' | 'not_utf8' | 'not_json' | 'too_deep' | 'duplicate_member' | 'forbidden_member' | 'not_canonical'

export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: Malformed | 'wrong_shape'; readonly problems: readonly Problem[] }

/** What is wrong, and where (RFC 6901). Never echoes the value. */
export interface Problem {
  readonly pointer: string
  readonly message: string
}

/** RFC 8785. The values of this project are integers, ASCII and booleans, for which the form is unambiguous. */
export function canonical(value: unknown): Uint8Array {
  const text = canonicalize(value as Json)
  if (text === undefined) throw new TypeError('a value without a JSON form')
  return utf8(text)
}

const fail = (reason: Malformed | 'wrong_shape', problems: readonly Problem[] = []): Decoded<never> => ({ ok: false, reason, problems })

/**
 * Strict JSON: bounded in size and depth, no duplicate members (RFC 8259 leaves their meaning open), no `__proto__`.
 * @param maxBytes refuse larger input before looking at it
 */
export function decodeJson(bytes: Uint8Array, maxBytes: number): Decoded<unknown> {
  if (bytes.length > maxBytes) return fail('too_large')
  const text = fromUtf8(bytes)
  if (text === undefined) return fail('not_utf8')
  const structure = inspect(text)
  if (structure !== undefined) return fail(structure)
  try {
    return { ok: true, value: JSON.parse(text) as unknown }
  } catch (error) {
    if (error instanceof SyntaxError) return fail('not_json')
    throw error
  }
}

export function checkShape<T>(schema: z.ZodType<T>, value: unknown): Decoded<T> {
  const result = schema.safeParse(value)
  if (result.success) return { ok: true, value: result.data }
  return fail('wrong_shape', result.error.issues.slice(0, 16).map((issue) => ({ pointer: pointer(issue.path), message: issue.message })))
}

export function decodeAs<T>(schema: z.ZodType<T>, bytes: Uint8Array, maxBytes: number): Decoded<T> {
  const json = decodeJson(bytes, maxBytes)
  return json.ok ? checkShape(schema, json.value) : json
}

/** As `decodeAs`, and the bytes must be the canonical form of what they say: one meaning, one spelling, one digest. */
export function decodeCanonical<T>(schema: z.ZodType<T>, bytes: Uint8Array, maxBytes: number): Decoded<T> {
  const decoded = decodeAs(schema, bytes, maxBytes)
  if (!decoded.ok) return decoded
  return equalBytes(canonical(decoded.value), bytes) ? decoded : fail('not_canonical')
}

/** RFC 6901. */
export const pointer = (path: readonly PropertyKey[]): string => path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')

/** One linear pass for what JSON.parse forgives: depth, duplicate and forbidden member names. Syntax is JSON.parse's to judge. */
function inspect(text: string): Malformed | undefined {
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : undefined)
      if (open.length > limits.jsonDepth) return 'too_deep'
    } else if (character === '}' || character === ']') {
      open.pop()
    } else if (character === '"') {
      const end = endOfString(text, at)
      if (end < 0) return 'not_json'
      const names = open.at(-1)
      if (names !== undefined && isName(text, end)) {
        const name = memberName(text.slice(at, end + 1))
        if (name === undefined) return 'not_json'
        if (name === '__proto__') return 'forbidden_member'
        if (names.has(name)) return 'duplicate_member'
        names.add(name)
      }
      at = end
    }
  }
  return undefined
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return -1
}

function isName(text: string, end: number): boolean {
  let at = end + 1
  while (at < text.length && ' \t\n\r'.includes(text[at] ?? '')) at++
  return text[at] === ':'
}

/** Escapes are resolved, so that "s\u0075b" duplicates "sub". */
function memberName(literal: string): string | undefined {
  if (!literal.includes('\\')) return literal.slice(1, -1)
  try {
    return JSON.parse(literal) as string
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
