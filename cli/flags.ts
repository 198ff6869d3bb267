import { LocalFailure } from './failure.ts'

/* How flags are read that commander has parsed. */

export type Flags = Readonly<Record<string, unknown>>

/** For options that may be repeated. */
export const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value]
export const arrayOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : [])
export const stringOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
/** Several by comma or by repeating. */
export const listOf = (value: unknown): readonly string[] => [...new Set(arrayOf(value).flatMap((each) => each.split(/[\s,]+/)).filter((each) => each !== ''))]
/** `name=value`, repeated. @throws LocalFailure */
export const pairsOf = (given: readonly string[], flag: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=')
      if (at < 1) throw new LocalFailure(`${flag} is no pair`, `${JSON.stringify(text.slice(0, 60))} has no name before =`, `Write ${flag} name=value.`)
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
