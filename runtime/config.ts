import { readFileSync, statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { pointer } from '@symbolon/protocol/json.ts'
import { SecretFile, checkSecret, systemCode } from './secret-file.ts'

/** One thing wrong with a configuration: where (JSON pointer), a stable code, and a sentence that never quotes a secret's bytes. */
export type ConfigProblem = { readonly pointer: string; readonly code: string; readonly message: string }

export type Loaded<T> = { readonly ok: true; readonly config: Readonly<T> } | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

const maxConfigBytes = 1024 * 1024

/**
 * Reads a process's JSON file and checks it against its schema, which must be strict. The result is frozen all the way down, or
 * *every* problem at once, unknown keys included.
 */
export function loadConfig<S extends z.ZodObject>(schema: S, path: string): Loaded<z.output<S>> {
  // A schema that ignores unknown keys would turn a mistyped setting into a silent default.
  if (!(schema.def.catchall instanceof z.ZodNever)) throw new TypeError('a config schema must be a strict object')
  const text = readText(path)
  if (!text.ok) return { ok: false, problems: [text.problem] }
  const parsed = parseJson(text.value)
  if (!parsed.ok) return { ok: false, problems: [parsed.problem] }
  const result = schema.safeParse(parsed.value)
  if (!result.success) return { ok: false, problems: result.error.issues.flatMap(toProblems) }
  return { ok: true, config: deepFreeze(result.data) }
}

/** The problems as lines for the terminal, one each, after a heading that names the file. */
export const printProblems = (path: string, problems: readonly ConfigProblem[]): string =>
  [`${path}: ${problems.length === 1 ? 'one problem' : `${problems.length} problems`}, nothing was started`, ...problems.map(({ pointer, code, message }) => `  ${pointer || '/'}  ${code}: ${message}`)].join('\n')

/** An absolute path: what a relative one means depends on where the process was started. */
export const absolutePath = () => z.string().max(4096).refine(isAbsolute, { error: 'must be an absolute path', params: { code: 'path_not_absolute' } })

/** A path to a secret, checked when config is loaded. Gives a {@link SecretFile}. */
export const secretFile = () =>
  absolutePath().transform((path, context) => {
    const problem = isAbsolute(path) ? checkSecret(path) : undefined
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem.message, params: { code: problem.code } })
    return new SecretFile(path)
  })

/** Where a process listens or is found: `{host, port}`. Port 0 lets the system choose, for tests. */
export const address = () =>
  z.strictObject({ host: z.string().min(1).max(253).describe('Host name or IP address.'), port: z.int().min(0).max(65535).describe('Port.') })
export type Address = { readonly host: string; readonly port: number }

type TextResult = { ok: true; value: string } | { ok: false; problem: ConfigProblem }

function readText(path: string): TextResult {
  const refuse = (code: string, message: string): TextResult => ({ ok: false, problem: { pointer: '', code, message } })
  try {
    const stat = statSync(path)
    if (!stat.isFile()) return refuse('config_not_a_file', 'is not a regular file')
    if ((stat.mode & 0o022) !== 0) return refuse('config_writable_by_others', 'can be written by group or others')
    if (stat.size > maxConfigBytes) return refuse('config_too_large', `is larger than ${maxConfigBytes} bytes`)
    return { ok: true, value: readFileSync(path, 'utf8') }
  } catch (error) {
    return refuse('config_unreadable', `cannot be read (${systemCode(error)})`)
  }
}

function parseJson(text: string): { ok: true; value: unknown } | { ok: false; problem: ConfigProblem } {
  try {
    return { ok: true, value: JSON.parse(text) }
  } catch (error) {
    // V8's message quotes the text; the position is all that may be repeated.
    const position = error instanceof SyntaxError ? / at position (\d+)/.exec(error.message)?.[1] : undefined
    return { ok: false, problem: { pointer: '', code: 'config_not_json', message: position === undefined ? 'is not JSON' : `is not JSON (position ${position})` } }
  }
}

function toProblems(issue: z.core.$ZodIssue): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ pointer: pointer([...issue.path, key]), code: 'unknown_key', message: 'is not a setting' }))
  const code = issue.code === 'custom' && typeof issue.params?.['code'] === 'string' ? issue.params['code'] : issue.code
  return [{ pointer: pointer(issue.path), code, message: issue.message }]
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.values(value).forEach(deepFreeze)
  return Object.freeze(value)
}
