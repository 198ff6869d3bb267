import { LocalFailure } from './failure.ts'

/*
 * Environment files, in the subset that shells, systemd, Compose and the dotenv libraries read alike: `NAME=value`, comments, single quotes
 * (as it is), double quotes (backslash escapes), and newlines inside either. Nothing is expanded: a $ is a $.
 */

export interface Variable {
  readonly name: string
  readonly value: string
}

const namePattern = /[A-Za-z_][A-Za-z0-9_]*/y
export const isVariableName = (text: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text)

/** What a backslash in double quotes may stand before. */
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"', $: '$', '`': '`' }

/** Strict: a line that could be read in two ways is refused by number, and no message quotes the file: the second line of a value without quotes would look like a name. @throws LocalFailure */
export function parseDotenv(text: string, file = 'the file'): readonly Variable[] {
  const found = new Map<string, string>()
  const reader = new Reader(text, file)
  for (let variable = reader.next(); variable !== undefined; variable = reader.next()) {
    if (found.has(variable.name)) reader.refuse('its variable is set already')
    found.set(variable.name, variable.value)
  }
  return [...found].map(([name, value]) => ({ name, value }))
}

class Reader {
  readonly #text: string
  readonly #file: string
  #at = 0

  constructor(text: string, file: string) {
    this.#text = text.startsWith('\uFEFF') ? text.slice(1) : text
    this.#file = file
    if (text.includes('\u0000')) this.refuse('it holds a NUL')
  }

  refuse(why: string): never {
    const line = this.#text.slice(0, this.#at).split('\n').length
    throw new LocalFailure(`${this.#file} cannot be read`, `line ${line}: ${why}`, 'Write NAME=value, with quotes around what holds spaces, quotes, # or newlines.')
  }

  next(): Variable | undefined {
    this.#skip(/(?:\s|#[^\n]*)*/y)
    if (this.#at >= this.#text.length) return undefined
    this.#skip(/export[ \t]+/y)
    const name = this.#take(namePattern) ?? this.refuse('there is no name of a variable')
    if (this.#take(/=/y) === undefined) this.refuse('there is no = right behind the name')
    const value = this.#value()
    if (this.#take(/[ \t]*(?:[ \t]#[^\n]*)?\r?(?:\n|$)/y) === undefined) this.refuse('something stands behind the value')
    return { name, value }
  }

  #value(): string {
    if (this.#take(/'/y) !== undefined) return this.#closed(/[^']*/y, "'")
    if (this.#take(/"/y) !== undefined) return this.#closed(/(?:[^"\\]+|\\[^])*/y, '"').replaceAll(/\\([^])/g, (_all, next: string) => escapes[next] ?? this.refuse('a backslash stands before what needs none'))
    const bare = this.#take(/[^\s#'"\\][^\s'"\\]*/y) ?? ''
    if (this.#take(/['"\\]/y) !== undefined) this.refuse('a quote or backslash stands outside of quotes')
    return bare
  }

  #closed(inside: RegExp, quote: string): string {
    const value = this.#take(inside) ?? ''
    if (this.#text[this.#at] !== quote) this.refuse('the quotes do not end')
    this.#at += 1
    return value
  }

  #skip(pattern: RegExp): void {
    this.#take(pattern)
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const [found] = pattern.exec(this.#text) ?? []
    if (found !== undefined) this.#at += found.length
    return found
  }
}

/** Read back by `parseDotenv`, a shell and systemd as the same values. @throws LocalFailure for what no variable can hold */
export const printDotenv = (variables: readonly Variable[]): string => variables.map(({ name, value }) => `${name}=${quoted(name, value)}\n`).join('')

function quoted(name: string, value: string): string {
  if (!isVariableName(name)) throw new LocalFailure(`${JSON.stringify(name)} is no name of a variable`, 'a name is letters, digits and _, and begins with no digit', 'Export as JSON or YAML, or write the secret under another key.')
  if (value.includes('\u0000')) throw new LocalFailure(`${name} holds a NUL`, 'no variable can', 'Export as JSON or YAML.')
  if (/^[A-Za-z0-9_./:@%+,-]*$/.test(value)) return value
  return value.includes("'") ? `"${value.replaceAll(/[\\"$`]/g, '\\$&')}"` : `'${value}'`
}
